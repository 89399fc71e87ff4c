/* SPDX-License-Identifier: Apache-2.0 */
/* births.c - dynos of a resident launcher, for the tests that are for dynos however they were born: see support.h */
#include "tests/sandbox/support.h"

#include <time.h>

#define READY "2"
#define FILL_SECONDS 10

static struct process launcher;

const char *births_asked(void)
{
	static const char *const births[] = { "warm", "pooled", "again" };
	const char *birth = getenv("DYNO_BIRTH");

	for (size_t i = 0; birth && i < sizeof(births) / sizeof(births[0]); i++)
		if (strcmp(birth, births[i]) == 0)
			return births[i];
	return NULL;
}

/** ask() - what the launcher says of itself; in a static buffer */
static const struct process *ask(struct fixture *f)
{
	static struct process p;

	launch_run(f, &p, ARGV("launcher", "stats", "--socket", f->sock));
	assert_exit(&p, 0);
	return &p;
}

/** counter() - the number of KEY= in the line of the first pool */
static unsigned long counter(const struct process *p, const char *key)
{
	const char *pool = strstr(p->out, "pool 0 "), *at = pool ? strstr(pool, key) : NULL;

	if (!at)
		FAIL("the launcher does not tell of %s: %s\n", key, p->out);
	return strtoul(at + strlen(key), NULL, 10);
}

/** begin_again() - a launcher without pools: its dynos are born cold, from what it has since its first one (isolation/template.h) */
static void begin_again(struct fixture *f, const char *socket)
{
	static struct process p;

	START(f, &launcher, "launcher", "--socket", socket, "--pool", "0", "--learn", "0");
	if (!launch_expect(&launcher, "listens at"))
		FAIL("the launcher does not start: %s\n", launcher.err);
	snprintf(f->sock, sizeof(f->sock), "%s", socket);
	/* the second one makes it */
	for (int i = 0; i < 2; i++) {
		DYNO(f, &p, "run", "--net", "none", "-q", "--slug", f->slug, "--", "/app/probe", "exit", "0");
		assert_exit(&p, 0);
	}
}

void births_begin(struct fixture *f)
{
	const char *birth = births_asked();
	const char *socket = support_path(f, "launcher.sock");
	const char *pool = READY "-8,net=none";
	long long deadline = support_now_ms() + FILL_SECONDS * 1000;

	if (!birth)
		return;
	if (strcmp(birth, "again") == 0) {
		begin_again(f, socket);
		return;
	}
	if (strcmp(birth, "pooled") == 0)
		pool = READY "-8,net=none,parts";
	else if (f->rootless)
		pool = support_format(READY "-8,net=none,slug=%s", f->slug); /* which cannot come late */
	START(f, &launcher, "launcher", "--socket", socket, "--learn", "0", "--pool", pool);
	if (!launch_expect(&launcher, "listens at"))
		FAIL("the launcher does not start: %s\n", launcher.err);
	snprintf(f->sock, sizeof(f->sock), "%s", socket);
	while (counter(ask(f), " ready=") < strtoul(READY, NULL, 10)) {
		if (support_now_ms() > deadline)
			FAIL("the pool is not full: %s\n", ask(f)->out);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
}

void births_end(struct fixture *f)
{
	const struct process *p;

	if (f->sock[0] == '\0')
		return;
	if (strcmp(births_asked(), "again") != 0) {
		p = ask(f);
		assert_that(p, counter(p, " taken=") > 0 || counter(p, " missed=") == 0);
	}
	f->sock[0] = '\0';
	assert_int_equal(launch_stop(f, &launcher), 0);
}

const char *const *births_options(const struct fixture *f, const char *const *argv)
{
	/* What no launcher serves, and what is about launchers */
	static const char *const own[] = { "--keep", "--diff", "--scratch-dir", "--no-launcher", "--launcher", NULL };
	static const char *options[3] = { "--launcher" };

	if (f->sock[0] == '\0' || !argv[0] || strcmp(argv[0], "run") != 0)
		return NULL;
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		for (size_t i = 0; own[i]; i++)
			if (strncmp(*argv, own[i], strlen(own[i])) == 0)
				return NULL;
	options[1] = f->sock;
	return options;
}
