/* SPDX-License-Identifier: Apache-2.0 */
/**
 * claim.c - see claim.h
 *
 * A name can be given to another file between open(2) and the lock: the old owner unlinks it, a third process makes it
 * anew. A lock on the unlinked file is worth nothing, hence the comparison of the descriptor with the name after
 * locking. It is enough: while the lock is ours and the name leads to our file, nobody else may unlink it, because only
 * the owner of a lock drops a claim.
 */
#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

/* Every repetition means that another process dropped the claim meanwhile; so many in a row is a busy claim. */
#define TAKE_ATTEMPTS 64

/** still_named() - 1 when @name still leads to the file behind @fd, 0 when not, or negative errno */
static int still_named(int dirfd, const char *name, int fd)
{
	struct stat named, held;

	if (fstat(fd, &held) < 0)
		return -errno;
	if (fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/** try_take() - one attempt at claim_take(); -EAGAIN when the file was dropped under our hands */
static int try_take(int dirfd, const char *name)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int named;

	if (fd < 0)
		return -errno;
	/* EAGAIN or EACCES: both mean a conflicting lock (fcntl(2)). */
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
	named = still_named(dirfd, name, fd);
	if (named < 0)
		return named;
	return named ? TAKE_FD(fd) : -EAGAIN;
}

int claim_take(int dirfd, const char *name)
{
	for (int attempt = 0; attempt < TAKE_ATTEMPTS; attempt++) {
		int fd = try_take(dirfd, name);

		if (fd != -EAGAIN)
			return fd;
	}
	return -EBUSY;
}

int claim_held(int dirfd, const char *name)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

int claim_drop(int dirfd, const char *name, int fd)
{
	int saved = errno;

	/* Unlink first: once the lock is gone the name may already be somebody else's. */
	if (fd >= 0)
		(void)unlinkat(dirfd, name, 0);
	errno = saved;
	return fd_close(fd);
}

int claim_take_slot(int dirfd, unsigned slots, unsigned *ret_slot)
{
	unsigned start = (unsigned)clock_ns() ^ ((unsigned)getpid() * 2654435761U);

	for (unsigned i = 0; i < slots; i++) {
		unsigned slot = (start % slots + i) % slots;
		char name[16];
		int fd;

		text_format(name, sizeof(name), "%u", slot);
		fd = claim_take(dirfd, name);
		if (fd == -EBUSY)
			continue;
		if (fd >= 0)
			*ret_slot = slot;
		return fd;
	}
	return -ENOSPC;
}
