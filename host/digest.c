/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests through OpenSSL, written out as lowercase digits. */
#include "host/digest.h"

#include "format/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_LEN 32

static void write_hex(char *hex, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * len] = '\0';
}

static int digest(char *hex, const EVP_MD *kind, const void *data, size_t len)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    if (!EVP_Digest(data, len, bytes, &size, kind, NULL)) {
        return OTTER_ERR_NO_MEMORY;
    }
    write_hex(hex, bytes, size);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return 0;
}

int otter_digest_md5(char hex[OTTER_MD5_HEX_SIZE], const void *data,
                     size_t len)
{
    return digest(hex, EVP_md5(), data, len);
}

int otter_digest_sha256(char hex[OTTER_SHA256_HEX_SIZE], const void *data,
                        size_t len)
{
    return digest(hex, EVP_sha256(), data, len);
}

int otter_digest_pbkdf2(char hex[OTTER_SHA256_HEX_SIZE], const char *password,
                        const char *salt, unsigned iterations)
{
    unsigned char key[KEY_LEN];

    if (!PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
                           (const unsigned char *)salt, (int)strlen(salt),
                           (int)iterations, EVP_sha256(), KEY_LEN, key)) {
        return OTTER_ERR_NO_MEMORY;
    }
    write_hex(hex, key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    return 0;
}

int otter_digest_random(char *hex, size_t len)
{
    unsigned char bytes[KEY_LEN];

    if (len > sizeof bytes || RAND_bytes(bytes, (int)len) != 1) {
        return OTTER_ERR_RANDOM;
    }
    write_hex(hex, bytes, len);
    return 0;
}
