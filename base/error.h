/* SPDX-License-Identifier: Apache-2.0 */
/**
 * error.h - one way to fail: 0 or negative errno, plus a struct dyno_error filled where the context is known
 *
 * The first to know fills the record; callers above pass it on and may add context, never overwrite it.
 * These functions do not allocate and may be called between clone and exec.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "dyno.h"

/**
 * error_set() - fill @err (may be NULL) and return @code, so that a failing function can end with it
 * @code: negative errno
 * @step: short name of the step
 * @fmt:  sentence; ": <description of the errno>" is appended when @fmt ends in a colon
 * Return: @code
 */
int error_set(struct dyno_error *err, int code, const char *step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));

/** error_remedy() - add what the caller can do about it; does nothing when @err is NULL */
void error_remedy(struct dyno_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/** error_describe() - text of a negative or positive errno, never NULL; needs no locale and no lock */
const char *error_describe(int code);

#endif /* BASE_ERROR_H */
