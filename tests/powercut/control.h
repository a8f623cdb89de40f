/* SPDX-License-Identifier: Apache-2.0
 *
 * The control of the experiment: the core's own algorithm under the same cuts
 * must fail, or the campaign cannot see. */
#ifndef OTTER_TESTS_POWERCUT_CONTROL_H
#define OTTER_TESTS_POWERCUT_CONTROL_H

#include <stdint.h>

struct cut_control {
    uint64_t cuts;   /* inside the copy, each at one operation */
    uint64_t bricks; /* no whole program or boot sector afterwards */
    uint64_t resets; /* in place of a cut */
    uint64_t unmade; /* of these, without the new program afterwards */
};

/* Every operation of the copy with every outcome, for `lives` pairs of images.
 */
void cut_control_run(uint32_t lives, uint64_t seed, struct cut_control *out);

#endif
