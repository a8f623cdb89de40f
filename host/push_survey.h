/* SPDX-License-Identifier: Apache-2.0
 *
 * What devices tell about themselves by multicast DNS, as a push needs it: a
 * look before the update (does the file fit, what runs there?) and a look
 * after it (is the device back, what runs there now?).  Stock devices tell
 * their board only, and many networks carry no multicast: nothing here is ever
 * required. */
#ifndef OTTER_HOST_PUSH_SURVEY_H
#define OTTER_HOST_PUSH_SURVEY_H

#include "format/compiler.h"
#include "host/discover.h"
#include "host/image_look.h"

#include <stdbool.h>
#include <stdint.h>

#define OTTER_PUSH_FACT_SIZE 32

/* What one device says of itself. */
struct otter_push_facts {
    bool seen;                          /* it answered at all */
    char version[OTTER_PUSH_FACT_SIZE]; /* texts: empty when not told */
    char target[OTTER_PUSH_FACT_SIZE];  /* kind of board, descriptor.h */
    char chip[OTTER_PUSH_FACT_SIZE];
    char boot[OTTER_PUSH_FACT_SIZE]; /* "confirmed", "trial", ... */
    uint32_t free_space;             /* bytes for a sketch, 0: not told */
    uint32_t flash_size;             /* bytes, 0: not told */
};

struct otter_push_survey {
    struct otter_discover *discover; /* NULL: closed, or not to be had */
    uint64_t opened_at_ms;           /* nothing known is older */
};

/* Starts to ask and to listen.  Without a socket the survey stays empty. */
void otter_push_survey_open(struct otter_push_survey *survey, uint64_t now_ms);
void otter_push_survey_close(struct otter_push_survey *survey);

/* To be waited for; -1: nothing to wait for. */
int otter_push_survey_fd(const struct otter_push_survey *survey);
void otter_push_survey_run(struct otter_push_survey *survey);

/* The device with this address and push port; NULL: it has not answered.
 * Borrowed until run or close. */
const struct otter_device *otter_push_survey_device(
    const struct otter_push_survey *survey, const char *address,
    uint16_t port);

/* The facts about it. */
struct otter_push_facts otter_push_survey_find(
    const struct otter_push_survey *survey, const char *address,
    uint16_t port);

/* Why a sketch does not fit a device, into text; false: nothing speaks against
 * it. */
bool otter_push_survey_misfit(char text[160],
                              const struct otter_push_facts *facts,
                              const struct otter_look *look);

#endif
