/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - see machine.h */
#include "tests/sandbox/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/fd.h"
#include "isolation/cgroup.h"

/** add() - one more fact */
__attribute__((format(printf, 2, 3))) static void add(struct machine *machine, const char *fmt, ...)
{
	va_list args;

	machine->facts = realloc(machine->facts, (machine->count + 1) * sizeof(*machine->facts));
	va_start(args, fmt);
	if (!machine->facts || vasprintf(&machine->facts[machine->count], fmt, args) < 0)
		abort();
	va_end(args);
	machine->count++;
}

/** held() - the claim @name in directory @kind of the state directory belongs to somebody alive */
static bool held(const char *state, const char *kind, const char *name)
{
	_cleanup_close_ int dir = -1;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", state, kind);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && claim_held(dir, name) == 1;
}

/** add_directory() - each entry of @path that starts with @prefix, unless the claim named by the rest is held */
static void add_directory(struct machine *machine, const char *path, const char *prefix, const char *state,
                          const char *kind)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t skip = strlen(prefix);

		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, skip) != 0)
			continue;
		if (!held(state, kind, entry->d_name + skip))
			add(machine, "left: %s/%s", path, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/** add_groups_below() - the directory of each slot below the root @fd of a tree */
static void add_groups_below(struct machine *machine, int fd, const char *state)
{
	char link[32], place[512];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = fd < 0 ? -1 : readlink(link, place, sizeof(place) - 1);
	if (length < 0)
		return;
	place[length] = '\0';
	add_directory(machine, place, "dyno-", state, "slots");
}

/** add_cgroups() - of all trees in which dynos have groups */
static void add_cgroups(struct machine *machine, const char *state)
{
	struct cgroup_host host;

	if (cgroup_host_open(&host, NULL) < 0)
		return;
	add_groups_below(machine, host.v2_fd, state);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		add_groups_below(machine, host.v1_fd[i], state);
	cgroup_host_done(&host);
}

/** add_mounts() - each line of mountinfo */
static void add_mounts(struct machine *machine)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char line[4096], id[32], root[512], place[512], type[64];

	while (in && fgets(line, sizeof(line), in)) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%31s %*s %*s %511s %511s", id, root, place) != 3 ||
		    sscanf(dash, " - %63s", type) != 1)
			continue;
		add(machine, "mount: %s %s from %s (%s)", id, place, root, type);
	}
	if (in)
		fclose(in);
}

/** add_descriptors() - ours; the one used for looking is left out */
static void add_descriptors(struct machine *machine)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	char target[512];

	while (dir && (entry = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (length < 0 || atoi(entry->d_name) == dirfd(dir))
			continue;
		target[length] = '\0';
		add(machine, "descriptor: %s %s", entry->d_name, target);
	}
	if (dir)
		closedir(dir);
}

/**
 * add_children() - processes whose parent we are; as their subreaper that is all that tests leave behind
 * The dead do not count: of a process whose launcher ended before it, only we could take the status.
 */
static void add_children(struct machine *machine)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char path[300], text[512];

	while (dir && (entry = readdir(dir))) {
		const char *rest;
		FILE *in;
		char process_state = 'Z';
		int parent = 0;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		in = fopen(path, "re");
		if (in && fgets(text, sizeof(text), in) && (rest = strrchr(text, ')')) &&
		    sscanf(rest, ") %c %d", &process_state, &parent) == 2 && parent == getpid() && process_state != 'Z')
			add(machine, "child: %.*s)", (int)(rest - text), text);
		if (in)
			fclose(in);
	}
	if (dir)
		closedir(dir);
}

/** add_filter() - packet filter and forwarding of this network namespace that no launcher owns any more */
static void add_filter(struct machine *machine, const char *state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	unsigned long long ns;
	char path[300];
	struct stat st;
	int fd;

	if (stat("/proc/self/ns/net", &st) < 0)
		return;
	ns = (unsigned long long)st.st_ino;
	snprintf(path, sizeof(path), "%s/table-%llu", state, ns);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK)) {
		close(fd);
		return;
	}
	if (fd >= 0) {
		add(machine, "left: packet filter %s", path);
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/uplink-%llu", state, ns);
	if (access(path, F_OK) == 0)
		add(machine, "left: forwarding %s", path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void machine_look(struct machine *ret, const char *state)
{
	bool rootless = strcmp(state, "/run/dyno") != 0;
	char path[512];

	*ret = (struct machine){ 0 };
	add_mounts(ret);
	/* Links are root's alone; and the groups that we see as root are not those of the ordinary user's dynos */
	if (!rootless)
		add_directory(ret, "/sys/class/net", "dyno", state, "slots");
	if (!rootless || geteuid() != 0)
		add_cgroups(ret, state);
	add_filter(ret, state);
	add_descriptors(ret);
	add_children(ret);
	snprintf(path, sizeof(path), "%s/slots", state);
	add_directory(ret, path, "", state, "slots");
	snprintf(path, sizeof(path), "%s/names", state);
	add_directory(ret, path, "", state, "names");
	snprintf(path, sizeof(path), "%s/sockets", state);
	add_directory(ret, path, "", state, "names");
	qsort(ret->facts, ret->count, sizeof(*ret->facts), by_text);
}

/** is_leftover() - of a dyno, maybe of somebody else's, or a process about to end: one that goes away is no harm */
static bool is_leftover(const char *fact)
{
	return strncmp(fact, "left: ", 6) == 0 || strncmp(fact, "child: ", 7) == 0;
}

size_t machine_differences(const struct machine *before, const struct machine *after, int say)
{
	size_t b = 0, a = 0, count = 0;

	while (b < before->count || a < after->count) {
		int order = b == before->count ? 1 : a == after->count ? -1 : strcmp(before->facts[b], after->facts[a]);

		if (order == 0) {
			a++;
			b++;
			continue;
		}
		if (order < 0 && is_leftover(before->facts[b])) {
			b++;
			continue;
		}
		if (say)
			printf("%s %s\n", order < 0 ? "gone:" : "new:", order < 0 ? before->facts[b] : after->facts[a]);
		count++;
		if (order < 0)
			b++;
		else
			a++;
	}
	return count;
}

void machine_forget(struct machine *machine)
{
	for (size_t i = 0; i < machine->count; i++)
		free(machine->facts[i]);
	free(machine->facts);
	*machine = (struct machine){ 0 };
}

/* nftw(3) has no place for the caller's data; the tests have one thread */
static uint64_t digest_sum;

/** mix() - FNV-1a over @size more bytes */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u; /* NOLINT: see skeleton.c, hash_bytes() */
	return hash;
}

/** mix_xattrs() - names and values */
static uint64_t mix_xattrs(uint64_t hash, const char *path)
{
	char names[4096], value[4096];
	ssize_t size = llistxattr(path, names, sizeof(names));

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t length = lgetxattr(path, names + at, value, sizeof(value));

		hash = mix(hash, names + at, strlen(names + at));
		hash = mix(hash, value, length > 0 ? (size_t)length : 0);
	}
	return hash;
}

/** mix_content() - of a file or a symlink */
static uint64_t mix_content(uint64_t hash, const char *path, mode_t mode)
{
	char buf[65536];
	ssize_t n;
	int fd;

	if (S_ISLNK(mode)) {
		n = readlink(path, buf, sizeof(buf));
		return n < 0 ? hash : mix(hash, buf, (size_t)n);
	}
	fd = S_ISREG(mode) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOATIME) : -1;
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		hash = mix(hash, buf, (size_t)n);
	fd_close(fd);
	return hash;
}

/** digest_entry() - the sum does not depend on the order of a directory's entries */
static int digest_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	uint64_t hash = mix(0xcbf29ce484222325u, path, strlen(path));
	const uint64_t facts[11] = {
		st->st_mode,
		st->st_uid,
		st->st_gid,
		st->st_nlink,
		st->st_rdev,
		S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
		st->st_ino,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};

	(void)type;
	(void)ftw;
	hash = mix(hash, facts, sizeof(facts));
	hash = mix_xattrs(hash, path);
	digest_sum += mix_content(hash, path, st->st_mode);
	return 0;
}

uint64_t machine_digest(const char *path)
{
	digest_sum = 0;
	if (nftw(path, digest_entry, 16, FTW_PHYS) != 0)
		return 0;
	return digest_sum;
}
