/* SPDX-License-Identifier: Apache-2.0
 *
 * What the probe's two files share. */
#ifndef OTTER_TESTS_SYSTEM_SKETCHES_PROBE_H
#define OTTER_TESTS_SYSTEM_SKETCHES_PROBE_H

#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

#define PROBE_WORDS 6

struct probe_text {
    uint32_t len;
    char bytes[1400];
};

struct probe_command {
    const char *name;
    int (*run)(char **words, struct probe_text *out);
};

extern const struct probe_command probe_net_commands[];
extern const uint32_t probe_net_command_count;

bool probe_is(const char *word, const char *name);
uint32_t probe_number(const char *word);
bool probe_parse_ip(const char *word, uint8_t ip[4]);
void probe_put(struct probe_text *out, const char *text);
void probe_put_number(struct probe_text *out, uint32_t number);
void probe_put_hex(struct probe_text *out, const void *data, uint32_t len);
void probe_put_addr(struct probe_text *out, const struct otter_addr *addr);
void probe_put_error(struct probe_text *out, int error);
void probe_say(const char *text);

#endif
