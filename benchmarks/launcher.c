/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher.c - a resident launcher under load: warm starts at a pace that its pool keeps, then all clients at once
 *
 * Usage: launcher [-n DYNOS_AT_ONCE] [-w PACED_STARTS] [-g GAP_US] [-j FILE] SLUG SOCKET
 *
 * CLIENTS connections, all of one process that does little else. Paced: one start after the other, from a client each in turn,
 * GAP_US after the last; microseconds from the request to its UP, of those that were born warm. Then each client asks for its
 * share of the many without waiting, and all of them run at the same time. Every request has to be answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "benchmarks/support.h"
#include "dyno-launcher.h"

#define CLIENTS 50
#define ANSWER_MS 60000

/** struct bench - @births: how the many were born */
struct bench {
	struct settings settings;
	const char *slug;
	int null;
	struct dyno_launcher *clients[CLIENTS];
	unsigned births[DYNO_BIRTH_WARM + 1];
	unsigned answered, failed, gone;
};

/** complain() - Return: -EIO */
static int complain(const char *what, const struct dyno_error *err)
{
	(void)fprintf(stderr, "launcher: %s: %s: %s\n", what, err->step, err->text);
	return -EIO;
}

/** ask() - one start by client @client. Return: 0, -EAGAIN when it has to read first, or negative errno after a message */
static int ask(struct bench *bench, int client, const char *const argv[])
{
	static const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_PRIVATE };
	static const struct dyno_launcher_options options = { .grace_ms = -1, .kill_on_hangup = true };
	const struct dyno_app app = { .slug = bench->slug,
		                      .argv = argv,
		                      .fds = { bench->null, bench->null, bench->null } };
	struct dyno_error err = { 0 };
	uint64_t id;
	int r = dyno_launcher_start(bench->clients[client], &shape, &app, &options, &id, &err);

	return r < 0 && r != -EAGAIN ? complain("start", &err) : r;
}

/** count_event() - note what one client was told */
static void count_event(struct bench *bench, const struct dyno_launcher_event *event)
{
	switch (event->type) {
	case DYNO_LAUNCHER_UP:
		bench->answered++;
		bench->births[event->birth]++;
		break;
	case DYNO_LAUNCHER_REFUSED:
	case DYNO_LAUNCHER_FAILED:
		if (bench->failed++ == 0)
			(void)complain("answer", &event->error);
		bench->answered++;
		break;
	case DYNO_LAUNCHER_GONE: bench->gone++; break;
	default: break;
	}
}

/** listen_all() - read what all clients are told, waiting for something at most @timeout_ms. Return: 0, -ETIME or negative errno */
static int listen_all(struct bench *bench, int timeout_ms)
{
	struct pollfd fds[CLIENTS];
	struct dyno_error err = { 0 };

	for (int i = 0; i < CLIENTS; i++)
		fds[i] = (struct pollfd){ .fd = dyno_launcher_fd(bench->clients[i]), .events = POLLIN };
	if (poll(fds, CLIENTS, timeout_ms) == 0)
		return timeout_ms > 0 ? -ETIME : 0;
	for (int i = 0; i < CLIENTS; i++) {
		struct dyno_launcher_event event = { .type = DYNO_LAUNCHER_GONE };

		while (fds[i].revents && event.type != DYNO_LAUNCHER_NOTHING) {
			int r = dyno_launcher_next(bench->clients[i], &event, &err);

			if (r < 0)
				return complain("next", &err);
			count_event(bench, &event);
		}
	}
	return 0;
}

/** paced() - one start after the other. @ret_us: of the warm ones. Return: how many, or negative errno */
static int paced(struct bench *bench, double *ret_us)
{
	const char *const argv[] = { "/app/first", NULL };
	int warm = 0;

	for (int i = 0; i < bench->settings.warmup; i++) {
		unsigned was = bench->births[DYNO_BIRTH_WARM], answered = bench->answered, gone = bench->gone;
		uint64_t begin = clock_ns();
		int r = ask(bench, i % CLIENTS, argv);

		while (r == 0 && bench->answered == answered)
			r = listen_all(bench, ANSWER_MS);
		if (bench->births[DYNO_BIRTH_WARM] > was)
			ret_us[warm++] = (double)(clock_ns() - begin) / 1e3;
		while (r == 0 && bench->gone == gone)
			r = listen_all(bench, ANSWER_MS);
		if (r < 0)
			return r;
		pause_us(bench->settings.gap_us);
	}
	return warm;
}

/** flood() - all clients at once. @ret_ms: until the last answer. Return: 0 or negative errno */
static int flood(struct bench *bench, double *ret_ms)
{
	const char *const argv[] = { "sleep", "600", NULL };
	unsigned wanted = bench->answered + (unsigned)bench->settings.runs;
	uint64_t begin = clock_ns();
	int r = 0;

	for (int i = 0; i < bench->settings.runs && r == 0; i++) {
		while ((r = ask(bench, i % CLIENTS, argv)) == -EAGAIN && listen_all(bench, ANSWER_MS) == 0)
			;
		if (r == 0)
			r = listen_all(bench, 0);
	}
	while (r == 0 && bench->answered < wanted)
		r = listen_all(bench, ANSWER_MS);
	*ret_ms = (double)(clock_ns() - begin) / 1e6;
	return r == -ETIME ? 0 : r;
}

/** report() - Return: 0 or negative errno */
static int report(const struct bench *bench, double *us, int warm, double ms)
{
	int asked = bench->settings.warmup + bench->settings.runs;
	double median, p99;

	sort_values(us, warm);
	median = warm ? quantile(us, warm, 0.5) : 0;
	p99 = warm ? quantile(us, warm, 0.99) : 0;
	printf("%d clients. Paced, %u us apart: %d of %d starts were warm, request to UP median %.0f us, p90 %.0f, p99 %.0f.\n"
	       "At once: %d dynos ran after %.0f ms (%.0f a second); of all, %u were born warm, %u pooled, %u cold; "
	       "%u failed, %d were not answered.\n",
	       CLIENTS, bench->settings.gap_us, warm, bench->settings.warmup, median,
	       warm ? quantile(us, warm, 0.9) : 0, p99, bench->settings.runs, ms, bench->settings.runs * 1e3 / ms,
	       bench->births[DYNO_BIRTH_WARM], bench->births[DYNO_BIRTH_POOLED], bench->births[DYNO_BIRTH_COLD],
	       bench->failed, asked - (int)bench->answered);
	return values_json(bench->settings.json,
	                   (const struct value[]){ { "p99 / median", median > 0 ? p99 / median : 0 },
	                                           { "unanswered", asked - (int)bench->answered },
	                                           { "failed", bench->failed },
	                                           { "warm median us", median } },
	                   4);
}

/** main() - connect, paced, flood; hanging up kills the many */
int main(int argc, char **argv)
{
	static struct bench bench = { .settings = { .runs = 2000, .warmup = 300, .gap_us = 10000 } };
	int at = settings_read(argc, argv, &bench.settings), r = 0, warm;
	struct dyno_error err = { 0 };
	double ms = 0, *us;

	if (at < 0 || at != argc - 2 || bench.settings.warmup < 1) {
		(void)fprintf(stderr, "usage: launcher [-n AT_ONCE] [-w PACED] [-g GAP_US] [-j FILE] SLUG SOCKET\n");
		return 2;
	}
	bench.slug = argv[at];
	bench.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	us = calloc((size_t)bench.settings.warmup, sizeof(double));
	for (int i = 0; i < CLIENTS && r == 0; i++)
		if (dyno_launcher_connect(argv[at + 1], &bench.clients[i], &err) < 0)
			r = complain("connect", &err);
	if (r < 0 || !us)
		return 1;
	warm = paced(&bench, us);
	r = warm < 0 ? warm : flood(&bench, &ms);
	for (int i = 0; i < CLIENTS; i++)
		dyno_launcher_close(bench.clients[i]);
	return r < 0 || report(&bench, us, warm, ms) < 0;
}
