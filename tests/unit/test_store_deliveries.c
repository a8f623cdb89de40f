/* SPDX-License-Identifier: Apache-2.0
 *
 * Deliveries in the database: what releases count of devices that are offered
 * one after the other, are forgotten, or take a sketch and a file system side
 * by side. */
#include "server/store/devices.h"
#include "server/store/releases.h"
#include "tests/unit/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAC 0x18FEAABBCCDDull

static int64_t add_release(struct rig *rig, enum otterd_target target,
                           const char *value, const char *version)
{
    struct otterd_firmware firmware = {
        .name = "f", .filename = "f.bin", .md5 = "m", .sha256 = "s"};
    struct otterd_release release = {.target = target};
    int64_t firmware_id;
    int64_t replaced;
    int64_t id;

    snprintf(firmware.version, sizeof firmware.version, "%s", version);
    snprintf(release.target_value, sizeof release.target_value, "%s", value);
    assert_int_equal(otterd_firmware_add(rig->store, &firmware, &firmware_id),
                     0);
    assert_int_equal(otterd_release_add(rig->store, &release, firmware_id,
                                        NULL, "test", &id, &replaced),
                     0);
    return id;
}

static struct otterd_sighting make_sighting(const char *version)
{
    struct otterd_sighting s = {.mac = MAC,
                                .at = 10,
                                .new_state = OTTERD_ACCEPTED,
                                .verdict = OTTERD_HELD};

    snprintf(s.version, sizeof s.version, "%s", version);
    return s;
}

/* The device asked and was answered with the release. */
static struct otterd_sighting offer(int64_t release, const char *version,
                                    enum otterd_mode mode)
{
    struct otterd_sighting s = make_sighting("1");

    s.verdict = OTTERD_OFFER;
    s.mode = mode;
    s.release = release;
    strcpy(s.offered, version);
    return s;
}

static struct otterd_sighting download(int64_t release, enum otterd_mode mode)
{
    struct otterd_sighting s = make_sighting("1");

    s.kind = OTTERD_SIGHTING_DOWNLOADED;
    s.mode = mode;
    s.release = release;
    return s;
}

static struct otterd_sighting report(const char *version, const char *status,
                                     enum otterd_mode mode)
{
    struct otterd_sighting s = make_sighting(version);

    s.mode = mode;
    strcpy(s.status, status);
    return s;
}

static void saw(struct rig *rig, struct otterd_sighting s)
{
    assert_int_equal(otterd_device_saw(rig->store, &s, 1), 0);
}

static void check_counts(struct rig *rig, int64_t id, const char *wanted)
{
    struct otterd_release_view view;
    char text[100];

    assert_int_equal(otterd_release_get(rig->store, id, &view), 0);
    snprintf(text, sizeof text, "%d %d %d %d", (int)view.offered,
             (int)view.downloaded, (int)view.installed, (int)view.failed);
    assert_string_equal(text, wanted);
}

static void test_store_device_counts_once_for_each_release(void **state)
{
    struct rig *rig = *state;
    int64_t a = add_release(rig, OTTERD_TARGET_ALL, "", "2");
    int64_t b = add_release(rig, OTTERD_TARGET_ALL, "", "3");
    int64_t took;

    saw(rig, offer(a, "2", OTTERD_SKETCH));
    saw(rig, download(a, OTTERD_SKETCH));
    saw(rig, offer(b, "3", OTTERD_SKETCH));
    check_counts(rig, a, "1 1 0 1");
    check_counts(rig, b, "1 0 0 0");
    /* The second one was withdrawn. */
    saw(rig, offer(a, "2", OTTERD_SKETCH));
    check_counts(rig, a, "1 1 0 1");
    assert_int_equal(otterd_device_took(rig->store, MAC, &took), 0);
    assert_int_equal(took, 0); /* not this time */
    saw(rig, download(a, OTTERD_SKETCH));
    assert_int_equal(otterd_device_took(rig->store, MAC, &took), 0);
    assert_int_equal(took, a);
    saw(rig, report("2", "", OTTERD_SKETCH));
    check_counts(rig, a, "1 1 1 0");
    saw(rig, offer(b, "3", OTTERD_SKETCH));
    saw(rig, report("3", "", OTTERD_SKETCH));
    check_counts(rig, a, "1 1 1 0");
    check_counts(rig, b, "1 1 1 0");
}

static void test_store_device_that_is_forgotten_is_not_counted(void **state)
{
    struct rig *rig = *state;
    int64_t a = add_release(rig, OTTERD_TARGET_ALL, "", "2");
    int64_t b = add_release(rig, OTTERD_TARGET_ALL, "", "3");
    struct otterd_sighting other = offer(a, "2", OTTERD_SKETCH);

    other.mac = MAC + 1;
    saw(rig, other);
    saw(rig, offer(a, "2", OTTERD_SKETCH));
    saw(rig, download(a, OTTERD_SKETCH));
    saw(rig, offer(b, "3", OTTERD_SKETCH));
    check_counts(rig, a, "2 1 0 1");
    assert_int_equal(otterd_device_forget(rig->store, MAC, "test"), 0);
    check_counts(rig, a, "1 0 0 0");
    check_counts(rig, b, "0 0 0 0");
    saw(rig, download(b, OTTERD_SKETCH)); /* was still under way */
    check_counts(rig, b, "0 0 0 0");
    saw(rig, offer(a, "2", OTTERD_SKETCH));
    check_counts(rig, a, "2 0 0 0");
}

/* What a device says of its sketch says nothing of its file system. */
static void test_store_file_system_has_no_trial(void **state)
{
    struct rig *rig = *state;
    int64_t sketch = add_release(rig, OTTERD_TARGET_ALL, "", "2");
    int64_t files = add_release(rig, OTTERD_TARGET_ALL, "", "f2");
    int64_t more = add_release(rig, OTTERD_TARGET_ALL, "", "f3");

    saw(rig, offer(sketch, "2", OTTERD_SKETCH));
    saw(rig, download(sketch, OTTERD_SKETCH));
    saw(rig, offer(files, "f2", OTTERD_FILE_SYSTEM));
    saw(rig, download(files, OTTERD_FILE_SYSTEM));
    saw(rig, report("2", "trial", OTTERD_SKETCH));
    saw(rig, report("f2", "trial", OTTERD_FILE_SYSTEM));
    check_counts(rig, sketch, "1 1 0 0");
    check_counts(rig, files, "1 1 1 0");
    saw(rig, offer(more, "f3", OTTERD_FILE_SYSTEM));
    saw(rig, download(more, OTTERD_FILE_SYSTEM));
    saw(rig, report("1", "reverted", OTTERD_SKETCH));
    saw(rig, report("f3", "reverted", OTTERD_FILE_SYSTEM));
    check_counts(rig, sketch, "1 1 0 1");
    check_counts(rig, more, "1 1 1 0");
}

static void last_audit(void *user, const struct otterd_audit_row *row)
{
    snprintf(user, 100, "%s", row->what);
}

static void test_store_release_that_is_replaced_is_audited(void **state)
{
    struct rig *rig = *state;
    char what[100];

    add_release(rig, OTTERD_TARGET_MAC, "18feaabbccdd", "1");
    add_release(rig, OTTERD_TARGET_MAC, "18feaabbccdd", "2");
    assert_int_equal(otterd_audit_list(rig->store, 0, 1, last_audit, what), 0);
    assert_string_equal(what,
                        "release 1 withdrawn, release 2 takes its place");
}

#define CASE(test)                                                            \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_store_device_counts_once_for_each_release),
        CASE(test_store_device_that_is_forgotten_is_not_counted),
        CASE(test_store_file_system_has_no_trial),
        CASE(test_store_release_that_is_replaced_is_audited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
