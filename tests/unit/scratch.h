/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of its own for a test, for the data of a store. */
#ifndef OTTER_TESTS_UNIT_SCRATCH_H
#define OTTER_TESTS_UNIT_SCRATCH_H

#define SCRATCH_MAX 64

/* Makes an empty folder and writes where; fails the test when it cannot. */
void scratch_make(char dir[SCRATCH_MAX]);

/* Removes it with all that is in it. */
void scratch_remove(const char *dir);

#endif
