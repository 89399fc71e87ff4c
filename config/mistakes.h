/* SPDX-License-Identifier: Apache-2.0 */
/**
 * mistakes.h - who hears of the mistakes in a file: a parser stops at the first, or goes on and tells of them all
 *
 * A mistake is one sentence that begins with FILE:LINE, as compilers write it, so that editors find the place.
 */
#ifndef CONFIG_MISTAKES_H
#define CONFIG_MISTAKES_H

#include <stdbool.h>

#include "dyno.h"

/**
 * struct mistakes - given to a parser
 * @name:  the file's name, for messages
 * @hear:  called for each mistake; NULL: the parser stops at the first
 * @data:  for @hear
 * @first: where the first one is kept, may be NULL
 * @count: how many there were
 */
struct mistakes {
	const char *name;
	void (*hear)(void *data, const struct dyno_error *mistake);
	void *data;
	struct dyno_error *first;
	unsigned count;
};

/**
 * mistakes_add() - note one
 * @line: where, from 1; 0 when it is about the file as a whole
 * @fmt:  sentence without a final stop
 * Return: -EINVAL
 */
int mistakes_add(struct mistakes *m, unsigned long line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/** mistakes_enough() - there was one, and nobody wants to hear of another */
bool mistakes_enough(const struct mistakes *m);

#endif /* CONFIG_MISTAKES_H */
