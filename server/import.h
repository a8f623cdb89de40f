/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking over the table of the manual's script (protocol 5.4): a text file
 * with a line "MAC version" for each device and a folder with the firmware of
 * each version as VERSION.bin, or VERSIONbin as the script has it. */
#ifndef OTTER_SERVER_IMPORT_H
#define OTTER_SERVER_IMPORT_H

#include "server/store/store.h"

/* Imports all or nothing: accepts each device and makes a release for it
 * alone.  Blank lines and those that begin with # are skipped.  Prints what
 * is wrong, with the line.  Errors: those of the store and of the firmware;
 * OTTER_ERR_SYNTAX for a line; OTTER_ERR_NO_DATA for a file that is missing.
 */
OTTER_MUST_CHECK int otterd_import(struct otterd_store *store, const char *dir,
                                   const char *product, const char *table,
                                   const char *bin_dir);

/* Reads a MAC: six pairs of hexadecimal digits, bare or between ':' or '-'.
 * OTTER_ERR_SYNTAX. */
OTTER_MUST_CHECK int otterd_mac_read(const char *text, uint64_t *mac);

#endif
