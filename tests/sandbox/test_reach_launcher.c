/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_reach_launcher.c - dynos of a resident launcher reach what the others reach: name servers on this machine's loopback
 *
 * What is ready was made before anybody asked for egress, and by another thread with a host of its own: it has to be led to
 * the same name server, and as far as its egress allows.
 */
#include "tests/sandbox/run_launcher_support.h"
#include "tests/sandbox/world.h"

static struct process server, answers;

/** resolve() - whether a dyno of the launcher finds the address of a name. @egress: as for --egress */
static bool resolve(struct fixture *f, const char *egress)
{
	launcher_wait_ready(f);
	DYNO(f, &answers, "run", launcher_through(f), "--net", "private", "--egress", egress, "--slug", f->slug, "--",
	     "getent", "ahostsv4", "world.test");
	return answers.code == 0 && strstr(answers.out, "192.0.2.77");
}

/** taken() - how many sandboxes, or parts of them, the pool has given */
static unsigned long taken(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *at;

	DYNO(f, p, "launcher", "--socket", launcher_socket_of(f), "stats");
	at = strstr(p->out, " taken=");
	assert_that(p, at != NULL);
	return at ? strtoul(at + strlen(" taken="), NULL, 10) : 0;
}

static void test_name_servers_on_loopback_of_dynos_that_were_ready(struct fixture *f)
{
	static const struct {
		const char *address, *conf;
	} servers[] = {
		{ "127.0.0.53", "nameserver 127.0.0.53\noptions edns0 trust-ad\n" },
		{ "127.0.0.1", "nameserver 127.0.0.1\n" },
	};
	static const char *const kinds[] = { "", ",parts" };
	struct process *launcher = life_process(LAUNCHER_PROCESS);

	world_make(f);
	for (size_t i = 0; i < 4; i++) {
		world_resolver(servers[i / 2].conf);
		world_start(f, &server, WORLD_HERE, ARGV("dns", servers[i / 2].address, "53", "192.0.2.77"));
		assert_that(&server, launch_expect(&server, "serving="));
		START(f, launcher, "launcher", "--socket", launcher_socket_of(f), "--learn", "0", "--pool",
		      support_format("1-2,net=private%s%s", f->rootless ? support_format(",slug=%s", f->slug) : "",
		                     kinds[i % 2]));
		assert_that(launcher, launch_expect(launcher, "listens at"));
		assert_that(&answers, resolve(f, "allow"));
		assert_that(&answers, !resolve(f, "deny"));
		assert_that(&answers, !resolve(f, "192.0.2.0/24"));
		assert_that(&answers, resolve(f, "allow"));
		assert_that(&answers, taken(f) > 0);
		launcher_end(f, launcher);
		launch_stop(f, &server);
	}
	world_drop();
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_name_servers_on_loopback_of_dynos_that_were_ready, AS_BOTH | BY_ROOT),
};

int main(void)
{
	return world_main("reach: launcher", tests, sizeof(tests) / sizeof(tests[0]));
}
