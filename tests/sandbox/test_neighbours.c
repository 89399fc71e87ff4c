/* SPDX-License-Identifier: Apache-2.0 */
/* test_neighbours.c - two dynos of one slug at once, and the host beside them: neither sees or reaches the other */
#include "tests/sandbox/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/** first_dyno() - one that has written everywhere and then listens */
static void first_dyno(struct fixture *f, struct process *p, const char *net)
{
	START(f, p, "run", "-p", "5000", "--net", net, "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
	      "write", "/app/mine", "1", "--", "write", "/tmp/mine", "1", "--", "write", "/var/tmp/mine", "1", "--",
	      "write", "/dev/shm/mine", "1", "--", "append", "/app/Procfile", "mine", "--", "listen");
	assert_that(p, launch_expect(p, "listening=5000"));
}

static void test_files_are_not_shared(struct fixture *f)
{
	static struct process first, p;

	first_dyno(f, &first, "none");
	PROBE(f, &p, "exists", "/app/mine", "/tmp/mine", "/var/tmp/mine", "/dev/shm/mine", "/app/probe", "--", "read",
	      "/app/Procfile");
	assert_value(&p, "exists./app/mine", "no");
	assert_value(&p, "exists./tmp/mine", "no");
	assert_value(&p, "exists./var/tmp/mine", "no");
	assert_value(&p, "exists./dev/shm/mine", "no");
	assert_value(&p, "exists./app/probe", "yes");
	assert_says(&p, "web: ./probe listen\n");
	assert_silent_on(&p, "mine\n");
	DYNO(f, &p, "exec", "web.1", "--", "/app/probe", "exists", "/app/mine", "/tmp/mine");
	assert_value(&p, "exists./app/mine", "yes");
	launch_stop(f, &first);
}

static void test_processes_are_not_shared(struct fixture *f)
{
	static struct process first, p;
	unsigned seen = 0;

	first_dyno(f, &first, "none");
	PROBE(f, &p, "pids");
	for (const char *at = p.out; (at = strstr(at, "pid.")); at++)
		seen++;
	assert_that(&p, seen == 2);
	assert_that(&p, process_value(&p, "pid.1") != NULL);
	/* Whoever is hit by "everybody" is in this dyno */
	PROBE(f, &p, "kill", "TERM", "-1");
	DYNO(f, &p, "exec", "web.1", "--", "/app/probe", "pids");
	assert_exit(&p, 0);
	launch_stop(f, &first);
}

static void test_abstract_sockets_are_not_shared(struct fixture *f)
{
	static struct process first, second, p;

	START(f, &first, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
	      "abstract-listen", "dyno-test");
	assert_that(&first, launch_expect(&first, "listening=dyno-test"));
	PROBE(f, &p, "abstract-connect", "dyno-test");
	assert_value(&p, "result", "ECONNREFUSED");
	DYNO(f, &p, "exec", "web.1", "--", "/app/probe", "abstract-connect", "dyno-test");
	assert_value(&p, "result", "OK");
	/* The same name is free for a second one */
	START(f, &second, "run", "-q", "--net", "none", "--name", "web.2", "--slug", f->slug, "--", "/app/probe",
	      "abstract-listen", "dyno-test");
	assert_that(&second, launch_expect(&second, "listening=dyno-test"));
	launch_stop(f, &second);
	launch_stop(f, &first);
}

static void test_loopback_is_not_shared(struct fixture *f)
{
	static struct process first, second, p;

	first_dyno(f, &first, "none");
	PROBE(f, &p, "connect", "127.0.0.1", "5000");
	assert_value(&p, "result", "ECONNREFUSED");
	DYNO(f, &p, "exec", "web.1", "--", "/app/probe", "fetch", "127.0.0.1", "5000");
	assert_says(&p, "hello from web.1");
	START(f, &second, "run", "-q", "-p", "5000", "--net", "none", "--name", "web.2", "--slug", f->slug, "--",
	      "/app/probe", "listen");
	assert_that(&second, launch_expect(&second, "listening=5000"));
	launch_stop(f, &second);
	launch_stop(f, &first);
}

/** address_of() - what `http://ADDRESS:PORT` on standard error says */
static const char *address_of(const struct process *p)
{
	static char address[64];
	const char *at = strstr(p->err, "http://");

	if (!at || sscanf(at, "http://%63[0-9.]", address) != 1)
		return NULL;
	return address;
}

static void test_port_of_the_other_is_out_of_reach(struct fixture *f)
{
	static struct process first, p;
	const char *address;

	first_dyno(f, &first, "private");
	assert_that(&first, launch_expect(&first, "http://"));
	address = address_of(&first);
	assert_that(&first, address != NULL);
	DYNO(f, &p, "run", "-q", "--net", "private", "--slug", f->slug, "--", "/app/probe", "connect", address, "5000",
	     "--", "say", "ran");
	assert_says(&p, "ran");
	assert_refused(&p, "result");
	/* It is there: this machine reaches it */
	launch_program(f, &p, support_probe(), ARGV("fetch", address, "5000"));
	assert_says(&p, "hello from web.1");
	launch_stop(f, &first);
}

/** host_listener() - a service on the loopback address of this machine. Return: descriptor; @ret_port: its port */
static int host_listener(char *ret_port, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	snprintf(ret_port, size, "%u", ntohs(address.sin_port));
	return fd;
}

static void test_loopback_of_the_host_is_out_of_reach(struct fixture *f)
{
	static const char *const nets[] = { "none", "private" };
	static struct process p;
	char port[8];
	int fd = host_listener(port, sizeof(port));

	launch_program(f, &p, support_probe(), ARGV("connect", "127.0.0.1", port));
	assert_value(&p, "result", "OK");
	for (size_t i = 0; i < (f->rootless ? 1 : 2); i++) {
		DYNO(f, &p, "run", "-q", "--net", nets[i], "--slug", f->slug, "--", "/app/probe", "connect",
		     "127.0.0.1", port);
		assert_exit(&p, 0);
		assert_value(&p, "result", "ECONNREFUSED");
	}
	close(fd);
}

/** map_base() - first host id of a dyno, from its uid_map */
static unsigned long map_base(const struct process *p)
{
	unsigned long inside = 1, outside = 0, count = 0;
	const char *map = process_value(p, "uid_map");

	assert_that(p, map && sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3);
	assert_that(p, inside == 0 && count == 65536);
	return outside;
}

static void test_host_ids_are_not_shared(struct fixture *f)
{
	static struct process first, p;
	unsigned long a, b;

	START(f, &first, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "caps",
	      "--", "trap");
	assert_that(&first, launch_expect(&first, "ready="));
	PROBE(f, &p, "caps");
	a = map_base(&first);
	b = map_base(&p);
	assert_that(&p, a >= 65536 && b >= 65536 && (a + 65536 <= b || b + 65536 <= a));
	launch_stop(f, &first);
}

static void test_a_name_belongs_to_one(struct fixture *f)
{
	static struct process first, p;

	START(f, &first, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
	      "trap");
	assert_that(&first, launch_expect(&first, "ready="));
	DYNO(f, &p, "run", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "say", "ran");
	assert_exit(&p, 125);
	assert_silent_on(&p, "ran");
	assert_says(&p, "already running");
	launch_stop(f, &first);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_files_are_not_shared, AS_BOTH),
	SANDBOX_TEST(test_processes_are_not_shared, AS_BOTH),
	SANDBOX_TEST(test_abstract_sockets_are_not_shared, AS_BOTH),
	SANDBOX_TEST(test_loopback_is_not_shared, AS_BOTH),
	SANDBOX_TEST(test_port_of_the_other_is_out_of_reach, AS_ROOT),
	SANDBOX_TEST(test_loopback_of_the_host_is_out_of_reach, AS_BOTH),
	SANDBOX_TEST(test_host_ids_are_not_shared, AS_ROOT),
	SANDBOX_TEST(test_a_name_belongs_to_one, AS_BOTH),
};

SANDBOX_MAIN("neighbours", tests)
