/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_support.c - see launcher_support.h */
#include "tests/sandbox/launcher_support.h"

#include <fcntl.h>
#include <unistd.h>

const char *launcher_path(const struct fixture *f)
{
	return support_path(f, "launcher.sock");
}

struct process *launcher_begin(struct fixture *f, const char *const *options, void (*before)(void))
{
	struct process *p = life_process(0);
	const char *argv[32] = { "launcher", "--socket", launcher_path(f), "--learn", "0", "--pool", "2,net=none" };
	size_t count = 7;

	for (; *options; options++)
		argv[count++] = *options;
	launch_start(f, p, &(struct launch){ .argv = argv, .before = before });
	if (!launch_expect(p, "listens at"))
		FAIL("the launcher does not start: %s\n", p->err);
	return p;
}

void launcher_finish(struct fixture *f, struct process *p)
{
	assert_int_equal(launch_stop(f, p), 0);
}

struct dyno_launcher *launcher_reach(const struct fixture *f)
{
	struct dyno_launcher *launcher = NULL;
	struct dyno_error err = { 0 };

	if (dyno_launcher_connect(launcher_path(f), &launcher, &err) < 0)
		FAIL("%s\n", err.text);
	return launcher;
}

void launcher_next(struct dyno_launcher *launcher, struct dyno_launcher_event *ret)
{
	struct dyno_error err = { 0 };

	if (dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, ret, &err) < 0)
		FAIL("%s: %s\n", err.step, err.text);
}

void launcher_expect(struct dyno_launcher *launcher, enum dyno_launcher_event_type type, uint64_t id,
                     struct dyno_launcher_event *ret)
{
	launcher_next(launcher, ret);
	if (ret->type != type || ret->id != id)
		FAIL("told %u of %llu, not %u of %llu: %s: %s\n", ret->type, (unsigned long long)ret->id, type,
		     (unsigned long long)id, ret->error.step, ret->error.text);
}

uint64_t launcher_ask(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv,
                      const struct dyno_launcher_options *options)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE };
	const struct dyno_app app = { .name = name, .slug = f->slug, .argv = argv, .fds = { null, null, null } };
	struct dyno_error err = { 0 };
	uint64_t id = 0;

	if (dyno_launcher_start(launcher, &shape, &app, options, &id, &err) < 0)
		FAIL("%s: %s\n", err.step, err.text);
	close(null);
	return id;
}

uint64_t launcher_up(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv)
{
	struct dyno_launcher_event event;
	uint64_t id = launcher_ask(f, launcher, name, argv, NULL);

	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	return id;
}

unsigned launcher_listed(struct dyno_launcher *launcher)
{
	struct dyno_launcher_event event;
	uint64_t id = 0;
	unsigned lines = 0;

	assert_int_equal(dyno_launcher_list(launcher, &id, NULL), 0);
	do
		launcher_next(launcher, &event);
	while (event.type != DYNO_LAUNCHER_DONE || event.id != id);
	for (const char *at = event.text; at && *at; at++)
		lines += *at == '\n';
	return lines;
}

void launcher_settle(struct dyno_launcher *launcher, unsigned count)
{
	for (int i = 0; i < 400 && launcher_listed(launcher) != count; i++)
		life_sleep_us(25000);
	assert_int_equal(launcher_listed(launcher), count);
}
