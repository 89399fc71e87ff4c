/* SPDX-License-Identifier: Apache-2.0 */
/* run_launcher_support.c - see run_launcher_support.h */
#include "tests/sandbox/run_launcher_support.h"

#include <sys/utsname.h>

const char *launcher_socket_of(const struct fixture *f)
{
	return support_path(f, "launcher.sock");
}

const char *launcher_through(const struct fixture *f)
{
	return support_format("--launcher=%s", launcher_socket_of(f));
}

/** attaches_late() - a parked sandbox can be given a slug: as root, from Linux 6.15 on */
static bool attaches_late(const struct fixture *f)
{
	struct utsname kernel;
	unsigned major = 0, minor = 0;

	if (f->rootless || uname(&kernel) < 0 || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 15);
}

struct process *resident_begin_with(struct fixture *f, const char *option, const char *value)
{
	struct process *p = life_process(LAUNCHER_PROCESS);

	START(f, p, "launcher", "--learn", "0", "--pool",
	      attaches_late(f) ? "1-2,net=none" : support_format("1-2,net=none,slug=%s", f->slug), option, value);
	if (!launch_expect(p, "listens at"))
		FAIL("the launcher does not start: %s\n", p->err);
	return p;
}

struct process *resident_begin(struct fixture *f)
{
	return resident_begin_with(f, "--socket", launcher_socket_of(f));
}

void launcher_end(struct fixture *f, struct process *p)
{
	assert_int_equal(launch_stop(f, p), 0);
	assert_false(support_exists(launcher_socket_of(f)));
}

void launcher_wait_ready(struct fixture *f)
{
	struct process *p = life_process(LAUNCHER_PROCESS - 1);

	for (int i = 0; i < 500; i++) {
		DYNO(f, p, "launcher", "--socket", launcher_socket_of(f), "pool");
		assert_exit(p, 0);
		if (strstr(p->out, " ready=1") || strstr(p->out, " ready=2"))
			return;
		life_sleep_us(10000);
	}
	FAIL("no sandbox is ready: %s\n", p->out);
}

void launcher_ps(struct fixture *f, struct process *p, const char *name)
{
	const char *script = support_format("print([1 for x in d if x['name'] == '%s' and x['phases_ns']])", name);

	for (int i = 0; i < 100; i++) {
		DYNO(f, p, "ps", "--json");
		assert_exit(p, 0);
		if (strcmp(life_json(p->out, script), "[1]") == 0)
			return;
		life_sleep_us(10000);
	}
	FAIL("%s is not listed: %s\n", name, p->out);
}
