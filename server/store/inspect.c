/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspecting what was uploaded. */
#include "server/store/inspect.h"
#include "server/store/esp32.h"

#include "format/descriptor.h"
#include "format/error.h"
#include "format/flash_map.h"
#include "format/hex.h"
#include "format/image.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define SECTOR 4096u
#define PIECE  16384

/* A file as an image's source. */
struct file {
    int fd;
    uint32_t size;
    EVP_MD_CTX *md5; /* of what is written to it, or NULL */
};

/* Says why it is refused. */
__attribute__((format(printf, 2, 3))) static int refuse(char *problem,
                                                        const char *format,
                                                        ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(problem, OTTERD_PROBLEM_MAX, format, args);
    va_end(args);
    return OTTER_ERR_INVALID;
}

/* Up to `len` bytes; fewer at the end of the file.  Negative: it failed. */
static ssize_t read_at(int fd, void *buf, size_t len, off_t off)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got =
            pread(fd, (char *)buf + done, len - done, off + (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int read_image(void *user, uint32_t off, void *buf, uint32_t len)
{
    const struct file *file = user;

    return read_at(file->fd, buf, len, off) < 0 ? OTTER_ERR_FLASH_READ : 0;
}

static int refuse_first_byte(const struct file *file, char *problem)
{
    unsigned char first[4] = {0};

    if (read_at(file->fd, first, sizeof first, 0) < 0) {
        return OTTER_ERR_STATE;
    }
    if (memcmp(first,
               "\x7f"
               "ELF",
               4) == 0) {
        return refuse(problem, "The file is an ELF program, which is what "
                               "images are made from. Upload the .bin that "
                               "the build leaves beside it.");
    }
    return refuse(problem,
                  "The file begins with 0x%02x; an image begins with 0xe9, a "
                  "packed one with 0x1f. Upload the .bin of the build, or "
                  "say kind=filesystem if it is a file system.",
                  first[0]);
}

/* Why the inspection of an image failed, for people. */
static int explain(int err, const struct file *file, char *problem)
{
    switch (err) {
    case OTTER_ERR_MAGIC:
        return refuse_first_byte(file, problem);
    case OTTER_ERR_IMAGE:
        return refuse(problem,
                      "There is no boot image with an application image at "
                      "0x1000 behind it, so a device could not start it. "
                      "Upload the whole .bin of an ESP8266 build.");
    case OTTER_ERR_SHORT:
        return refuse(problem,
                      "The file ends after %lu bytes, before the image in it "
                      "does: it was cut. Build or fetch it again.",
                      (unsigned long)file->size);
    case OTTER_ERR_CHECKSUM:
    case OTTER_ERR_DIGEST:
        return refuse(problem,
                      "The checksum in the image is not that of its bytes: "
                      "the file is damaged. Build or fetch it again.");
    default:
        errno = EIO;
        return OTTER_ERR_STATE;
    }
}

/* What the image says of itself, where the uploader did not. */
static void adopt(const struct otter_image_source *source,
                  struct otterd_firmware *out)
{
    struct otter_descriptor descriptor;

    if (otter_image_find_descriptor(source, &descriptor) != 0) {
        return;
    }
    if (out->name[0] == '\0') {
        memcpy(out->name, descriptor.name, sizeof descriptor.name);
    }
    if (out->version[0] == '\0') {
        memcpy(out->version, descriptor.version, sizeof descriptor.version);
    }
    if (out->board[0] == '\0') {
        memcpy(out->board, descriptor.board, sizeof descriptor.board);
    }
}

/* OTTER_ERR_KIND: it is something else. */
static int inspect_esp32(const struct otter_image_source *source,
                         struct otterd_firmware *out, char *problem)
{
    const struct file *file = source->user;
    struct otterd_esp32 found;
    int err = otterd_esp32_check(source, &found);

    if (err == OTTER_ERR_IMAGE) {
        return refuse(problem, "The segments of this ESP32 image are "
                               "malformed. Upload the application's .bin of "
                               "the build.");
    }
    if (err != 0) {
        return err == OTTER_ERR_KIND ? err : explain(err, file, problem);
    }
    if (out->gzip) {
        return refuse(problem, "This is a packed image for an ESP32, which "
                               "would not unpack it. Upload it without "
                               "gzip.");
    }
    out->chip = OTTERD_ESP32;
    out->flash_size = found.flash_size;
    if (out->name[0] == '\0') {
        memcpy(out->name, found.name, sizeof found.name);
    }
    if (out->version[0] == '\0') {
        memcpy(out->version, found.version, sizeof found.version);
    }
    return 0;
}

static int inspect_image(struct file *file, struct otterd_firmware *out,
                         char *problem)
{
    const struct otter_image_source source = {read_image, file, file->size};
    struct otter_image_check check;
    struct otter_image_info info;
    uint32_t buf[PIECE / sizeof(uint32_t)];
    int err = inspect_esp32(&source, out, problem);

    out->kind = OTTERD_SKETCH;
    if (err != OTTER_ERR_KIND) {
        return err;
    }
    err = otter_image_inspect(&source, &info);
    if (err != 0) {
        return explain(err, file, problem);
    }
    otter_image_check_begin(&check, &source, &info);
    do {
        err = otter_image_check_step(&check, buf, sizeof buf);
    } while (err == OTTER_ERR_PENDING);
    if (err != 0) {
        return explain(err, file, problem);
    }
    out->chip = OTTERD_ESP8266;
    out->flash_size =
        otter_flash_map_size_from_nibble(info.boot.header.size_nibble);
    adopt(&source, out);
    return 0;
}

static int write_out(const struct file *out, const unsigned char *data,
                     size_t len)
{
    if (EVP_DigestUpdate(out->md5, data, len) != 1) {
        return OTTER_ERR_NO_MEMORY;
    }
    while (len > 0) {
        ssize_t done = write(out->fd, data, len);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return OTTER_ERR_STATE;
        }
        data += done;
        len -= (size_t)done;
    }
    return 0;
}

/* Unpacks what `stream` has as input; Z_STREAM_END when all came. */
static int unpack_piece(z_stream *stream, struct file *out, int *status)
{
    unsigned char piece[PIECE];
    int err = 0;

    do {
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        *status = inflate(stream, Z_NO_FLUSH);
        out->size += (uint32_t)(sizeof piece - stream->avail_out);
        if (out->size > OTTERD_FIRMWARE_MAX) {
            return OTTER_ERR_TOO_LONG;
        }
        err = write_out(out, piece, sizeof piece - stream->avail_out);
    } while (err == 0 && *status == Z_OK && stream->avail_out == 0);
    return err;
}

/* Fills how many bytes `in` has `behind` what is packed. */
static int unpack(const struct file *in, struct file *out, uint32_t *behind)
{
    unsigned char piece[PIECE];
    z_stream stream = {.next_in = piece};
    int status = Z_OK;
    int err = 0;

    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return OTTER_ERR_NO_MEMORY;
    }
    for (uint32_t off = 0; err == 0 && status == Z_OK; off += PIECE) {
        ssize_t got = off < in->size ? read_at(in->fd, piece, PIECE, off) : 0;

        if (got <= 0) {
            err = got < 0 ? OTTER_ERR_STATE : OTTER_ERR_SHORT;
            break;
        }
        stream.next_in = piece;
        stream.avail_in = (unsigned)got;
        err = unpack_piece(&stream, out, &status);
        if (status == Z_BUF_ERROR) { /* wants more input */
            status = Z_OK;
        }
    }
    *behind = in->size - (uint32_t)stream.total_in;
    inflateEnd(&stream);
    return err != 0 ? err : status == Z_STREAM_END ? 0 : OTTER_ERR_GZIP;
}

/* Unpacks, with the MD5 of all of it. */
static int unpack_whole(const struct file *file, struct file *inner,
                        char md5[33], uint32_t *behind)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len;
    int err = OTTER_ERR_NO_MEMORY;

    inner->md5 = EVP_MD_CTX_new();
    if (inner->md5 != NULL &&
        EVP_DigestInit_ex(inner->md5, EVP_md5(), NULL) == 1) {
        err = unpack(file, inner, behind);
    }
    if (err == 0 && EVP_DigestFinal_ex(inner->md5, bytes, &len) == 1) {
        otter_hex_encode(md5, bytes, len);
    }
    EVP_MD_CTX_free(inner->md5);
    inner->md5 = NULL;
    return err;
}

static int inspect_packed(const struct file *file, const char *folder,
                          struct otterd_firmware *out, char *problem)
{
    struct file inner = {open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), 0,
                         NULL};
    uint32_t behind = 0;
    int err;

    if (inner.fd < 0) {
        return OTTER_ERR_STATE;
    }
    err = unpack_whole(file, &inner, out->image_md5, &behind);
    if (err == OTTER_ERR_GZIP || err == OTTER_ERR_SHORT) {
        err = refuse(problem, "The file begins like gzip but cannot be "
                              "unpacked: it is damaged or was cut. Pack it "
                              "again with gzip -9.");
    } else if (err == OTTER_ERR_TOO_LONG) {
        err = refuse(problem, "Unpacked it is larger than 16 MiB, the "
                              "largest flash there is.");
    } else if (err == 0 && behind > 0) {
        err = refuse(problem,
                     "There %s %lu byte%s behind what is packed, and from the "
                     "last four of the file a boot loader takes how long the "
                     "image is. Pack it again with gzip -9.",
                     behind == 1 ? "is" : "are", (unsigned long)behind,
                     behind == 1 ? "" : "s");
    } else if (err == 0) {
        out->gzip = true;
        out->image_size = inner.size;
        err = inspect_image(&inner, out, problem);
    }
    close(inner.fd);
    return err;
}

/* A file system is copied to flash as it is. */
static int inspect_files(const struct file *file, enum otterd_claim claim,
                         const unsigned char *start,
                         struct otterd_firmware *out, char *problem)
{
    out->kind = OTTERD_FILE_SYSTEM;
    if (start[0] == 0x1f && start[1] == 0x8b) {
        return refuse(problem, "A device writes a file system as it is and "
                               "would not unpack this one. Upload it without "
                               "gzip.");
    }
    if (file->size % SECTOR != 0) {
        return refuse(problem,
                      "The file has %lu bytes, which is not a multiple of "
                      "%u, so it is no file system or was cut.",
                      (unsigned long)file->size, SECTOR);
    }
    if (claim == OTTERD_CLAIM_SKETCH) {
        return refuse(problem, "This is a LittleFS file system; as a sketch "
                               "it could not start. Upload it without "
                               "kind=sketch.");
    }
    return 0;
}

int otterd_inspect(int fd, const char *folder, enum otterd_claim claim,
                   struct otterd_firmware *out,
                   char problem[OTTERD_PROBLEM_MAX])
{
    struct file file = {fd, out->size, NULL};
    unsigned char start[16] = {0};

    if (out->size == 0) {
        return refuse(problem, "The file is empty. Send its bytes as the "
                               "body of the request.");
    }
    if (read_at(fd, start, sizeof start, 0) < 0) {
        return OTTER_ERR_STATE;
    }
    out->image_size = out->size;
    if (claim == OTTERD_CLAIM_FILES || memcmp(start + 8, "littlefs", 8) == 0) {
        return inspect_files(&file, claim, start, out, problem);
    }
    if (start[0] == 0x1f && start[1] == 0x8b) {
        return inspect_packed(&file, folder, out, problem);
    }
    if (start[0] != OTTER_IMAGE_MAGIC) {
        return refuse_first_byte(&file, problem);
    }
    return inspect_image(&file, out, problem);
}
