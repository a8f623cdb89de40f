/* SPDX-License-Identifier: Apache-2.0
 *
 * The timers of a push on an injected clock.  The sockets are real ones on
 * the loopback interface, where a datagram has arrived when sendto() returns,
 * so that nothing here waits. */
#include "host/push_session.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS 1000000

/* One session and the device that it talks to. */
struct fixture {
    struct otter_push_job job;
    struct otter_push_session s;
    int device;         /* UDP */
    int tcp;            /* the device's end of the upload */
    int receive_buffer; /* of tcp; 0: the system's choice */
    struct sockaddr_storage host;
    uint64_t now_ms;
};

static const uint8_t image[5000] = {0xE9};

static struct sockaddr_storage loopback(const char *last_byte)
{
    struct sockaddr_storage address;
    char text[32];

    snprintf(text, sizeof text, "127.0.0.%s", last_byte);
    assert_int_equal(otter_address_resolve(&address, text, AF_INET, 0), 0);
    return address;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    socklen_t len = sizeof f->s.device;

    assert_non_null(f);
    f->job = (struct otter_push_job){
        .data = image,
        .size = sizeof image,
        .limits = {.answer_ms = 10000,
                   .auth_ms = 9000,
                   .connect_ms = 30000,
                   .esp32_connect_ms = 40000,
                   .idle_ms = 10000,
                   .result_ms = 60000,
                   .tries = 5},
    };
    memset(f->job.md5, 'a', 32);
    f->s.device = loopback("6");
    f->device = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(f->device, (struct sockaddr *)&f->s.device,
                          otter_address_len(&f->s.device)),
                     0);
    getsockname(f->device, (struct sockaddr *)&f->s.device, &len);
    f->s.job = &f->job;
    f->s.host_port = 4711;
    f->s.udp = f->s.tcp = f->tcp = -1;
    f->now_ms = START_MS;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    otter_push_session_interrupt(&f->s, f->now_ms);
    close(f->device);
    if (f->tcp >= 0) {
        close(f->tcp);
    }
    free(f);
    return 0;
}

static void at(struct fixture *f, uint64_t ms)
{
    f->now_ms = START_MS + ms;
    otter_push_session_step(&f->s, f->now_ms);
}

/* How many datagrams have arrived; the last one ends up in text. */
static unsigned arrived(struct fixture *f, char text[256])
{
    unsigned count = 0;
    socklen_t len = sizeof f->host;
    ssize_t got;

    while ((got = recvfrom(f->device, text, 255, 0,
                           (struct sockaddr *)&f->host, &len)) >= 0) {
        text[got] = '\0';
        count++;
    }
    return count;
}

static void start(struct fixture *f)
{
    char text[256];

    otter_push_session_start(&f->s, f->now_ms);
    assert_int_equal(arrived(f, text), 1);
    assert_string_equal(text,
                        "0 4711 5000 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(sendto(f->device, text, strlen(text), 0,
                            (struct sockaddr *)&f->host,
                            otter_address_len(&f->host)),
                     (int)strlen(text));
}

static void answer(struct fixture *f, const char *text, uint64_t ms)
{
    say(f, text);
    at(f, ms);
}

/* Gives the session one end of a connection; the device's end is f->tcp. */
static void connect_back(struct fixture *f, uint64_t ms)
{
    struct sockaddr_storage address = loopback("1");
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd;

    assert_int_equal(bind(listener, (struct sockaddr *)&address,
                          otter_address_len(&address)),
                     0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    f->tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (f->receive_buffer) {
        setsockopt(f->tcp, SOL_SOCKET, SO_RCVBUF, &f->receive_buffer,
                   sizeof f->receive_buffer);
    }
    assert_int_equal(connect(f->tcp, (struct sockaddr *)&address, len), 0);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    close(listener);
    f->now_ms = START_MS + ms;
    otter_push_session_connected(&f->s, fd, f->now_ms);
}

/* Up to the moment when all bytes have arrived. */
static void send_all(struct fixture *f)
{
    uint8_t data[sizeof image];

    start(f);
    answer(f, "OK", 10);
    connect_back(f, 20);
    at(f, 20);
    assert_int_equal(recv(f->tcp, data, sizeof data, MSG_WAITALL),
                     sizeof data);
    assert_memory_equal(data, image, sizeof data);
    while (f->s.state == OTTER_PUSH_SESSION_SENDING) {
        at(f, 20); /* until the kernel has seen the acknowledgement */
    }
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_RESULT);
}

static void assert_ended(struct fixture *f, enum otter_push_ending ending)
{
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_DONE);
    assert_string_equal(otter_push_ending_name(f->s.ending),
                        otter_push_ending_name(ending));
    assert_true(otter_push_session_wake(&f->s) == UINT64_MAX);
}

static void test_push_session_invitation_is_repeated_every_2_s(void **state)
{
    struct fixture *f = *state;
    char text[256];
    char first[256];

    start(f);
    for (uint64_t ms = 2000; ms < 10000; ms += 2000) {
        assert_true(otter_push_session_wake(&f->s) == START_MS + ms);
        at(f, ms - 1);
        assert_int_equal(arrived(f, text), 0);
        at(f, ms);
        assert_int_equal(arrived(f, text), 1);
        if (ms > 2000) {
            assert_string_equal(text, first);
        }
        strcpy(first, text);
    }
    at(f, 9999);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_INVITING);
    at(f, 10000);
    assert_ended(f, OTTER_PUSH_END_NO_ANSWER);
    assert_int_equal(arrived(f, text), 0);
    assert_int_equal(f->s.invitations, 5);
}

static void test_push_session_connection_is_awaited_30_s(void **state)
{
    struct fixture *f = *state;
    char text[256];

    start(f);
    answer(f, "OK", 100);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_WAITING);
    at(f, 30099);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_WAITING);
    at(f, 30100);
    assert_ended(f, OTTER_PUSH_END_NO_CONNECTION);
    assert_int_equal(arrived(f, text), 0);
}

/* It erases before it connects. */
static void test_push_session_esp32_is_awaited_longer(void **state)
{
    struct fixture *f = *state;

    start(f);
    otter_address_set_port(&f->s.device, OTTER_PUSH_PORT_ESP32);
    answer(f, "OK", 100);
    assert_int_equal(otter_push_session_connect_ms(&f->s), 40000);
    at(f, 40099);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_WAITING);
    at(f, 40100);
    assert_ended(f, OTTER_PUSH_END_NO_CONNECTION);
}

static void test_push_session_error_after_ok_is_a_refusal(void **state)
{
    struct fixture *f = *state;

    start(f);
    answer(f, "OK", 100);
    answer(f, "ERR: ERROR[4]: Not Enough Space\n", 200);
    assert_ended(f, OTTER_PUSH_END_REFUSED);
    assert_string_equal(f->s.text, "ERROR[4]: Not Enough Space");
}

#define NONCE "AUTH 25d55ad283aa400af464c76d713c07ad"

static void test_push_session_answer_is_repeated_once_per_round(void **state)
{
    struct fixture *f = *state;
    char first[256];
    char text[256];
    uint64_t ms = 0;

    f->s.password = "123";
    start(f);
    for (int round = 0; round < 3; round++) {
        answer(f, NONCE, ms);
        assert_int_equal(arrived(f, first), 1);
        assert_memory_equal(first, "200 ", 4);
        assert_true(otter_push_session_wake(&f->s) == START_MS + ms + 3000);
        at(f, ms + 3000);
        assert_int_equal(arrived(f, text), 1);
        assert_string_equal(text, first);
        at(f, ms + 8999);
        assert_int_equal(arrived(f, text), 0);
        ms += 9000;
        at(f, ms); /* invites again */
        assert_int_equal(arrived(f, text), round < 2);
    }
    assert_ended(f, OTTER_PUSH_END_AUTH_SILENT);
}

static void test_push_session_same_nonce_twice_is_answered_once(void **state)
{
    struct fixture *f = *state;
    char text[256];

    f->s.password = "123";
    start(f);
    answer(f, NONCE, 10);
    answer(f, NONCE, 20);
    assert_int_equal(arrived(f, text), 1);
}

static void test_push_session_of_two_nonces_the_last_is_answered(void **state)
{
    struct fixture *f = *state;
    char text[256];

    f->s.password = "123";
    start(f);
    say(f, "AUTH 11111111111111111111111111111111");
    answer(f, NONCE, 10);
    assert_int_equal(arrived(f, text), 1);
    assert_string_equal(f->s.nonce, "25d55ad283aa400af464c76d713c07ad");
}

static void test_push_session_endless_questions_come_to_an_end(void **state)
{
    struct fixture *f = *state;
    char text[256];
    char nonce[64];
    unsigned answers = 0;

    f->s.password = "123";
    start(f);
    for (unsigned i = 0; f->s.state != OTTER_PUSH_SESSION_DONE; i++) {
        assert_true(i < 1000);
        snprintf(nonce, sizeof nonce, "AUTH %032u", i);
        answer(f, nonce, i * 1000);
        answers += arrived(f, text);
    }
    assert_ended(f, OTTER_PUSH_END_AUTH_SILENT);
    assert_true(answers < 30);
}

static void test_push_session_password_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct pollfd fds[2];
    char text[256];

    f->job.can_ask = true;
    start(f);
    answer(f, NONCE, 10);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_ASKING);
    assert_true(otter_push_session_wake(&f->s) == UINT64_MAX);
    assert_int_equal(otter_push_session_poll(&f->s, fds), 0);
    at(f, 600000); /* people take their time */
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_ASKING);
    otter_push_session_password(&f->s, "123", START_MS + 600000);
    assert_int_equal(arrived(f, text), 1);
    assert_memory_equal(text, "200 ", 4);
}

static void test_push_session_no_password_sends_nothing(void **state)
{
    struct fixture *f = *state;
    char text[256];

    start(f);
    answer(f, NONCE, 10);
    assert_ended(f, OTTER_PUSH_END_PASSWORD_NEEDED);
    assert_int_equal(arrived(f, text), 0);
}

static void test_push_session_expects_its_device_only(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_storage device = f->s.device;
    struct sockaddr_storage other = loopback("7");
    struct sockaddr_storage six;

    assert_int_equal(otter_address_resolve(&six, "::1", 0, 0), 0);
    start(f);
    otter_address_set_port(&device, 9);
    assert_true(otter_push_session_expects(&f->s, &device));
    assert_false(otter_push_session_expects(&f->s, &other));
    assert_false(otter_push_session_expects(&f->s, &six));
    connect_back(f, 5);
    assert_true(f->s.ok_implied);
    assert_false(otter_push_session_expects(&f->s, &device));
}

/* Fills the connection until nothing more is taken. */
static void fill(struct fixture *f, uint8_t *data, uint32_t size)
{
    uint32_t before;

    f->job.data = data;
    f->job.size = size;
    otter_push_session_start(&f->s, f->now_ms);
    connect_back(f, 20);
    do {
        before = f->s.sent;
        at(f, 20);
    } while (f->s.sent != before);
    assert_true(f->s.sent < size);
    assert_true(f->s.done <= f->s.sent);
}

static void test_push_session_no_progress_for_10_s_is_a_stall(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 32 * 1024 * 1024;
    uint8_t *data = calloc(1, size);

    assert_non_null(data);
    fill(f, data, size);
    at(f, 10019);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_SENDING);
    at(f, 10020);
    assert_ended(f, OTTER_PUSH_END_STALLED);
    free(data);
}

static void test_push_session_digits_are_signs_of_life(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 32 * 1024 * 1024;
    uint8_t *data = calloc(1, size);

    assert_non_null(data);
    fill(f, data, size);
    assert_int_equal(send(f->tcp, "1460", 4, 0), 4);
    at(f, 9000);
    at(f, 18999);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_SENDING);
    at(f, 19000);
    assert_ended(f, OTTER_PUSH_END_STALLED);
    free(data);
}

/* Everything is written; only the acknowledgements tell that it moves. */
static void test_push_session_acknowledged_bytes_are_progress(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[60000];
    uint8_t taken[16384];
    uint64_t ms = 20;
    uint32_t before;

    f->receive_buffer = 4096;
    f->job.data = data;
    f->job.size = sizeof data;
    otter_push_session_start(&f->s, f->now_ms);
    connect_back(f, ms);
    while (f->s.sent < sizeof data) {
        before = f->s.sent;
        at(f, ms);
        assert_true(f->s.sent > before);
    }
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_SENDING);
    while (f->s.done < sizeof data / 2) {
        before = f->s.done;
        assert_true(recv(f->tcp, taken, sizeof taken, MSG_DONTWAIT) > 0);
        for (int tries = 0; f->s.done == before && tries < 5000; tries++) {
            at(f, ms); /* until the kernel has seen an acknowledgement */
            poll(NULL, 0, 1);
        }
        assert_true(f->s.done > before);
        ms += 9000;
        at(f, ms);
        assert_int_equal(f->s.state, OTTER_PUSH_SESSION_SENDING);
    }
    at(f, ms + 10000);
    assert_ended(f, OTTER_PUSH_END_STALLED);
}

static void test_push_session_result_is_awaited_60_s(void **state)
{
    struct fixture *f = *state;

    send_all(f);
    assert_int_equal(f->s.done, sizeof image);
    at(f, 60019);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_RESULT);
    at(f, 60020);
    assert_ended(f, OTTER_PUSH_END_UNKNOWN);
}

static void test_push_session_counting_for_ever_ends(void **state)
{
    struct fixture *f = *state;
    uint64_t ms = 20;

    send_all(f);
    while (f->s.state == OTTER_PUSH_SESSION_RESULT) {
        assert_true(ms < 1000000);
        assert_int_equal(send(f->tcp, "1", 1, 0), 1);
        ms += 1000;
        at(f, ms);
    }
    assert_ended(f, OTTER_PUSH_END_UNKNOWN);
    assert_true(ms >= 300000);
}

static void test_push_session_text_is_complete_after_1_s(void **state)
{
    struct fixture *f = *state;

    send_all(f);
    assert_int_equal(send(f->tcp, "800End Failed", 13, 0), 13);
    at(f, 500);
    assert_true(otter_push_session_wake(&f->s) == START_MS + 1500);
    at(f, 1499);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_RESULT);
    at(f, 1500);
    assert_ended(f, OTTER_PUSH_END_DEVICE_ERROR);
    assert_string_equal(f->s.text, "End Failed");
}

static void test_push_session_half_an_ok_waits_for_the_rest(void **state)
{
    struct fixture *f = *state;

    send_all(f);
    assert_int_equal(send(f->tcp, "O", 1, 0), 1);
    at(f, 500);
    at(f, 50000);
    assert_int_equal(f->s.state, OTTER_PUSH_SESSION_RESULT);
    assert_int_equal(send(f->tcp, "K", 1, 0), 1);
    at(f, 50001);
    assert_ended(f, OTTER_PUSH_END_UPDATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_push_session_invitation_is_repeated_every_2_s),
        TEST(test_push_session_connection_is_awaited_30_s),
        TEST(test_push_session_esp32_is_awaited_longer),
        TEST(test_push_session_error_after_ok_is_a_refusal),
        TEST(test_push_session_answer_is_repeated_once_per_round),
        TEST(test_push_session_same_nonce_twice_is_answered_once),
        TEST(test_push_session_of_two_nonces_the_last_is_answered),
        TEST(test_push_session_endless_questions_come_to_an_end),
        TEST(test_push_session_password_is_asked_for),
        TEST(test_push_session_no_password_sends_nothing),
        TEST(test_push_session_expects_its_device_only),
        TEST(test_push_session_no_progress_for_10_s_is_a_stall),
        TEST(test_push_session_digits_are_signs_of_life),
        TEST(test_push_session_acknowledged_bytes_are_progress),
        TEST(test_push_session_result_is_awaited_60_s),
        TEST(test_push_session_counting_for_ever_ends),
        TEST(test_push_session_text_is_complete_after_1_s),
        TEST(test_push_session_half_an_ok_waits_for_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
