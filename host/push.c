/* SPDX-License-Identifier: Apache-2.0
 *
 * The verb: from the command line to a run and its exit status. */
#include "format/error.h"
#include "format/push_message.h"
#include "host/command.h"
#include "host/image_look.h"
#include "host/password.h"
#include "host/push_check.h"
#include "host/push_explain.h"
#include "host/push_found.h"
#include "host/push_options.h"
#include "host/push_report.h"
#include "host/push_run.h"
#include "host/target_list.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "otter push"

/* Defaults, as the help says. */
#define TIMEOUT_MS       10000
#define ESP32_CONNECT_MS 30000
#define RESULT_MS        60000
#define RESULT_FS_MS     300000
#define TRIES            5
#define PARALLEL         8
#define RETRIES          2
#define RETRY_PAUSE_MS   2000
#define CHUNK            1460
#define SURVEY_MS        700 /* also for the ports of pages */
#define DISCOVER_MS      3000
#define BACK_MS          30000
#define WEB_BACK_MS      60000 /* a restart that installs takes longer */

/* What lives as long as the run. */
struct push {
    struct otter_push_options options;
    struct otter_look look;         /* the file */
    struct otter_password password; /* of all */
    struct otter_password *own;     /* of each target, when it has one */
    struct otter_target_list list;
    struct otter_push_job job;
    struct otter_push_job web_job;
    bool via_http;
    bool via_auto;
    struct otter_push_run run;
};

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

/* While devices are awaited, each turn is one invitation, so that those who
 * are awake get theirs between those who sleep. */
static struct otter_push_limits limits(const struct otter_push_options *o)
{
    uint32_t timeout = or_default(o->timeout_ms, TIMEOUT_MS);
    uint32_t tries = or_default(o->tries, TRIES);
    uint32_t slow = o->timeout_ms ? timeout : ESP32_CONNECT_MS;
    bool esp32 = o->chip && strcmp(o->chip, "esp32") == 0;

    return (struct otter_push_limits){
        .answer_ms = o->wait_ms ? timeout / tries + 1 : timeout,
        .auth_ms = timeout,
        .connect_ms =
            or_default(o->connect_timeout_ms, esp32 ? slow : timeout),
        .esp32_connect_ms = or_default(o->connect_timeout_ms, slow),
        .idle_ms = timeout,
        .result_ms =
            or_default(o->result_timeout_ms, o->fs ? RESULT_FS_MS : RESULT_MS),
        .tries = o->wait_ms ? 1 : tries,
    };
}

static int read_password(struct otter_password *password, const char *path)
{
    int error = otter_password_read(password, path);

    return error ? otter__usage(PROGRAM, "%s: no password can be read: %s",
                                path, strerror(error))
                 : 0;
}

/* Option before file before environment. */
static int find_password(struct push *p)
{
    int status = 0;

    if (p->options.password) {
        p->run.password = p->options.password;
    } else if (p->options.password_file) {
        status = read_password(&p->password, p->options.password_file);
        p->run.password = p->password.text;
    } else {
        p->run.password = getenv("OTTER_PASSWORD");
    }
    return status;
}

static const char *ask(void *user, const struct otter_push_target *target)
{
    struct push *p = user;
    char prompt[128];

    snprintf(prompt, sizeof prompt, "Password of %s: ", target->name);
    return otter_password_ask(&p->password, prompt) ? NULL : p->password.text;
}

/* Without --via auto a person decides, if there is one. */
static bool asks_around(const struct push *p)
{
    return p->job.can_ask && !p->options.via && !p->options.quiet &&
           isatty(STDIN_FILENO) && otter_push_report_is_terminal();
}

static bool go_around(void *user, const struct otter_push_target *target)
{
    const struct push *p = user;
    char answer[16] = "";
    FILE *terminal;

    if (!asks_around(p)) {
        return p->via_auto;
    }
    terminal = fopen("/dev/tty", "r+e");
    if (!terminal) {
        return false;
    }
    fprintf(terminal,
            "%s accepted and did not connect back.\n"
            "Upload through its update page, port %u, instead? [y/N] ",
            target->name, target->web_port);
    fflush(terminal);
    if (!fgets(answer, sizeof answer, terminal)) {
        answer[0] = '\0';
    }
    fclose(terminal);
    return answer[0] == 'y' || answer[0] == 'Y';
}

static int find_way(struct push *p)
{
    const char *via = p->options.via;

    p->via_http = via && strcmp(via, "http") == 0;
    p->via_auto = via && strcmp(via, "auto") == 0;
    p->run.go_around = go_around;
    if (via && !p->via_http && !p->via_auto && strcmp(via, "push") != 0) {
        return otter__usage(PROGRAM, "--via %s: not push, http or auto", via);
    }
    if (p->options.path && p->options.path[0] != '/') {
        return otter__usage(PROGRAM, "--path %s: does not begin with /",
                            p->options.path);
    }
    return 0;
}

/* The same file on the other way. */
static void prepare_web(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    const char *slash = strrchr(o->file, '/');
    struct otter_push_job *job = &p->web_job;

    *job = p->job;
    job->web = true;
    job->path = o->path ? o->path : OTTER_PUSH_WEB_PATH;
    job->user = o->user ? o->user : OTTER_PUSH_WEB_USER;
    job->file_name = slash ? slash + 1 : o->file;
    memcpy(job->sha256, p->look.sha256, sizeof job->sha256);
    job->version = p->look.has_descriptor ? p->look.descriptor.version : NULL;
    job->back_ms = or_default(o->back_ms, WEB_BACK_MS);
    p->run.web_job = job;
}

/* The chip of all devices by their port; each is looked at again when its turn
 * comes (push_queue.c). */
static enum otter_push_chip common_chip(const struct push *p)
{
    uint16_t port = p->run.targets->port;

    if (p->via_http) {
        return OTTER_PUSH_CHIP_ESP8266;
    }
    for (size_t i = 1; i < p->run.count; i++) {
        if (p->run.targets[i].port != port) {
            return OTTER_PUSH_CHIP_ANY;
        }
    }
    return otter_push_chip_of_port(port);
}

static int check_file(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    enum otter_push_chip chip = common_chip(p);
    struct otter_look_lines problems = {0};

    if (o->chip && otter_push_chip_find(&chip, o->chip)) {
        return otter__usage(PROGRAM, "--chip %s: not esp8266, esp32 or rp2040",
                            o->chip);
    }
    p->run.chip_given = o->chip != NULL;
    if (o->fs) {
        otter_push_check_fs(&problems, &p->look);
    } else {
        otter_push_check_sketch(&problems, &p->look, chip);
    }
    if (o->force || problems.count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < problems.count; i++) {
        otter__fail("%s: %s", o->file, problems.text[i]);
    }
    fputs("  Nothing was sent.  If the file is right all the same, send it "
          "with --force.\n",
          stderr);
    return otter_push_ending_status(OTTER_PUSH_END_FILE);
}

static int load(struct push *p)
{
    int error = otter__look(&p->look, p->options.file);

    if (error) {
        otter__fail("%s: %s", p->options.file, strerror(error));
        if (p->options.address_count &&
            access(p->options.addresses[0], R_OK) == 0) {
            fputs("  The file is named last, after the devices.\n", stderr);
        }
        return otter_push_ending_status(OTTER_PUSH_END_FILE);
    }
    p->job.data = p->look.file.data;
    p->job.size = p->look.file.size;
    memcpy(p->job.md5, p->look.file.md5, sizeof p->job.md5);
    return check_file(p);
}

static int find_local(struct push *p)
{
    int error;

    if (!p->options.bind) {
        return 0;
    }
    error = otter_address_resolve(&p->run.local, p->options.bind, 0, 0);
    return error ? otter__usage(PROGRAM, "--bind %s: %s", p->options.bind,
                                gai_strerror(error))
                 : 0;
}

/* Blocks as long as the search lasts. */
static int add_all_found(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    const struct otter_push_find find = {
        .match = o->match,
        .ms = or_default(o->discover_ms, DISCOVER_MS),
        .via_http = p->via_http,
        .page_port = p->via_http && !o->port && !o->page_port};

    return otter_push_find_all(&p->list, &find);
}

static int say_none(const struct otter_push_options *o)
{
    if (o->list && !o->all && !o->match) {
        return otter__usage(PROGRAM, "%s: no devices", o->list);
    }
    otter__fail("no device was found%s%s\n  Is it on and in this network, and "
                "does a firewall let UDP port 5353 in?  A device that is not "
                "found can be named by its address.",
                o->match ? " with a name like " : "",
                o->match ? o->match : "");
    return otter_push_ending_status(OTTER_PUSH_END_LOOKUP);
}

static int read_addresses(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    int error = 0;

    for (size_t i = 0; i < o->address_count && !error; i++) {
        error = otter_target_list_add(&p->list, o->addresses[i]);
    }
    if (!error && o->list) {
        error = otter_target_list_read(&p->list, o->list);
    }
    if (!error && (o->all || o->match)) {
        error = add_all_found(p);
    }
    if (error == OTTER_ERR_NO_MEMORY) {
        return otter__fail("out of memory");
    }
    if (error) {
        return otter__usage(PROGRAM, "%s", p->list.error);
    }
    return p->list.count ? 0 : say_none(o);
}

/* The second update would meet the device in its restart. */
static void drop_doubles(struct push *p)
{
    uint16_t port = (uint16_t)or_default(p->options.port, OTTER_PUSH_PORT);
    size_t doubles = otter_target_list_drop_doubles(&p->list, port);

    if (doubles) {
        (void)otter__fail("%zu named twice: each device is updated once",
                          doubles);
    }
}

static int make_targets(struct push *p)
{
    uint16_t port = (uint16_t)or_default(p->options.port, OTTER_PUSH_PORT);
    int status = 0;

    p->run.count = p->list.count;
    p->run.targets = calloc(p->run.count, sizeof *p->run.targets);
    p->own = calloc(p->run.count, sizeof *p->own);
    if (!p->run.targets || !p->own) {
        return otter__fail("out of memory");
    }
    for (size_t i = 0; i < p->run.count && !status; i++) {
        const struct otter_target_entry *entry = &p->list.entries[i];
        struct otter_push_target *target = &p->run.targets[i];

        target->name = entry->name ? entry->name : entry->word;
        target->host = entry->address;
        target->port = entry->port ? entry->port : port;
        target->port_given = entry->port || p->options.port;
        target->web = p->via_http;
        target->web_port =
            (uint16_t)or_default(p->options.page_port, OTTER_PUSH_WEB_PORT);
        target->web_port_given = p->options.page_port != 0;
        if (p->via_http && target->port_given) {
            target->web_port = target->port;
            target->web_port_given = true;
        }
        if (entry->password_file) {
            status = read_password(&p->own[i], entry->password_file);
            target->password = p->own[i].text;
        }
    }
    return status;
}

static int prepare(struct push *p)
{
    const struct otter_push_options *o = &p->options;
    int status;

    p->job.command =
        o->fs ? OTTER_PUSH_COMMAND_FILE_SYSTEM : OTTER_PUSH_COMMAND_SKETCH;
    p->job.lockstep_chunk = o->lockstep ? or_default(o->chunk, CHUNK) : 0;
    p->job.limits = limits(o);
    p->run.job = &p->job;
    p->run.parallel = or_default(o->parallel, PARALLEL);
    p->run.retries = o->no_retries ? 0 : or_default(o->retries, RETRIES);
    p->run.retry_pause_ms = or_default(o->retry_pause_ms, RETRY_PAUSE_MS);
    p->run.wait_ms = o->wait_ms;
    p->run.survey_ms = o->no_mdns || p->via_http ? 0 : SURVEY_MS;
    p->run.back_ms = or_default(o->back_ms, BACK_MS);
    p->run.look = &p->look;
    p->run.force = o->force;
    p->run.new_only = o->new_only;
    p->run.host_port_first = o->host_port_first;
    p->run.host_port_last = o->host_port_last;
    p->run.ask = ask;
    p->run.ask_user = p;
    status = find_way(p);
    status = status ? status : read_addresses(p);
    if (!status) {
        drop_doubles(p);
    }
    status = status ? status : make_targets(p);
    status = status ? status : find_password(p);
    status = status ? status : find_local(p);
    p->job.can_ask = p->run.count == 1 && !o->json;
    if (!o->no_mdns && (p->via_http || p->via_auto || asks_around(p))) {
        p->run.page_ms = SURVEY_MS;
    }
    status = status ? status : load(p);
    prepare_web(p);
    return status;
}

/* Better known before the run than after it.  What is in the file stays: it
 * may be the list of this run. */
static int try_remaining(const struct push *p)
{
    const char *path = p->options.remaining;
    FILE *file = path ? fopen(path, "ae") : NULL;

    if (path && (!file || fclose(file))) {
        return otter__usage(PROGRAM, "--remaining %s: %s", path,
                            strerror(errno));
    }
    return 0;
}

/* The devices that are left, as a list for the next run. */
static int write_remaining(const struct push *p)
{
    const char *path = p->options.remaining;
    FILE *file = path ? fopen(path, "we") : NULL;

    if (!path) {
        return 0;
    }
    if (!file) {
        return otter__fail("%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < p->run.count; i++) {
        const struct otter_target_entry *entry = &p->list.entries[i];

        if (otter_push_ending_status(p->run.targets[i].ending) == 0) {
            continue;
        }
        otter_target_list_write(file, entry);
    }
    return fclose(file) ? otter__fail("%s: %s", path, strerror(errno)) : 0;
}

static int run(struct push *p)
{
    struct otter_push_plain plain;
    struct otter_push_terminal terminal;
    struct otter_push_json json;
    int status;

    if (p->options.json) {
        otter_push_json_init(&json);
        p->run.reporter = &json.reporter;
    } else if (otter_push_report_is_terminal() && !p->options.quiet) {
        otter_push_terminal_init(&terminal);
        p->run.reporter = &terminal.reporter;
    } else {
        otter_push_plain_init(&plain);
        plain.quiet = p->options.quiet;
        p->run.reporter = &plain.reporter;
    }
    status = otter_push_run(&p->run);
    if (status < 0) {
        return otter__fail("out of memory");
    }
    return write_remaining(p) ? OTTER_EXIT_FAILED : status;
}

static void clean_up(struct push *p)
{
    otter__look_free(&p->look);
    otter_password_wipe(&p->password);
    for (size_t i = 0; p->own && i < p->run.count; i++) {
        otter_password_wipe(&p->own[i]);
    }
    free(p->own);
    free(p->run.targets);
    otter_target_list_free(&p->list);
    otter_password_free(p->options.password);
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
            status = prepare(&p);
            status = status ? status : try_remaining(&p);
            status = status ? status : run(&p);
        }
    }
    clean_up(&p);
    return status;
}
