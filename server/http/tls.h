/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate that TLS connections are answered with, from files, and
 * read again on demand: connections that come later get the new one, those
 * that are there keep what they have.  One per process, as libmicrohttpd asks
 * for it without saying who asks. */
#ifndef OTTER_SERVER_HTTP_TLS_H
#define OTTER_SERVER_HTTP_TLS_H

#include "format/compiler.h"

#include <gnutls/abstract.h>
#include <stdint.h>

/* Reads certificate (with its chain, the server's own first) and key, both
 * PEM.  Upon an error, which is logged, what was loaded before stays in force.
 * OTTER_ERR_INVALID. */
OTTER_MUST_CHECK int otterd_tls_load(const char *cert_file,
                                     const char *key_file);

/* When the certificate ends, in seconds since 1970; 0: none is loaded. */
int64_t otterd_tls_expires(void);

/* Forgets everything; no connection may be left. */
void otterd_tls_unload(void);

/* What libmicrohttpd calls for each handshake (HTTPS_CERT_CALLBACK). */
int otterd_tls_choose(gnutls_session_t session, const gnutls_datum_t *names,
                      int name_count, const gnutls_pk_algorithm_t *kinds,
                      int kind_count, gnutls_pcert_st **certs,
                      unsigned *cert_count, gnutls_privkey_t *key);

#endif
