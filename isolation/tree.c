/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - see tree.h */
#include "isolation/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define TREE_DEPTH 128
#define ENTRIES_SIZE 4096
#define TREE_LINKS ".dyno-links" /* in a copy while it is made: how hard links are kept without memory of our own */

/** struct entry - struct linux_dirent64 of getdents64(2); opendir(3) would allocate, which a cloned child must not */
struct entry {
	ino64_t ino;
	off64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/**
 * struct visit - what to do with each entry of a directory
 * @to:    where copies go; of a removal the tree's top, to which what lies too deep is moved
 * @top:   where the whole copy goes
 * @links: directory of a name for each file that has several, -1 until there is one
 * @owners: how owners are translated, or NULL
 * @depth: levels still allowed
 * @moved: directories moved to the top so far
 */
struct visit {
	int (*each)(struct visit *visit, int dir, const char *name);
	int to;
	int top;
	int links;
	const struct identity_owners *owners;
	int depth;
	unsigned moved;
};

/** for_each() - call visit->each for every entry of @dir but "." and ".." */
static int for_each(struct visit *visit, int dir)
{
	char buf[ENTRIES_SIZE] __attribute__((aligned(8)));
	int r = 0;

	if (visit->depth == 0)
		return -ELOOP;
	visit->depth--;
	for (;;) {
		long got = syscall(SYS_getdents64, dir, buf, sizeof(buf));
		long at = 0;

		if (got <= 0) {
			visit->depth++;
			return got < 0 ? -errno : 0;
		}
		while (at < got) {
			const struct entry *entry = (const struct entry *)(buf + at);

			at += entry->reclen;
			if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
				continue;
			r = visit->each(visit, dir, entry->name);
			if (r < 0)
				return r;
		}
	}
}

/** copy_data() - the bytes of one regular file */
static int copy_data(int from, int to)
{
	for (;;) {
		ssize_t put = sendfile(to, from, NULL, 1 << 20);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : 0;
	}
}

/** give() - pass @name in @dir, "" for @dir itself, to its translated owner */
static int give(int dir, const char *name, const struct stat *st, const struct identity_owners *owners)
{
	uid_t uid;
	gid_t gid;

	if (!owners)
		return 0;
	uid = identity_translate(owners->base, owners->uid, st->st_uid);
	gid = identity_translate(owners->base, owners->gid, st->st_gid);
	return fchownat(dir, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/** finish_copy() - owner, mode and time of a copy; in this order, because chown(2) clears setuid bits */
static int finish_copy(int fd, const struct stat *st, const struct identity_owners *owners)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r = give(fd, "", st, owners);

	if (r < 0)
		return r;
	return fchmod(fd, st->st_mode & 0777) < 0 || futimens(fd, times) < 0 ? -errno : 0;
}

/** copy_opened() - the regular file @from as new file @name below @to */
static int copy_opened(int from, int to, const char *name, const struct stat *st, const struct identity_owners *owners)
{
	_cleanup_close_ int fd = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = copy_data(from, fd);
	return r < 0 ? r : finish_copy(fd, st, owners);
}

/** copy_file() - one regular file */
static int copy_file(const struct visit *visit, int dir, const char *name, const struct stat *st)
{
	_cleanup_close_ int from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return from < 0 ? -errno : copy_opened(from, visit->to, name, st, visit->owners);
}

/** open_links() - make and open the directory of TREE_LINKS at the top of the copy, once */
static int open_links(struct visit *visit)
{
	if (visit->links >= 0)
		return 0;
	if (mkdirat(visit->top, TREE_LINKS, 0700) < 0)
		return -errno;
	visit->links = openat(visit->top, TREE_LINKS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return visit->links < 0 ? -errno : 0;
}

/** copy_linked() - one name of a file with several: the first is copied, the others are linked to it */
static int copy_linked(struct visit *visit, int dir, const char *name, const struct stat *st)
{
	char first[48];
	int r = open_links(visit);

	if (r < 0)
		return r;
	snprintf(first, sizeof(first), "%llx-%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	if (linkat(visit->links, first, visit->to, name, 0) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	r = copy_file(visit, dir, name, st);
	if (r == 0 && linkat(visit->to, name, visit->links, first, 0) < 0)
		r = -errno;
	return r;
}

/** copy_link() - one symlink */
static int copy_link(const struct visit *visit, int dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t length = readlinkat(dir, name, target, sizeof(target) - 1);
	int r;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (symlinkat(target, visit->to, name) < 0)
		return -errno;
	r = give(visit->to, name, st, visit->owners);
	if (r < 0)
		return r;
	return utimensat(visit->to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/** copy_dir() - one directory and all below it */
static int copy_dir(struct visit *visit, int dir, const char *name, const struct stat *st)
{
	_cleanup_close_ int from = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	int outer = visit->to;
	int r;

	if (from < 0)
		return -errno;
	if (mkdirat(visit->to, name, 0700) < 0)
		return -errno;
	to = openat(visit->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	visit->to = to;
	r = for_each(visit, from);
	visit->to = outer;
	return r < 0 ? r : finish_copy(to, st, visit->owners);
}

/** copy_entry() - one directory entry of any kind */
static int copy_entry(struct visit *visit, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_dir(visit, dir, name, &st);
	if (S_ISREG(st.st_mode))
		return st.st_nlink > 1 ? copy_linked(visit, dir, name, &st) : copy_file(visit, dir, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(visit, dir, name, &st);
	return 0;
}

int tree_copy(int from, int to, const struct identity_owners *owners)
{
	struct visit visit = {
		.each = copy_entry,
		.to = to,
		.top = to,
		.links = -1,
		.owners = owners,
		.depth = TREE_DEPTH,
	};
	int r = for_each(&visit, from);

	if (visit.links >= 0) {
		int removed = tree_remove(visit.links);

		fd_close(visit.links);
		if (removed == 0 && unlinkat(to, TREE_LINKS, AT_REMOVEDIR) < 0)
			removed = -errno;
		r = r < 0 ? r : removed;
	}
	return r;
}

int tree_copy_file(const char *path, int to, const char *name)
{
	_cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? copy_opened(from, to, name, &st, NULL) : -EINVAL;
}

/**
 * move_up() - move directory @name, too deep for us to enter, to the top of the tree
 * An app can nest directories deeper than any stack of ours, and what cannot be removed would be left for good.
 */
static int move_up(struct visit *visit, int dir, const char *name)
{
	char place[24];

	do {
		snprintf(place, sizeof(place), ".deep-%u", visit->moved++);
		if (renameat(dir, name, visit->to, place) == 0)
			return 0;
		/* The app's own file of that name: take the next number. */
	} while (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR);
	return -errno;
}

/** remove_entry() - one directory entry, a directory with all below it */
static int remove_entry(struct visit *visit, int dir, const char *name)
{
	_cleanup_close_ int below = -1;
	int r;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (visit->depth == 0)
		return move_up(visit, dir, name);
	below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0)
		return -errno;
	r = for_each(visit, below);
	if (r < 0)
		return r;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_remove(int dir)
{
	struct visit visit = { .each = remove_entry, .to = dir, .top = dir, .links = -1 };
	unsigned before;
	int r;

	do {
		before = visit.moved;
		visit.depth = TREE_DEPTH;
		if (lseek(dir, 0, SEEK_SET) < 0)
			return -errno;
		r = for_each(&visit, dir);
	} while (r == 0 && visit.moved > before);
	return r;
}
