/* SPDX-License-Identifier: Apache-2.0 */
/* support.c - see support.h */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

/* Nobody's: a user that no machine has, so that no process or file of another is touched */
#define ORDINARY_UID 64123
#define SETTLE_MS 3000

/* Where the programs of this run of the suite are: readable for everyone, wherever the build is */
static char programs_dir[64];

/** struct string - one of the strings that live as long as the test */
struct string {
	struct string *next;
	char text[];
};

static struct string *strings;

const char *support_format(const char *fmt, ...)
{
	struct string *string;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	string = malloc(sizeof(*string) + (size_t)length + 1);
	if (!string)
		abort();
	va_start(args, fmt);
	vsnprintf(string->text, (size_t)length + 1, fmt, args);
	va_end(args);
	string->next = strings;
	strings = string;
	return string->text;
}

/** forget_strings() - the test is over */
static void forget_strings(void)
{
	while (strings) {
		struct string *next = strings->next;

		free(strings);
		strings = next;
	}
}

const char *support_path(const struct fixture *f, const char *name)
{
	return support_format("%s/%s", f->dir, name);
}

const char *support_dyno(void)
{
	return support_format("%s/dyno", programs_dir);
}

const char *support_probe(void)
{
	return support_format("%s/probe", programs_dir);
}

void support_skip(const struct fixture *f, const char *reason)
{
	printf("SKIP %s: %s\n", f->name, reason);
	fflush(stdout);
	skip();
	abort();
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/** copy_file() - Return: 0 or -1 with errno */
static int copy_file(const char *from, const char *to, mode_t mode)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		return -1;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : fchmod(out, mode);
}

void support_copy(const char *from, const char *to, mode_t mode)
{
	if (copy_file(from, to, mode) < 0)
		FAIL("cannot copy %s to %s: %s\n", from, to, strerror(errno));
}

void support_write(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		FAIL("cannot write %s: %s\n", path, strerror(errno));
	close(fd);
}

const char *support_read(const char *path)
{
	static char text[65536];

	return fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0 ? NULL : text;
}

bool support_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

void support_mkdir(const struct fixture *f, const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0 || (geteuid() == 0 && chown(path, f->uid, f->uid) < 0))
		FAIL("cannot make %s: %s\n", path, strerror(errno));
}

/** open_entry() - give back the right to remove what is below a directory */
static int open_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	if (S_ISDIR(st->st_mode))
		(void)chmod(path, 0700);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void support_remove(const char *path)
{
	(void)nftw(path, open_entry, 16, FTW_PHYS | FTW_MOUNT);
	(void)nftw(path, remove_entry, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH);
}

/** own_entry() - everything of a new slug belongs to the ordinary user */
static int own_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return lchown(path, ORDINARY_UID, ORDINARY_UID);
}

void support_slug(const struct fixture *f, const char *path)
{
	static const char *const directories[] = { "", "/lib", "/lib/deep" };
	char place[PATH_MAX];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		snprintf(place, sizeof(place), "%s%s", path, directories[i]);
		if (mkdir(place, 0755) < 0 && errno != EEXIST)
			FAIL("cannot make %s: %s\n", place, strerror(errno));
	}
	support_copy(support_probe(), support_format("%s/probe", path), 0755);
	support_write(support_format("%s/Procfile", path), "web: ./probe listen\n", 0644);
	support_write(support_format("%s/lib/code", path), "the code\n", 0640);
	support_write(support_format("%s/lib/deep/data", path), "the data\n", 0644);
	if (symlink("lib/code", support_format("%s/link", path)) < 0 && errno != EEXIST)
		FAIL("cannot link: %s\n", strerror(errno));
	if (geteuid() == 0 && f->rootless && nftw(path, own_entry, 16, FTW_PHYS) != 0)
		FAIL("cannot give %s away: %s\n", path, strerror(errno));
}

long long support_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- running the tests -------------------------------------------------------------------------------------------- */

/** end_running() - kill what a failed test left; its cgroups and links are then gc's. Return: whether there was anything */
static bool end_running(struct fixture *f)
{
	struct process *p = calloc(1, sizeof(*p));
	bool any = false;

	for (size_t i = 0; i < SUPPORT_RUNNING; i++) {
		if (f->running[i] <= 0)
			continue;
		any = true;
		kill(f->running[i], SIGKILL);
		waitpid(f->running[i], NULL, 0);
		f->running[i] = 0;
	}
	if (any && p)
		DYNO(f, p, "gc");
	free(p);
	return any;
}

/** reap_orphans() - those of a launcher that was killed come to us; one that still runs after a test is a leak */
static void reap_orphans(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/** set_up() - make the fixture of one test. Return: 0, or -1 to fail it */
static int set_up(void **state)
{
	struct fixture *f = *state;

	snprintf(f->dir, sizeof(f->dir), "%s/test.XXXXXX", programs_dir);
	if (!mkdtemp(f->dir) || chmod(f->dir, 0755) < 0)
		return -1;
	snprintf(f->slug, sizeof(f->slug), "%s/slug", f->dir);
	/* One for all tests, as on a real machine: the first dyno in it makes what later ones share */
	snprintf(f->run, sizeof(f->run), "%s/run", programs_dir);
	if (mkdir(f->run, 0700) < 0 && errno != EEXIST)
		return -1;
	if (geteuid() == 0 && (chown(f->dir, f->uid, f->uid) < 0 || chown(f->run, ORDINARY_UID, ORDINARY_UID) < 0))
		return -1;
	if (f->rootless)
		snprintf(f->state, sizeof(f->state), "%s/dyno", f->run);
	else
		snprintf(f->state, sizeof(f->state), "/run/dyno");
	support_slug(f, f->slug);
	reap_orphans();
	machine_look(&f->before, f->state);
	return 0;
}

/** unmount_below() - what a failed test left mounted in its directory, the last one first */
static void unmount_below(const char *dir)
{
	char line[4096], place[512], last[512];
	size_t length = strlen(dir);

	do {
		FILE *in = fopen("/proc/self/mountinfo", "re");

		last[0] = '\0';
		while (in && fgets(line, sizeof(line), in)) {
			if (sscanf(line, "%*s %*s %*s %*s %511s", place) == 1 && strncmp(place, dir, length) == 0)
				snprintf(last, sizeof(last), "%s", place);
		}
		if (in)
			fclose(in);
	} while (last[0] && umount2(last, MNT_DETACH) == 0);
}

/** tear_down() - leave nothing, whatever the test did */
static int tear_down(void **state)
{
	struct fixture *f = *state;

	(void)end_running(f);
	machine_forget(&f->before);
	unmount_below(f->dir);
	support_remove(f->dir);
	forget_strings();
	return 0;
}

/** run_case() - the test itself, then the comparison of the machine; what is being torn down gets a moment */
static void run_case(void **state)
{
	struct fixture *f = *state;
	size_t differences;
	long long deadline;

	births_begin(f);
	f->test->run(f);
	births_end(f);
	deadline = support_now_ms() + SETTLE_MS;
	for (;;) {
		struct machine after;

		reap_orphans();
		machine_look(&after, f->state);
		differences = machine_differences(&f->before, &after, support_now_ms() >= deadline);
		machine_forget(&after);
		if (differences == 0 || support_now_ms() >= deadline)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	if (differences != 0)
		FAIL("the machine is not as it was before\n");
}

/** prepare_second_program() - beside the command, where that looks for it. Return: 0 or -1 */
static int prepare_second_program(const char *build)
{
	static const char *const names[] = { "dyno-app", "dyno-stamp" };
	const char *dir = support_format("%s/libexec", programs_dir);

	if (mkdir(dir, 0755) < 0 || mkdir(support_format("%s/dyno", dir), 0755) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (copy_file(support_format("%s/libexec/dyno/%s", build, names[i]),
		              support_format("%s/dyno/%s", dir, names[i]), 0755) < 0)
			return -1;
	return 0;
}

/** prepare_programs() - copies that every user may execute. Return: 0 or -1 */
static int prepare_programs(void)
{
	const char *build = getenv("DYNO_BUILD") ? getenv("DYNO_BUILD") : "build";
	const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";

	snprintf(programs_dir, sizeof(programs_dir), "%.40s/dyno-test.XXXXXX", tmp);
	if (!mkdtemp(programs_dir) || chmod(programs_dir, geteuid() == 0 ? 0711 : 0755) < 0)
		return -1;
	if (copy_file(support_format("%s/dyno", build), support_dyno(), 0755) < 0 ||
	    copy_file(support_format("%s/tests/probe", build), support_probe(), 0755) < 0)
		return -1;
	return prepare_second_program(build);
}

/** add_case() - one test in one mode */
static void add_case(struct CMUnitTest *cases, struct fixture *fixtures, size_t *count, const struct sandbox_test *test,
                     bool rootless)
{
	struct fixture *f = &fixtures[*count];

	f->test = test;
	f->rootless = rootless;
	f->uid = geteuid() == 0 && rootless ? ORDINARY_UID : geteuid();
	snprintf(f->name, sizeof(f->name), "%s/%s", test->name, rootless ? "user" : "root");
	cases[(*count)++] = (struct CMUnitTest){ f->name, run_case, set_up, tear_down, f };
}

int sandbox_run_tests(const char *group, const struct sandbox_test *tests, size_t count)
{
	struct CMUnitTest *cases = calloc(2 * count, sizeof(*cases));
	struct fixture *fixtures = calloc(2 * count, sizeof(*fixtures));
	bool root = geteuid() == 0;
	size_t used = 0;
	int failed = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (cases && fixtures && prepare_programs() == 0) {
		for (size_t i = 0; i < count; i++) {
			if (births_asked() && (tests[i].modes & BY_RUN))
				continue;
			if (root && (tests[i].modes & AS_ROOT))
				add_case(cases, fixtures, &used, &tests[i], false);
			if ((tests[i].modes & AS_USER) && (root || !(tests[i].modes & BY_ROOT)))
				add_case(cases, fixtures, &used, &tests[i], true);
		}
		failed = _cmocka_run_group_tests(group, cases, used, NULL, NULL);
	} else {
		fprintf(stderr, "cannot copy dyno and the probe to %s: %s\n", programs_dir, strerror(errno));
	}
	support_remove(programs_dir);
	forget_strings();
	free(fixtures);
	free(cases);
	return failed;
}
