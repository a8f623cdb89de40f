/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening, without and with TLS, and who is at the other end.  Two daemons
 * of libmicrohttpd share everything but their sockets. */
#include "server/http/server.h"
#include "server/http/server_internal.h"
#include "server/http/tls.h"
#include "server/log.h"

#include "format/error.h"
#include "format/hex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define CONNECTION_MEMORY ((size_t)16384) /* headers that are longer: 431 */

/* As many connections as there are descriptors, less those for files: not
 * everybody downloads at once. */
static unsigned connection_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    limit.rlim_cur = limit.rlim_max > 262144 ? 262144 : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    return limit.rlim_cur < 512 ? 64 : (unsigned)(limit.rlim_cur / 4 * 3);
}

/* What libmicrohttpd complains of is why it does not start, then what
 * clients did wrong: not worth a line each. */
static void log_daemon(void *user, const char *format, va_list args)
{
    struct otterd_server *server = user;
    char text[OTTERD_LOG_VALUE];
    size_t len;

    vsnprintf(text, sizeof text, format, args);
    len = strlen(text);
    while (len > 0 && text[len - 1] == '\n') {
        text[--len] = '\0';
    }
    otterd_log(atomic_load(&server->running) ? OTTERD_LOG_DEBUG
                                             : OTTERD_LOG_ERROR,
               "http", otterd_log_text("why", text));
}

/* Like libmicrohttpd's own, but %00 stays as it is: a path does not end where
 * who asks wants it to. */
static size_t unescape(void *user, struct MHD_Connection *connection,
                       char *text)
{
    char *out = text;
    unsigned char byte;

    (void)user;
    (void)connection;
    for (const char *in = text; *in != '\0'; in++) {
        if (*in == '%' && in[1] != '\0' &&
            otter_hex_decode(&byte, in + 1, 1) == 0 && byte != 0) {
            *out++ = (char)byte;
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

static struct MHD_Daemon *start(struct otterd_server *server,
                                const struct otterd_address *address, bool tls,
                                MHD_AccessHandlerCallback answer,
                                MHD_RequestCompletedCallback completed)
{
    /* Turbo: reads and writes before it asks whether it can. */
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    uint32_t wanted = server->config.connections;
    /* Two listeners share the descriptors. */
    unsigned most =
        connection_limit() / (server->config.listen.used +
                              (unsigned)server->config.tls_listen.used);
    const struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
         (void *)(uintptr_t)otterd_tls_choose},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (address->socket.any.sa_family == AF_INET6) {
        /* All addresses are those of IPv4 too. */
        flags |= IN6_IS_ADDR_UNSPECIFIED(&address->socket.v6.sin6_addr)
                     ? MHD_USE_DUAL_STACK
                     : MHD_USE_IPv6;
    }
    if (tls) {
        flags |= MHD_USE_TLS;
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, answer, server, MHD_OPTION_EXTERNAL_LOGGER,
        log_daemon, server, MHD_OPTION_SOCK_ADDR, &address->socket.any,
        MHD_OPTION_THREAD_POOL_SIZE,
        server->threads > 1 ? server->threads : 0u,
        MHD_OPTION_CONNECTION_TIMEOUT, OTTERD_IDLE_SECONDS,
        MHD_OPTION_CONNECTION_LIMIT,
        wanted > 0 && wanted < most ? (unsigned)wanted : most,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)server->config.per_address, MHD_OPTION_UNESCAPE_CALLBACK,
        unescape, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_NOTIFY_CONNECTION, otterd_patience_notify, server->patience,
        MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_ARRAY,
        tls ? secure : none, MHD_OPTION_END);
}

int otterd__listen(struct otterd_server *server,
                   MHD_AccessHandlerCallback answer,
                   MHD_RequestCompletedCallback completed)
{
    const struct otterd_config *config = &server->config;

    if (config->tls_listen.used) {
        int err = otterd_tls_load(config->tls_cert, config->tls_key);

        if (err != 0) {
            return err;
        }
        server->tls_daemon =
            start(server, &config->tls_listen, true, answer, completed);
    }
    if (config->listen.used) {
        server->daemon =
            start(server, &config->listen, false, answer, completed);
    }
    if ((config->listen.used && server->daemon == NULL) ||
        (config->tls_listen.used && server->tls_daemon == NULL)) {
        fprintf(stderr, "otterd: cannot listen at %s\n",
                config->tls_listen.used && server->tls_daemon == NULL
                    ? config->tls_listen.text
                    : config->listen.text);
        return OTTER_ERR_ADDRESS_IN_USE;
    }
    return 0;
}

static uint16_t port_of(struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info =
        daemon == NULL
            ? NULL
            : MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info == NULL ? 0 : info->port;
}

uint16_t otterd_server_port(const struct otterd_server *server)
{
    return port_of(server->daemon);
}

uint16_t otterd_server_tls_port(const struct otterd_server *server)
{
    return port_of(server->tls_daemon);
}

/* The other end, IPv4 as ::ffff:a.b.c.d. */
static bool peer_of(struct MHD_Connection *connection, struct in6_addr *out)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    char text[INET_ADDRSTRLEN];

    if (address != NULL && address->sa_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)address)->sin6_addr;
        return true;
    }
    return address != NULL && address->sa_family == AF_INET &&
           inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr,
                     text, sizeof text) != NULL &&
           otterd_address_read(text, out) == 0;
}

/* Most ask by IPv4 and directly. */
static bool plain_address(struct MHD_Connection *connection,
                          char out[OTTERD_ADDRESS_MAX])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;

    return address != NULL && address->sa_family == AF_INET &&
           inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr,
                     out, OTTERD_ADDRESS_MAX) != NULL;
}

static bool is_proxy(const struct otterd_config *config,
                     const struct in6_addr *address)
{
    for (size_t i = 0; i < config->proxy_count; i++) {
        if (memcmp(&config->proxies[i], address, sizeof *address) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the last address off a list with commas; `*len` is what is left. */
static bool take_last(const char *list, size_t *len, struct in6_addr *out)
{
    char text[OTTERD_ADDRESS_MAX];
    size_t end = *len;
    size_t start;

    while (end > 0 && list[end - 1] == ' ') {
        end--;
    }
    start = end;
    while (start > 0 && list[start - 1] != ',' && list[start - 1] != ' ') {
        start--;
    }
    if (end - start >= sizeof text) {
        return false;
    }
    memcpy(text, list + start, end - start);
    text[end - start] = '\0';
    while (start > 0 && (list[start - 1] == ',' || list[start - 1] == ' ')) {
        start--;
    }
    *len = start;
    return otterd_address_read(text, out) == 0;
}

void otterd__address_of(const struct otterd_server *server,
                        struct MHD_Connection *connection,
                        char out[OTTERD_ADDRESS_MAX])
{
    struct in6_addr address;
    const char *list;
    size_t len;

    out[0] = '\0';
    if (server->config.proxy_count == 0 && plain_address(connection, out)) {
        return;
    }
    if (!peer_of(connection, &address)) {
        return;
    }
    if (is_proxy(&server->config, &address)) {
        list = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                           "X-Forwarded-For");
        len = list == NULL ? 0 : strlen(list);
        /* Each proxy adds who asked it; what a stranger wrote there himself
         * lies before the first that is no proxy of ours. */
        while (len > 0 && is_proxy(&server->config, &address) &&
               take_last(list, &len, &address)) {
        }
    }
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        inet_ntop(AF_INET, address.s6_addr + 12, out, OTTERD_ADDRESS_MAX);
    } else {
        inet_ntop(AF_INET6, &address, out, OTTERD_ADDRESS_MAX);
    }
}

bool otterd__is_secure(const struct otterd_server *server,
                       struct MHD_Connection *connection)
{
    struct in6_addr address;
    const char *said;

    if (MHD_get_connection_info(connection,
                                MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL) {
        return true;
    }
    if (!peer_of(connection, &address) ||
        !is_proxy(&server->config, &address)) {
        return false;
    }
    said = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       "X-Forwarded-Proto");
    return said != NULL && strcmp(said, "https") == 0;
}
