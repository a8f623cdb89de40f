/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded uploads by the core's espota.py to the core's BasicOTA sketch,
 * played again: this device gives the device's side, up to ports, nonces and
 * times.  The messages are in the table; where the recordings themselves are
 * at hand (OTTER_SHARED names the folder that has them) the table is compared
 * with them.  The recordings have digest and first bytes of the bulk data
 * only, so the stream behind the device is the scripted one: what the updater
 * makes of real data is for other tests. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"
#include "format/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNK 1460u /* what espota writes before it waits for a count */

struct trace {
    const char *name;
    char invitation[100];
    char nonce[40]; /* empty: the device asked for no password */
    char answer[100];
    char reply[100]; /* the last datagram of the device */
    uint32_t size;   /* bytes on TCP; 0: no connection */
    char head[40];   /* the first of them, as hex */
    uint32_t counts; /* texts before the last chunk is counted, and it */
    char last[8];    /* the last count */
    char result[60];
    int begin_error; /* what the updater behind the sketch said */
    int end_error;
};

static const struct trace traces[] = {
    {.name = "nopw",
     .invitation = "0 18266 409600 18e6fc043234acc7579183513fde9384\n",
     .reply = "OK",
     .size = 409600,
     .head = "e901024000f01040320cb766cb07d2c9",
     .counts = 281,
     .last = "800",
     .result = "OK"},
    {.name = "pw",
     .invitation = "0 22247 165648 2ad4b1e7c50934075f38263953043548\n",
     .nonce = "432e05faca952efbc372aa49a22044bc",
     .answer = "200 5c73afe916ed4d4756ba2aaa942f1dbb "
               "c0045d4d41c9a95921cbea1b5afc3f77\n",
     .reply = "OK",
     .size = 165648,
     .head = "e902024074f4104000f01040500d0000",
     .counts = 114,
     .last = "668",
     .result = "OK"},
    {.name = "wrongpw",
     .invitation = "0 23919 409600 18e6fc043234acc7579183513fde9384\n",
     .nonce = "84fdf017a428a44ca325caa51c7930a4",
     .answer = "200 6f76fa4cc37f3ca52e3769bf3b6851dd "
               "2709987d8aa0602893ea010f728586bf\n",
     .reply = "Authentication Failed"},
    {.name = "big",
     .invitation = "0 39629 3000016 de70815eba2a2448a43c963b0b9df014\n",
     .reply = "ERR: ERROR[4]: Not Enough Space\n",
     .begin_error = OTTER_ERR_SPACE},
    {.name = "bigpw",
     .invitation = "0 31123 3000016 de70815eba2a2448a43c963b0b9df014\n",
     .nonce = "4fed0ec329a482538979e8fb25048845",
     .answer = "200 a515bbbb4e4409c55ae0405e38426d2a "
               "d487c2bb42e1d74d1e77ef3aa76ce5b5\n",
     .reply = "ERR: ERROR[4]: Not Enough Space\n",
     .begin_error = OTTER_ERR_SPACE},
    {.name = "empty",
     .invitation = "0 30181 0 d41d8cd98f00b204e9800998ecf8427e\n",
     .reply = "ERR: ERROR[5]: Bad Size Given\n",
     .begin_error = OTTER_ERR_SIZE},
    {.name = "badmagic",
     .invitation = "0 37503 409600 56660f438a173b9337319258384b465d\n",
     .reply = "OK",
     .size = 409600,
     .head = "005d2aad9db1f9d62a8d700737917637",
     .counts = 281,
     .last = "800",
     .result = "ERROR[10]: Magic byte is not 0xE9\n",
     .end_error = OTTER_ERR_MAGIC},
    {.name = "gz",
     .invitation = "0 24050 409683 5f86746bf6bc007f35aabf7894b6220f\n",
     .reply = "OK",
     .size = 409683,
     .head = "1f8b0800000000000203000d80f27fe9",
     .counts = 281,
     .last = "883",
     .result = "OK"},
    {.name = "fs",
     .invitation = "100 24161 200000 3fc1b7f738571966e6ec2e536b442c52\n",
     .reply = "OK",
     .size = 200000,
     .head = "6efab45fdefe14af6a6505839ffef05e",
     .counts = 137,
     .last = "1440",
     .result = "OK"},
};

#define TRACES (sizeof traces / sizeof traces[0])

/* --- Replay ------------------------------------------------------------- */

static void upload(struct push_rig *rig, const struct trace *trace)
{
    struct fake_peer *peer = fake_net_dialled();
    uint8_t chunk[CHUNK] = {0};
    uint32_t at = 0;
    uint32_t counts = 0;

    assert_non_null(peer);
    fake_peer_accept(peer);
    assert_int_equal(otter_hex_decode(chunk, trace->head, 16), 0);
    while (at < trace->size) {
        uint32_t len = trace->size - at < CHUNK ? trace->size - at : CHUNK;

        fake_peer_send(peer, chunk, len);
        push_rig_run(rig, 2);
        at += len;
        if (at < trace->size) {
            push_rig_reads(peer, "1460");
        } else if (trace->end_error == 0) {
            push_rig_reads(peer, trace->last);
        }
        counts++;
    }
    assert_int_equal(counts, trace->counts);
    if (trace->end_error != 0) {
        char text[80];

        snprintf(text, sizeof text, "%s%s", trace->last, trace->result);
        push_rig_run(rig, 1);
        push_rig_reads(peer, text);
        fake_peer_close(peer);
        push_rig_run(rig, 1);
        assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
        return;
    }
    push_rig_run(rig, 999);
    push_rig_reads(peer, "");
    push_rig_run(rig, 4);
    push_rig_reads(peer, trace->result);
    fake_peer_close(peer); /* the host does not wait for us */
    push_rig_run(rig, 995);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_run(rig, 5);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
}

/* The nonce is the one that was recorded: the answer belongs to it. */
static void open_device(struct push_rig *rig, const struct trace *trace)
{
    static uint8_t nonce[16];

    rig->stream.begin_error = trace->begin_error;
    rig->stream.end_error = trace->end_error;
    rig->config.stay_running = true;
    rig->config.password = NULL;
    otter_sim_board.random_script_len = 0;
    if (trace->nonce[0] != '\0') {
        rig->config.password = "admin";
        assert_int_equal(otter_hex_decode(nonce, trace->nonce, 16), 0);
        otter_sim_board.random_script = nonce;
        otter_sim_board.random_script_len = sizeof nonce;
    }
    push_rig_open(rig);
}

static void replay(struct push_rig *rig, const struct trace *trace)
{
    open_device(rig, trace);
    push_rig_say(rig, trace->invitation);
    if (trace->nonce[0] != '\0') {
        char text[50];

        snprintf(text, sizeof text, "AUTH %s", trace->nonce);
        push_rig_hears(text);
        push_rig_say(rig, trace->answer);
    }
    push_rig_run(rig, 1);
    push_rig_hears(trace->reply);
    push_rig_run(rig, 99);
    assert_null(fake_net_dialled());
    push_rig_run(rig, 1);
    if (trace->size > 0) {
        upload(rig, trace);
        assert_int_equal(rig->stream.len, trace->size);
    } else {
        assert_null(fake_net_dialled());
    }
    push_rig_hears_nothing();
    assert_int_equal(otter_push_poll(&rig->push), 0);
    otter_push_close(&rig->push);
    rig->log[0] = '\0';
}

static void test_push_trace_device_gives_its_side(void **state)
{
    for (size_t i = 0; i < TRACES; i++) {
        replay(*state, &traces[i]);
    }
}

/* --- The recordings ----------------------------------------------------- */

/* Copies the rest of the line; "\n" is written out in it. */
static void rest_of(const char *at, char *out, size_t size)
{
    size_t len = 0;

    for (; *at != '\0' && *at != '\n'; at++) {
        assert_true(len + 1 < size);
        if (at[0] == '\\' && at[1] == 'n') {
            out[len++] = '\n';
            at++;
        } else {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
}

static void read_datagram(const char *text, struct trace *trace)
{
    if (strncmp(text, "AUTH ", 5) == 0) {
        rest_of(text + 5, trace->nonce, sizeof trace->nonce);
    } else if (strncmp(text, "200 ", 4) == 0) {
        rest_of(text, trace->answer, sizeof trace->answer);
    } else if (text[0] == '0' || text[0] == '1') {
        rest_of(text, trace->invitation, sizeof trace->invitation);
    } else {
        rest_of(text, trace->reply, sizeof trace->reply);
    }
}

static void read_line(const char *line, struct trace *trace)
{
    const char *text = strstr(line, " text ");
    const char *data = strstr(line, " data ");
    const char *counts = strstr(line, "tcp counts seen meanwhile: ");

    if (counts != NULL) {
        assert_int_equal(sscanf(counts,
                                "tcp counts seen meanwhile: %u texts, first "
                                "['1460', '1460', '1460'], last ['%7[0-9]']",
                                &trace->counts, trace->last),
                         2);
    } else if (data != NULL) {
        assert_int_equal(sscanf(data, " data %u bytes md5 %*s first hex %39s",
                                &trace->size, trace->head),
                         2);
    } else if (text != NULL && strstr(line, " udp ") != NULL) {
        read_datagram(text + 6, trace);
    } else if (text != NULL) {
        rest_of(text + 6, trace->result, sizeof trace->result);
    }
}

/* False: the recordings are not there. */
static bool read_trace(const char *name, struct trace *trace)
{
    const char *shared = getenv("OTTER_SHARED");
    char line[1000];
    FILE *file;

    snprintf(line, sizeof line, "%s/data/traces/basic-%s.txt",
             shared != NULL ? shared : OTTER_SHARED_DEFAULT, name);
    memset(trace, 0, sizeof *trace);
    file = fopen(line, "r");
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        read_line(line, trace);
    }
    fclose(file);
    return true;
}

static void test_push_trace_table_equals_the_recordings(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACES; i++) {
        const struct trace *ours = &traces[i];
        struct trace trace;

        if (!read_trace(ours->name, &trace)) {
            skip();
        }
        assert_string_equal(trace.invitation, ours->invitation);
        assert_string_equal(trace.nonce, ours->nonce);
        assert_string_equal(trace.answer, ours->answer);
        assert_string_equal(trace.reply, ours->reply);
        assert_int_equal(trace.size, ours->size);
        assert_string_equal(trace.head, ours->head);
        assert_int_equal(trace.counts, ours->counts);
        assert_string_equal(trace.last, ours->last);
        assert_string_equal(trace.result, ours->result);
    }
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_trace_device_gives_its_side),
        TEST(test_push_trace_table_equals_the_recordings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
