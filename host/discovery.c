/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter discovery`: Arduino's pluggable discovery protocol, version 1, over
 * standard input and output, with the answers and error texts of Arduino's own
 * tools.  arduino-cli and the IDE start it and keep it running.
 *
 *   (HELLO) -> idle -(START)-> listing, -(START_SYNC)-> events; STOP goes back
 *
 * Differences: devices of the list are ports too; a device whose TXT strings
 * change is added again with the new ones; HELLO without anything is an
 * invalid command, where the original stops working. */
#include "format/error.h"
#include "host/command.h"
#include "host/device_json.h"
#include "host/discover.h"
#include "host/discover_commands.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096u /* a command that is longer is an error */

const char otter__discovery_help[] =
    "Usage: otter discovery\n"
    "\n"
    "Speaks Arduino's pluggable discovery protocol (version 1) over standard\n"
    "input and output: HELLO 1 \"NAME\", START, LIST, START_SYNC, STOP, "
    "QUIT.\n"
    "For arduino-cli and the IDE; people use \"otter discover\".\n"
    "\n"
    "Devices of $OTTER_DEVICES or ~/.config/otter/devices are ports too, see\n"
    "\"otter discover --help\", so a plain address can be chosen as a port.\n"
    "\n"
    "Options:\n"
    "  -h, --help  this text\n"
    "\n"
    "Exit codes: 0 after QUIT, 1 at the end of the input or an error, 2 "
    "wrong\n"
    "command line.\n"
    "\n"
    "Example, in platform.local.txt (docs/arduino.md says where):\n"
    "  pluggable_discovery.required.0=builtin:serial-discovery\n"
    "  pluggable_discovery.otter.pattern=\"/usr/local/bin/otter\" "
    "discovery\n";

enum mode { MODE_IDLE, MODE_LIST, MODE_EVENTS };

struct session {
    bool greeted;
    bool done;
    enum mode mode;
    struct otter_discover *discover; /* NULL in MODE_IDLE */
    char line[LINE_SIZE];
    size_t used;
    bool too_long; /* the line being read is */
};

/* --- Messages
 * ----------------------------------------------------------------- */

static void send(json_t *message)
{
    json_dumpf(message, stdout, JSON_INDENT(2));
    putchar('\n');
    fflush(stdout);
    json_decref(message);
}

static void send_ok(const char *event)
{
    send(json_pack("{s:s, s:s}", "eventType", event, "message", "OK"));
}

/* `detail` is put where the text has its "%s". */
static void send_error(const char *event, const char *text, const char *detail)
{
    const char *gap = strstr(text, "%s");
    size_t before = gap != NULL ? (size_t)(gap - text) : strlen(text);
    char message[LINE_SIZE + 128];
    char clean[LINE_SIZE];

    otter_device_copy(clean, sizeof clean, detail, strlen(detail));
    snprintf(message, sizeof message, "%.*s%s%s", (int)before, text,
             gap != NULL ? clean : "", gap != NULL ? gap + 2 : "");
    send(json_pack("{s:s, s:s, s:b}", "eventType", event, "message", message,
                   "error", 1));
}

static void on_event(void *user, enum otter_discover_event event,
                     const struct otter_device *device)
{
    const struct session *session = user;
    bool gone = event == OTTER_DISCOVER_GONE;

    if (session->mode != MODE_EVENTS) {
        return;
    }
    send(json_pack("{s:s, s:o}", "eventType", gone ? "remove" : "add", "port",
                   otter_device_port_json(device)));
}

/* --- Commands
 * ------------------------------------------------------------------- */

/* `1 "name"`: a number, one blank, a name that is not empty. */
static bool is_greeting(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    const char *name = text + digits + 2;
    size_t len;

    if (digits == 0 || strncmp(text + digits, " \"", 2) != 0) {
        return false;
    }
    len = strcspn(name, "\"");
    return len > 0 && name[len] == '"' && name[len + 1] == '\0';
}

/* The name of the client, as the original's message has it. */
static void send_bad_version(const char *text)
{
    char name[LINE_SIZE];
    const char *quote = strchr(text, '"') + 1;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(quote, "\""), quote);
    send_error("hello", "Invalid protocol version: %s", name);
}

static void hello(struct session *session, const char *text)
{
    if (session->greeted) {
        send_error("hello", "HELLO already called", "");
        return;
    }
    if (!is_greeting(text)) {
        send_error("hello", "Invalid HELLO command", "");
        return;
    }
    errno = 0;
    if (strtoll(text, NULL, 10) < 0 || errno == ERANGE) {
        send_bad_version(text);
        return;
    }
    session->greeted = true;
    send(json_pack("{s:s, s:s, s:i}", "eventType", "hello", "message", "OK",
                   "protocolVersion", 1));
}

/* Starts the search; events may come before it returns, but the answer to the
 * command is the first message. */
static void start(struct session *session, const char *event, enum mode mode,
                  const char *failure)
{
    const struct otter_discover_config config = {.on_event = on_event,
                                                 .user = session};
    int error = otter_discover_open(&session->discover, &config);

    if (error != 0) {
        session->discover = NULL;
        send_error(event, failure,
                   error == OTTER_ERR_NETWORK ? strerror(errno)
                                              : otter_error_text(error));
        return;
    }
    session->mode = mode;
    send_ok(event);
    /* A list that is wrong is told on standard error; the rest works. */
    (void)otter__discover_add_list(session->discover, NULL);
}

static void start_list(struct session *session)
{
    if (session->mode == MODE_LIST) {
        send_error("start", "Discovery already STARTed", "");
    } else if (session->mode == MODE_EVENTS) {
        send_error("start", "Discovery already START_SYNCed, cannot START",
                   "");
    } else {
        start(session, "start", MODE_LIST, "Cannot START: %s");
    }
}

static void start_events(struct session *session)
{
    if (session->mode == MODE_EVENTS) {
        send_error("start_sync", "Discovery already START_SYNCed", "");
    } else if (session->mode == MODE_LIST) {
        send_error("start_sync",
                   "Discovery already STARTed, cannot START_SYNC", "");
    } else {
        start(session, "start_sync", MODE_EVENTS, "Cannot START_SYNC: %s");
    }
}

static void list(struct session *session)
{
    const struct otter_device *device;
    json_t *ports;

    /* In the original the first message also answers while events run. */
    if (session->mode != MODE_LIST) {
        send_error("list", "Discovery not STARTed", "");
        return;
    }
    ports = json_array();
    for (size_t n = 0;
         (device = otter_discover_device(session->discover, n)) != NULL; n++) {
        json_array_append_new(ports, otter_device_port_json(device));
    }
    send(json_pack("{s:s, s:o}", "eventType", "list", "ports", ports));
}

static void end_search(struct session *session)
{
    if (session->discover != NULL) {
        otter_discover_close(session->discover);
        session->discover = NULL;
    }
    session->mode = MODE_IDLE;
}

static void stop(struct session *session)
{
    if (session->mode == MODE_IDLE) {
        send_error("stop", "Discovery already STOPped", "");
        return;
    }
    end_search(session);
    send_ok("stop");
}

static void quit(struct session *session)
{
    end_search(session);
    send_ok("quit");
    session->done = true;
}

/* --- Lines
 * --------------------------------------------------------------------------
 */

/* Takes the blanks at both ends away, in place. */
static char *trim(char *line)
{
    size_t len;

    while (isspace((unsigned char)*line)) {
        line++;
    }
    len = strlen(line);
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        line[--len] = '\0';
    }
    return line;
}

static void execute(struct session *session, char *line)
{
    char *rest;
    size_t len;

    line = trim(line);
    len = strcspn(line, " ");
    rest = line[len] == '\0' ? line + len : line + len + 1;
    line[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        line[i] = (char)toupper((unsigned char)line[i]);
    }
    if (strcmp(line, "QUIT") == 0) {
        quit(session);
    } else if (strcmp(line, "HELLO") == 0) {
        hello(session, rest);
    } else if (!session->greeted) {
        send_error("command_error",
                   "First command must be HELLO, but got '%s'", line);
    } else if (strcmp(line, "START") == 0) {
        start_list(session);
    } else if (strcmp(line, "LIST") == 0) {
        list(session);
    } else if (strcmp(line, "START_SYNC") == 0) {
        start_events(session);
    } else if (strcmp(line, "STOP") == 0) {
        stop(session);
    } else {
        send_error("command_error", "Command %s not supported", line);
    }
}

/* One character of input. */
static void feed(struct session *session, char c)
{
    if (c == '\n') {
        session->line[session->used] = '\0';
        session->used = 0;
        if (session->too_long) {
            session->too_long = false;
            send_error("command_error", "Command too long", "");
        } else {
            execute(session, session->line);
        }
    } else if (session->used + 1 < sizeof session->line) {
        session->line[session->used++] = c != '\0' ? c : '?';
    } else {
        session->too_long = true;
    }
}

/* Reads what there is; false at the end of the input. */
static bool read_input(struct session *session)
{
    char bytes[1024];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return true;
    }
    for (ssize_t i = 0; i < n && !session->done; i++) {
        feed(session, bytes[i]);
    }
    return n > 0;
}

/* Returns the exit code. */
static int converse(struct session *session)
{
    while (!session->done) {
        struct pollfd fds[2] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = session->discover != NULL
                       ? otter_discover_fd(session->discover)
                       : -1,
             .events = POLLIN},
        };

        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return otter__fail("poll: %s", strerror(errno));
        }
        if (fds[1].revents != 0) {
            otter_discover_run(session->discover);
        }
        if (fds[0].revents != 0 && !read_input(session)) {
            send_error("command_error", "EOF", "");
            return otter__fail("the input ended without QUIT");
        }
        if (ferror(stdout)) {
            return otter__fail("the output cannot be written");
        }
    }
    return OTTER_EXIT_OK;
}

int otter__discovery(int argc, char **argv)
{
    struct session *session;
    int status;

    if (argc > 1) {
        return otter__usage("otter discovery", "%s: no argument expected",
                            argv[1]);
    }
    session = calloc(1, sizeof *session);
    if (session == NULL) {
        return otter__fail("out of memory");
    }
    status = converse(session);
    end_search(session);
    free(session);
    return status;
}
