/* SPDX-License-Identifier: Apache-2.0
 *
 * The import of a script's table, one transaction. */
#include "server/import.h"

#include "format/error.h"
#include "format/hex.h"
#include "server/store/devices.h"
#include "server/store/firmware.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHO "import"

struct import {
    struct otterd_store *store;
    const char *dir;
    const char *product;
    const char *table;
    const char *bin_dir;
    unsigned line;
    char version[OTTERD_TEXT_MAX]; /* the last one's firmware is firmware_id */
    int64_t firmware_id;
};

int otterd_mac_read(const char *text, uint64_t *mac)
{
    *mac = 0;
    for (int i = 0; i < 6; i++) {
        unsigned char byte;

        if (i > 0 && (*text == ':' || *text == '-')) {
            text++;
        }
        if (text[0] == '\0' || otter_hex_decode(&byte, text, 1) != 0) {
            return OTTER_ERR_SYNTAX;
        }
        *mac = *mac << 8 | byte;
        text += 2;
    }
    return *text == '\0' ? 0 : OTTER_ERR_SYNTAX;
}

static int complain(const struct import *import, int err, const char *what)
{
    fprintf(stderr, "otterd: %s:%u: %s\n", import->table, import->line, what);
    return err;
}

/* Feeds a file to an upload.  OTTER_ERR_NO_DATA: there is none. */
static int read_file(const char *path, struct otterd_upload *upload)
{
    FILE *file = fopen(path, "rb");
    char piece[16384];
    size_t size;
    int err = 0;

    if (file == NULL) {
        return OTTER_ERR_NO_DATA;
    }
    while (err == 0 && (size = fread(piece, 1, sizeof piece, file)) > 0) {
        err = otterd_upload_write(upload, piece, size);
    }
    if (err == 0 && ferror(file)) {
        err = OTTER_ERR_STATE;
    }
    fclose(file);
    return err;
}

static int find_file(struct import *import, struct otterd_firmware *firmware,
                     struct otterd_upload *upload)
{
    static const char *const endings[] = {".bin", "bin"};
    int err = OTTER_ERR_NO_DATA;

    for (int i = 0; i < 2 && err == OTTER_ERR_NO_DATA; i++) {
        char path[4096];

        snprintf(firmware->filename, sizeof firmware->filename, "%s%s",
                 firmware->version, endings[i]);
        if (snprintf(path, sizeof path, "%s/%s", import->bin_dir,
                     firmware->filename) >= (int)sizeof path) {
            return OTTER_ERR_TOO_LONG;
        }
        err = read_file(path, upload);
    }
    return err;
}

/* Inspects and keeps what was read. */
static int take_file(struct import *import, struct otterd_firmware *firmware,
                     struct otterd_upload *upload)
{
    char problem[OTTERD_PROBLEM_MAX] = "";
    int err = find_file(import, firmware, upload);

    if (err == OTTER_ERR_NO_DATA) {
        return complain(import, err, "there is no firmware of this version");
    }
    if (err == 0) {
        err = otterd_upload_finish(upload, OTTERD_CLAIM_SKETCH, firmware,
                                   problem);
    }
    if (err == OTTER_ERR_INVALID || err == OTTER_ERR_TOO_LONG) {
        fprintf(stderr, "otterd: %s: ", firmware->filename);
        return complain(import, err,
                        problem[0] != '\0' ? problem : otter_error_text(err));
    }
    if (err == 0) {
        err = otterd_upload_keep(upload);
    }
    return err == 0 ? 0 : complain(import, err, strerror(errno));
}

static int take_firmware(struct import *import, const char *version)
{
    struct otterd_firmware firmware = {.by = WHO};
    struct otterd_upload *upload;
    int err;

    if (strcmp(import->version, version) == 0) {
        return 0;
    }
    err = otterd_upload_begin(&upload, import->dir);
    if (err != 0) {
        return complain(import, err, strerror(errno));
    }
    snprintf(firmware.version, sizeof firmware.version, "%s", version);
    snprintf(firmware.name, sizeof firmware.name, "%s",
             import->product[0] != '\0' ? import->product : WHO);
    err = take_file(import, &firmware, upload);
    otterd_upload_free(upload);
    if (err != 0) {
        return err;
    }
    memcpy(import->version, firmware.version, sizeof import->version);
    err = otterd_firmware_add(import->store, &firmware, &import->firmware_id);
    if (err == 0) {
        err = otterd_audit_say(import->store, WHO,
                               "firmware %" PRId64
                               " \"%s\" version %s, SHA-256 %s",
                               import->firmware_id, firmware.name,
                               firmware.version, firmware.sha256);
    }
    return err;
}

/* A version becomes a file name and a header's value. */
static bool is_version(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e || strchr("/\"\\;", text[i])) {
            return false;
        }
    }
    return len > 0 && len < OTTERD_TEXT_MAX - 1;
}

static int take_line(struct import *import, char *line)
{
    struct otterd_release release = {.target = OTTERD_TARGET_MAC};
    char *mac_text = strtok(line, " \t\r\n");
    char *version = mac_text == NULL ? NULL : strtok(NULL, " \t\r\n");
    uint64_t mac;
    int64_t id;
    int64_t replaced;
    int err;

    if (mac_text == NULL || mac_text[0] == '#') {
        return 0;
    }
    if (version == NULL || strtok(NULL, " \t\r\n") != NULL ||
        otterd_mac_read(mac_text, &mac) != 0 || !is_version(version)) {
        return complain(import, OTTER_ERR_SYNTAX,
                        "expected a MAC and a version of at most 62 "
                        "characters");
    }
    err = take_firmware(import, version);
    if (err != 0) {
        return err;
    }
    snprintf(release.target_value, sizeof release.target_value, "%012" PRIx64,
             mac);
    snprintf(release.product, sizeof release.product, "%s", import->product);
    err = otterd_device_set_state(import->store, mac, OTTERD_ACCEPTED, WHO);
    if (err == 0) {
        err = otterd_release_add(import->store, &release, import->firmware_id,
                                 NULL, WHO, &id, &replaced);
    }
    if (err != 0) {
        return complain(import, err, otterd_store_error(import->store));
    }
    return 0;
}

static int take_lines(struct import *import, FILE *file)
{
    char line[512];
    int err = 0;

    while (err == 0 && fgets(line, sizeof line, file) != NULL) {
        import->line++;
        if (strchr(line, '\n') == NULL && !feof(file)) {
            return complain(import, OTTER_ERR_TOO_LONG,
                            "the line is too long");
        }
        err = take_line(import, line);
    }
    return err;
}

int otterd_import(struct otterd_store *store, const char *dir,
                  const char *product, const char *table, const char *bin_dir)
{
    struct import import = {.store = store,
                            .dir = dir,
                            .product = product,
                            .table = table,
                            .bin_dir = bin_dir};
    FILE *file = fopen(table, "r");
    int err;

    if (file == NULL) {
        fprintf(stderr, "otterd: %s: %s\n", table, strerror(errno));
        return OTTER_ERR_NO_DATA;
    }
    err = otterd_store_begin(store);
    if (err == 0) {
        err = take_lines(&import, file);
    }
    if (err == 0) {
        err = otterd_store_commit(store);
    }
    if (err != 0) {
        otterd_store_cancel(store);
    }
    fclose(file);
    return err;
}
