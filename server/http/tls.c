/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a certificate, and the ones that were loaded before it: a handshake
 * may still use one when the next is read, so they are kept, a few kilobytes
 * each, until a day has passed. */
#include "server/http/tls.h"

#include "format/error.h"
#include "server/log.h"
#include "server/store/owner.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHAIN_MAX 16
#define KEPT_FOR  86400 /* seconds; a handshake takes at most a minute */

struct identity {
    struct identity *older;
    time_t replaced;
    int64_t expires;
    gnutls_privkey_t key;
    unsigned count;
    gnutls_pcert_st chain[CHAIN_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct identity *current;

static void drop(struct identity *identity)
{
    for (unsigned i = 0; i < identity->count; i++) {
        gnutls_pcert_deinit(&identity->chain[i]);
    }
    if (identity->key != NULL) {
        gnutls_privkey_deinit(identity->key);
    }
    free(identity);
}

static int complain(const char *file, const char *why)
{
    otterd_log(OTTERD_LOG_ERROR, "tls", otterd_log_text("file", file),
               otterd_log_text("why", why));
    return OTTER_ERR_INVALID;
}

static int load(const char *file, gnutls_datum_t *pem)
{
    char why[OTTERD_OWNER_TEXT];
    int rc = gnutls_load_file(file, pem);

    if (rc >= 0) {
        return 0;
    }
    otterd_owner_explain(why, file);
    return complain(file, why[0] != '\0' ? why : gnutls_strerror(rc));
}

static int read_chain(struct identity *identity, const char *file)
{
    gnutls_datum_t pem;
    gnutls_x509_crt_t own;
    int rc = load(file, &pem);

    if (rc != 0) {
        return rc;
    }
    identity->count = CHAIN_MAX;
    rc = gnutls_pcert_list_import_x509_raw(
        identity->chain, &identity->count, &pem, GNUTLS_X509_FMT_PEM,
        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED |
            GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    gnutls_free(pem.data);
    if (rc < 0 || identity->count == 0) {
        identity->count = 0;
        return complain(file, rc < 0 ? gnutls_strerror(rc)
                                     : "there is no certificate in it");
    }
    rc = gnutls_pcert_export_x509(&identity->chain[0], &own);
    if (rc < 0) {
        return complain(file, gnutls_strerror(rc));
    }
    identity->expires = (int64_t)gnutls_x509_crt_get_expiration_time(own);
    gnutls_x509_crt_deinit(own);
    return 0;
}

static int read_key(struct identity *identity, const char *file)
{
    gnutls_datum_t pem;
    int rc = load(file, &pem);

    if (rc != 0) {
        return rc;
    }
    rc = gnutls_privkey_init(&identity->key);
    if (rc == 0) {
        rc = gnutls_privkey_import_x509_raw(identity->key, &pem,
                                            GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return rc < 0 ? complain(file, gnutls_strerror(rc)) : 0;
}

/* A key of another certificate would fail in each handshake. */
static int check_pair(const struct identity *identity, const char *file)
{
    unsigned char ids[2][64];
    size_t sizes[2] = {sizeof ids[0], sizeof ids[1]};
    gnutls_pubkey_t public_key;
    int rc = gnutls_pubkey_init(&public_key);

    if (rc < 0) {
        return complain(file, gnutls_strerror(rc));
    }
    rc = gnutls_pubkey_import_privkey(public_key, identity->key, 0, 0);
    if (rc == 0) {
        rc = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256,
                                      ids[0], &sizes[0]);
    }
    if (rc == 0) {
        rc = gnutls_pubkey_get_key_id(identity->chain[0].pubkey,
                                      GNUTLS_KEYID_USE_SHA256, ids[1],
                                      &sizes[1]);
    }
    gnutls_pubkey_deinit(public_key);
    if (rc < 0) {
        return complain(file, gnutls_strerror(rc));
    }
    if (sizes[0] != sizes[1] || memcmp(ids[0], ids[1], sizes[0]) != 0) {
        return complain(file, "the key is not the certificate's");
    }
    return 0;
}

static void put_in_force(struct identity *fresh)
{
    struct identity **link;
    time_t now = time(NULL);

    pthread_mutex_lock(&lock);
    if (current != NULL) {
        current->replaced = now;
    }
    fresh->older = current;
    current = fresh;
    link = &fresh->older;
    while (*link != NULL) {
        struct identity *old = *link;

        if (now - old->replaced > KEPT_FOR) {
            *link = old->older;
            drop(old);
        } else {
            link = &old->older;
        }
    }
    pthread_mutex_unlock(&lock);
}

int otterd_tls_load(const char *cert_file, const char *key_file)
{
    struct identity *fresh = calloc(1, sizeof *fresh);
    char until[24] = "";
    time_t expires;
    struct tm utc;
    int err;

    if (fresh == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    err = read_chain(fresh, cert_file);
    if (err == 0) {
        err = read_key(fresh, key_file);
    }
    if (err == 0) {
        err = check_pair(fresh, key_file);
    }
    if (err != 0) {
        drop(fresh);
        return err;
    }
    expires = (time_t)fresh->expires;
    if (gmtime_r(&expires, &utc) != NULL) {
        strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    put_in_force(fresh);
    otterd_log(expires <= time(NULL) ? OTTERD_LOG_WARNING : OTTERD_LOG_INFO,
               "certificate", otterd_log_text("file", cert_file),
               otterd_log_text("expires", until));
    return 0;
}

int64_t otterd_tls_expires(void)
{
    int64_t expires;

    pthread_mutex_lock(&lock);
    expires = current == NULL ? 0 : current->expires;
    pthread_mutex_unlock(&lock);
    return expires;
}

void otterd_tls_unload(void)
{
    pthread_mutex_lock(&lock);
    while (current != NULL) {
        struct identity *older = current->older;

        drop(current);
        current = older;
    }
    pthread_mutex_unlock(&lock);
}

int otterd_tls_choose(gnutls_session_t session, const gnutls_datum_t *names,
                      int name_count, const gnutls_pk_algorithm_t *kinds,
                      int kind_count, gnutls_pcert_st **certs,
                      unsigned *cert_count, gnutls_privkey_t *key)
{
    (void)session;
    (void)names;
    (void)name_count;
    (void)kinds;
    (void)kind_count;
    pthread_mutex_lock(&lock);
    *certs = current->chain;
    *cert_count = current->count;
    *key = current->key;
    pthread_mutex_unlock(&lock);
    return 0;
}
