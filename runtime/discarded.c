/* SPDX-License-Identifier: Apache-2.0 */
/**
 * discarded.c - what a dyno leaves behind: counted, listed, kept on request
 *
 * The overlay's upper layer says it all (Documentation/filesystems/overlayfs.rst): a file in it was added or changed, a
 * character device 0/0 is a whiteout, that is a deletion. "Changed" is what also exists in the slug.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/tree.h"
#include "runtime/running.h"

#define WALK_DEPTH 128

/** struct walk - state of one look through the layer; @slug_fd: the slug, -1 without (then nothing was "changed") */
struct walk {
	struct dyno_discarded totals;
	void (*each)(void *data, char what, const char *path, uint64_t bytes);
	void *data;
	int slug_fd;
	size_t slug_prefix; /* length of the path prefix that stands for the slug's root: "/app/" */
	char path[PATH_MAX];
};

/** the directories of the writable layer, and where the dyno saw them */
static const struct {
	const char *dir, *path;
} places[] = { { "upper", "/app" }, { "tmp", "/tmp" }, { "vartmp", "/var/tmp" }, { "shm", "/dev/shm" } };

/** in_slug() - the path being walked exists in the slug */
static bool in_slug(const struct walk *walk)
{
	struct stat st;

	return walk->slug_fd >= 0 && strlen(walk->path) > walk->slug_prefix &&
	       fstatat(walk->slug_fd, walk->path + walk->slug_prefix, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/** note() - count and tell one path that is not a directory */
static void note(struct walk *walk, const struct stat *st)
{
	struct dyno_discarded *totals = &walk->totals;
	bool whiteout = S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
	char what = whiteout ? 'D' : in_slug(walk) ? 'C' : 'A';
	uint64_t bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;

	if (whiteout) {
		totals->deleted++;
	} else {
		totals->files++;
		totals->bytes += bytes;
		if (bytes > totals->largest_bytes) {
			totals->largest_bytes = bytes;
			snprintf(totals->largest, sizeof(totals->largest), "%.255s", walk->path);
		}
	}
	if (walk->each)
		walk->each(walk->data, what, walk->path, bytes);
}

static int walk_dir(struct walk *walk, int dirfd, int depth);

/** walk_entry() - one entry of directory @dirfd; its path stands in walk->path */
static int walk_entry(struct walk *walk, int dirfd, const char *name, int depth)
{
	struct stat st;
	int below;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) {
		note(walk, &st);
		return 0;
	}
	if (!in_slug(walk) && walk->each)
		walk->each(walk->data, 'A', walk->path, 0);
	below = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0)
		return errno == EACCES ? 0 : -errno; /* rootless: a directory that the app closed to its own user */
	return walk_dir(walk, below, depth + 1);
}

/** walk_dir() - all below directory @dirfd, which is consumed */
static int walk_dir(struct walk *walk, int dirfd, int depth)
{
	size_t length = strlen(walk->path);
	const struct dirent *entry;
	DIR *dir = fdopendir(dirfd);
	int r = 0;

	if (!dir || depth > WALK_DEPTH) {
		int code = dir ? -ELOOP : -errno;

		if (dir)
			closedir(dir);
		else
			fd_close(dirfd);
		return code;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (text_append(walk->path, sizeof(walk->path), "/%s", entry->d_name) < 0)
			continue; /* deeper than PATH_MAX: cannot be named, so it cannot be listed either */
		r = walk_entry(walk, dirfd, entry->d_name, depth);
		walk->path[length] = '\0';
	}
	closedir(dir);
	return r;
}

/** scratch_of() - the writable layer of an ended dyno */
static int scratch_of(const struct dyno *dyno, struct dyno_error *err)
{
	if (dyno->state != DYNO_ENDED)
		return error_set(err, -EBUSY, "discarded", "%s is still running", dyno->sandbox->name);
	if (dyno->sandbox->scratch < 0)
		return error_set(err, -ENOENT, "discarded", "%s never had a writable layer", dyno->sandbox->name);
	return dyno->sandbox->scratch;
}

int dyno_discarded(struct dyno *dyno, struct dyno_discarded *ret,
                   void (*each)(void *data, char what, const char *path, uint64_t bytes), void *data,
                   struct dyno_error *err)
{
	const char *slug = dyno->sandbox->slug;
	_cleanup_close_ int slug_fd = slug[0] != '\0' ? open(slug, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct walk walk = { .each = each, .data = data };
	int scratch = scratch_of(dyno, err);
	size_t i;
	int r = 0;

	if (scratch < 0)
		return scratch;
	for (i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = openat(scratch, places[i].dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		walk.slug_fd = i == 0 ? slug_fd : -1;
		walk.slug_prefix = strlen(places[i].path) + 1;
		(void)text_copy(walk.path, sizeof(walk.path), places[i].path);
		r = fd < 0 ? -errno : walk_dir(&walk, fd, 0);
	}
	if (r < 0)
		return error_set(err, r, "discarded", "cannot look through the writable layer at %s:", walk.path);
	*ret = walk.totals;
	return 0;
}

/** keep_place() - copy one directory of the layer to @to/@path */
static int keep_place(int scratch, const char *dir, int to, const char *path)
{
	_cleanup_close_ int from = openat(scratch, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int into = -1;

	if (from < 0)
		return -errno;
	if (mkdirat(to, path, 0755) < 0)
		return -errno;
	into = openat(to, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return into < 0 ? -errno : tree_copy(from, into, NULL);
}

int dyno_keep(struct dyno *dyno, const char *dir, struct dyno_error *err)
{
	_cleanup_close_ int to = -1;
	int scratch = scratch_of(dyno, err);
	size_t i;
	int r = 0;

	if (scratch < 0)
		return scratch;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return error_set(err, -errno, "keep", "cannot make %s:", dir);
	to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return error_set(err, -errno, "keep", "cannot open %s:", dir);
	if ((mkdirat(to, "var", 0755) < 0 || mkdirat(to, "dev", 0755) < 0) && errno != EEXIST)
		r = -errno;
	for (i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = keep_place(scratch, places[i].dir, to, places[i].path + 1);
	if (r < 0) {
		error_set(err, r, "keep", "cannot keep the written files in %s:", dir);
		if (r == -EEXIST)
			error_remedy(err, "the directory must be new or empty");
	}
	return r;
}
