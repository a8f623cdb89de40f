/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of a data folder.  A copy is one tar file: the database as it stood
 * at one moment, whoever writes it meanwhile, and every firmware that this
 * database knows.  It is read back in full before it counts: the database by
 * SQLite's integrity check, the firmware by its SHA-256.
 *
 * What goes wrong is printed on stderr, with what to do.  Errors of both:
 * OTTER_ERR_STATE. */
#ifndef OTTER_SERVER_BACKUP_H
#define OTTER_SERVER_BACKUP_H

#include "format/compiler.h"

/* Copies the data folder `dir` into `file`, which must not exist, or to
 * stdout for "-".  The server may be at work.  The file is there whole or not
 * at all, and its owner's alone to read: it holds the digests of tokens. */
OTTER_MUST_CHECK int otterd_backup(const char *dir, const char *file);

/* Makes the data folder `dir` from `file`, or stdin for "-".  A folder that
 * holds a database is left alone.  The database arrives last, so that an
 * interrupted restore leaves no folder that looks whole. */
OTTER_MUST_CHECK int otterd_restore(const char *dir, const char *file);

#endif
