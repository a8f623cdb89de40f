/* SPDX-License-Identifier: Apache-2.0
 *
 * The account's file and the checks of what goes into it. */
#include "host/account.h"

#include "host/api_ending.h"
#include "host/command.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "login.json"
#define CONSOLE   "/console"

/* $XDG_CONFIG_HOME/otter, or ~/.config/otter. */
static bool folder(char path[OTTER_ACCOUNT_PATH_MAX + 1])
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int len = -1;

    if (config != NULL && *config == '/') {
        len = snprintf(path, OTTER_ACCOUNT_PATH_MAX + 1, "%s/otter", config);
    } else if (home != NULL && *home != '\0') {
        len = snprintf(path, OTTER_ACCOUNT_PATH_MAX + 1, "%s/.config/otter",
                       home);
    }
    return len > 0 && len <= OTTER_ACCOUNT_PATH_MAX;
}

bool otter_account_path(char path[OTTER_ACCOUNT_PATH_MAX + 1])
{
    size_t len;

    if (!folder(path)) {
        return false;
    }
    len = strlen(path);
    if (len + sizeof "/" FILE_NAME > OTTER_ACCOUNT_PATH_MAX) {
        return false;
    }
    memcpy(path + len, "/" FILE_NAME, sizeof "/" FILE_NAME);
    return true;
}

static int say_no_folder(void)
{
    return otter__fail("there is no place for the login: neither HOME nor "
                       "XDG_CONFIG_HOME names a folder. Set one of them, or "
                       "use --server and --token-file");
}

/* Copies a text of the file; absent is "". */
static bool take(char *to, size_t size, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value)) {
        to[0] = '\0';
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) >= size) {
        return false;
    }
    memcpy(to, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool parse(struct otter_account *account, FILE *file)
{
    json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
    char url[OTTER_ACCOUNT_URL_MAX + 1];
    bool good =
        json_is_object(object) && take(url, sizeof url, object, "server") &&
        otter_account_set_server(account, url) == NULL &&
        take(account->token.text, sizeof account->token.text, object,
             "token") &&
        otter_account_check_token(account->token.text) == NULL &&
        take(account->cacert, sizeof account->cacert, object, "cacert");

    json_decref(object);
    return good;
}

int otter_account_load(struct otter_account *account)
{
    char path[OTTER_ACCOUNT_PATH_MAX + 1];
    struct stat info;
    FILE *file;
    bool good;

    *account = (struct otter_account){0};
    file = otter_account_path(path) ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return OTTER_API_END_OK; /* nobody has logged in */
    }
    if (fstat(fileno(file), &info) == 0 && (info.st_mode & 077) != 0) {
        fprintf(stderr,
                "otter: others can read the token in %s: chmod 600 it, or "
                "log in again with a new token\n",
                path);
    }
    good = parse(account, file);
    fclose(file);
    if (!good) {
        otter_account_wipe(account);
        otter__fail("%s is damaged. Log in again: otter login URL", path);
        return OTTER_API_END_LOGIN;
    }
    return OTTER_API_END_OK;
}

/* Makes the folder and those above it, as `mkdir -p`. */
static int make_folder(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* the last one tells */
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static int write_file(int fd, const json_t *object)
{
    FILE *file = fdopen(fd, "w");
    int error;

    if (file == NULL) {
        error = errno;
        close(fd);
        return error;
    }
    error = json_dumpf(object, file, JSON_INDENT(2)) != 0 ||
                    fputc('\n', file) == EOF || fflush(file) != 0 ||
                    fsync(fd) != 0
                ? errno
                : 0;
    if (fclose(file) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

/* Into a new file, which mkstemp makes for its owner only, and then into its
 * place. */
static int replace(const char *path, const json_t *object)
{
    char draft[OTTER_ACCOUNT_PATH_MAX + 8];
    int error;
    int fd;

    snprintf(draft, sizeof draft, "%s.XXXXXX", path);
    fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    error = write_file(fd, object);
    if (error == 0 && rename(draft, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(draft);
    }
    return error;
}

int otter_account_save(const struct otter_account *account)
{
    char path[OTTER_ACCOUNT_PATH_MAX + 1];
    json_t *object;
    int error;

    if (!folder(path)) {
        return say_no_folder();
    }
    error = make_folder(path);
    if (!otter_account_path(path)) {
        return say_no_folder();
    }
    object = json_pack("{s:s, s:s, s:s}", "server", account->server, "token",
                       account->token.text, "cacert", account->cacert);
    if (object == NULL) {
        return otter__fail("the path of --cacert is not UTF-8");
    }
    error = error != 0 ? error : replace(path, object);
    json_decref(object);
    if (error != 0) {
        otter__fail("cannot keep the login in %s: %s", path, strerror(error));
        return OTTER_API_END_FILE;
    }
    return OTTER_API_END_OK;
}

int otter_account_remove(bool *was_there)
{
    char path[OTTER_ACCOUNT_PATH_MAX + 1];

    *was_there = otter_account_path(path) && unlink(path) == 0;
    if (!*was_there && errno != ENOENT && errno != ENOTDIR) {
        otter__fail("cannot remove %s: %s", path, strerror(errno));
        return OTTER_API_END_FILE;
    }
    return OTTER_API_END_OK;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return has;
}

/* The address without what follows the path, and no slash at its end. */
static const char *store(struct otter_account *account, CURLU *url)
{
    char *text = NULL;
    size_t len;

    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        return "it is not a URL";
    }
    len = strlen(text);
    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    if (len > sizeof CONSOLE && strncmp(text + len + 1 - sizeof CONSOLE,
                                        CONSOLE, sizeof CONSOLE - 1) == 0) {
        len -= sizeof CONSOLE - 1; /* copied from the browser */
    }
    if (len <= OTTER_ACCOUNT_URL_MAX) {
        memcpy(account->server, text, len);
        account->server[len] = '\0';
    }
    curl_free(text);
    return len <= OTTER_ACCOUNT_URL_MAX ? NULL : "it is too long";
}

const char *otter_account_set_server(struct otter_account *account,
                                     const char *text)
{
    CURLU *url;
    const char *wrong = NULL;

    if (strncmp(text, "http://", 7) != 0 &&
        strncmp(text, "https://", 8) != 0) {
        return "it must begin with http:// or https://";
    }
    url = curl_url();
    if (url == NULL) {
        return "out of memory";
    }
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        wrong = "it is not a URL";
    } else if (has_part(url, CURLUPART_USER) ||
               has_part(url, CURLUPART_PASSWORD)) {
        wrong = "it has a user in it; the token says who you are";
    } else if (has_part(url, CURLUPART_QUERY) ||
               has_part(url, CURLUPART_FRAGMENT)) {
        wrong = "it must not have a ? or # in it";
    } else {
        wrong = store(account, url);
    }
    curl_url_cleanup(url);
    return wrong;
}

bool otter_account_is_local(const struct otter_account *account)
{
    const char *host = strstr(account->server, "//");
    char name[64] = "";
    struct in_addr address;
    size_t len;

    if (host == NULL) {
        return false;
    }
    host += 2;
    len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    if (len >= sizeof name) {
        return false;
    }
    memcpy(name, host, len);
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, &address) == 1 &&
            ntohl(address.s_addr) >> 24 == 127);
}

const char *otter_account_check_token(const char *token)
{
    if (*token == '\0') {
        return "it is empty";
    }
    for (; *token != '\0'; token++) {
        if (*token <= ' ' || *token > '~') {
            return "it has characters that no token has";
        }
    }
    return NULL;
}

void otter_account_wipe(struct otter_account *account)
{
    OPENSSL_cleanse(account, sizeof *account);
}
