/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - `dyno bench`: how long dynos and others take to boot; see bench.h for how the files go together */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"
#include "cli/message.h"
#include "cli/verb.h"

/* lets the clean-up that the kernel does later begin: a launcher that leaves work pays for it */
#define GAP_US 300
/* waking is on time to the microsecond rather than to 50 (prctl(2), PR_SET_TIMERSLACK) */
#define SLACK_NS 1000UL
#define BAR_WIDTH 30

/**
 * struct going - the rounds while they go on
 * @launches: of one turn
 * @shown_ns: when the progress was shown last; @since_ns: when the counted rounds began
 */
struct going {
	struct bench *bench;
	struct bench_launch launches[BENCH_CONCURRENCY_MAX];
	int signals;
	bool progress;
	uint64_t shown_ns, since_ns;
};

/** show_progress() - a bar on the terminal, at most ten times a second */
static void show_progress(struct going *going, int round)
{
	const struct bench_plan *plan = going->bench->plan;
	double done = round < 0 ? 0 : (double)round / plan->runs;
	uint64_t now_ns = clock_ns();
	char bar[BAR_WIDTH + 1], left[40] = "";

	if (!going->progress || now_ns < going->shown_ns + 100000000)
		return;
	going->shown_ns = now_ns;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < (int)(done * BAR_WIDTH) ? '#' : '-';
	bar[BAR_WIDTH] = '\0';
	if (round > 2)
		(void)text_format(
			left, sizeof(left), ", %.0f s left",
			ceil((double)(now_ns - going->since_ns) / 1e9 / round * (plan->runs - (unsigned)round)));
	if (round < 0)
		fprintf(stderr, "\r[%s] warming up\033[K", bar);
	else
		fprintf(stderr, "\r[%s] %d of %u rounds%s\033[K", bar, round, plan->runs, left);
	(void)fflush(stderr);
}

/** clear_progress() - so that what follows begins at the margin */
static void clear_progress(struct going *going)
{
	if (going->progress && going->shown_ns != 0)
		fputs("\r\033[K", stderr);
	going->shown_ns = 0;
}

/** open_launch() - the descriptors of one launch */
static int open_launch(struct bench_launch *launch, struct bench_contender *contender, unsigned index)
{
	int pipes[2];

	*launch = (struct bench_launch){ .contender = contender,
		                         .index = index,
		                         .stamp_fd = -1,
		                         .socket = -1,
		                         .pid = -1,
		                         .pid_fd = -1,
		                         .out_fd = -1 };
	launch->said_fd = memfd_create("said", MFD_CLOEXEC);
	if (launch->said_fd < 0)
		return -errno;
	if (contender->plan->until != BENCH_UNTIL_EXEC) {
		launch->out_fd = fcntl(launch->said_fd, F_DUPFD_CLOEXEC, 3);
		return launch->out_fd < 0 ? -errno : 0;
	}
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	launch->stamp_fd = pipes[0];
	launch->out_fd = pipes[1];
	return fcntl(launch->stamp_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/** close_launch() - end it and close its descriptors */
static void close_launch(struct bench_launch *launch)
{
	launch->contender->kind->finish(launch);
	launch->out_fd = fd_close(launch->out_fd);
	launch->said_fd = fd_close(launch->said_fd);
	launch->stamp_fd = fd_close(launch->stamp_fd);
	launch->socket = fd_close(launch->socket);
}

/** begin_turn() - request all launches of a turn at one moment */
static void begin_turn(struct bench_launch *launches, unsigned count)
{
	uint64_t requested_ns = clock_ns();

	for (unsigned i = 0; i < count; i++)
		launches[i].requested_ns = requested_ns;
	for (unsigned i = 0; i < count; i++) {
		struct bench_launch *launch = &launches[i];
		struct dyno_error err = { 0 };

		if (launch->contender->kind->launch(launch, &err) < 0)
			bench_fail(launch, "%s", err.text);
		/* the end of a pipe is seen when nobody holds its other end */
		launch->out_fd = fd_close(launch->out_fd);
	}
}

/** split_phases() - what each phase added: the stamps in the order of time cut the boot into pieces */
static void split_phases(const struct bench_launch *launch, struct bench_sample *sample)
{
	const uint64_t *ns = dyno_boot(launch->dyno)->ns;
	uint64_t last = launch->requested_ns;

	for (int phase = DYNO_PHASE_REQUESTED + 1; phase < DYNO_PHASE_COUNT; phase++) {
		uint64_t before = launch->requested_ns,
			 at = ns[phase] < launch->ready_ns ? ns[phase] : launch->ready_ns;

		if (ns[phase] != 0 && ns[phase] <= launch->requested_ns)
			sample->ahead |= 1U << phase;
		if (ns[phase] <= launch->requested_ns)
			continue;
		for (int i = DYNO_PHASE_REQUESTED + 1; i < DYNO_PHASE_COUNT; i++)
			/* of two at the same time the later phase took none */
			if (i != phase && ns[i] > before && ns[i] < ns[phase] + (phase > i))
				before = ns[i];
		sample->phase[phase] = at > before ? (double)(at - before) / 1e3 : 0;
		last = at > last ? at : last;
	}
	sample->rest = (double)(launch->ready_ns - last) / 1e3;
}

/** record() - a launch that got there */
static void record(struct bench_contender *contender, const struct bench_launch *launch, unsigned round)
{
	struct bench_sample *sample = &contender->samples[contender->count++];

	*sample = (struct bench_sample){ .round = round,
		                         .index = launch->index,
		                         .us = (double)(launch->ready_ns - launch->requested_ns) / 1e3 };
	if (!launch->dyno)
		return;
	sample->birth = dyno_birth(launch->dyno);
	split_phases(launch, sample);
}

/** leave_out() - @contender takes no further part: half a series is no number */
static void leave_out(struct bench_contender *contender, int round, const char *why)
{
	contender->count = 0;
	if (round < 0)
		(void)snprintf(contender->left_out, sizeof(contender->left_out), "%s", why);
	else
		(void)snprintf(contender->left_out, sizeof(contender->left_out), "failed in round %d: %.300s",
		               round + 1, why);
}

/** take_turn() - all launches of one contender in one round. Return: 0, -EINTR when it was interrupted */
static int take_turn(struct going *going, struct bench_contender *contender, int round)
{
	const struct bench_plan *plan = contender->plan;
	struct dyno_error err = { 0 };
	unsigned opened = 0;
	int code = 0;

	if (bench_ports_free(plan) < 0)
		(void)error_set(&err, -EADDRINUSE, "port", "somebody listens on port %u", (unsigned)plan->ports[0]);
	else if (contender->kind->steady)
		(void)contender->kind->steady(contender, &err);
	if (err.code < 0) {
		leave_out(contender, round, err.text);
		return 0;
	}
	for (; opened < plan->concurrency && code == 0; opened++)
		code = open_launch(&going->launches[opened], contender, opened);
	if (code == 0) {
		begin_turn(going->launches, plan->concurrency);
		code = bench_wait(going->launches, plan->concurrency, plan->given->timeout_ms, going->signals);
	} else {
		leave_out(contender, round, "there are not enough descriptors or memory for so many launches at once");
		code = 0;
	}
	for (unsigned i = 0; i < opened; i++) {
		struct bench_launch *launch = &going->launches[i];

		if (launch->state == BENCH_FAILED && !contender->left_out[0])
			leave_out(contender, round, launch->why[0] ? launch->why : "failed");
		else if (code == 0 && round >= 0 && !contender->left_out[0])
			record(contender, launch, (unsigned)round);
		close_launch(launch);
	}
	usleep(GAP_US);
	return code;
}

/** go_round() - one turn each. Return: 0 or -EINTR */
static int go_round(struct going *going, int round)
{
	struct bench *bench = going->bench;
	size_t first = (size_t)(round + (int)bench->plan->warmup) % bench->count;

	for (size_t turn = 0; turn < bench->count; turn++) {
		struct bench_contender *contender = &bench->contenders[(first + turn) % bench->count];

		show_progress(going, round);
		if (!contender->left_out[0] && take_turn(going, contender, round) < 0)
			return -EINTR;
	}
	return 0;
}

/** verify() - before all: can everybody launch the command at all? Return: 0 or -EINTR */
static int verify(struct going *going)
{
	struct bench *bench = going->bench;
	int code = 0;

	for (size_t i = 0; i < bench->count && code == 0; i++) {
		bench->contenders[i].verify = true;
		if (!bench->contenders[i].left_out[0])
			code = take_turn(going, &bench->contenders[i], -1);
		bench->contenders[i].verify = false;
	}
	return code;
}

/** forget_round() - an interrupted round counts for nobody, so that rounds stay pairs */
static void forget_round(struct bench *bench)
{
	for (size_t i = 0; i < bench->count; i++) {
		struct bench_contender *contender = &bench->contenders[i];

		while (contender->count > 0 && contender->samples[contender->count - 1].round >= bench->rounds)
			contender->count--;
	}
}

/** anybody() - somebody still takes part */
static bool anybody(const struct bench *bench)
{
	bool some = false;

	for (size_t i = 0; i < bench->count; i++)
		some = some || !bench->contenders[i].left_out[0];
	return some;
}

/** go() - verification, warm-up, rounds */
static void go(struct going *going)
{
	struct bench *bench = going->bench;
	const struct bench_plan *plan = bench->plan;
	int code = verify(going);

	for (int round = -(int)plan->warmup; round < (int)plan->runs && code == 0 && anybody(bench); round++) {
		if (round == 0)
			going->since_ns = clock_ns();
		code = go_round(going, round);
		if (code == 0 && round >= 0)
			bench->rounds++;
	}
	clear_progress(going);
	bench->interrupted = code < 0;
	forget_round(bench);
}

/** open_contenders() - all of them; who cannot is left out with the reason */
static int open_contenders(struct bench *bench, struct dyno_host *host, struct dyno_error *err)
{
	const struct bench_plan *plan = bench->plan;

	for (size_t i = 0; i < plan->count; i++) {
		struct bench_contender *contender = &bench->contenders[bench->count++];
		struct dyno_error why = { 0 };

		*contender = (struct bench_contender){ .plan = plan, .name = plan->names[i] };
		contender->dyno = bench_is_dyno(contender->name);
		contender->kind = contender->dyno ? &bench_dyno_kind : &bench_peer_kind;
		contender->samples = calloc((size_t)plan->runs * plan->concurrency, sizeof(*contender->samples));
		if (!contender->samples)
			return error_set(err, -ENOMEM, "bench", "no memory for %u launches",
			                 plan->runs * plan->concurrency);
		if (contender->kind->open(contender, host, &why) < 0)
			leave_out(contender, -1, why.text);
	}
	return 0;
}

/** close_contenders() - what open_contenders() made; the samples are freed by bench_done() */
static void close_contenders(struct bench *bench)
{
	for (size_t i = 0; i < bench->count; i++)
		bench->contenders[i].kind->close(&bench->contenders[i]);
}

/** open_signals() - what ends the measurement becomes readable; ^Z stops us as it does anybody */
static int open_signals(int *ret, struct dyno_error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		*ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret < 0 ? error_set(err, -errno, "signals", "cannot read signals as events:") : 0;
}

/** raise_files() - as many descriptors as we may have: hundreds of launches at once want more than the usual 1024 */
static void raise_files(struct bench_plan *plan)
{
	struct rlimit all;

	(void)getrlimit(RLIMIT_NOFILE, &plan->files);
	all = plan->files;
	all.rlim_cur = all.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &all);
}

/** measure() - everything from the host to the last sample */
static int measure(struct bench *bench, struct bench_plan *plan, struct dyno_error *err)
{
	struct going *going = calloc(1, sizeof(*going));
	struct bench_keeper keeper = BENCH_KEEPER_NULL;
	struct dyno_host *host = NULL;
	_cleanup_close_ int signals = -1;
	int code;

	if (!going)
		return error_set(err, -ENOMEM, "bench", "no memory for a measurement");
	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
	raise_files(plan);
	code = bench_keeper_start(plan, &keeper, err);
	if (code == 0)
		code = open_signals(&signals, err);
	if (code == 0)
		code = dyno_host_open(&host, err);
	if (code == 0)
		code = open_contenders(bench, host, err);
	bench_machine_read(&bench->machine);
	going->bench = bench;
	going->signals = signals;
	going->progress = isatty(STDERR_FILENO);
	if (code == 0)
		go(going);
	bench->machine.load_after = bench_load();
	close_contenders(bench);
	dyno_host_close(host);
	bench_keeper_end(&keeper);
	free(going);
	return code;
}

/** write_reports() - all that were asked for */
static int write_reports(const struct bench *bench, struct dyno_error *err)
{
	const struct bench_given *given = bench->plan->given;
	const char *files[] = { given->json, given->csv, given->html };
	bool text = true;
	int code = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		text = text && !(files[i] && strcmp(files[i], "-") == 0);
	if (text)
		bench_report_text(bench);
	if (given->json)
		code = bench_report_json(bench, given->json, err);
	if (given->csv && code == 0)
		code = bench_report_csv(bench, given->csv, err);
	if (given->html && code == 0)
		code = bench_report_html(bench, given->html, err);
	if (code == 0 && fflush(stdout) != 0)
		code = error_set(err, -errno, "bench", "cannot write the report:");
	return code;
}

/** conclude() - say what is to be said beside the report. Return: exit code */
static int conclude(const struct bench *bench)
{
	int code = bench->interrupted ? EXIT_SIGNALLED + SIGINT : EXIT_OK;

	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		if (!contender->left_out[0])
			continue;
		message_line("dyno: bench: %s is left out: %s",
		             contender->label[0] ? contender->label : contender->name, contender->left_out);
		code = contender->dyno ? EXIT_DYNO_FAILED : code;
	}
	return code;
}

/** run_bench() - measure, judge, report. Return: exit code */
static int run_bench(struct bench_plan *plan)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct dyno_error err = { 0 };
	int code, worst;

	if (!bench) {
		message_line("dyno: bench: no memory");
		return EXIT_DYNO_FAILED;
	}
	bench->plan = plan;
	code = measure(bench, plan, &err);
	if (code == 0)
		code = bench_judge(bench, &err);
	worst = code == 0 ? conclude(bench) : EXIT_OK;
	if (code == 0 && bench->rounds > 0 && anybody(bench))
		code = write_reports(bench, &err);
	for (size_t i = 0; i < bench->count; i++)
		free(bench->contenders[i].samples);
	free(bench);
	return code < 0 ? message_error("bench", &err) : worst;
}

int bench_main(int argc, char **argv, uint64_t requested_ns)
{
	struct bench_given given = BENCH_GIVEN_DEFAULTS;
	struct dyno_error err = { 0 };
	struct bench_plan plan;
	int first = argc;
	int code = verb_parse("bench", argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE) {
		code = bench_plan_make(&given, argv + first, &plan, &err);
		if (code == -ENOMEM)
			code = message_error("bench", &err);
		else if (code < 0)
			code = message_usage(&err);
		else
			code = run_bench(&plan);
		bench_plan_done(&plan);
	}
	options_done(bench_specs, &given);
	return code;
}
