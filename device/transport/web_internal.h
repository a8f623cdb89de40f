/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of web share: web.c owns the places and the port,
 * web_request.c reads heads and decides, web_upload.c feeds the stream,
 * web_answer.c writes. */
#ifndef OTTER_DEVICE_TRANSPORT_WEB_INTERNAL_H
#define OTTER_DEVICE_TRANSPORT_WEB_INTERNAL_H

#include "device/transport/web.h"

enum otter_web_state {
    OTTER__WEB_FREE, /* all-zero is free */
    OTTER__WEB_HEAD,
    OTTER__WEB_WAIT, /* a wrong password is answered later */
    OTTER__WEB_RECEIVE,
    OTTER__WEB_END,
    OTTER__WEB_SEND,
    OTTER__WEB_FLUSH, /* the last answer before the restart */
    OTTER__WEB_STATES
};

enum otter_web_method {
    OTTER__WEB_OTHER,
    OTTER__WEB_GET,
    OTTER__WEB_HEAD_ONLY,
    OTTER__WEB_POST,
    OTTER__WEB_OPTIONS
};

enum otter_web_route {
    OTTER__WEB_NOWHERE,
    OTTER__WEB_ROOT,
    OTTER__WEB_PAGE,
    OTTER__WEB_STATUS,
    OTTER__WEB_CONFIRM,
    OTTER__WEB_REVERT
};

/* What comes after the bytes in `out`; the status goes from one to the next.
 */
enum otter_web_piece {
    OTTER__WEB_NO_PIECE,
    OTTER__WEB_PAGE_PIECE,
    OTTER__WEB_FORM_PIECE,
    OTTER__WEB_STATUS_IDENTITY,
    OTTER__WEB_STATUS_FLASH,
    OTTER__WEB_STATUS_TRIAL,
    OTTER__WEB_STATUS_UPDATE,
    OTTER__WEB_STATUS_END
};

/* The page, gzip, made from web_page/index.html by the build; its bytes in
 * words, little-endian, because the chip's window to the flash gives nothing
 * smaller. */
extern const uint32_t otter__web_page[];
extern const uint32_t otter__web_page_size; /* bytes */

/* --- web.c --- */

void otter__web_enter(struct otter_web_conn *c, enum otter_web_state state);

/* True once `ms` have passed in the present state. */
bool otter__web_passed(const struct otter_web_conn *c, uint32_t ms);

/* Ends the connection in good order and frees its place. */
void otter__web_drop(struct otter_web_conn *c);

/* --- web_request.c --- */

/* Prepares for the next request of a connection. */
void otter__web_request_start(struct otter_web_conn *c);

/* Reads what there is of the head; a complete one is dealt with. */
void otter__web_request_step(struct otter_web_conn *c);

/* --- web_upload.c --- */

/* The head announces an upload; `data` came with it. */
void otter__web_upload_start(struct otter_web_conn *c, const uint8_t *data,
                             uint32_t len);
void otter__web_upload_receive(struct otter_web_conn *c);
void otter__web_upload_end(struct otter_web_conn *c);

/* Leaves the stream to others, without callbacks. */
void otter__web_upload_give_up(struct otter_web *web, int error);

/* --- web_answer.c --- */

/* Each begins an answer; state SEND follows. */
void otter__web_answer(struct otter_web_conn *c, int status, const char *type,
                       const char *text);
void otter__web_answer_error(struct otter_web_conn *c, int status,
                             const struct otter_error_detail *detail);
void otter__web_answer_login(struct otter_web_conn *c);
void otter__web_answer_options(struct otter_web_conn *c);
void otter__web_answer_root(struct otter_web_conn *c);
void otter__web_answer_page(struct otter_web_conn *c);
void otter__web_answer_status(struct otter_web_conn *c);

/* The status code that says what OTTER_ERR_* means to a client. */
int otter__web_status_of(int error);

/* Writes what the peer takes.  True: all of the answer is written, or nobody
 * is there to take it. */
bool otter__web_answer_step(struct otter_web_conn *c);

#endif
