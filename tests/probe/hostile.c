/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c - the attacks of known escapes, and what they need: races, odd descriptors, extended attributes */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* Seconds behind its time in which a race comes to as many rounds as it must have */
#define FLIP_PATIENCE 30

/** run_head() - as many bytes as wanted of a device that never ends; says how many came and whether one was not zero */
static int run_head(int argc, char **argv)
{
	unsigned long long wanted = probe_number(argv[2]);
	char buf[4096];
	ssize_t n;
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC), nonzero = 0;

	(void)argc;
	if (fd < 0)
		return probe_result("result", -1);
	n = read(fd, buf, wanted < sizeof(buf) ? (size_t)wanted : sizeof(buf));
	probe_result("result", n);
	for (ssize_t i = 0; i < n; i++)
		nonzero |= buf[i] != 0;
	printf("bytes=%zd\nnonzero=%d\n", n, nonzero);
	close(fd);
	return 0;
}

static int run_setxattr(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", lsetxattr(argv[1], argv[2], argv[3], strlen(argv[3]), 0));
}

static int run_getxattr(int argc, char **argv)
{
	char value[4096];
	ssize_t n = lgetxattr(argv[1], argv[2], value, sizeof(value));

	(void)argc;
	if (n >= 0)
		printf("value=%.*s\n", (int)n, value);
	return probe_result("result", n);
}

/** run_times() - what tar(1) would restore: mode, modification time, number of links */
static int run_times(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (lstat(argv[i], &st) == 0)
			printf("times.%s=%o %lld.%09ld %lu\n", argv[i], st.st_mode, (long long)st.st_mtim.tv_sec,
			       st.st_mtim.tv_nsec, (unsigned long)st.st_nlink);
	}
	return 0;
}

static int run_truncate(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", truncate(argv[1], (off_t)probe_number(argv[2])));
}

/** run_chdir() - change directory, and say where that is: a place outside of the root shows as "(unreachable)" */
static int run_chdir(int argc, char **argv)
{
	char cwd[4096];
	int r = chdir(argv[1]);

	(void)argc;
	probe_result("result", r);
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)) ? cwd : strerrorname_np(errno));
	return 0;
}

/** run_escape_fds() - every descriptor that may be open: is it a directory that leads out? (CVE-2024-21626) */
static int run_escape_fds(int argc, char **argv)
{
	int directories = 0;
	struct stat st;

	(void)argc;
	(void)argv;
	for (int fd = 0; fd < 4096; fd++) {
		if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		printf("directory.%d=%llu\n", fd, (unsigned long long)st.st_ino);
		printf("escape.%d=%s\n", fd, faccessat(fd, "../../../../root", F_OK, 0) == 0 ? "yes" : "no");
		directories++;
	}
	printf("directories=%d\n", directories);
	return 0;
}

/** run_flip() - exchange two paths for so many milliseconds, and so many times; the other half of a race */
static int run_flip(int argc, char **argv)
{
	unsigned long long flips = 0, ms = probe_number(argv[3]), least = probe_number(argv[4]);
	struct timespec now, end;
	bool over;

	(void)argc;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(ms / 1000);
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	do {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
			flips++;
		clock_gettime(CLOCK_MONOTONIC, &now);
		over = now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec);
	} while (!over || (flips < least && now.tv_sec < end.tv_sec + FLIP_PATIENCE));
	printf("flips=%llu\n", flips);
	return 0;
}

/** run_peek() - look into another process: ptrace, its memory, and what /proc shows of it */
static int run_peek(int argc, char **argv)
{
	static const char *const files[] = { "environ", "mem", "maps", "auxv", "stack", "syscall", "io" };
	static const char *const links[] = { "exe", "root", "cwd", "fd/0", "fd/3" };
	pid_t pid = (pid_t)probe_number(argv[1]);
	char here[64], key[64], path[64], target[256];
	struct iovec local = { here, sizeof(here) }, remote = { (void *)0x400000, sizeof(here) };

	(void)argc;
	probe_result("ptrace", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	probe_result("vm_readv", process_vm_readv(pid, &local, 1, &remote, 1, 0));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		snprintf(key, sizeof(key), "open.%s", files[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		probe_result(key, fd >= 0 && read(fd, here, 1) < 0 ? -1 : fd);
		if (fd >= 0)
			close(fd);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		snprintf(key, sizeof(key), "link.%s", links[i]);
		probe_result(key, readlink(path, target, sizeof(target)));
	}
	return 0;
}

const struct probe_command probe_hostile[] = {
	{ "head", run_head, 2, "PATH BYTES" },
	{ "setxattr", run_setxattr, 3, "PATH NAME VALUE" },
	{ "getxattr", run_getxattr, 2, "PATH NAME" },
	{ "times", run_times, 1, "PATH... (mode, mtime, links)" },
	{ "truncate", run_truncate, 2, "PATH BYTES" },
	{ "chdir", run_chdir, 1, "PATH" },
	{ "escape-fds", run_escape_fds, 0, "(open directories, and whether they lead out)" },
	{ "flip", run_flip, 4, "PATH PATH MILLISECONDS COUNT (exchange them)" },
	{ "peek", run_peek, 1, "PID (into another process)" },
	{ NULL, NULL, 0, NULL },
};
