/* SPDX-License-Identifier: Apache-2.0 */
/**
 * stamp.c - a program whose first act is to say what time it is: dyno-stamp [COMMAND [ARG...]]
 *
 * `dyno bench` puts it in the place of a command, so that every contender is asked the same thing: when did the first
 * instruction of what was launched run? It writes CLOCK_MONOTONIC in nanoseconds, as decimal text and a newline, to
 * standard output. With a COMMAND it then becomes that, its output on standard error and nothing to read; when it
 * cannot, it writes "!ERRNO" as a second line. Without one it ends.
 *
 * There is no C library in it: its start-up is the kernel's execve and nothing else.
 */
#include "base/raw.h"

struct time {
	long seconds;
	long nanoseconds;
};

void stamp_main(long *stack) __attribute__((noreturn, used));

/* the kernel enters with argc, argv and environment on the stack (System V ABI, process initialization) */
#ifdef __x86_64__
__asm__(".globl _start\n"
        "_start:\n"
        "	mov %rsp, %rdi\n"
        "	and $-16, %rsp\n"
        "	call stamp_main\n");
#else
__asm__(".globl _start\n"
        "_start:\n"
        "	mov x0, sp\n"
        "	bl stamp_main\n");
#endif

#define AT_CWD (-100)
#define DUPFD_CLOEXEC 1030
#define READ_WRITE 2
#define NO_ENTRY 2
#define NO_ACCESS 13
#define PATH_ROOM 4096

/** say() - write @mark, if it is not 0, and @number as a line to @fd */
static void say(long fd, char mark, long number)
{
	char text[24];
	int at = sizeof(text);

	text[--at] = '\n';
	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	if (mark)
		text[--at] = mark;
	raw_syscall(SYS_write, fd, (long)(text + at), (long)sizeof(text) - at, 0);
}

/** has_slash() - @word names a path, not a program to be looked for */
static int has_slash(const char *word)
{
	while (*word && *word != '/')
		word++;
	return *word == '/';
}

/** path_of() - value of PATH in @env, or where the dyno looks without one */
static const char *path_of(char *const *env)
{
	for (; *env; env++)
		if ((*env)[0] == 'P' && (*env)[1] == 'A' && (*env)[2] == 'T' && (*env)[3] == 'H' && (*env)[4] == '=')
			return *env + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

/** search() - execute argv[0] from the directories of PATH, as execvp(3). Return: errno */
static long search(char *const *argv, char *const *env)
{
	const char *from = path_of(env);
	char path[PATH_ROOM];
	long why = NO_ENTRY;

	for (;;) {
		int at = 0;
		long code;

		while (*from && *from != ':' && at < PATH_ROOM - 2)
			path[at++] = *from++;
		path[at++] = '/';
		for (const char *name = argv[0]; *name && at < PATH_ROOM - 1; name++)
			path[at++] = *name;
		path[at] = '\0';
		code = -raw_syscall(SYS_execve, (long)path, (long)argv, (long)env, 0);
		if (code == NO_ACCESS)
			why = code;
		else if (code != NO_ENTRY)
			return code;
		if (*from != ':')
			return why;
		from++;
	}
}

/** stamp_main() - the clock is read before anything else happens */
void stamp_main(long *stack)
{
	struct time now = { 0, 0 };
	char **argv = (char **)(stack + 1);
	char **env = argv + stack[0] + 1;
	long out, null;

	raw_syscall(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)&now, 0, 0);
	say(1, 0, now.seconds * 1000000000L + now.nanoseconds);
	if (stack[0] > 1) {
		out = raw_syscall(SYS_fcntl, 1, DUPFD_CLOEXEC, 3, 0);
		null = raw_syscall(SYS_openat, AT_CWD, (long)"/dev/null", READ_WRITE, 0);
		raw_syscall(SYS_dup3, 2, 1, 0, 0);
		if (null > 0)
			raw_syscall(SYS_dup3, null, 0, 0, 0);
		say(out, '!',
		    has_slash(argv[1]) ? -raw_syscall(SYS_execve, (long)argv[1], (long)(argv + 1), (long)env, 0)
		                       : search(argv + 1, env));
	}
	raw_syscall(SYS_exit_group, stack[0] > 1 ? 127 : 0, 0, 0, 0);
	__builtin_unreachable();
}
