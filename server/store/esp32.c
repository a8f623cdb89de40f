/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking images of the ESP32's family. */
#include "server/store/esp32.h"

#include "format/bytes.h"
#include "format/error.h"

#include <openssl/evp.h>
#include <string.h>

#define HEADER            24u
#define SEGMENT           8u /* header of one */
#define SEGMENTS_MAX      16u
#define DESCRIPTION       32u /* of the application, from the file's start */
#define DESCRIPTION_MAGIC 0xABCD5432u
#define HASH              32u
#define PIECE             4096u

struct pass {
    const struct otter_image_source *source;
    uint32_t buf[PIECE / 4];
    uint8_t sum;
    EVP_MD_CTX *sha256; /* NULL: not wanted */
};

/* Takes `len` bytes at `off`, a multiple of 4, into the sum and the digest. */
static int take(struct pass *pass, uint32_t off, uint32_t len)
{
    while (len > 0) {
        uint32_t piece = len < PIECE ? len : PIECE;
        const uint8_t *bytes = (const uint8_t *)pass->buf;
        int err = pass->source->read(pass->source->user, off, pass->buf,
                                     (piece + 3) & ~3u);

        if (err != 0) {
            return err;
        }
        for (uint32_t i = 0; i < piece; i++) {
            pass->sum ^= bytes[i];
        }
        if (pass->sha256 != NULL &&
            EVP_DigestUpdate(pass->sha256, bytes, piece) != 1) {
            return OTTER_ERR_NO_MEMORY;
        }
        off += piece;
        len -= piece;
    }
    return 0;
}

/* The checksum's byte: that of all segments' data, which end at `*end`. */
static int sum_segments(struct pass *pass, unsigned count, uint32_t *end)
{
    const struct otter_image_source *source = pass->source;
    uint32_t off = HEADER;

    pass->sum = OTTER_IMAGE_CHECKSUM;
    for (unsigned i = 0; i < count; i++) {
        uint32_t head[2];
        uint32_t len;
        int err;

        if (source->size - off < SEGMENT) {
            return OTTER_ERR_SHORT;
        }
        err = source->read(source->user, off, head, sizeof head);
        if (err != 0) {
            return err;
        }
        off += SEGMENT;
        len = otter_load_le32((const uint8_t *)head + 4);
        if (len % 4 != 0) {
            return OTTER_ERR_IMAGE;
        }
        if (source->size - off < len) {
            return OTTER_ERR_SHORT;
        }
        err = take(pass, off, len);
        if (err != 0) {
            return err;
        }
        off += len;
    }
    *end = off;
    return 0;
}

/* The SHA-256 behind the first `len` bytes is theirs. */
static int check_hash(struct pass *pass, uint32_t len)
{
    const struct otter_image_source *source = pass->source;
    unsigned char own[EVP_MAX_MD_SIZE];
    uint32_t stored[HASH / 4];
    int err;

    if (source->size - len < HASH) {
        return OTTER_ERR_SHORT;
    }
    pass->sha256 = EVP_MD_CTX_new();
    if (pass->sha256 == NULL ||
        EVP_DigestInit_ex(pass->sha256, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(pass->sha256);
        return OTTER_ERR_NO_MEMORY;
    }
    err = take(pass, 0, len);
    if (err == 0 && EVP_DigestFinal_ex(pass->sha256, own, NULL) != 1) {
        err = OTTER_ERR_NO_MEMORY;
    }
    EVP_MD_CTX_free(pass->sha256);
    if (err == 0) {
        err = source->read(source->user, len, stored, sizeof stored);
    }
    if (err == 0 && memcmp(own, stored, HASH) != 0) {
        err = OTTER_ERR_DIGEST;
    }
    return err;
}

/* A text of the description that is fit to be shown. */
static void copy_text(char out[33], const uint8_t *text)
{
    memcpy(out, text, 32);
    out[32] = '\0';
    for (char *c = out; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7e) {
            out[0] = '\0';
        }
    }
}

static uint32_t flash_size_of(uint8_t nibble)
{
    return nibble <= 7 ? 0x100000u << nibble : 0;
}

int otterd_esp32_check(const struct otter_image_source *source,
                       struct otterd_esp32 *out)
{
    struct pass pass = {.source = source};
    uint32_t words[28]; /* up to the end of the application's name */
    const uint8_t *bytes = (const uint8_t *)words;
    uint32_t end = 0;
    uint32_t last[1];
    int err;

    if (source->size < sizeof words) {
        return OTTER_ERR_KIND;
    }
    err = source->read(source->user, 0, words, sizeof words);
    if (err != 0) {
        return err;
    }
    if (bytes[0] != OTTER_IMAGE_MAGIC ||
        otter_load_le32(bytes + DESCRIPTION) != DESCRIPTION_MAGIC) {
        return OTTER_ERR_KIND;
    }
    if (bytes[1] == 0 || bytes[1] > SEGMENTS_MAX || bytes[23] > 1) {
        return OTTER_ERR_IMAGE;
    }
    out->flash_size = flash_size_of(bytes[3] >> 4);
    copy_text(out->version, bytes + DESCRIPTION + 16);
    copy_text(out->name, bytes + DESCRIPTION + 48);
    err = sum_segments(&pass, bytes[1], &end);
    if (err != 0) {
        return err;
    }
    end = (end & ~15u) + 16; /* one past the checksum */
    if (source->size < end) {
        return OTTER_ERR_SHORT;
    }
    err = source->read(source->user, end - 4, last, sizeof last);
    if (err == 0 && ((const uint8_t *)last)[3] != pass.sum) {
        err = OTTER_ERR_CHECKSUM;
    }
    return err == 0 && bytes[23] == 1 ? check_hash(&pass, end) : err;
}
