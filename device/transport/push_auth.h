/* SPDX-License-Identifier: Apache-2.0
 *
 * The password of a push device: digest-MD5 challenge and response (protocol
 * 1.4) and the wait that follows wrong answers.  The plain password is not
 * kept, only its MD5 text.  Part of push.h; a sketch does not use it.
 *
 * The wait belongs to the address that answered wrongly, so a machine that
 * guesses does not keep the owner's machine out.  After OTTER_PUSH_FREE_TRIES
 * wrong answers in a row the address is refused for 1 s, and for twice as
 * long after each further one, up to OTTER_PUSH_WAIT_MAX_MS.  Nothing that
 * arrives during the wait makes it longer, a right answer ends the row, and
 * OTTER_PUSH_FORGET_MS without a wrong answer does too.  Three addresses are
 * remembered by themselves; when more guess at the same time, the rest share
 * one row.  So no wait is longer than OTTER_PUSH_WAIT_MAX_MS after the last
 * wrong answer that counts, and a machine that never answered wrongly has
 * none at all unless three others did.
 *
 * Limits: someone who forges the owner's address can have wrong answers
 * counted there, just as he can break every challenge that is under way by
 * sending any datagram (protocol 1.3, state WAITAUTH).  That delays for as
 * long as he keeps at it, it never lets him in; closing and opening the
 * transport forgets all rows. */
#ifndef OTTER_DEVICE_TRANSPORT_PUSH_AUTH_H
#define OTTER_DEVICE_TRANSPORT_PUSH_AUTH_H

#include "format/compiler.h"
#include "format/push_message.h"
#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_PUSH_FREE_TRIES  3u      /* wrong answers without a wait */
#define OTTER_PUSH_WAIT_MAX_MS 30000u  /* the longest wait */
#define OTTER_PUSH_FORGET_MS   600000u /* a row of wrong answers ends */

/* Wrong answers in a row from one address. */
struct otter_push_row {
    struct otter_addr from; /* family NONE: the row of all other addresses */
    uint8_t failures;       /* 0: the entry is free */
    uint32_t last_ms;       /* when the last one came */
};

#define OTTER_PUSH_ROWS 4u /* the last one is shared */

struct otter_push_auth {
    /* private */
    char stored[OTTER_PUSH_DIGITS_MD5 + 1]; /* empty: no password */
    char nonce[OTTER_PUSH_DIGITS_MD5 + 1];
    struct otter_push_row rows[OTTER_PUSH_ROWS];
};

/* Stores md5hex(password), or the hash as it is.  With both NULL nobody is
 * asked.  OTTER_ERR_INVALID: both are given, or the hash has not 32
 * characters. */
OTTER_MUST_CHECK int otter__push_auth_init(struct otter_push_auth *auth,
                                           const char *password,
                                           const char *hash);

/* True when an update needs a password. */
bool otter__push_auth_required(const struct otter_push_auth *auth);

/* Makes a new nonce.  OTTER_ERR_RANDOM: there is none, ask nobody. */
OTTER_MUST_CHECK int otter__push_auth_challenge(struct otter_push_auth *auth);

/* Compares a response of 32 characters with the one that belongs to the nonce
 * and to `cnonce`, 32 characters too, in a time that does not depend on where
 * they differ.  OTTER_ERR_AUTH: they differ. */
OTTER_MUST_CHECK int otter__push_auth_check(struct otter_push_auth *auth,
                                            const struct otter_addr *from,
                                            const char *cnonce,
                                            const char *response);

/* Milliseconds for which `from` has to wait, 0 when it may try. */
uint32_t otter__push_auth_wait(const struct otter_push_auth *auth,
                               const struct otter_addr *from);

/* Ends rows that are old enough.  Call often. */
void otter__push_auth_tick(struct otter_push_auth *auth);

/* True when the two name the same machine, whatever the ports. */
bool otter__push_same_host(const struct otter_addr *a,
                           const struct otter_addr *b);

OTTER_END_DECLS

#endif
