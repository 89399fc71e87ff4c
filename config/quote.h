/* SPDX-License-Identifier: Apache-2.0 */
/**
 * quote.h - values of config vars as text that shells and env files read back
 *
 * The plainest that does: as it is, in 'single quotes', and in "double quotes" only when the value has a single quote in it. Both
 * languages read the first two alike. (The `heroku` command writes newlines as \n, which no shell reads as a newline.)
 */
#ifndef CONFIG_QUOTE_H
#define CONFIG_QUOTE_H

#include <stdio.h>

/** quote_shell() - print @value as one word of sh(1) */
void quote_shell(FILE *out, const char *value);

/** quote_dotenv() - print @value so that dotenv.h reads it back, byte for byte */
void quote_dotenv(FILE *out, const char *value);

#endif /* CONFIG_QUOTE_H */
