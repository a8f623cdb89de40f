/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that many devices get, made once: the empty one, and the files of
 * the releases asked for last, each kept open.  Callable from any thread. */
#ifndef OTTER_SERVER_HTTP_ANSWERS_H
#define OTTER_SERVER_HTTP_ANSWERS_H

#include "format/compiler.h"
#include "server/decide.h"

#include <microhttpd.h>
#include <stdbool.h>

struct otterd_answers;

/* `dir` is the data folder, borrowed; `threads` is how many will answer.
 * OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otterd_answers_start(struct otterd_answers **out,
                                          const char *dir, unsigned threads);

/* After the connections are over.  NULL is allowed. */
void otterd_answers_stop(struct otterd_answers *answers);

/* Queues a text of no characters with this status. */
enum MHD_Result otterd_answers_empty(struct otterd_answers *answers,
                                     struct MHD_Connection *connection,
                                     unsigned status);

/* Queues the whole file of a release, with its version beside it or not.  The
 * errors of otterd_firmware_open, and OTTER_ERR_NO_MEMORY: nothing was
 * queued. */
OTTER_MUST_CHECK int otterd_answers_file(struct otterd_answers *answers,
                                         struct MHD_Connection *connection,
                                         const struct otterd_release *release,
                                         bool with_version,
                                         enum MHD_Result *result);

/* Adds the headers that describe the file of a release. */
void otterd_answers_describe(struct MHD_Response *response,
                             const struct otterd_release *release,
                             bool with_version);

#endif
