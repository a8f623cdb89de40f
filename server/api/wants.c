/* SPDX-License-Identifier: Apache-2.0
 *
 * What a listener wants to hear, from the parameters of its request. */
#include "server/api/handlers.h"
#include "server/import.h"

#include <string.h>

#define WORD_MAX 24

/* Takes the next of the words that commas separate.  False: too long. */
static bool next_word(const char **at, char word[WORD_MAX])
{
    size_t len = strcspn(*at, ",");

    if (len >= WORD_MAX) {
        return false;
    }
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len;
    *at += **at == ',';
    return true;
}

static bool add_kind(struct otterd_call *call, const char *word,
                     struct otterd_wants *out)
{
    int kind = 0;

    while (otterd_kind_names[kind] != NULL &&
           strcmp(otterd_kind_names[kind], word) != 0) {
        kind++;
    }
    if (otterd_kind_names[kind] == NULL) {
        otterd_problem(call, 400,
                       "kinds cannot be \"%s\"; it is some of these, with "
                       "commas between: device, release, firmware, token, "
                       "path, settings.",
                       word);
        return false;
    }
    if (call->who.scope < otterd_kind_scope((enum otterd_kind)kind)) {
        otterd_problem(
            call, 403,
            "Hearing of kind %s needs a token with the scope %s; "
            "yours has %s.",
            word, otterd_scope_name(otterd_kind_scope((enum otterd_kind)kind)),
            otterd_scope_name(call->who.scope));
        return false;
    }
    out->kinds |= 1u << kind;
    return true;
}

static bool read_kinds(struct otterd_call *call, struct otterd_wants *out)
{
    const char *at = otterd_query(call, "kinds");
    char word[WORD_MAX];

    while (at != NULL) {
        if (!next_word(&at, word)) {
            memcpy(word, at, WORD_MAX - 1);
            word[WORD_MAX - 1] = '\0';
        }
        if (!add_kind(call, word, out)) {
            return false;
        }
        at = *at == '\0' ? NULL : at;
    }
    return true;
}

static bool read_macs(struct otterd_call *call, struct otterd_wants *out)
{
    const char *at = otterd_query(call, "mac");
    char word[WORD_MAX];

    while (at != NULL) {
        if (out->mac_count == OTTERD_HUB_MACS) {
            otterd_problem(call, 400,
                           "mac has more than %d devices. Name fewer, or "
                           "leave mac out and hear all.",
                           OTTERD_HUB_MACS);
            return false;
        }
        if (!next_word(&at, word) ||
            otterd_mac_read(word, &out->macs[out->mac_count]) != 0) {
            otterd_problem(call, 400,
                           "mac is one or more of six pairs of hexadecimal "
                           "digits, with commas between, like "
                           "18:FE:34:00:00:01,18FE34000002.");
            return false;
        }
        out->mac_count++;
        at = *at == '\0' ? NULL : at;
    }
    return true;
}

bool otterd_query_wants(struct otterd_call *call, struct otterd_wants *out)
{
    static const char *const answers[] = {"false", "true", NULL};
    int news = 0;

    *out = (struct otterd_wants){.kinds = 0};
    if (!read_kinds(call, out) || !read_macs(call, out) ||
        !otterd_query_id(call, "release", &out->release) ||
        !otterd_query_word(call, "news", answers, &news)) {
        return false;
    }
    out->news = news == 1;
    return true;
}
