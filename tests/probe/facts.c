/* SPDX-License-Identifier: Apache-2.0 */
/* facts.c - what the kernel says about this process and its surroundings */
#include "probe.h"

#include <dirent.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/** print_escaped() - @text on one line */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", stdout);
		else
			putchar(*text);
	}
	putchar('\n');
}

/** print_map() - the lines of an id map as @key=inside outside count */
static void print_map(const char *key, const char *path)
{
	unsigned long inside, outside, count;
	FILE *in = fopen(path, "re");

	while (in && fscanf(in, "%lu %lu %lu", &inside, &outside, &count) == 3)
		printf("%s=%lu %lu %lu\n", key, inside, outside, count);
	if (in)
		fclose(in);
}

static int run_caps(int argc, char **argv)
{
	static const char *const wanted[] = { "Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups" };
	char line[4096];
	FILE *in = fopen("/proc/self/status", "re");

	(void)argc;
	(void)argv;
	if (!in)
		return probe_result("result", -1);
	while (fgets(line, sizeof(line), in)) {
		char *value = strstr(line, ":\t");

		for (size_t i = 0; value && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (strncmp(line, wanted[i], strlen(wanted[i])) != 0)
				continue;
			*value = '\0';
			printf("%s=%s", line, value + 2);
			break;
		}
	}
	fclose(in);
	print_map("uid_map", "/proc/self/uid_map");
	print_map("gid_map", "/proc/self/gid_map");
	return 0;
}

static int run_fds(int argc, char **argv)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	(void)argc;
	(void)argv;
	if (!dir)
		return probe_result("result", -1);
	while ((entry = readdir(dir))) {
		char target[4096];
		ssize_t n;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("fd.%s=%s\n", entry->d_name, target);
	}
	closedir(dir);
	return 0;
}

static int run_env(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (char **e = environ; *e; e++)
		print_escaped(*e);
	return 0;
}

static int run_args(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		printf("arg.%d=", i);
		print_escaped(argv[i]);
	}
	return 0;
}

static int run_ns(int argc, char **argv)
{
	static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		if (stat(path, &st) == 0)
			printf("ns.%s=%lu\n", names[i], (unsigned long)st.st_ino);
	}
	return 0;
}

/**
 * run_mounts() - mount.PLACE=TYPE OPTIONS SUPER-OPTIONS
 * A line of mountinfo: id parent major:minor root place options [tags] - type source super-options (proc(5))
 */
static int run_mounts(int argc, char **argv)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;

	(void)argc;
	(void)argv;
	if (!in)
		return probe_result("result", -1);
	while (getline(&line, &size, in) > 0) {
		char place[1024], options[1024], type[64], super[2048];
		const char *dash = strstr(line, " - ");

		if (dash && sscanf(line, "%*s %*s %*s %*s %1023s %1023s", place, options) == 2 &&
		    sscanf(dash, " - %63s %*s %2047s", type, super) == 2)
			printf("mount.%s=%s %s %s\n", place, type, options, super);
	}
	free(line);
	fclose(in);
	return 0;
}

static int run_ids(int argc, char **argv)
{
	uid_t r, e, s;
	gid_t groups[256];
	char text[4096];
	int count;

	(void)argc;
	(void)argv;
	if (getresuid(&r, &e, &s) == 0)
		printf("uid=%u\neuid=%u\nsuid=%u\n", r, e, s);
	if (getresgid(&r, &e, &s) == 0)
		printf("gid=%u\negid=%u\nsgid=%u\n", r, e, s);
	count = getgroups(256, groups);
	printf("groups=");
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? " " : "", groups[i]);
	printf("\npid=%d\nppid=%d\npgid=%d\nsid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
	if (gethostname(text, sizeof(text)) == 0)
		printf("hostname=%s\n", text);
	printf("cwd=%s\n", getcwd(text, sizeof(text)) ? text : "");
	printf("umask=%03o\n", umask(0));
	return 0;
}

static int run_pids(int argc, char **argv)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	(void)argc;
	(void)argv;
	if (!dir)
		return probe_result("result", -1);
	while ((entry = readdir(dir))) {
		char path[300], comm[64] = "";
		FILE *in;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		in = fopen(path, "re");
		if (in && fgets(comm, sizeof(comm), in))
			comm[strcspn(comm, "\n")] = '\0';
		if (in)
			fclose(in);
		printf("pid.%s=%s\n", entry->d_name, comm);
	}
	closedir(dir);
	return 0;
}

static int run_tty(int argc, char **argv)
{
	struct winsize size;

	(void)argc;
	(void)argv;
	for (int fd = 0; fd < 3; fd++) {
		char name[256];

		printf("isatty.%d=%d\n", fd, isatty(fd));
		if (ttyname_r(fd, name, sizeof(name)) == 0)
			printf("ttyname.%d=%s\n", fd, name);
	}
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		printf("rows=%u\ncolumns=%u\n", size.ws_row, size.ws_col);
	printf("foreground=%d\npgid=%d\nsid=%d\n", tcgetpgrp(STDIN_FILENO), getpgrp(), getsid(0));
	return 0;
}

/** print_limit() - a limit or "unlimited" */
static void print_limit(rlim_t value, char after)
{
	if (value == RLIM_INFINITY)
		printf("unlimited%c", after);
	else
		printf("%llu%c", (unsigned long long)value, after);
}

static int run_limits(int argc, char **argv)
{
	static const struct {
		int resource;
		const char *name;
	} all[] = {
		{ RLIMIT_AS, "as" },
		{ RLIMIT_CORE, "core" },
		{ RLIMIT_CPU, "cpu" },
		{ RLIMIT_DATA, "data" },
		{ RLIMIT_FSIZE, "fsize" },
		{ RLIMIT_MEMLOCK, "memlock" },
		{ RLIMIT_MSGQUEUE, "msgqueue" },
		{ RLIMIT_NICE, "nice" },
		{ RLIMIT_NOFILE, "nofile" },
		{ RLIMIT_NPROC, "nproc" },
		{ RLIMIT_RTPRIO, "rtprio" },
		{ RLIMIT_SIGPENDING, "sigpending" },
		{ RLIMIT_STACK, "stack" },
	};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)all[i].resource, &limit) < 0)
			continue;
		printf("limit.%s=", all[i].name);
		print_limit(limit.rlim_cur, ' ');
		print_limit(limit.rlim_max, '\n');
	}
	return 0;
}

static int run_now(int argc, char **argv)
{
	struct timespec now;

	(void)argc;
	(void)argv;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("now=%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	return 0;
}

const struct probe_command probe_facts[] = {
	{ "caps", run_caps, 0, "(capability sets, NoNewPrivs, Seccomp, ids and id maps)" },
	{ "fds", run_fds, 0, "(open descriptors and what they are)" },
	{ "env", run_env, 0, "(the environment, a line each)" },
	{ "args", run_args, 0, "[ARGUMENT]... (as they arrived)" },
	{ "ns", run_ns, 0, "(namespace numbers)" },
	{ "mounts", run_mounts, 0, "(mount.PLACE=TYPE OPTIONS SUPER-OPTIONS)" },
	{ "ids", run_ids, 0, "(user, groups, process ids, hostname, cwd, umask)" },
	{ "pids", run_pids, 0, "(visible processes)" },
	{ "tty", run_tty, 0, "(terminal, its size and foreground group)" },
	{ "limits", run_limits, 0, "(limit.NAME=SOFT HARD)" },
	{ "now", run_now, 0, "(CLOCK_MONOTONIC in ns)" },
	{ NULL, NULL, 0, NULL },
};
