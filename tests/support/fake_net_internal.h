/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two halves of the fake network share: byte queues, failures and
 * the count of what is open. */
#ifndef OTTER_TESTS_SUPPORT_FAKE_NET_INTERNAL_H
#define OTTER_TESTS_SUPPORT_FAKE_NET_INTERNAL_H

#include "tests/support/fake_net.h"

/* A queue of bytes that grows. */
struct fake_bytes {
    uint8_t *data;
    uint32_t start; /* first byte that was not taken */
    uint32_t end;
    uint32_t size;
};

void fake__bytes_add(struct fake_bytes *bytes, const void *data, uint32_t len);
uint32_t fake__bytes_take(struct fake_bytes *bytes, void *buf, uint32_t len);
void fake__bytes_free(struct fake_bytes *bytes);

/* Memory that is there, or the end of the program. */
void *fake__alloc(uint32_t size);

/* The error that a call of this kind is to give, or 0. */
int fake__failure(enum fake_call call);

/* The connections' share of fake_net_reset and fake_net_open. */
void fake__conn_reset(void);
uint32_t fake__conn_open(void);

#endif
