/* SPDX-License-Identifier: Apache-2.0 */
/* operands.h - options among the operands of a verb, as in `dyno config:set A=1 -a myapp` */
#ifndef CLI_APP_OPERANDS_H
#define CLI_APP_OPERANDS_H

/**
 * operands_parse() - verb_parse() for a verb whose operands are no command: options may stand after them, too
 * The operands are moved to @argv[1] and following; "--" makes one of all that comes after it.
 * @ret_count: how many
 * Return: VERB_CONTINUE, or the exit code to end with
 */
int operands_parse(const char *verb, int argc, char **argv, void *into, int *ret_count);

#endif /* CLI_APP_OPERANDS_H */
