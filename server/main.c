/* SPDX-License-Identifier: Apache-2.0
 *
 * otterd, the update server: its command line. */
#include "server/backup.h"
#include "server/config.h"
#include "server/http/server.h"
#include "server/import.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/store/devices.h"
#include "server/store/tokens.h"

#include "format/error.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static const char help[] =
    "otterd, the update server for devices that ask for their firmware\n"
    "\n"
    "  otterd --data DIR [--listen ADDRESS:PORT]\n"
    "      serve; devices ask http://ADDRESS:PORT/update\n"
    "  otterd --data DIR import TABLE BINDIR [--product NAME]\n"
    "      take over the table of the manual's script: lines \"MAC "
    "version\",\n"
    "      and the firmware of each version in BINDIR as VERSION.bin\n"
    "  otterd --data DIR policy accept|pending\n"
    "      what becomes of devices that ask for the first time\n"
    "  otterd --data DIR device MAC [accept|block|pending]\n"
    "      decide about a device, or say what is known of it and why it was\n"
    "      answered as it was\n"
    "  otterd --data DIR path PATH [--product NAME]\n"
    "      answer devices at another path, /update.php for instance\n"
    "  otterd --data DIR token NAME read|operate|admin\n"
    "      make a token for the API and the console, and print it\n"
    "  otterd --data DIR backup FILE\n"
    "      copy database and firmware into FILE (a tar; - for stdout), also\n"
    "      while the server is at work\n"
    "  otterd --data DIR restore FILE\n"
    "      make DIR from such a copy (- for stdin)\n"
    "\n";

static const char help_end[] =
    "  --config FILE           a file of the same: lines \"name = value\"\n"
    "  --help, --version\n"
    "\n"
    "An option counts before the environment (OTTERD_DATA, OTTERD_TLS_CERT,\n"
    "...; OTTERD_CONFIG names the file), and that before the file.  SIGHUP\n"
    "reads the certificate again, SIGTERM and SIGINT end the server.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong use.\n"
    "\n"
    "Example: otterd --data ./fleet import table.txt bin &&\n"
    "         otterd --data ./fleet --listen 0.0.0.0:8266\n";

static int misuse(const char *what)
{
    fprintf(stderr, "otterd: %s; see otterd --help\n", what);
    return EXIT_USAGE;
}

static int store_failed(const struct otterd_store *store)
{
    fprintf(stderr, "otterd: %s\n", otterd_store_error(store));
    return EXIT_FAILED;
}

static void say_listening(const struct otterd_address *address, uint16_t port,
                          const char *tls)
{
    char host[sizeof address->text];

    if (address->used) {
        snprintf(host, sizeof host, "%.*s",
                 (int)(strrchr(address->text, ':') - address->text),
                 address->text);
        otterd_log(
            OTTERD_LOG_INFO, "listening", otterd_log_text("address", host),
            otterd_log_text("tls", tls), otterd_log_number("port", port));
    }
}

/* On a new data folder: prints the one token that nobody has to make. */
static int print_first_token(const char *dir)
{
    char token[OTTERD_TOKEN_SIZE];
    struct otterd_store *store;
    int made = otterd_store_open(&store, dir);

    if (made == 0) {
        made = otterd_token_first(store, token);
    }
    if (made > 0) {
        printf("Administrator's token (shown once): %s\n", token);
        fflush(stdout);
    } else if (made < 0) {
        store_failed(store);
    }
    otterd_store_close(store);
    return made < 0 ? made : 0;
}

/* Downloads that are under way may come to their end, unless somebody asks
 * again. */
static void drain(struct otterd_server *server, const sigset_t *set,
                  uint32_t seconds)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    struct timespec now;
    time_t end;

    otterd_server_quiesce(server);
    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + (time_t)seconds;
    while (otterd_server_busy(server) && now.tv_sec < end) {
        int signal_number = sigtimedwait(set, NULL, &moment);

        if (signal_number > 0 && signal_number != SIGHUP) {
            return;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
}

static int serve(const struct otterd_config *config)
{
    struct otterd_server *server;
    sigset_t set;
    int signal_number;
    int err;

    /* Before there are threads, so that all of them inherit it. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    err = print_first_token(config->data);
    if (err == 0) {
        err = otterd_server_start(&server, config);
    }
    if (err != 0) {
        /* What was wrong has been said. */
        fprintf(stderr, "otterd: it does not serve %s\n", config->data);
        return EXIT_FAILED;
    }
    say_listening(&config->tls_listen, otterd_server_tls_port(server), "yes");
    say_listening(&config->listen, otterd_server_port(server), "no");
    otterd_log(OTTERD_LOG_INFO, "ready",
               otterd_log_text("version", OTTER_VERSION),
               otterd_log_text("data", config->data));
    do {
        otterd_notify("READY=1");
        sigwait(&set, &signal_number);
        if (signal_number == SIGHUP) {
            otterd_notify("RELOADING=1");
            otterd_server_reload(server);
        }
    } while (signal_number == SIGHUP);
    otterd_notify("STOPPING=1");
    drain(server, &set, config->drain);
    otterd_server_stop(server);
    otterd_log(OTTERD_LOG_INFO, "stopped",
               otterd_log_number("signal", signal_number));
    return EXIT_DONE;
}

static int set_policy(struct otterd_store *store, const char *policy)
{
    char what[64];

    if (strcmp(policy, "accept") != 0 && strcmp(policy, "pending") != 0) {
        return misuse("the policy is accept or pending");
    }
    snprintf(what, sizeof what, "policy %s", policy);
    if (otterd_store_begin(store) != 0 ||
        otterd_setting_set(store, "policy", policy) != 0 ||
        otterd_audit_add(store, "command", what) != 0 ||
        otterd_store_commit(store) != 0) {
        return store_failed(store);
    }
    return EXIT_DONE;
}

static void print_history(void *user, const struct otterd_history_row *row)
{
    (void)user;
    printf("history %" PRId64 " %s %s%s%s\n", row->at, row->event,
           row->version, row->detail[0] != '\0' ? ", " : "", row->detail);
}

static int explain(struct otterd_store *store, uint64_t mac)
{
    static const char *const states[] = {"unknown", "pending", "accepted",
                                         "blocked"};
    struct otterd_device_view view;
    int err = otterd_device_look(store, mac, &view);

    if (err == OTTER_ERR_NO_DATA) {
        fprintf(stderr, "otterd: the device has never asked\n");
        return EXIT_FAILED;
    }
    if (err != 0) {
        return store_failed(store);
    }
    printf("state %s\nrequests %" PRId64 "\n", states[view.device.state & 3],
           view.requests);
    if (view.requests > 0) {
        printf("first-seen %" PRId64 "\nlast-seen %" PRId64 "\naddress %s\n"
               "version %s\nanswer %s\n",
               view.first_seen, view.last.at, view.last.address,
               view.last.version, view.last.reason);
    }
    if (otterd_device_history(store, mac, 0, 200, print_history, NULL) != 0) {
        return store_failed(store);
    }
    return EXIT_DONE;
}

static int device(struct otterd_store *store, int count, char **words)
{
    static const char *const verbs[] = {"pending", "accept", "block"};
    uint64_t mac;

    if (otterd_mac_read(words[1], &mac) != 0) {
        return misuse("this is no MAC");
    }
    if (count == 2) {
        return explain(store, mac);
    }
    for (int i = 0; i < 3; i++) {
        if (strcmp(words[2], verbs[i]) == 0) {
            enum otterd_device_state state =
                (enum otterd_device_state)(OTTERD_PENDING + i);

            return otterd_device_set_state(store, mac, state, "command") == 0
                       ? EXIT_DONE
                       : store_failed(store);
        }
    }
    return misuse("a device is set to accept, block or pending");
}

static int set_path(struct otterd_store *store, const char *text,
                    const char *product)
{
    struct otterd_path path = {.dialect = OTTERD_DIALECT_DEFAULT};

    if (strlen(text) >= sizeof path.path) {
        return misuse("the path is too long");
    }
    strcpy(path.path, text);
    strcpy(path.product, product);
    if (otterd_store_begin(store) != 0 || otterd_path_set(store, &path) != 0 ||
        otterd_audit_say(store, "command", "path %s product \"%s\"", text,
                         product) != 0 ||
        otterd_store_commit(store) != 0) {
        return store_failed(store);
    }
    return EXIT_DONE;
}

static int make_token(struct otterd_store *store, const char *name,
                      const char *scope_text)
{
    char token[OTTERD_TOKEN_SIZE];
    enum otterd_scope scope;
    int64_t id;

    if (otterd_scope_read(scope_text, &scope) != 0 || name[0] == '\0' ||
        strlen(name) >= OTTERD_TEXT_MAX) {
        return misuse("token wants a name and a scope: read, operate, admin");
    }
    if (otterd_token_create(store, name, scope, "command", &id, token) != 0) {
        return store_failed(store);
    }
    puts(token);
    return EXIT_DONE;
}

static int administer(const struct otterd_config *config,
                      struct otterd_store *store, int count, char **words)
{
    if (count == 3 && strcmp(words[0], "import") == 0) {
        return otterd_import(store, config->data, config->product, words[1],
                             words[2]) == 0
                   ? EXIT_DONE
                   : EXIT_FAILED;
    }
    if (count == 2 && strcmp(words[0], "policy") == 0) {
        return set_policy(store, words[1]);
    }
    if ((count == 2 || count == 3) && strcmp(words[0], "device") == 0) {
        return device(store, count, words);
    }
    if (count == 2 && strcmp(words[0], "path") == 0 && words[1][0] == '/') {
        return set_path(store, words[1], config->product);
    }
    if (count == 3 && strcmp(words[0], "token") == 0) {
        return make_token(store, words[1], words[2]);
    }
    return misuse("no such command");
}

int main(int argc, char **argv)
{
    static struct otterd_config config;
    struct otterd_store *store;
    char asked;
    int rest;
    int status;

    otterd_config_init(&config);
    status = otterd_config_read(&config, argc, argv, environ, &rest, &asked);
    if (status == OTTER_ERR_PENDING) {
        if (asked == 'v') {
            puts("otterd " OTTER_VERSION);
        } else {
            fputs(help, stdout);
            otterd_config_help();
            fputs(help_end, stdout);
        }
        return EXIT_DONE;
    }
    if (status != 0) {
        return EXIT_USAGE;
    }
    otterd_log_setup(config.log_level, config.log_json);
    if (rest == argc) {
        return serve(&config);
    }
    if (argc - rest == 2 && strcmp(argv[rest], "backup") == 0) {
        return otterd_backup(config.data, argv[rest + 1]) == 0 ? EXIT_DONE
                                                               : EXIT_FAILED;
    }
    if (argc - rest == 2 && strcmp(argv[rest], "restore") == 0) {
        return otterd_restore(config.data, argv[rest + 1]) == 0 ? EXIT_DONE
                                                                : EXIT_FAILED;
    }
    if (otterd_store_open(&store, config.data) != 0) {
        status = store_failed(store);
    } else {
        status = administer(&config, store, argc - rest, argv + rest);
    }
    otterd_store_close(store);
    return status;
}
