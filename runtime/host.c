/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - see host.h */
#include "runtime/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/landlock.h"
#include "isolation/mounts.h"
#include "isolation/template.h"
#include "runtime/nursery.h"

bool host_has_privilege(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return (data[0].effective & (1u << CAP_SYS_ADMIN)) != 0;
}

int host_state_dir(char *ret, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length;

	if (host_has_privilege())
		return text_copy(ret, size, "/run/dyno");
	if (runtime && runtime[0] == '/' && access(runtime, W_OK) == 0)
		length = text_format(ret, size, "%s/dyno", runtime);
	else
		length = text_format(ret, size, "/tmp/dyno-%u", geteuid());
	return length < 0 ? length : 0;
}

/** open_private() - open directory @path, made if missing, which must be ours alone: a planted one would own our state */
static int open_private(int dirfd, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dirfd, path, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return -EPERM;
	return TAKE_FD(fd);
}

/** open_state() - the state directory and what is in it */
static int open_state(struct dyno_host *host, struct dyno_error *err)
{
	const struct {
		const char *name;
		int *fd;
	} parts[] = {
		{ "slots", &host->slots_fd },
		{ "names", &host->names_fd },
		{ "sockets", &host->sockets_fd },
		{ "stacks", &host->stacks_fd },
	};
	_cleanup_close_ int fd = open_private(AT_FDCWD, host->state_dir);
	int r = fd < 0 ? fd : 0;
	size_t i;

	for (i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i].fd = open_private(fd, parts[i].name);
		if (*parts[i].fd < 0)
			r = *parts[i].fd;
	}
	host->state_fd = TAKE_FD(fd);
	if (r < 0)
		error_set(err, r, "state", "cannot use state directory %s:", host->state_dir);
	if (r == -EPERM)
		error_remedy(err, "it must belong to this user with mode 0700");
	return r;
}

int dyno_host_open(struct dyno_host **ret, struct dyno_error *err)
{
	struct dyno_host *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return error_set(err, -ENOMEM, "host", "out of memory");
	*host = (struct dyno_host){
		.rootless = !host_has_privilege(),
		.uid = geteuid(),
		.gid = getegid(),
		.state_fd = -1,
		.slots_fd = -1,
		.names_fd = -1,
		.sockets_fd = -1,
		.stacks_fd = -1,
		.landlock_abi = landlock_abi(),
		.template = { .fd = -1, .table = -1 },
		.spare = SPARE_NULL,
		.slug = { .table = -1, .uid = geteuid(), .gid = getegid() },
		.cgroups = { .v2_fd = -1, .v1_fd = { -1, -1, -1, -1 } },
	};
	r = host_state_dir(host->state_dir, sizeof(host->state_dir));
	if (r < 0)
		error_set(err, r, "state", "the path of the state directory is too long");
	if (r == 0)
		r = open_state(host, err);
	if (r == 0)
		r = cgroup_host_open(&host->cgroups, err);
	if (r == 0)
		r = network_host_open(host->rootless, host->state_fd, &host->network, err);
	if (r < 0) {
		dyno_host_close(host);
		return r;
	}
	*ret = host;
	return 0;
}

int host_template(struct dyno_host *host)
{
	struct host_template *template = &host->template;
	char stacks[sizeof(host->state_dir) + 8];

	if (host->rootless || host->launches < 2)
		return -1;
	if (template->table < 0)
		template->table = mounts_table();
	/* First, so that a change after it shows the next time. */
	if (!mounts_table_changed(template->table) && template->fd >= 0)
		return template->fd;
	template->fd = fd_close(template->fd);
	if (template->table < 0 || text_format(stacks, sizeof(stacks), "%s/stacks", host->state_dir) < 0)
		return -1;
	/* Only time is lost without one. */
	template->fd = template_open(stacks, NULL);
	return template->fd;
}

struct dyno_host *dyno_host_close(struct dyno_host *host)
{
	if (!host)
		return NULL;
	/* First: its thread makes and destroys sandboxes with the same claims, groups and filter. */
	host->nursery = nursery_end(host->nursery);
	watcher_close(host->watcher);
	spare_drop(host);
	network_host_close(host->network);
	cgroup_host_done(&host->cgroups);
	host->state_fd = fd_close(host->state_fd);
	host->slots_fd = fd_close(host->slots_fd);
	host->names_fd = fd_close(host->names_fd);
	host->sockets_fd = fd_close(host->sockets_fd);
	host->stacks_fd = fd_close(host->stacks_fd);
	host->slug.table = fd_close(host->slug.table);
	host->template.table = fd_close(host->template.table);
	host->template.fd = fd_close(host->template.fd);
	free(host);
	return NULL;
}
