/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - see message.h */
#include "cli/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define MESSAGE_MAX 2048

/**
 * message_write() - write one line, newline added, control characters made harmless
 * @text: buffer of at least @length + 1 bytes
 * A name or a path in a message may come from whoever wrote the slug: an escape sequence in it must not reach the
 * caller's terminal.
 */
static void message_write(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[length] = '\n';
	/* Nobody is left to tell when standard error itself fails. */
	(void)fd_write_all(STDERR_FILENO, text, length + 1);
}

void message_line(const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (length < 0)
		return;
	message_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

int message_error(const char *name, const struct dyno_error *err)
{
	const char *colon = name ? ": " : "";
	const char *text = err->text[0] ? err->text : err->step;

	if (err->remedy[0])
		message_line("dyno: %s%s%s (%s)", name ? name : "", colon, text, err->remedy);
	else
		message_line("dyno: %s%s%s", name ? name : "", colon, text);
	return message_exit_code(err);
}

int message_usage(const struct dyno_error *err)
{
	(void)message_error(NULL, err);
	return EXIT_USAGE;
}

int message_exit_code(const struct dyno_error *err)
{
	if (strcmp(err->step, "exec") != 0)
		return EXIT_DYNO_FAILED;
	switch (err->code) {
	case -ENOENT:
	case -ENOTDIR: return EXIT_NOT_FOUND;
	case -EACCES:
	case -EPERM:
	case -ENOEXEC:
	case -EISDIR:
	case -ETXTBSY:
	case -ELIBBAD:
	case -EINVAL: /* an ELF file with more than one interpreter, execve(2) */ return EXIT_NOT_EXECUTABLE;
	default: /* the command may be fine; its arguments (E2BIG) or the limits (ENOMEM, EAGAIN) are not */
		return EXIT_DYNO_FAILED;
	}
}

int message_status(int status)
{
	if (WIFSIGNALED(status))
		return EXIT_SIGNALLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}
