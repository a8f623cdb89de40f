/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose what is made in a data folder is.  A command that root runs on the
 * folder of a server's user would leave files that the server cannot read:
 * what root makes there is given to the owner of the folder it is made in. */
#ifndef OTTER_SERVER_STORE_OWNER_H
#define OTTER_SERVER_STORE_OWNER_H

#include "format/compiler.h"

#define OTTERD_OWNER_TEXT 512

/* The open file belongs to the owner of the folder; for others than root it
 * stays as it is.  Errors are in errno. */
OTTER_MUST_CHECK int otterd_owner_file(int fd, const char *folder);

/* As mkdir(path, 0700); what is new belongs to the folder's owner.  errno is
 * EEXIST when there was something by that name. */
OTTER_MUST_CHECK int otterd_owner_mkdir(const char *path, const char *folder);

/* Why this process cannot read a file, as which user, and what helps.  `text`
 * is empty when it can. */
void otterd_owner_explain(char text[OTTERD_OWNER_TEXT], const char *path);

#endif
