/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler attributes that Otter's headers use, and C linkage for the
 * Arduino-facing C++ layer.  Nothing else about the compiler is assumed. */
#ifndef OTTER_FORMAT_COMPILER_H
#define OTTER_FORMAT_COMPILER_H

#if defined(__GNUC__)
#define OTTER_MUST_CHECK __attribute__((warn_unused_result))
#define OTTER_NORETURN   __attribute__((noreturn))
/* Argument number `text` is a printf format for those from `first` on. */
#define OTTER_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define OTTER_MUST_CHECK
#define OTTER_NORETURN
#define OTTER_PRINTF(text, first)
#endif

#ifdef __cplusplus
#define OTTER_BEGIN_DECLS extern "C" {
#define OTTER_END_DECLS   }
#else
#define OTTER_BEGIN_DECLS
#define OTTER_END_DECLS
#endif

#endif
