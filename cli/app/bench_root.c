/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_root.c - `dyno bench`: what other runtimes need as files: a root with mount points, and OCI bundles
 *
 * They are given what a dyno sees, as far as they can: this machine's /usr and /etc read-only, the slug at /app, /proc,
 * /dev, a /tmp, no capability, the same limits. What they have no word for (a writable layer over the slug) they do
 * without, which favours them.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"

#define PIDS_DEFAULT 256
#define MEMORY_DEFAULT (512LL << 20)

char bench_host_entry(size_t *at, const char **ret_name, char target[PATH_MAX])
{
	static const char *const names[] = { "usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32" };
	char path[16];
	struct stat st;

	while (*at < sizeof(names) / sizeof(names[0])) {
		ssize_t length;

		*ret_name = names[(*at)++];
		(void)text_format(path, sizeof(path), "/%s", *ret_name);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			return 'd';
		length = readlink(path, target, PATH_MAX - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		return 'l';
	}
	return 0;
}

int bench_root_make(const char *path, struct dyno_error *err)
{
	static const char *const dirs[] = { "proc", "dev", "sys", "tmp", "run", "var", "app" };
	_cleanup_close_ int fd = mkdir(path, 0755) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char target[PATH_MAX], kind;
	const char *name;
	size_t at = 0;
	int code = fd < 0 ? -1 : 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && code == 0; i++)
		code = mkdirat(fd, dirs[i], 0755);
	while (code == 0 && (kind = bench_host_entry(&at, &name, target)) != 0)
		code = kind == 'd' ? mkdirat(fd, name, 0755) : symlinkat(target, fd, name);
	if (code < 0)
		return error_set(err, -errno, "bench", "cannot make %s:", path);
	code = fd_create_text(fd, BENCH_STAMP_INSIDE + 1, 0755, "");
	return code < 0 ? error_set(err, code, "bench", "cannot make a file in %s:", path) : 0;
}

/** json_words() - as an array */
static json_t *json_words(const struct bench_words *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->count; i++)
		json_array_append_new(array, json_string(words->items[i]));
	return array;
}

/** add_bind() - @from of this machine's at @to, read-only */
static void add_bind(json_t *mounts, const char *from, const char *to)
{
	json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:[s,s,s,s]}", "destination", to, "type", "bind",
	                                        "source", from, "options", "rbind", "ro", "nosuid", "nodev"));
}

/** json_mounts() - those of `runc spec` that a dyno has too, and ours */
static json_t *json_mounts(const struct bench_plan *plan)
{
	json_t *mounts = json_pack(
		"[{s:s,s:s,s:s}, {s:s,s:s,s:s,s:[s,s,s,s]}, {s:s,s:s,s:s,s:[s,s,s,s,s]}, {s:s,s:s,s:s,s:[s,s,s]},"
		" {s:s,s:s,s:s,s:[s,s,s]}]",
		"destination", "/proc", "type", "proc", "source", "proc", "destination", "/dev", "type", "tmpfs",
		"source", "tmpfs", "options", "nosuid", "strictatime", "mode=755", "size=65536k", "destination",
		"/dev/pts", "type", "devpts", "source", "devpts", "options", "nosuid", "noexec", "newinstance",
		"ptmxmode=0666", "mode=0620", "destination", "/dev/shm", "type", "tmpfs", "source", "shm", "options",
		"nosuid", "nodev", "mode=1777", "destination", "/tmp", "type", "tmpfs", "source", "tmp", "options",
		"nosuid", "nodev", "mode=1777");
	char target[PATH_MAX], path[16], kind;
	const char *name;
	size_t at = 0;

	while ((kind = bench_host_entry(&at, &name, target)) != 0) {
		(void)text_format(path, sizeof(path), "/%s", name);
		if (kind == 'd')
			add_bind(mounts, path, path);
	}
	add_bind(mounts, plan->request.app.slug, "/app");
	add_bind(mounts, plan->stamp, BENCH_STAMP_INSIDE);
	return mounts;
}

/** json_linux() - namespaces, and limits where cgroups can be had */
static json_t *json_linux(const struct bench_plan *plan)
{
	static const char *const kinds[] = { "pid", "ipc", "uts", "mount" };
	const struct dyno_limits *limits = &plan->request.app.limits;
	json_t *namespaces = json_array(), *box = json_object();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		json_array_append_new(namespaces, json_pack("{s:s}", "type", kinds[i]));
	if (plan->until == BENCH_UNTIL_EXEC && plan->request.shape.net != DYNO_NET_HOST)
		json_array_append_new(namespaces, json_pack("{s:s}", "type", "network"));
	json_object_set_new(box, "maskedPaths",
	                    json_pack("[s,s,s,s,s]", "/proc/kcore", "/proc/keys", "/proc/sysrq-trigger",
	                              "/proc/timer_list", "/proc/acpi"));
	if (geteuid() == 0) {
		json_int_t memory = limits->memory ? (json_int_t)limits->memory : MEMORY_DEFAULT;

		json_object_set_new(box, "resources",
		                    json_pack("{s:[{s:b,s:s}], s:{s:I}, s:{s:i}}", "devices", "allow", 0, "access",
		                              "rwm", "memory", "limit", memory, "pids", "limit", PIDS_DEFAULT));
	} else {
		json_array_append_new(namespaces, json_pack("{s:s}", "type", "user"));
		json_object_set_new(
			box, "uidMappings",
			json_pack("[{s:i,s:i,s:i}]", "containerID", 0, "hostID", (int)geteuid(), "size", 1));
		json_object_set_new(
			box, "gidMappings",
			json_pack("[{s:i,s:i,s:i}]", "containerID", 0, "hostID", (int)getegid(), "size", 1));
	}
	json_object_set_new(box, "namespaces", namespaces);
	return box;
}

int bench_bundle_make(const struct bench_plan *plan, const char *root, const char *dir,
                      const struct bench_inside *inside, struct dyno_error *err)
{
	char path[PATH_MAX];
	json_t *config;
	int code;

	config = json_pack(
		"{s:s, s:{s:b, s:{s:i,s:i}, s:o, s:o, s:s, s:{s:[],s:[],s:[]}, s:b}, s:{s:s,s:b}, s:s, s:o, s:o}",
		"ociVersion", "1.0.2", "process", "terminal", 0, "user", "uid", 0, "gid", 0, "args",
		json_words(inside->words), "env", json_words(inside->env), "cwd", "/app", "capabilities", "bounding",
		"effective", "permitted", "noNewPrivileges", 1, "root", "path", root, "readonly", 1, "hostname",
		"bench", "mounts", json_mounts(plan), "linux", json_linux(plan));
	if (!config)
		return error_set(err, -EINVAL, "bench",
		                 "the command or its environment is not UTF-8, as a bundle must be");
	code = mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno
	                                               : text_format(path, sizeof(path), "%s/config.json", dir);
	if (code > 0 && json_dump_file(config, path, JSON_INDENT(1)) < 0)
		code = -EIO;
	json_decref(config);
	return code < 0 ? error_set(err, code, "bench", "cannot write a bundle:") : 0;
}
