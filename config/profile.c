/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - see profile.h */
#include "config/profile.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

/* What bash says of one script; the rest is not worth reading. */
#define SAID_MAX 8192

/** spawn_bash() - run bash -n with @script as its input and @said as its error stream. Return: wait status, or negative errno */
static int spawn_bash(int script, int said)
{
	static char bash[] = "/bin/bash", norc[] = "--norc", parse[] = "-n", locale[] = "LC_ALL=C";
	char *argv[] = { bash, norc, parse, NULL }, *env[] = { locale, NULL };
	posix_spawn_file_actions_t actions;
	int status, code;
	pid_t pid;

	code = posix_spawn_file_actions_init(&actions);
	if (code != 0)
		return -code;
	code = posix_spawn_file_actions_adddup2(&actions, script, STDIN_FILENO);
	if (code == 0)
		code = posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	if (code == 0)
		code = posix_spawn(&pid, bash, &actions, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		return -code;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/** tell_line() - one line of bash's: "bash: line 3: syntax error ..."; a quotation of the script follows it, which is not for us */
static void tell_line(const char *text, struct mistakes *m)
{
	const char *place = strstr(text, ": line "), *sentence;
	unsigned long line;
	char *end;

	if (!place)
		return;
	line = strtoul(place + strlen(": line "), &end, 10);
	sentence = text_starts(end, ": ") ? end + 2 : end;
	if (*sentence != '`')
		(void)mistakes_add(m, line, "%s", sentence);
}

/** tell_all() - what bash left in @said. Return: 0 or negative errno */
static int tell_all(int said, struct mistakes *m)
{
	char text[SAID_MAX + 1], *rest = text, *line;
	ssize_t size = pread(said, text, SAID_MAX, 0);

	if (size < 0)
		return -errno;
	text[size] = '\0';
	while ((line = strsep(&rest, "\n")))
		tell_line(line, m);
	return 0;
}

/** check_syntax() - have bash parse @text */
static int check_syntax(const char *text, size_t size, struct mistakes *m)
{
	_cleanup_close_ int script = memfd_create("script", MFD_CLOEXEC), said = memfd_create("said", MFD_CLOEXEC);
	unsigned before = m->count;
	int code, status;

	if (script < 0 || said < 0)
		return -errno;
	code = fd_write_all(script, text, size);
	if (code < 0)
		return code;
	if (lseek(script, 0, SEEK_SET) < 0)
		return -errno;
	status = spawn_bash(script, said);
	if (status <= 0)
		return status;
	code = tell_all(said, m);
	if (code == 0 && m->count == before)
		(void)mistakes_add(m, 0, "bash -n does not take it");
	return code < 0 ? code : -EINVAL;
}

int profile_check(const char *text, size_t size, struct mistakes *m)
{
	unsigned long line = 1;

	for (const char *at = text; at < text + size; at++) {
		line += *at == '\n';
		if (*at == '\0')
			return mistakes_add(m, line, "there is a NUL byte");
		/* once: every other line has one too, and bash would stumble over each */
		if (*at == '\r' && at + 1 < text + size && at[1] == '\n')
			return mistakes_add(m, line, "the line ends in CR LF; a shell takes the CR for text");
	}
	return check_syntax(text, size, m);
}
