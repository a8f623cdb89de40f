/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

int store_rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    scratch_make(rig->dir);
    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
    *state = rig;
    return 0;
}

int store_rig_teardown(void **state)
{
    struct rig *rig = *state;

    otterd_store_close(rig->store);
    scratch_remove(rig->dir);
    free(rig);
    return 0;
}
