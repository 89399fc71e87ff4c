/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - attempts on the file system */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/** finish() - close @fd and report @r under "result"; errno of the attempt survives */
static int finish(int fd, long r)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return probe_result("result", r);
}

static int run_read(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	char last = '\n';
	int r = fd < 0 ? -1 : probe_copy(fd, STDOUT_FILENO, &last);

	(void)argc;
	if (last != '\n') {
		int saved = errno;

		putchar('\n');
		errno = saved;
	}
	return finish(fd, r);
}

static int run_write(int argc, char **argv)
{
	int end = strcmp(argv[0], "append") == 0 ? O_APPEND : O_TRUNC;
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC | end, 0644);

	(void)argc;
	return finish(fd, fd < 0 ? -1 : write(fd, argv[2], strlen(argv[2])));
}

static int run_poke(int argc, char **argv)
{
	int fd = open(argv[1], O_WRONLY | O_CLOEXEC);

	(void)argc;
	return finish(fd, fd < 0 ? -1 : write(fd, argv[2], strlen(argv[2])));
}

static int run_exists(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++)
		printf("exists.%s=%s\n", argv[i], lstat(argv[i], &st) == 0 ? "yes" : "no");
	return 0;
}

static int run_unlink(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", unlink(argv[1]));
}

static int run_mkdir(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", mkdir(argv[1], 0755));
}

static int run_rmdir(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", rmdir(argv[1]));
}

static int run_symlink(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", symlink(argv[1], argv[2]));
}

static int run_link(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", link(argv[1], argv[2]));
}

static int run_rename(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", rename(argv[1], argv[2]));
}

static int run_chmod(int argc, char **argv)
{
	(void)argc;
	return probe_result("result", chmod(argv[1], (mode_t)strtoul(argv[2], NULL, 8)));
}

static int run_mknod(int argc, char **argv)
{
	dev_t device = argc > 3 ? makedev((unsigned)probe_number(argv[2]), (unsigned)probe_number(argv[3])) : 0;

	return probe_result("result", mknod(argv[1], S_IFCHR | 0600, device));
}

static int run_readlink(int argc, char **argv)
{
	char target[4096];
	ssize_t n = readlink(argv[1], target, sizeof(target) - 1);

	(void)argc;
	if (n >= 0)
		printf("target=%.*s\n", (int)n, target);
	return probe_result("result", n);
}

static int run_stat(int argc, char **argv)
{
	struct stat st;
	int r = lstat(argv[1], &st);

	(void)argc;
	if (r == 0) {
		printf("mode=%o\nuid=%u\ngid=%u\nsize=%lld\n", st.st_mode, st.st_uid, st.st_gid, (long long)st.st_size);
		printf("dev=%u:%u\nrdev=%u:%u\nino=%llu\n", major(st.st_dev), minor(st.st_dev), major(st.st_rdev),
		       minor(st.st_rdev), (unsigned long long)st.st_ino);
	}
	return probe_result("result", r);
}

static int run_readdir(int argc, char **argv)
{
	DIR *dir = opendir(argv[1]);
	const struct dirent *entry;

	(void)argc;
	if (!dir)
		return probe_result("result", -1);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			printf("entry=%s\n", entry->d_name);
	}
	closedir(dir);
	return probe_result("result", 0);
}

static int run_fill(int argc, char **argv)
{
	static char block[65536];
	unsigned long long wanted = probe_number(argv[2]), done = 0;
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : 0;

	(void)argc;
	/* Beyond RLIMIT_FSIZE the signal would end us before EFBIG could be seen */
	signal(SIGXFSZ, SIG_IGN);
	memset(block, 'x', sizeof(block));
	while (n >= 0 && done < wanted) {
		size_t size = wanted - done < sizeof(block) ? (size_t)(wanted - done) : sizeof(block);

		n = write(fd, block, size);
		done += n > 0 ? (unsigned long long)n : 0;
	}
	printf("written=%llu\n", done);
	return finish(fd, n);
}

const struct probe_command probe_files[] = {
	{ "read", run_read, 1, "PATH (the content, then the result)" },
	{ "write", run_write, 2, "PATH TEXT (create or replace)" },
	{ "append", run_write, 2, "PATH TEXT" },
	{ "poke", run_poke, 2, "PATH TEXT (write to what exists, as kernel files want it)" },
	{ "exists", run_exists, 1, "PATH..." },
	{ "unlink", run_unlink, 1, "PATH" },
	{ "mkdir", run_mkdir, 1, "PATH" },
	{ "rmdir", run_rmdir, 1, "PATH" },
	{ "symlink", run_symlink, 2, "TARGET PATH" },
	{ "link", run_link, 2, "OLD NEW" },
	{ "rename", run_rename, 2, "OLD NEW" },
	{ "chmod", run_chmod, 2, "PATH MODE" },
	{ "mknod", run_mknod, 1, "PATH [MAJOR MINOR] (a character device; a whiteout without numbers)" },
	{ "readlink", run_readlink, 1, "PATH" },
	{ "stat", run_stat, 1, "PATH" },
	{ "readdir", run_readdir, 1, "PATH" },
	{ "fill", run_fill, 2, "PATH BYTES (write until done or refused)" },
	{ NULL, NULL, 0, NULL },
};
