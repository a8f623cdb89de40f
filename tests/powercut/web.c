/* SPDX-License-Identifier: Apache-2.0
 *
 * A browser and the update page. */
#include "tests/powercut/web.h"

#include "device/transport/web.h"
#include "format/error.h"
#include "tests/powercut/board.h"
#include "tests/support/fake_net.h"

#include <stdio.h>
#include <string.h>

#define POLLS_MAX 100000u
#define PIECE     1460u /* bytes that come at a time */
#define WINDOW    4096u /* bytes on their way */

#define HEAD                                                                  \
    "POST %s HTTP/1.1\r\nHost: 192.168.1.77\r\n"                              \
    "Content-Type: multipart/form-data; boundary=----edge\r\n"                \
    "Content-Length: %u\r\n\r\n"
#define SIZE                                                                  \
    "------edge\r\nContent-Disposition: form-data; "                          \
    "name=\"size\"\r\n\r\n%u\r\n"
#define PART                                                                  \
    "------edge\r\nContent-Disposition: form-data; name=\"firmware\"; "       \
    "filename=\"a.bin\"\r\n\r\n"
#define TAIL "\r\n------edge--\r\n"

static struct otter_web web;
static struct otter_web_config config;

static int confirm(void *user)
{
    return otter_trial_confirm(user);
}

static int revert(void *user)
{
    return otter_trial_revert(user);
}

void cut_web_begin(struct otter_stream *stream, struct otter_trial *trial)
{
    fake_net_reset();
    memset(&config, 0, sizeof config);
    config.stream = stream;
    config.confirm = confirm;
    config.revert = revert;
    config.user = trial;
    config.allow_unauthenticated = true;
    if (otter_web_init(&web, &config) != 0) {
        cut_broken("I14: the page does not open");
    }
}

static struct fake_peer *dial(void)
{
    struct otter_addr from = fake_addr("192.168.1.50", 50000);

    return fake_net_dial(&from, 80);
}

/* Lets the page work until it has answered, sending `data` as it takes it.
 * Returns the status, 0: no answer. */
static unsigned converse(struct fake_peer *peer, const uint8_t *data,
                         uint32_t size, const char *tail)
{
    char answer[1024];
    uint32_t len = 0, sent = 0, tail_len = (uint32_t)strlen(tail);
    unsigned status = 0;

    for (uint32_t i = 0; i < POLLS_MAX && len < 13; i++) {
        if (sent < size && fake_peer_unread(peer) < WINDOW) {
            uint32_t n = size - sent < PIECE ? size - sent : PIECE;

            fake_peer_send(peer, data + sent, n);
            sent += n;
        } else if (sent == size && tail_len != 0) {
            fake_peer_send(peer, tail, tail_len);
            tail_len = 0;
        }
        cut_board.now_ms++;
        (void)otter_web_poll(&web);
        len += fake_peer_recv(peer, answer + len, sizeof answer - 1 - len);
    }
    answer[len] = '\0';
    return sscanf(answer, "HTTP/1.1 %3u ", &status) == 1 ? status : 0;
}

/* What follows a good answer ends in the restart; a bad one has a reason. */
static int outcome(unsigned status, bool restarts)
{
    int reason = otter_web_reason(&web);

    if (status != 200) {
        return reason != 0 ? reason : OTTER_ERR_STATE;
    }
    for (uint32_t i = 0; restarts && i < POLLS_MAX; i++) {
        cut_board.now_ms += 10;
        (void)otter_web_poll(&web);
    }
    if (restarts) {
        cut_broken("I14: the page said yes and did not restart");
    }
    return 0;
}

int cut_web_upload(const uint8_t *data, uint32_t size, bool announced)
{
    struct fake_peer *peer = dial();
    char head[512], form[512] = "";
    int len;

    if (announced) {
        snprintf(form, sizeof form, SIZE, (unsigned)size);
    }
    strcat(form, PART);
    len = snprintf(head, sizeof head, HEAD, "/update",
                   (unsigned)(strlen(form) + size + strlen(TAIL)));
    fake_peer_send(peer, head, (uint32_t)len);
    fake_peer_send(peer, form, (uint32_t)strlen(form));
    return outcome(converse(peer, data, size, TAIL), true);
}

static int command(const char *path, bool restarts)
{
    struct fake_peer *peer = dial();
    char head[512];
    int len = snprintf(head, sizeof head, HEAD, path, 0u);

    fake_peer_send(peer, head, (uint32_t)len);
    return outcome(converse(peer, NULL, 0, ""), restarts);
}

int cut_web_confirm(void)
{
    return command("/update/confirm", false);
}

int cut_web_revert(void)
{
    return command("/update/revert", true);
}
