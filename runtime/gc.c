/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gc.c - clean up after launchers that died: dyno_gc()
 *
 * A claim whose lock is free belongs to a launcher that is no more. Taking the lock makes us the owner of what it names:
 * cgroups, the host's end of a link, a disk scratch directory, a control socket. Then the claim goes too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "runtime/host.h"
#include "runtime/sandbox.h"

/** gc_slot() - clean slot claim @name if it is stale. Return: 1 cleaned, 0 in use, or negative errno */
static int gc_slot(struct dyno_host *host, const char *name, struct dyno_error *err)
{
	uint64_t slot;
	int fd;
	int r;

	if (units_number(name, 0, NETWORK_SLOTS - 1, &slot) < 0)
		return 0;
	fd = claim_take(host->slots_fd, name);
	if (fd < 0)
		return fd == -EBUSY ? 0 : error_set(err, fd, "gc", "cannot claim slot %s:", name);
	r = sandbox_clean_slot(host, (unsigned)slot, fd, err);
	if (r < 0) {
		/* Keep the file: whoever tries again must find it. */
		fd_close(fd);
		return r;
	}
	claim_drop(host->slots_fd, name, fd);
	return 1;
}

/** gc_name() - drop name claim @name if it is stale, and its control socket */
static int gc_name(struct dyno_host *host, const char *name, struct dyno_error *err)
{
	int fd = claim_take(host->names_fd, name);

	if (fd < 0)
		return fd == -EBUSY ? 0 : error_set(err, fd, "gc", "cannot claim name %s:", name);
	(void)unlinkat(host->sockets_fd, name, 0);
	claim_drop(host->names_fd, name, fd);
	return 0;
}

/** for_claims() - call @each for every claim file in @dirfd. Return: sum of what it returned, or its first error */
static int for_claims(struct dyno_host *host, int dirfd,
                      int (*each)(struct dyno_host *host, const char *name, struct dyno_error *err),
                      struct dyno_error *err)
{
	int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int sum = 0, failed = 0;

	if (!dir) {
		fd_close(fd);
		return error_set(err, -errno, "gc", "cannot read the state directory:");
	}
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		int r = entry->d_name[0] == '.' ? 0 : each(host, entry->d_name, err);

		if (r < 0)
			failed = r;
		else
			sum += r;
	}
	closedir(dir);
	return failed < 0 ? failed : sum;
}

int dyno_gc(struct dyno_host *host, struct dyno_error *err)
{
	int cleaned = for_claims(host, host->slots_fd, gc_slot, err);
	int names = for_claims(host, host->names_fd, gc_name, err);

	network_sweep(host->network);
	return cleaned < 0 ? cleaned : names < 0 ? names : cleaned;
}
