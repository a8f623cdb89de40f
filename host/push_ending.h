/* SPDX-License-Identifier: Apache-2.0
 *
 * How a push ends.  One list holds every ending, its exit status and its
 * words; --help, the table of results and --json are written from it.  The
 * exit statuses and the names are what scripts depend on: they are never
 * changed and never used again. */
#ifndef OTTER_HOST_PUSH_ENDING_H
#define OTTER_HOST_PUSH_ENDING_H

/* X(symbol, exit status, name in --json, text). */
#define OTTER_PUSH_ENDINGS(X)                                                 \
    X(UPDATED, 0, "updated", "the device confirmed the update")               \
    X(CURRENT, 0, "current", "the device already runs this version")          \
    X(INTERNAL, 1, "internal", "this computer failed, see the text")          \
    X(USAGE, 2, "usage", "wrong command line")                                \
    X(FILE, 10, "file", "the file cannot be read or is not fit to be sent")   \
    X(LOOKUP, 11, "lookup", "the name of the device could not be resolved")   \
    X(LISTEN, 12, "listen", "no TCP port could be opened on this computer")   \
    X(NO_ANSWER, 13, "no-answer", "no answer to the invitation")              \
    X(PASSWORD_NEEDED, 14, "password-needed",                                 \
      "the device wants a password and none was given")                       \
    X(PASSWORD_WRONG, 15, "password-wrong", "wrong password")                 \
    X(AUTH_SILENT, 16, "auth-silent", "no answer to the password")            \
    X(REFUSED, 17, "refused", "the device refused the update")                \
    X(NO_CONNECTION, 18, "no-connection",                                     \
      "the device accepted but did not connect back")                         \
    X(STALLED, 19, "stalled", "the upload stalled")                           \
    X(BROKEN, 20, "broken", "the connection broke during the upload")         \
    X(DEVICE_ERROR, 21, "device-error",                                       \
      "the device reported an error after the upload began")                  \
    X(UNKNOWN, 22, "unknown", "all bytes were sent but the result was lost")  \
    X(UNFIT, 23, "unfit",                                                     \
      "the file does not fit the device, nothing was sent")                   \
    X(NOT_BACK, 24, "not-back", "updated, but the device was not seen again") \
    X(OLD_VERSION, 25, "old-version",                                         \
      "updated, but the device still runs the old version")                   \
    X(MIXED, 30, "mixed", "several devices failed in different ways")         \
    X(INTERRUPTED, 130, "interrupted", "interrupted")

enum otter_push_ending {
#define OTTER_PUSH_END_ENUM(symbol, status, name, text)                       \
    OTTER_PUSH_END_##symbol,
    OTTER_PUSH_ENDINGS(OTTER_PUSH_END_ENUM)
#undef OTTER_PUSH_END_ENUM
        OTTER_PUSH_END_COUNT
};

int otter_push_ending_status(enum otter_push_ending ending);

/* Static storage, never NULL. */
const char *otter_push_ending_name(enum otter_push_ending ending);
const char *otter_push_ending_text(enum otter_push_ending ending);

#endif
