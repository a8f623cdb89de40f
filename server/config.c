/* SPDX-License-Identifier: Apache-2.0
 *
 * One table of settings, three ways to set them. */
#include "server/config.h"

#include "format/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each fills its part of `config`, or says in `why` what it wants. */
typedef bool (*setter)(struct otterd_config *config, const char *value,
                       const char **why);

enum source { FROM_BUILT_IN, FROM_FILE, FROM_ENVIRONMENT, FROM_OPTION };

struct setting {
    const char *name;
    setter set;
    const char *argument;
    const char *help;
};

static bool set_text(char *out, size_t size, const char *value,
                     const char **why)
{
    if (strlen(value) >= size) {
        *why = "is too long";
        return false;
    }
    if (value[0] == '\0') {
        *why = "wants a value";
        return false;
    }
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool set_data(struct otterd_config *config, const char *value,
                     const char **why)
{
    return set_text(config->data, sizeof config->data, value, why);
}

static bool set_cert(struct otterd_config *config, const char *value,
                     const char **why)
{
    return set_text(config->tls_cert, sizeof config->tls_cert, value, why);
}

static bool set_key(struct otterd_config *config, const char *value,
                    const char **why)
{
    return set_text(config->tls_key, sizeof config->tls_key, value, why);
}

static bool set_product(struct otterd_config *config, const char *value,
                        const char **why)
{
    return value[0] == '\0' ||
           set_text(config->product, sizeof config->product, value, why);
}

/* Splits ADDR:PORT or [ADDR]:PORT and looks it up, without the network. */
static bool set_address(struct otterd_address *out, const char *value,
                        const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    const char *colon = strrchr(value, ':');
    struct addrinfo *found;
    char host[sizeof out->text];
    size_t len;

    *why = "wants ADDRESS:PORT in numbers, such as 0.0.0.0:8266 or "
           "[::]:8266, or none";
    memset(out, 0, sizeof *out);
    if (strcmp(value, "none") == 0) {
        return true;
    }
    /* getaddrinfo takes port 70000 for 4464. */
    if (colon == NULL || colon == value || strlen(value) >= sizeof host ||
        strlen(colon + 1) > 5 || strtoul(colon + 1, NULL, 10) > 65535) {
        return false;
    }
    len = (size_t)(colon - value);
    memcpy(host, value, len);
    host[len] = '\0';
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        memmove(host, host + 1, len - 1);
    }
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        return false;
    }
    memcpy(&out->socket, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    memcpy(out->text, value, strlen(value) + 1);
    out->used = true;
    return true;
}

static bool set_listen(struct otterd_config *config, const char *value,
                       const char **why)
{
    return set_address(&config->listen, value, why);
}

static bool set_tls_listen(struct otterd_config *config, const char *value,
                           const char **why)
{
    return set_address(&config->tls_listen, value, why);
}

int otterd_address_read(const char *text, struct in6_addr *out)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        memset(out, 0, sizeof *out);
        out->s6_addr[10] = 0xff;
        out->s6_addr[11] = 0xff;
        memcpy(out->s6_addr + 12, &v4, sizeof v4);
        return 0;
    }
    return inet_pton(AF_INET6, text, out) == 1 ? 0 : OTTER_ERR_SYNTAX;
}

static bool set_proxy(struct otterd_config *config, const char *value,
                      const char **why)
{
    size_t count = 0;
    char text[64];

    *why = "wants up to 8 addresses with commas between, such as "
           "127.0.0.1,::1";
    while (*value != '\0') {
        size_t len = strcspn(value, ", ");

        if (len > 0) {
            if (len >= sizeof text || count == OTTERD_PROXIES_MAX) {
                return false;
            }
            memcpy(text, value, len);
            text[len] = '\0';
            if (otterd_address_read(text, &config->proxies[count]) != 0) {
                return false;
            }
            count++;
        }
        value += len + (value[len] != '\0');
    }
    config->proxy_count = count;
    return true;
}

static bool set_number(uint32_t *out, const char *value, const char **why)
{
    char *end;
    unsigned long long number = strtoull(value, &end, 10);

    *why = "wants a number from 0 to 1000000";
    if (!isdigit((unsigned char)value[0]) || *end != '\0' ||
        number > 1000000) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static bool set_connections(struct otterd_config *config, const char *value,
                            const char **why)
{
    return set_number(&config->connections, value, why);
}

static bool set_per_address(struct otterd_config *config, const char *value,
                            const char **why)
{
    return set_number(&config->per_address, value, why);
}

static bool set_patience(struct otterd_config *config, const char *value,
                         const char **why)
{
    return set_number(&config->patience, value, why) && config->patience > 0;
}

static bool set_drain(struct otterd_config *config, const char *value,
                      const char **why)
{
    return set_number(&config->drain, value, why);
}

static bool set_log_format(struct otterd_config *config, const char *value,
                           const char **why)
{
    *why = "wants text or json";
    config->log_json = strcmp(value, "json") == 0;
    return config->log_json || strcmp(value, "text") == 0;
}

static bool set_log_level(struct otterd_config *config, const char *value,
                          const char **why)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};

    *why = "wants error, warning, info or debug";
    for (int i = 0; i < 4; i++) {
        if (strcmp(value, levels[i]) == 0) {
            config->log_level = (enum otterd_log_level)i;
            return true;
        }
    }
    return false;
}

static const struct setting settings[] = {
    {"data", set_data, "DIR", "database and firmware; made when absent"},
    {"listen", set_listen, "ADDR:PORT",
     "default 127.0.0.1:8266; [::]:8266 for all; or none"},
    {"tls-listen", set_tls_listen, "ADDR:PORT", "the same under TLS"},
    {"tls-cert", set_cert, "FILE", "certificate and its chain, PEM"},
    {"tls-key", set_key, "FILE", "its private key, PEM"},
    {"proxy", set_proxy, "ADDR,...", "reverse proxies whose word counts"},
    {"connections", set_connections, "N",
     "at a time; default: what descriptors allow"},
    {"per-address", set_per_address, "N",
     "connections from one address; default: any"},
    {"patience", set_patience, "SECONDS",
     "for a request to arrive whole; default 60"},
    {"drain", set_drain, "SECONDS",
     "for answers under way at the end; default 10"},
    {"log-level", set_log_level, "LEVEL",
     "error, warning, info (default) or debug"},
    {"log-format", set_log_format, "FORMAT", "text (default) or json"},
    {"product", set_product, "NAME", "for import and path; default none"},
};

enum { COUNT = sizeof settings / sizeof settings[0] };

_Static_assert(COUNT < OTTERD_CONFIG_SETTINGS, "a place for each");

void otterd_config_init(struct otterd_config *config)
{
    const char *why;

    memset(config, 0, sizeof *config);
    set_listen(config, "127.0.0.1:8266", &why);
    config->patience = 60;
    config->drain = 10;
    config->log_level = OTTERD_LOG_INFO;
}

void otterd_config_help(void)
{
    for (int i = 0; i < COUNT; i++) {
        char left[40];

        snprintf(left, sizeof left, "--%s %s", settings[i].name,
                 settings[i].argument);
        printf("  %-23s %s\n", left, settings[i].help);
    }
}

/* Takes a value unless a stronger source gave one.  Faults of the weaker are
 * told all the same, so that a file is right or wrong whatever the options
 * are. */
static int take(struct otterd_config *config, int index, enum source source,
                const char *value, const char *where)
{
    struct otterd_config other = *config;
    const char *why = NULL;

    if (!settings[index].set(&other, value, &why)) {
        fprintf(stderr, "otterd: %s: %s %s; got \"%s\"\n", where,
                settings[index].name, why, value);
        return OTTER_ERR_SYNTAX;
    }
    if (source >= config->from[index]) {
        *config = other;
        config->from[index] = (unsigned char)source;
    }
    return 0;
}

static int find(const char *name, size_t len)
{
    for (int i = 0; i < COUNT; i++) {
        if (strlen(settings[i].name) == len &&
            memcmp(settings[i].name, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

/* A line "name = value", blank, or a comment.  A value is the rest of its
 * line, without the blanks around it. */
static int take_line(struct otterd_config *config, char *line,
                     const char *where)
{
    char *name = line + strspn(line, " \t");
    size_t len = strcspn(name, " \t=");
    char *value = name + len + strspn(name + len, " \t");
    char *end = value + strlen(value);
    int index;

    if (*name == '\0' || *name == '#') {
        return 0;
    }
    if (*value != '=' || len == 0) {
        fprintf(stderr,
                "otterd: %s: expected a line \"name = value\", such as "
                "listen = 0.0.0.0:8266\n",
                where);
        return OTTER_ERR_SYNTAX;
    }
    value += 1 + strspn(value + 1, " \t");
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }
    index = find(name, len);
    if (index < 0) {
        fprintf(stderr,
                "otterd: %s: there is no setting \"%.*s\"; otterd --help "
                "lists them\n",
                where, (int)(len > 80 ? 80 : len), name);
        return OTTER_ERR_SYNTAX;
    }
    return take(config, index, FROM_FILE, value, where);
}

static int read_lines(struct otterd_config *config, FILE *file,
                      const char *path)
{
    char where[OTTERD_PATH_MAX + 24];
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int err = 0;

    for (unsigned number = 1; (len = getline(&line, &room, file)) > 0;
         number++) {
        snprintf(where, sizeof where, "%s:%u", path, number);
        if (strlen(line) != (size_t)len) {
            fprintf(stderr, "otterd: %s: a NUL in a file of text\n", where);
            err = OTTER_ERR_SYNTAX;
            continue;
        }
        line[strcspn(line, "\r\n")] = '\0';
        /* All faults are told at once. */
        if (take_line(config, line, where) != 0) {
            err = OTTER_ERR_SYNTAX;
        }
    }
    if (ferror(file)) {
        fprintf(stderr, "otterd: %s: %s\n", path, strerror(errno));
        err = OTTER_ERR_SYNTAX;
    }
    free(line);
    return err;
}

static int read_file(struct otterd_config *config, const char *path)
{
    FILE *file = strlen(path) < OTTERD_PATH_MAX ? fopen(path, "r") : NULL;
    int err;

    if (file == NULL) {
        fprintf(stderr,
                "otterd: cannot read the configuration %s: %s; name one that "
                "exists with --config or OTTERD_CONFIG\n",
                path, strerror(errno));
        return OTTER_ERR_SYNTAX;
    }
    err = read_lines(config, file, path);
    fclose(file);
    return err;
}

/* OTTERD_TLS_CERT=... sets tls-cert; empty is as if it were not there.  What
 * is not known is left alone: platforms add variables of their own that begin
 * with a service's name. */
static int take_variable(struct otterd_config *config, const char *variable)
{
    size_t len = strcspn(variable, "=");
    char where[40];
    char name[32];
    int index;

    if (len < 8 || len - 7 > sizeof name || variable[len] == '\0' ||
        variable[len + 1] == '\0' || memcmp(variable, "OTTERD_", 7) != 0) {
        return 0;
    }
    for (size_t i = 7; i < len; i++) {
        name[i - 7] = variable[i] == '_'
                          ? '-'
                          : (char)tolower((unsigned char)variable[i]);
    }
    index = find(name, len - 7);
    if (index < 0) {
        return 0;
    }
    snprintf(where, sizeof where, "%.*s", (int)len, variable);
    return take(config, index, FROM_ENVIRONMENT, variable + len + 1, where);
}

static const char *named_file(char **environment)
{
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, "OTTERD_CONFIG=", 14) == 0 &&
            (*environment)[14] != '\0') {
            return *environment + 14;
        }
    }
    return NULL;
}

enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_CONFIG };

static int read_options(struct otterd_config *config, int argc, char **argv,
                        const char **file, char *asked)
{
    struct option known[COUNT + 4] = {
        [COUNT] = {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"config", required_argument, NULL, OPTION_CONFIG}};
    char where[40];
    int option;

    for (int i = 0; i < COUNT; i++) {
        known[i] =
            (struct option){settings[i].name, required_argument, NULL, i};
    }
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == OPTION_HELP || option == OPTION_VERSION) {
            *asked = option == OPTION_HELP ? 'h' : 'v';
            return OTTER_ERR_PENDING;
        } else if (option == OPTION_CONFIG) {
            *file = optarg;
        } else if (option < 0 || option >= COUNT) {
            return OTTER_ERR_SYNTAX; /* getopt has said it */
        } else {
            snprintf(where, sizeof where, "--%s", settings[option].name);
            if (take(config, option, FROM_OPTION, optarg, where) != 0) {
                return OTTER_ERR_SYNTAX;
            }
        }
    }
    return 0;
}

/* What only makes sense together. */
static int check(const struct otterd_config *config)
{
    const char *fault = NULL;

    if (config->data[0] == '\0') {
        fault = "--data names the folder to work in (or OTTERD_DATA, or data "
                "in a file); see otterd --help";
    } else if (config->tls_listen.used &&
               (config->tls_cert[0] == '\0' || config->tls_key[0] == '\0')) {
        fault = "tls-listen wants tls-cert and tls-key too";
    } else if (!config->tls_listen.used && config->tls_cert[0] != '\0') {
        fault = "tls-cert wants tls-listen too, which says where TLS is "
                "spoken";
    } else if (!config->listen.used && !config->tls_listen.used) {
        fault = "listen and tls-listen are both none: nobody could ask";
    }
    if (fault != NULL) {
        fprintf(stderr, "otterd: %s\n", fault);
        return OTTER_ERR_SYNTAX;
    }
    return 0;
}

int otterd_config_read(struct otterd_config *config, int argc, char **argv,
                       char **environment, int *rest, char *asked)
{
    const char *file = named_file(environment);
    int err = read_options(config, argc, argv, &file, asked);

    if (err != 0) {
        return err;
    }
    *rest = optind;
    if (file != NULL) {
        err = read_file(config, file);
    }
    for (; *environment != NULL; environment++) {
        if (take_variable(config, *environment) != 0) {
            err = OTTER_ERR_SYNTAX;
        }
    }
    return err != 0 ? err : check(config);
}
