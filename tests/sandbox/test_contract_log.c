/* SPDX-License-Identifier: Apache-2.0 */
/* test_contract_log.c - docs/contract.md 4.9 for whole apps: what is kept, and what a drain gets */
#include "tests/sandbox/app_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define DRAINED_MAX (32U << 20)

/**
 * struct receiver - of a drain: everything that came, frame by frame
 * @size:   bytes in @bytes; @parsed: of whole frames
 * @frames: how many; @text: all of them, a line each
 */
struct receiver {
	int listener;
	int fd;
	unsigned port;
	char *bytes;
	size_t size;
	size_t parsed;
	unsigned frames;
	char *text;
	size_t length;
};

/** receiver_bind() - take a port; nobody may connect to it yet */
static void receiver_bind(struct receiver *r)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	*r = (struct receiver){ .fd = -1, .bytes = malloc(DRAINED_MAX), .text = malloc(DRAINED_MAX) };
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(r->bytes && r->text && r->listener >= 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(r->listener, (struct sockaddr *)&address, &size), 0);
	r->port = ntohs(address.sin_port);
	r->text[0] = '\0';
}

/** receiver_close() - hang up */
static void receiver_close(struct receiver *r)
{
	free(r->bytes);
	free(r->text);
	fd_close(r->fd);
	fd_close(r->listener);
}

/** parse() - one more frame: its length in decimal, a space, and so many bytes (RFC 6587, 3.4.1). Return: false without */
static bool parse(struct receiver *r)
{
	const char *at = r->bytes + r->parsed;
	const char *space = memchr(at, ' ', r->size - r->parsed);
	size_t digits = space ? (size_t)(space - at) : 0, length;

	if (!space)
		return false;
	assert_in_range(digits, 1, 5);
	assert_true(at[0] >= '1' && at[0] <= '9' && strspn(at, "0123456789") == digits);
	length = strtoul(at, NULL, 10);
	if (r->size - r->parsed < digits + 1 + length)
		return false;
	assert_true(space[1] == '<');
	memcpy(r->text + r->length, space + 1, length);
	r->length += length;
	r->text[r->length++] = '\n';
	r->text[r->length] = '\0';
	r->parsed += digits + 1 + length;
	r->frames++;
	return true;
}

/** receiver_expect() - read until a frame holds @text; a minute at most */
static bool receiver_expect(struct receiver *r, const char *text)
{
	long long deadline = life_ms() + 60000;
	size_t seen = 0; /* of text in which it is not */

	while (!strstr(r->text + seen, text) && life_ms() < deadline) {
		struct pollfd ready = { .fd = r->fd < 0 ? r->listener : r->fd, .events = POLLIN };
		ssize_t n;

		seen = r->length > strlen(text) ? r->length - strlen(text) : 0;
		if (poll(&ready, 1, 1000) != 1)
			continue;
		if (r->fd < 0) {
			r->fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
			continue;
		}
		n = read(r->fd, r->bytes + r->size, DRAINED_MAX - r->size);
		if (n <= 0)
			break;
		r->size += (size_t)n;
		while (parse(r))
			;
	}
	return strstr(r->text + seen, text) != NULL;
}

static void contract_4_9_a_drain_gets_rfc_5424_by_octet_count(struct fixture *f)
{
	static const struct {
		const char *priority;
		const char *rest;
	} rows[] = {
		/* local7.info what dynos write, local3.info what is said about them, local0.info what the API says */
		{ "<190>1 ", "app worker.1 - - hello <world>\n" },
		{ "<158>1 ", "heroku worker.1 - - State changed from starting to up\n" },
		{ "<134>1 ", "app api - - Release v1 created by user " },
	};
	struct process *app = life_process(0), *p = life_process(1);
	struct receiver r;
	const char *token;

	receiver_bind(&r);
	assert_int_equal(listen(r.listener, 4), 0);
	app_place(f, "Procfile", "worker: echo 'hello <world>'; exec ./probe trap\n");
	APP_START(f, app, "-m", "worker=1", "--drain", support_format("syslog://127.0.0.1:%u", r.port));
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "config:set", "A=1"), 0);
	assert_true(receiver_expect(&r, "app api - - Release v1 created by user "));
	/* d. and a UUID stand where the host's name would */
	token = strstr(r.text, " d.");
	assert_non_null(token);
	token = support_format("%.38s", token + 1);
	assert_int_equal(strspn(token + 2, "0123456789abcdef-"), 36);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(r.text, support_format(" %s %s", token, rows[i].rest));

		/* PRIORITY and version, 2013-11-05T21:52:29.123456+00:00, token, source, dyno, no message id, no data */
		assert_non_null(at);
		assert_true(at - r.text >= 7 + 32 && (at - r.text == 7 + 32 || at[-7 - 32 - 1] == '\n'));
		assert_memory_equal(at - 7 - 32, rows[i].priority, 7);
		assert_memory_equal(at - 6, "+00:00", 6);
	}
	assert_int_equal(launch_stop(f, app), 0);
	receiver_close(&r);
}

static void contract_4_9_an_app_has_five_drains_at_most(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *argv[32] = { "start", "--net", "none" };
	size_t used = 3;

	app_place(f, "Procfile", "worker: ./probe exit 0\n");
	for (int i = 0; i < 6; i++) {
		argv[used++] = "--drain";
		argv[used++] = "syslog://127.0.0.1:1";
	}
	assert_int_not_equal(app_verb(f, p, argv), 0);
	assert_says(p, "6 drains are more than 5");
	assert_silent_on(p, "Starting process");
}

/** begin_shell() - a line of bash in the app's directory, with the app's store; $0 is the dyno command */
static void begin_shell(struct fixture *f, struct process *p, const char *line)
{
	launch_start(f, p,
	             &(struct launch){ .program = "/bin/bash",
	                               .argv = ARGV("-c", line, support_dyno()),
	                               .cwd = f->slug,
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data")),
	                                           support_format("DYNO_APP=%s", app_name())) });
}

/** wait_for_log() - until the app's own output, which goes to a file, holds @text in @times lines */
static void wait_for_log(struct fixture *f, const char *text, unsigned times)
{
	struct process *p = life_process(2);
	long long deadline = life_ms() + 30000;

	do {
		life_sleep_us(10000);
		launch_program(f, p, "/bin/grep", ARGV("-c", "-F", text, support_format("%s/log", f->slug)));
	} while (strtoul(p->out, NULL, 10) < times && life_ms() < deadline);
	assert_that(p, strtoul(p->out, NULL, 10) == times);
}

static void contract_4_9_l10_tells_a_drain_what_it_did_not_get(struct fixture *f)
{
	static const char l10[] = "heroku logplex - - Error L10 (output buffer overflow): ";
	struct process *app = life_process(0);
	unsigned long dropped, came = 0;
	long long connected;
	struct receiver r;

	receiver_bind(&r);
	/* two dynos: a drain's queue holds as much as one may write at once, 4 MiB */
	app_place(f, "Procfile", support_format("flood: yes %0127d | head -n 18000; exec ./probe trap\n", 7));
	begin_shell(f, app,
	            support_format("exec $0 start --net none -m flood=2 --drain syslog://127.0.0.1:%u >log", r.port));
	/* nobody is there until all of it was written; then it is tried again */
	wait_for_log(f, "]: ready=", 2);
	assert_int_equal(listen(r.listener, 4), 0);
	assert_true(receiver_expect(&r, "<190>"));
	connected = life_ms();
	assert_true(receiver_expect(&r, l10));
	/* when it has caught up, and not when the next thing happens: memory is looked at every 20 s */
	assert_true(life_ms() - connected < 10000);
	dropped = strtoul(strstr(r.text, l10) + strlen(l10), NULL, 10);
	for (const char *at = r.text; (at = memmem(at, r.length - (size_t)(at - r.text), " - - 000", 8)); at++)
		came++;
	/* a few others of this app came after the first one that was dropped */
	assert_in_range(came + dropped, 36000, 36000 + 16);
	assert_true(dropped > 0 && came > 0);
	assert_int_equal(launch_stop(f, app), 0);
	receiver_close(&r);
}

static void contract_4_9_l11_tells_a_slow_tail_what_it_did_not_get(struct fixture *f)
{
	/* the flood is counted and not shown */
	static const char follow[] = "exec $0 logs --tail > >(python3 -uc \"import sys\n"
				     "came = 0\n"
				     "for line in sys.stdin:\n"
				     "    came += ']: 000' in line\n"
				     "    if ']: 000' not in line: print(line, end='')\n"
				     "    if 'Error L11' in line: print('came=%d' % came)\n\")";
	static const char l11[] = "heroku[logplex]: Error L11 (Tail buffer overflow): ";
	struct process *app = life_process(0), *tail = life_process(1), *p = life_process(3);
	unsigned long dropped;
	long long awake;

	app_place(f, "Procfile",
	          support_format("flood: yes %0127d | head -n 17000; exec ./probe trap\nquiet: ./probe trap\n", 7));
	begin_shell(f, app, "exec $0 start --net none -m quiet=1 >log");
	wait_for_log(f, "]: ready=", 1);
	begin_shell(f, tail, follow);
	assert_that(tail, launch_expect(tail, "app[quiet.1]: ready="));
	/* it sleeps while four dynos write 11 MiB, and its queue holds 8 */
	kill(tail->pid, SIGSTOP);
	assert_int_equal(APP(f, p, "ps:scale", "flood=4"), 0);
	wait_for_log(f, "]: ready=", 5);
	kill(tail->pid, SIGCONT);
	awake = life_ms();
	assert_that(tail, launch_expect(tail, "came="));
	assert_that(tail, life_ms() - awake < 10000);
	assert_says(tail, l11);
	dropped = strtoul(strstr(tail->out, l11) + strlen(l11), NULL, 10);
	assert_in_range(process_number(tail, "came") + dropped, 68000, 68000 + 32);
	assert_true(dropped > 0);
	(void)launch_stop(f, tail);
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_9_the_last_1500_lines_can_be_read(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: seq 1 2000; exec ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "logs", "-n", "1500"), 0);
	assert_int_equal(app_count(p, "\n"), 1500);
	/* some of them are said about the dyno, when it is up and when it waits */
	assert_silent_on(p, "app[worker.1]: 500\n");
	assert_says(p, "app[worker.1]: 510\n");
	assert_says(p, "app[worker.1]: 2000\n");
	assert_int_equal(APP(f, p, "logs", "-n", "1501"), 2);
	assert_int_equal(APP(f, p, "logs"), 0);
	assert_int_equal(app_count(p, "\n"), 100);
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_9_a_long_line_is_split(struct fixture *f)
{
	struct process *app = life_process(0);
	const char *at;

	app_place(f, "Procfile", "worker: head -c 25000 /dev/zero | tr '\\0' x; echo; exec ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	at = app->out;
	for (size_t i = 0; i < 3; i++) {
		at = strstr(at, "app[worker.1]: x");
		if (!at)
			FAIL("piece %zu of the line is not there\n", i);
		at += strlen("app[worker.1]: ");
		assert_int_equal(strspn(at, "x"), i < 2 ? 10000 : 5000);
	}
	assert_int_equal(app_count(app, "app[worker.1]: x"), 3);
	assert_int_equal(launch_stop(f, app), 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_9_a_drain_gets_rfc_5424_by_octet_count, AS_BOTH),
	SANDBOX_TEST(contract_4_9_an_app_has_five_drains_at_most, AS_BOTH),
	SANDBOX_TEST(contract_4_9_l10_tells_a_drain_what_it_did_not_get, AS_BOTH),
	SANDBOX_TEST(contract_4_9_l11_tells_a_slow_tail_what_it_did_not_get, AS_BOTH),
	SANDBOX_TEST(contract_4_9_the_last_1500_lines_can_be_read, AS_BOTH),
	SANDBOX_TEST(contract_4_9_a_long_line_is_split, AS_BOTH),
};

SANDBOX_MAIN("contract: log", tests)
