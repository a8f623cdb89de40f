/* SPDX-License-Identifier: Apache-2.0
 *
 * A store of its own for each test of a cmocka program. */
#ifndef OTTER_TESTS_UNIT_STORE_RIG_H
#define OTTER_TESTS_UNIT_STORE_RIG_H

#include "server/store/store.h"
#include "tests/unit/scratch.h"

struct rig {
    char dir[SCRATCH_MAX];
    struct otterd_store *store;
};

/* For cmocka_unit_test_setup_teardown; the state is a struct rig. */
int store_rig_setup(void **state);
int store_rig_teardown(void **state);

#endif
