/* SPDX-License-Identifier: Apache-2.0 */
/**
 * skeleton.c - see stack_skeleton() in stack.h
 *
 * A skeleton's name is a hash of what it is made from: the kind of dyno, and identity, size and time of the host's files
 * that are repeated in it. So a changed resolv.conf, certificate bundle or library cache gives a new skeleton with the
 * next launch, and finding the right one costs eight stat(2) calls.
 */
#include "isolation/skeleton.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/devices.h"
#include "isolation/identity.h"
#include "isolation/stack.h"
#include "isolation/tree.h"

#define STEP "skeleton"
#define FORMAT 1u /* raise it when the entries below change: part of the name */

/* All writable by their maker, who without root could neither fill nor remove them else; the mount is read-only. */
static const char *const directories[] = {
	"app", "dev", "etc",     "proc", "run", "sys", "sys/devices", "sys/devices/system", "sys/devices/system/cpu",
	"tmp", "var", "var/tmp",
};

const char *const skeleton_merged[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL };

/* What an app needs of the host's /etc. Copied, not bound: each bind costs every launch 12 us. No secrets are among them. */
static const char *const etc_dirs[] = { "/etc/ssl/certs", "/etc/alternatives" };
static const char *const etc_files[] = { "/etc/ssl/openssl.cnf", "/etc/ld.so.cache", "/etc/localtime" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** hash_bytes() - FNV-1a, continued */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	while (size-- > 0)
		/* clang 14 loses sight of an array's contents when they are read as bytes */
		hash = (hash ^ *byte++) * 0x100000001b3ULL; // NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult)
	return hash;
}

/** hash_file() - identity, size and time of @path, or that it is missing */
static uint64_t hash_file(uint64_t hash, const char *path)
{
	struct stat st;
	uint64_t facts[5] = { 0 };

	if (stat(path, &st) == 0) {
		facts[0] = st.st_dev;
		facts[1] = st.st_ino;
		facts[2] = (uint64_t)st.st_size;
		facts[3] = (uint64_t)st.st_mtim.tv_sec;
		facts[4] = (uint64_t)st.st_mtim.tv_nsec;
	}
	return hash_bytes(hash, facts, sizeof(facts));
}

/** name_of() - the name of @kind's skeleton */
static void name_of(const struct stack_kind *kind, char ret_name[32])
{
	const uint32_t kinds[] = { FORMAT, stack_is_host(kind->stack), kind->rootless };
	uint64_t hash = hash_bytes(0xcbf29ce484222325ULL, kinds, sizeof(kinds));
	size_t i;

	hash = hash_bytes(hash, kind->resolv_conf, strlen(kind->resolv_conf));
	for (i = 0; i < COUNT(etc_dirs); i++)
		hash = hash_file(hash, etc_dirs[i]);
	for (i = 0; i < COUNT(etc_files); i++)
		hash = hash_file(hash, etc_files[i]);
	hash = hash_file(hash, "/");
	snprintf(ret_name, 32, "%s-%016llx", stack_is_host(kind->stack) ? "host" : "dir", (unsigned long long)hash);
}

/**
 * make_directory() - one directory; the mount on which a dyno sees it is read-only
 * The mode is set apart: umask(2) belongs to the whole process, whose other threads are the caller's.
 */
static int make_directory(int dirfd, const char *path)
{
	return mkdirat(dirfd, path, 0755) < 0 || fchmodat(dirfd, path, 0755, 0) < 0 ? -errno : 0;
}

/** make_texts() - the generated files of /etc; the image of a DIR stack keeps its own passwd and group */
static int make_texts(int skeleton, const struct stack_kind *kind)
{
	static const char passwd[] = "root:x:0:0:root:/:/usr/sbin/nologin\n" IDENTITY_USER_NAME
				     ":x:1000:1000:dyno:/app:/bin/bash\n"
				     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
	static const char group[] = "root:x:0:\ntty:x:5:\n" IDENTITY_USER_NAME ":x:1000:\nnogroup:x:65534:\n";
	const struct {
		const char *path, *text;
		bool host_only;
	} files[] = {
		{ "etc/resolv.conf", kind->resolv_conf, false },
		{ "etc/hosts", "", false }, /* the place on which each dyno's own is bound */
		{ "etc/passwd", passwd, true },
		{ "etc/group", group, true },
		{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", true },
	};
	size_t i;
	int r = 0;

	_Static_assert(IDENTITY_USER == 1000, "the passwd text names the dyno's user id");
	for (i = 0; r == 0 && i < COUNT(files); i++)
		if (!files[i].host_only || stack_is_host(kind->stack))
			r = fd_create_text(skeleton, files[i].path, 0644, files[i].text);
	/* The kernel keeps it: no file to write for each dyno. */
	if (r == 0 && symlinkat("/proc/sys/kernel/hostname", skeleton, "etc/hostname") < 0)
		r = -errno;
	return r;
}

/** copy_dir() - directory @path of the host, with what is in it, into the skeleton. A host without it is no error */
static int copy_dir(int skeleton, const char *path)
{
	_cleanup_close_ int from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	int r;

	if (from < 0)
		return errno == ENOENT ? 0 : -errno;
	r = make_directory(skeleton, path + 1);
	if (r < 0)
		return r;
	to = openat(skeleton, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return to < 0 ? -errno : tree_copy(from, to, NULL);
}

/** copy_etc() - what is repeated of the host's /etc */
static int copy_etc(int skeleton)
{
	size_t i;
	int r = make_directory(skeleton, "etc/ssl");

	for (i = 0; r == 0 && i < COUNT(etc_dirs); i++)
		r = copy_dir(skeleton, etc_dirs[i]);
	for (i = 0; r == 0 && i < COUNT(etc_files); i++) {
		r = tree_copy_file(etc_files[i], skeleton, etc_files[i] + 1);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

/** copy_link() - repeat the host's /@name: a symlink as it is, a directory as a mount point */
static int copy_link(int skeleton, const char *name)
{
	char target[64], path[16];
	ssize_t length;

	snprintf(path, sizeof(path), "/%s", name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return errno == EINVAL ? make_directory(skeleton, name) : errno == ENOENT ? 0 : -errno;
	target[length] = '\0';
	return symlinkat(target, skeleton, name) < 0 ? -errno : 0;
}

/** fill() - write all entries into the new directory @skeleton */
static int fill(int skeleton, const struct stack_kind *kind, struct dyno_error *err)
{
	bool host = stack_is_host(kind->stack);
	size_t i;
	int r = fchmod(skeleton, 0755) < 0 ? -errno : 0;

	for (i = 0; r == 0 && i < COUNT(directories); i++)
		r = make_directory(skeleton, directories[i]);
	if (r == 0)
		r = make_texts(skeleton, kind);
	if (r == 0 && host)
		r = copy_etc(skeleton);
	if (r == 0 && host)
		r = make_directory(skeleton, "usr");
	for (i = 0; r == 0 && host && skeleton_merged[i]; i++)
		r = copy_link(skeleton, skeleton_merged[i]);
	if (r < 0)
		return error_set(err, r, STEP, "cannot make the skeleton of the root:");
	return devices_skeleton(skeleton, kind->rootless, err);
}

/** remove_skeleton() - drop a half-made one */
static void remove_skeleton(int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && tree_remove(fd) == 0)
		(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

/** build() - make the skeleton aside and rename it to @name */
static int build(int dirfd, const struct stack_kind *kind, const char *name, struct dyno_error *err)
{
	_cleanup_close_ int fd = -1;
	char aside[32];
	int r;

	snprintf(aside, sizeof(aside), ".new-%d", gettid());
	remove_skeleton(dirfd, aside); /* of a thread of our number that was killed */
	if (mkdirat(dirfd, aside, 0700) < 0)
		return error_set(err, -errno, STEP, "cannot make a directory for the skeleton:");
	fd = openat(dirfd, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? error_set(err, -errno, STEP, "cannot open the skeleton:") : fill(fd, kind, err);
	/* EEXIST or ENOTEMPTY: somebody else was faster with the same. */
	if (r == 0 && renameat(dirfd, aside, dirfd, name) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		r = error_set(err, -errno, STEP, "cannot put the skeleton in place:");
	remove_skeleton(dirfd, aside);
	return r;
}

int stack_skeleton(int dirfd, const struct stack_kind *kind, char ret_name[32], struct dyno_error *err)
{
	char name[32];
	int r = 0;

	name_of(kind, name);
	if (faccessat(dirfd, name, F_OK, 0) < 0)
		r = build(dirfd, kind, name, err);
	if (r == 0)
		memcpy(ret_name, name, sizeof(name));
	return r;
}
