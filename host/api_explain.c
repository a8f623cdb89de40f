/* SPDX-License-Identifier: Apache-2.0
 *
 * What libcurl and otterd report, in words. */
#include "host/api_explain.h"

#include "host/command.h"
#include "host/show.h"

#include <stdio.h>
#include <string.h>

static void hint(const char *text)
{
    if (text[0] != '\0') {
        fprintf(stderr, "  %s\n", text);
    }
}

/* --- No answer ----------------------------------------------------------- */

static const struct failure {
    CURLcode code;
    const char *what; /* after the server's address */
    const char *hint;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "there is no such host",
     "Is the name right, and is this computer online?"},
    {CURLE_COULDNT_RESOLVE_PROXY, "there is no such proxy",
     "Look at http_proxy and https_proxy in the environment."},
    {CURLE_COULDNT_CONNECT, "nothing answers there",
     "Is otterd running, does its --listen name this address and port, and "
     "does a firewall let them through?"},
    {CURLE_OPERATION_TIMEDOUT, "it does not answer in time",
     "Is it overloaded, or the wrong port? --timeout SECONDS waits longer."},
    {CURLE_PEER_FAILED_VERIFICATION, "its certificate is not trusted",
     "If it is signed by an authority of your own, name that one's "
     "certificate: --cacert FILE."},
    {CURLE_SSL_CACERT_BADFILE, "the list of authorities cannot be used",
     "--cacert FILE is a file of certificates in PEM form. Without it, it is "
     "the system's, of the package ca-certificates."},
    {CURLE_SSL_CONNECT_ERROR, "there is no TLS with it",
     "If it speaks plain HTTP, its address begins with http://."},
    {CURLE_GOT_NOTHING, "it closed the connection without an answer",
     "If it speaks TLS, its address begins with https://."},
    {CURLE_UNSUPPORTED_PROTOCOL, "what answers does not speak HTTP",
     "Is the port right? otterd's is 8266 unless --listen says another."},
    {CURLE_WEIRD_SERVER_REPLY, "what answers does not speak HTTP",
     "Is the port right? otterd's is 8266 unless --listen says another."},
};

#define FAILURES (sizeof failures / sizeof failures[0])

/* Whether the server may have done what was asked for. */
static bool may_be_done(const struct otter_api *api,
                        const struct otter_api_request *request)
{
    long sent = 0;

    curl_easy_getinfo(api->curl, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0 && strcmp(request->method, "GET") != 0;
}

int otter_api_explain_failure(const struct otter_api *api,
                              const struct otter_api_request *request,
                              CURLcode code)
{
    const char *server = api->account->server;
    const char *why = api->error[0] ? api->error : curl_easy_strerror(code);

    if (code == CURLE_OUT_OF_MEMORY) {
        return otter__fail("out of memory");
    }
    for (size_t i = 0; i < FAILURES; i++) {
        if (failures[i].code == code) {
            otter__fail("%s: %s (%s)", server, failures[i].what, why);
            hint(failures[i].hint);
            break;
        }
        if (i + 1 == FAILURES) {
            otter__fail("%s: the connection broke (%s)", server, why);
        }
    }
    if (may_be_done(api, request)) {
        hint("It is not known whether the server did it: look before you "
             "repeat it.");
    }
    return OTTER_API_END_UNREACHABLE;
}

/* --- Another answer than wanted ------------------------------------------ */

static enum otter_api_ending ending_of(long status)
{
    switch (status) {
    case 401:
        return OTTER_API_END_TOKEN;
    case 403:
        return OTTER_API_END_SCOPE;
    case 404:
        return OTTER_API_END_ABSENT;
    case 409:
        return OTTER_API_END_CONFLICT;
    default:
        return status >= 400 && status < 500 ? OTTER_API_END_REFUSED
                                             : OTTER_API_END_SERVER;
    }
}

static const char *hint_of(enum otter_api_ending ending)
{
    switch (ending) {
    case OTTER_API_END_TOKEN:
        return "Log in with a token that is valid: otter login URL. Without "
               "one, an administrator makes it: otter token create NAME.";
    case OTTER_API_END_SCOPE:
        return "Log in with a token of a larger scope. An administrator makes "
               "it: otter token create NAME --scope operate.";
    case OTTER_API_END_SERVER:
        return "Its log says more. Are otter and otterd of the same version?";
    default:
        return "";
    }
}

static int explain_redirect(const struct otter_api *api)
{
    char *target = NULL;

    curl_easy_getinfo(api->curl, CURLINFO_REDIRECT_URL, &target);
    otter__fail("%s sends on to another address%s%s; the token is not sent "
                "there",
                api->account->server, target != NULL ? ", " : "",
                target != NULL ? target : "");
    hint("If that is the right server, log in there: otter login URL.");
    return OTTER_API_END_SERVER;
}

int otter_api_explain_status(const struct otter_api *api, long status,
                             const char *body, size_t len)
{
    enum otter_api_ending ending = ending_of(status);
    json_t *problem;
    const char *words;

    if (status >= 300 && status < 400) {
        return explain_redirect(api);
    }
    if (ending == OTTER_API_END_TOKEN) { /* the API's words are for programs */
        otter__fail("%s does not accept the token: it is unknown there, or "
                    "was revoked",
                    api->account->server);
        hint(hint_of(ending));
        return (int)ending;
    }
    problem = body != NULL ? json_loadb(body, len, 0, NULL) : NULL;
    words = json_string_value(json_object_get(problem, "detail"));
    if (words == NULL) {
        words = json_string_value(json_object_get(problem, "title"));
    }
    fputs("otter: ", stderr);
    if (words != NULL) {
        otter_show_clean(stderr, words);
    } else {
        fprintf(stderr, "%s answered with the status %ld and no reason",
                api->account->server, status);
        if (ending == OTTER_API_END_ABSENT) {
            fputs(": is it an otterd?", stderr);
        }
    }
    fputc('\n', stderr);
    hint(hint_of(ending));
    json_decref(problem);
    return (int)ending;
}
