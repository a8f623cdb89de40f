/* SPDX-License-Identifier: Apache-2.0
 *
 * The verb: from the command line to a run and its exit status. */
#include "format/push_message.h"
#include "host/command.h"
#include "host/firmware.h"
#include "host/password.h"
#include "host/push_options.h"
#include "host/push_report.h"
#include "host/push_run.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "otter push"

#define TIMEOUT_MS       10000
#define ESP32_CONNECT_MS 30000
#define RESULT_MS        60000
#define RESULT_FS_MS     300000
#define TRIES            5

/* What lives as long as the run. */
struct push {
    struct otter_push_options options;
    struct otter_firmware firmware;
    struct otter_password password;
    struct otter_push_job job;
    struct otter_push_run run;
};

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static struct otter_push_limits limits(const struct otter_push_options *o)
{
    uint32_t timeout = or_default(o->timeout_ms, TIMEOUT_MS);
    bool slow = o->port == OTTER_PUSH_PORT_ESP32 && !o->timeout_ms;

    return (struct otter_push_limits){
        .answer_ms = timeout,
        .auth_ms = timeout,
        .connect_ms = or_default(o->connect_timeout_ms,
                                 slow ? ESP32_CONNECT_MS : timeout),
        .idle_ms = timeout,
        .result_ms =
            or_default(o->result_timeout_ms, o->fs ? RESULT_FS_MS : RESULT_MS),
        .tries = or_default(o->tries, TRIES),
    };
}

/* Option before file before environment.  Returns 0 or an exit status. */
static int find_password(struct push *p)
{
    const char *environment = getenv("OTTER_PASSWORD");
    int error;

    if (p->options.password) {
        p->job.password = p->options.password;
    } else if (p->options.password_file) {
        error = otter_password_read(&p->password, p->options.password_file);
        if (error) {
            return otter__usage(PROGRAM, "%s: no password can be read: %s",
                                p->options.password_file, strerror(error));
        }
        p->job.password = p->password.text;
    } else if (environment) {
        p->job.password = environment;
    }
    return 0;
}

static const char *ask(void *user, const struct otter_push_target *target)
{
    struct push *p = user;
    char prompt[128];

    snprintf(prompt, sizeof prompt, "Password of %s: ", target->name);
    return otter_password_ask(&p->password, prompt) ? NULL : p->password.text;
}

static int load(struct push *p)
{
    int error = otter_firmware_load(&p->firmware, p->options.file);

    if (error) {
        otter__fail("%s: %s", p->options.file, strerror(error));
        return otter_push_ending_status(OTTER_PUSH_END_FILE);
    }
    p->job.data = p->firmware.data;
    p->job.size = p->firmware.size;
    memcpy(p->job.md5, p->firmware.md5, sizeof p->job.md5);
    return 0;
}

static int find_local(struct push *p)
{
    int error;

    if (!p->options.bind) {
        return 0;
    }
    error = otter_address_resolve(&p->run.local, p->options.bind, 0);
    if (error) {
        return otter__usage(PROGRAM, "--bind %s: %s", p->options.bind,
                            gai_strerror(error));
    }
    return 0;
}

static int run(struct push *p)
{
    struct otter_push_plain plain;
    struct otter_push_terminal terminal;
    struct otter_push_reporter *reporter = &plain.reporter;
    int status;

    otter_push_plain_init(&plain);
    plain.quiet = p->options.quiet;
    if (otter_push_report_is_terminal() && !p->options.quiet) {
        otter_push_terminal_init(&terminal);
        reporter = &terminal.reporter;
    }
    p->run.reporter = reporter;
    status = otter_push_run(&p->run);
    if (status < 0) {
        return otter__fail("out of memory");
    }
    return status;
}

static int prepare(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    int status = find_password(p);

    p->job.command =
        o->fs ? OTTER_PUSH_COMMAND_FILE_SYSTEM : OTTER_PUSH_COMMAND_SKETCH;
    p->job.can_ask = o->address_count == 1;
    p->job.lockstep_chunk = o->lockstep ? o->chunk : 0;
    p->job.limits = limits(o);
    p->run.job = &p->job;
    p->run.count = o->address_count;
    p->run.parallel = 1;
    p->run.host_port_first = o->host_port_first;
    p->run.host_port_last = o->host_port_last;
    p->run.ask = ask;
    p->run.ask_user = p;
    if (!status) {
        status = find_local(p);
    }
    return status ? status : load(p);
}

static int push_all(struct push *p)
{
    int status = prepare(p);

    if (status) {
        return status;
    }
    p->run.targets = calloc(p->run.count, sizeof *p->run.targets);
    if (!p->run.targets) {
        return otter__fail("out of memory");
    }
    for (size_t i = 0; i < p->run.count; i++) {
        p->run.targets[i].name = p->options.addresses[i];
        p->run.targets[i].port = p->options.port;
    }
    status = run(p);
    free(p->run.targets);
    return status;
}

int otter__push(int argc, char **argv)
{
    struct push p = {0};
    int status = OTTER_EXIT_USAGE;

    if (otter_push_options_parse(&p.options, argc, argv) == 0) {
        if (p.options.help) {
            otter_push_options_help();
            status = 0;
        } else {
            status = push_all(&p);
        }
    }
    otter_firmware_free(&p.firmware);
    otter_password_wipe(&p.password);
    otter_password_free(p.options.password);
    return status;
}
