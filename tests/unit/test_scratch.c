/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_scratch.c - isolation/scratch: the writable layer is bounded, in memory and on disk, and nothing of it stays
 *
 * The disks are images on loop devices, mounted in a mount namespace of this program's own: whatever happens to it, the
 * kernel takes mounts and devices back. A kernel without loop devices, filesystem or quotas is said and skipped.
 */
#include "tests/unit/directory_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/vfs.h>

#include "isolation/scratch.h"

#define SIZE (8ULL << 20)
#define PATIENCE_MS 60000
#define NO_MOUNTS 77

/* writes more than fits, in files below the limit of one file; tells what the last error was, and what is there */
static const char fill_script[] =
	"for d in /app /tmp /var/tmp /dev/shm; do for i in 1 2 3; do "
	"LC_ALL=C dd if=/dev/zero of=$d/f$i bs=65536 count=60 2>&1 | grep -oE 'No space|quota'; "
	"done; done; echo kib=$(du -skc /app /tmp /var/tmp /dev/shm | tail -n 1 | cut -f 1)";
/* "true", not ":": a redirection that fails ends the shell of a special builtin */
static const char files_script[] =
	"i=0; while true > /tmp/f$i && [ $i -lt 100000 ]; do i=$((i + 1)); done 2>/dev/null; "
	"echo files=$i";

/** struct outcome - what a dyno printed, and how it ended */
struct outcome {
	char text[4096];
	int status;
};

/** number_after() - the number behind @key in the output; fails the test without one */
static unsigned long number_after(const struct outcome *o, const char *key)
{
	const char *at = strstr(o->text, key);

	if (!at)
		print_error("no %s in: %s\n", key, o->text);
	assert_non_null(at);
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

/** wait_for() - the next event of @dyno, which must be of @type */
static struct dyno_event wait_for(struct dyno *dyno, enum dyno_event_type type)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { .type = DYNO_EVENT_NONE };

	while (event.type == DYNO_EVENT_NONE) {
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		assert_int_equal(dyno_next_event(dyno, &event, NULL), 0);
	}
	if (event.type != type)
		fail_msg("event %d instead of %d: %s", (int)event.type, (int)type, event.error.text);
	return event;
}

/** run_script() - @script in a dyno with a writable layer of @size in @dir, NULL for a tmpfs */
static struct outcome run_script(const char *dir, uint64_t size, const char *script)
{
	const struct dyno_shape shape = {
		.stack = "host", .net = DYNO_NET_NONE, .scratch_size = size, .scratch_dir = dir
	};
	struct dyno_app app = { .argv = (const char *const[]){ "/bin/sh", "-c", script, NULL } };
	struct outcome o = { .status = -1 };
	struct dyno_sandbox *sandbox;
	struct dyno_host *host;
	struct dyno_error err;
	struct dyno *dyno = NULL;
	size_t used = 0;
	ssize_t got;
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	app.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	app.fds[1] = app.fds[2] = out[1];
	assert_int_equal(dyno_host_open(&host, &err), 0);
	if (dyno_prepare(host, &shape, &app, 0, &sandbox, &err) < 0 || dyno_start(sandbox, &app, &dyno, &err) < 0)
		fail_msg("%s: %s", err.step, err.text);
	fd_close(out[1]);
	fd_close(app.fds[0]);
	wait_for(dyno, DYNO_EVENT_UP);
	while ((got = read(out[0], o.text + used, sizeof(o.text) - 1 - used)) > 0)
		used += (size_t)got;
	o.status = wait_for(dyno, DYNO_EVENT_EXITED).status;
	fd_close(out[0]);
	dyno_destroy(dyno);
	dyno_host_close(host);
	return o;
}

/** check_limits() - neither bytes nor files beyond @size fit into the layer of a dyno in @dir */
static void check_limits(const char *dir)
{
	struct outcome o = run_script(dir, SIZE, fill_script);

	assert_int_equal(o.status, 0);
	assert_true(strstr(o.text, "No space") || strstr(o.text, "quota"));
	assert_in_range(number_after(&o, "kib="), SIZE / 1024 / 2, SIZE / 1024);
	/* 4096 files, less those that dyno made */
	o = run_script(dir, SIZE, files_script);
	assert_in_range(number_after(&o, "files="), 1000, 4096);
}

static void tmpfs_limit_holds(void **state)
{
	(void)state;
	check_limits(NULL);
}

/** act_tmpfs() - the tmpfs itself, and its layout */
static int act_tmpfs(const struct directory *d)
{
	static const struct {
		const char *name;
		mode_t mode;
	} places[] = { { "root", 0755 }, { "upper", 0755 }, { "work", 0700 },  { "tmp", 01777 }, { "vartmp", 01777 },
		       { "shm", 01777 }, { "lower", 0755 }, { "stack", 0755 }, { "masked.d", 0 } };
	struct dyno_error err = { 0 };
	struct statfs fs;
	struct stat st;
	char text[64];
	int fd;

	(void)d;
	if (own_mounts() < 0)
		return NO_MOUNTS;
	(void)umask(0);
	fd = scratch_open(SCRATCH_MIN_SIZE, &err);
	EXPECT(fd >= 0);
	EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	EXPECT(fstatfs(fd, &fs) == 0 && (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize == SCRATCH_MIN_SIZE);
	EXPECT(fs.f_files >= 256 && fs.f_files <= 65536);
	EXPECT(scratch_layout_child(fd, "127.0.0.1 localhost\n", (uid_t)-1, &err) == 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		EXPECT(fstatat(fd, places[i].name, &st, 0) == 0 && st.st_mode == (S_IFDIR | places[i].mode));
	EXPECT(fd_read_text(fd, "hosts", text, sizeof(text)) > 0 && strcmp(text, "127.0.0.1 localhost\n") == 0);
	EXPECT(scratch_full(fd) == 0);
	/* a second layout of the same layer is a mistake, and is told */
	EXPECT(scratch_layout_child(fd, "", (uid_t)-1, &err) == -EEXIST && strstr(err.text, "root"));
	EXPECT(scratch_full(-1) == -EBADF);
	return 0;
}

/** act_full() - a full layer is told */
static int act_full(const struct directory *d)
{
	static char block[65536];
	int fd, file;

	(void)d;
	if (own_mounts() < 0)
		return NO_MOUNTS;
	fd = scratch_open(SCRATCH_MIN_SIZE, NULL);
	EXPECT(fd >= 0);
	file = openat(fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	EXPECT(file >= 0);
	while (write(file, block, sizeof(block)) > 0)
		;
	EXPECT(errno == ENOSPC);
	EXPECT(scratch_full(fd) == 1);
	EXPECT(unlinkat(fd, "file", 0) == 0 && close(file) == 0);
	EXPECT(scratch_full(fd) == 0);
	/* and by files alone */
	for (int i = 0; i < 100000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		if (mknodat(fd, name, S_IFREG | 0600, 0) < 0)
			break;
	}
	EXPECT(errno == ENOSPC);
	EXPECT(scratch_full(fd) == 1);
	return 0;
}

/** check_child() - run @act in a child with mounts of its own, or skip by @name */
static void check_child(void **state, int (*act)(const struct directory *d), const char *name)
{
	int code = in_child(act, *state);

	if (code == NO_MOUNTS) {
		print_message("%s: this user may make no user namespace to mount in\n", name);
		skip();
	}
	assert_int_equal(code, 0);
}

static void tmpfs_and_layout(void **state)
{
	check_child(state, act_tmpfs, __func__);
}

static void full_is_told(void **state)
{
	check_child(state, act_full, __func__);
}

/** shell() - run a command line, quietly. Return: whether it succeeded */
static bool shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool shell(const char *fmt, ...)
{
	char line[512], quiet[640];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	snprintf(quiet, sizeof(quiet), "PATH=$PATH:/usr/sbin:/sbin; { %s; } >/dev/null 2>&1", line);
	return system(quiet) == 0;
}

/** struct disk - how to make and mount one; @options of mount(8) */
struct disk {
	const char *type, *make, *options;
};

/** mount_disk() - make @disk in the fixture's directory and mount it at @ret. Return: NULL, or why it is not to be had */
static const char *mount_disk(const struct directory *d, const struct disk *disk, char ret[96])
{
	char image[96];

	snprintf(image, sizeof(image), "%s/image", d->path);
	snprintf(ret, 96, "%s/disk", d->path);
	if (geteuid() != 0)
		return "only root mounts disks";
	if (mkdir(ret, 0755) < 0 && errno != EEXIST)
		return "cannot make a mount point";
	/* xfs takes no less than 300 MiB; the file is sparse */
	if (!shell("truncate -s 320M %s && %s %s", image, disk->make, image))
		return "its tools are not installed";
	(void)shell("modprobe loop; modprobe %s", disk->type);
	if (!shell("mount -t %s -o loop %s %s && umount %s", disk->type, image, ret, ret))
		return "this kernel cannot mount it on a loop device";
	if (!shell("mount -t %s -o loop,%s %s %s", disk->type, disk->options, image, ret))
		return "this kernel has no project quotas on it";
	return NULL;
}

/** unmount_disk() - and check that no dyno directory was left on it */
static void unmount_disk(const char *dir)
{
	bool empty = shell("! ls -d %s/dyno-*", dir);

	assert_int_equal(umount2(dir, 0), 0);
	assert_true(empty);
}

/** on_disk() - run @check on @disk, or skip by @name */
#define ON_DISK(disk, check)                                                                                           \
	do {                                                                                                           \
		char dir_[96];                                                                                         \
		const char *why_ = mount_disk(*state, disk, dir_);                                                     \
                                                                                                                       \
		if (why_)                                                                                              \
			SKIP_BECAUSE("%s: %s", (disk)->type, why_);                                                    \
		check(dir_);                                                                                           \
		unmount_disk(dir_);                                                                                    \
	} while (0)

static const struct disk xfs = { "xfs", "mkfs.xfs -q", "prjquota" };
static const struct disk ext4 = { "ext4", "mkfs.ext4 -q -O quota,project -E quotatype=prjquota", "prjquota" };
static const struct disk ext4_tuned = { "ext4",
	                                "tuned() { mkfs.ext4 -q -O project $1 && tune2fs -Q prjquota $1; }; tuned",
	                                "prjquota" };
/* counted, and held by nobody */
static const struct disk xfs_counting = { "xfs", "mkfs.xfs -q", "pqnoenforce" };
static const struct disk ext4_counting = { "ext4", "mkfs.ext4 -q -O quota,project -E quotatype=prjquota", "rw" };
/* without any */
static const struct disk xfs_plain = { "xfs", "mkfs.xfs -q", "rw" };
static const struct disk ext4_plain = { "ext4", "mkfs.ext4 -q", "rw" };

/** check_refused() - no limit, no scratch directory; what is missing is said, and nothing is left */
static void check_refused(const char *dir)
{
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE, .scratch_dir = dir };
	const struct dyno_app app = { .argv = (const char *const[]){ "/bin/true", NULL } };
	struct dyno_sandbox *sandbox = NULL;
	struct dyno_error err = { 0 };
	struct dyno_host *host;
	char name[128];
	int r;

	assert_true(scratch_open_disk(dir, 7, SIZE, &err) < 0);
	snprintf(name, sizeof(name), "%s/dyno-7", dir);
	assert_int_equal(access(name, F_OK), -1);
	assert_non_null(strstr(err.text, dir));
	assert_non_null(strstr(err.remedy, "project quotas"));
	assert_int_equal(dyno_host_open(&host, NULL), 0);
	memset(&err, 0, sizeof(err));
	r = dyno_prepare(host, &shape, &app, 0, &sandbox, &err);
	assert_true(r < 0);
	assert_int_equal(err.code, r);
	assert_null(sandbox);
	assert_non_null(strstr(err.remedy, "project quotas"));
	dyno_host_close(host);
}

static void refused_on_tmpfs(void **state)
{
	(void)state;
	/* /dev/shm is one wherever there is one */
	check_refused("/dev/shm");
}

static void refused_on_xfs_without_quotas(void **state)
{
	ON_DISK(&xfs_plain, check_refused);
}

static void refused_on_ext4_without_quotas(void **state)
{
	ON_DISK(&ext4_plain, check_refused);
}

static void refused_on_xfs_that_only_counts(void **state)
{
	ON_DISK(&xfs_counting, check_refused);
}

static void refused_on_ext4_that_only_counts(void **state)
{
	ON_DISK(&ext4_counting, check_refused);
}

/** check_removed() - the directory goes with its dyno, however deep the app made it, and the next one is as bounded */
static void check_removed(const char *dir)
{
	static const char deep[] =
		"cd /tmp; i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i + 1)); done; "
		"touch bottom; mkdir -p /app/a/b; chmod 0 /app/a; echo deep=$i";
	struct outcome o = run_script(dir, SIZE, deep);

	assert_int_equal(number_after(&o, "deep="), 300);
	assert_true(shell("! ls -d %s/dyno-*", dir));
	check_limits(dir);
}

static void xfs_limit_holds(void **state)
{
	ON_DISK(&xfs, check_removed);
}

static void ext4_limit_holds(void **state)
{
	ON_DISK(&ext4, check_removed);
}

static void ext4_with_quotas_added_later(void **state)
{
	ON_DISK(&ext4_tuned, check_limits);
}

/** check_slots() - each slot has its own limit, and what one filled is no other's loss */
static void check_slots(const char *dir)
{
	int one = scratch_open_disk(dir, 4001, SCRATCH_MIN_SIZE, NULL);
	int two = scratch_open_disk(dir, 4002, SCRATCH_MIN_SIZE, NULL);
	static char block[65536];

	assert_true(one >= 0 && two >= 0);
	for (int i = 0; i < 2; i++) {
		int at = i ? two : one;
		size_t sum = 0;
		int status;
		pid_t pid;

		assert_true(shell("chmod 777 %s/dyno-400%d", dir, i + 1));
		/* CAP_SYS_RESOURCE may pass limits by (quotactl(2)): write as somebody without */
		pid = fork();
		if (pid == 0) {
			int fd;

			if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
				_exit(2);
			fd = openat(at, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
			if (fd < 0)
				_exit(3);
			while (sum < 4 * SCRATCH_MIN_SIZE && write(fd, block, sizeof(block)) > 0)
				sum += sizeof(block);
			if (errno != ENOSPC && errno != EDQUOT)
				_exit(4);
			_exit(sum > SCRATCH_MIN_SIZE ? 5 : sum < SCRATCH_MIN_SIZE / 2 ? 6 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(scratch_full(at), 1);
	}
	fd_close(one);
	fd_close(two);
	assert_int_equal(scratch_remove_disk(dir, 4001), 0);
	assert_int_equal(scratch_remove_disk(dir, 4002), 0);
	assert_int_equal(scratch_remove_disk(dir, 4002), 0);
}

static void xfs_slots_are_apart(void **state)
{
	ON_DISK(&xfs, check_slots);
}

static void ext4_slots_are_apart(void **state)
{
	ON_DISK(&ext4, check_slots);
}

/** launcher() - in a child: a dyno on disk @dir that runs until somebody dies; tells its launcher's parent when it is up */
static int launcher(const char *dir, int tell)
{
	const struct dyno_shape shape = {
		.stack = "host", .net = DYNO_NET_NONE, .scratch_size = SIZE, .scratch_dir = dir
	};
	const struct dyno_app app = {
		.argv = (const char *const[]){ "/bin/sh", "-c", "echo x > /tmp/x; exec sleep 600", NULL },
		.fds = { 0, 1, 2 },
	};
	struct dyno_sandbox *sandbox;
	struct dyno_event event = { 0 };
	struct dyno_host *host;
	struct dyno *dyno;

	EXPECT(dyno_host_open(&host, NULL) == 0);
	EXPECT(dyno_prepare(host, &shape, &app, 0, &sandbox, NULL) == 0);
	EXPECT(dyno_start(sandbox, &app, &dyno, NULL) == 0);
	while (event.type != DYNO_EVENT_UP) {
		struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };

		EXPECT(poll(&fd, 1, PATIENCE_MS) == 1 && dyno_next_event(dyno, &event, NULL) == 0);
	}
	EXPECT(write(tell, "u", 1) == 1);
	for (;;)
		pause();
}

/** check_gc() - a killed launcher's directory is removed by the collector, from the claim of its slot */
static void check_gc(const char *dir)
{
	struct dyno_host *host;
	struct dyno_error err;
	char byte;
	int tell[2], status;
	pid_t pid;

	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(launcher(dir, tell[1]));
	fd_close(tell[1]);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	fd_close(tell[0]);
	assert_true(shell("ls -d %s/dyno-*", dir));
	assert_int_equal(dyno_host_open(&host, &err), 0);
	/* not while it runs */
	assert_true(dyno_gc(host, &err) >= 0);
	assert_true(shell("ls -d %s/dyno-*", dir));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* the dyno dies with it, a moment later; its last process may still hold the cgroup */
	for (int i = 0; i < 200 && shell("ls -d %s/dyno-*", dir); i++) {
		(void)dyno_gc(host, &err);

		usleep(20000);
	}
	assert_true(shell("! ls -d %s/dyno-*", dir));
	dyno_host_close(host);
}

static void xfs_after_a_killed_launcher(void **state)
{
	ON_DISK(&xfs, check_gc);
}

static void ext4_after_a_killed_launcher(void **state)
{
	ON_DISK(&ext4, check_gc);
}

/** own_disks() - as root, mounts of this program's own */
static int own_disks(void **state)
{
	(void)state;
	return geteuid() == 0 ? own_mounts() : 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tmpfs_limit_holds),
		DIRECTORY_TEST(tmpfs_and_layout),
		DIRECTORY_TEST(full_is_told),
		cmocka_unit_test(refused_on_tmpfs),
		DIRECTORY_TEST(refused_on_xfs_without_quotas),
		DIRECTORY_TEST(refused_on_ext4_without_quotas),
		DIRECTORY_TEST(refused_on_xfs_that_only_counts),
		DIRECTORY_TEST(refused_on_ext4_that_only_counts),
		DIRECTORY_TEST(xfs_limit_holds),
		DIRECTORY_TEST(ext4_limit_holds),
		DIRECTORY_TEST(ext4_with_quotas_added_later),
		DIRECTORY_TEST(xfs_slots_are_apart),
		DIRECTORY_TEST(ext4_slots_are_apart),
		DIRECTORY_TEST(xfs_after_a_killed_launcher),
		DIRECTORY_TEST(ext4_after_a_killed_launcher),
	};

	return cmocka_run_group_tests_name("scratch", tests, own_disks, NULL);
}
