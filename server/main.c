/* SPDX-License-Identifier: Apache-2.0
 *
 * otterd, the update server: its command line. */
#include "server/http/server.h"
#include "server/import.h"
#include "server/store/store.h"

#include "format/error.h"

#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

struct options {
    const char *data;
    const char *listen;
    const char *product;
};

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
    "\n"
    "  --data DIR            database and firmware; made when absent\n"
    "  --listen ADDR:PORT    default 127.0.0.1:8266; [::]:8266 for IPv6\n"
    "  --product NAME        of the devices that ask there; default none\n"
    "  --help, --version\n"
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

/* Splits ADDR:PORT or [ADDR]:PORT and looks it up, without the network. */
static struct addrinfo *look_up(const char *text)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags =
                                 AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    const char *colon = strrchr(text, ':');
    struct addrinfo *found;
    char host[64];
    size_t len;

    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        return NULL;
    }
    len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static int serve(const struct options *options)
{
    struct addrinfo *address = look_up(options->listen);
    struct otterd_server *server;
    sigset_t set;
    int signal_number;
    int err;

    if (address == NULL) {
        return misuse("--listen wants ADDRESS:PORT in numbers");
    }
    /* Before there are threads, so that all of them inherit it. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    err = otterd_server_start(&server, options->data, address->ai_addr);
    freeaddrinfo(address);
    if (err != 0) {
        fprintf(stderr, "otterd: cannot serve %s at %s: %s\n", options->data,
                options->listen, otter_error_text(err));
        return EXIT_FAILED;
    }
    fprintf(stderr, "level=info event=listening address=%.*s port=%u\n",
            (int)(strrchr(options->listen, ':') - options->listen),
            options->listen, (unsigned)otterd_server_port(server));
    sigwait(&set, &signal_number);
    otterd_server_stop(server);
    fprintf(stderr, "level=info event=stopped signal=%d\n", signal_number);
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

static void print_version(void *user, int64_t at, const char *version)
{
    (void)user;
    printf("history %" PRId64 " %s\n", at, version);
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
    if (otterd_device_history(store, mac, print_version, NULL) != 0) {
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

static int administer(const struct options *options,
                      struct otterd_store *store, int count, char **words)
{
    if (count == 3 && strcmp(words[0], "import") == 0) {
        return otterd_import(store, options->data, options->product, words[1],
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
        return otterd_path_set(store, words[1], options->product) == 0
                   ? EXIT_DONE
                   : store_failed(store);
    }
    return misuse("no such command");
}

/* Reads the options; EXIT_DONE to go on, -1 when all is said. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"data", required_argument, NULL, 'd'},
        {"listen", required_argument, NULL, 'l'},
        {"product", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'd':
            options->data = optarg;
            break;
        case 'l':
            options->listen = optarg;
            break;
        case 'p':
            options->product = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return -1;
        case 'v':
            puts("otterd " OTTER_VERSION);
            return -1;
        default:
            return EXIT_USAGE;
        }
    }
    if (options->data == NULL) {
        return misuse("--data names the folder to work in");
    }
    if (strlen(options->product) >= OTTERD_TEXT_MAX ||
        strlen(options->data) > 3900) {
        return misuse("a name is too long");
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct options options = {.listen = "127.0.0.1:8266", .product = ""};
    struct otterd_store *store;
    int status = read_options(argc, argv, &options);

    if (status != EXIT_DONE) {
        return status < 0 ? EXIT_DONE : status;
    }
    if (optind == argc) {
        return serve(&options);
    }
    if (otterd_store_open(&store, options.data) != 0) {
        status = store_failed(store);
    } else {
        status = administer(&options, store, argc - optind, argv + optind);
    }
    otterd_store_close(store);
    return status;
}
