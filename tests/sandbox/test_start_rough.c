/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_start_rough.c - dyno start among dynos that misbehave, and killed at any moment
 *
 * DYNO_KILLS is how often it is killed, 10 without (`make check-kills` does it 100 times); DYNO_SEED repeats the moments of a run.
 */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/sandbox/lifecycle_support.h"

#define FLOOD_LINES 1000000
#define KILL_WITHIN_MS 500

/** place() - a file of the app, seen by whoever launches */
static void place(const struct fixture *f, const char *name, const char *text)
{
	support_write(support_format("%s/%s", f->slug, name), text, 0644);
}

/** begin() - start @program in the app's directory, with a store of the test's own */
static void begin(struct fixture *f, struct process *p, const char *program, const char *const *argv)
{
	launch_start(f, p,
	             &(struct launch){ .argv = argv,
	                               .program = program,
	                               .cwd = f->slug,
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s/data", f->dir),
	                                           support_format("DYNO_APP=rough-%d", (int)getpid())) });
}

#define BEGIN(f, p, ...) begin(f, p, NULL, ARGV(__VA_ARGS__))

/** verb() - run a verb to its end. Return: exit code */
static int verb(struct fixture *f, struct process *p, const char *const *argv)
{
	begin(f, p, NULL, argv);
	return launch_finish(f, p);
}

#define VERB(f, p, ...) verb(f, p, ARGV(__VA_ARGS__))

/*
 * what came and what is said to be missing, and how late the lines of the other dyno were logged, in milliseconds; of a
 * log that is still growing, and may not be there yet: a line without its end is none
 */
static const char count_lines[] = "import datetime, os, re, sys\n"
				  "came = dropped = ticks = last = late = 0\n"
				  "for line in open(sys.argv[1]) if os.path.exists(sys.argv[1]) else []:\n"
				  "    if not line.endswith('\\n'):\n"
				  "        break\n"
				  "    said = re.search(r'Error L1[12] .*: (\\d+) messages dropped', line)\n"
				  "    tick = re.search(r'^(\\S+) app\\[clock.1\\]: (\\d+) ([\\d.]+)$', line)\n"
				  "    dropped += int(said[1]) if said else 0\n"
				  "    came += ' app[flood.1]: 000' in line\n"
				  "    if tick:\n"
				  "        ticks, last = ticks + 1, int(tick[2])\n"
				  "        logged = datetime.datetime.fromisoformat(tick[1]).timestamp()\n"
				  "        late = max(late, 1000 * (logged - float(tick[3])))\n"
				  "print('accounted=%d' % (came + dropped))\n"
				  "print('dropped=%d' % dropped)\n"
				  "print('missing=%d' % (last - ticks))\n"
				  "print('ticks=%d' % ticks)\n"
				  "print('late=%d' % max(late, 0))\n";

/** count() - what is in the log by now */
static void count(struct fixture *f, struct process *p)
{
	launch_program(f, p, "/usr/bin/python3", ARGV("-c", count_lines, support_format("%s/log", f->slug)));
	assert_exit(p, 0);
}

static void contract_4_9_l12_a_flood_is_cut_and_counted_and_the_others_are_heard(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	const char *status;
	long long until;

	place(f, "Procfile",
	      support_format("flood: yes %0127d | head -n %d; exec sleep 1000\n"
	                     "clock: i=0; while :; do i=$((i+1)); echo $i $EPOCHREALTIME; sleep 0.02; done\n",
	                     7, FLOOD_LINES));
	/* a file takes what comes, so that only the dyno's own lines are cut */
	begin(f, app, "/bin/sh",
	      ARGV("-c", support_format("exec %s start --net none --timeout 1s >log", support_dyno())));
	until = support_now_ms() + 30000;
	do {
		life_sleep_us(200000);
		count(f, p);
	} while (process_number(p, "accounted") < FLOOD_LINES && support_now_ms() < until);
	assert_int_equal(process_number(p, "accounted"), FLOOD_LINES);
	assert_that(p, process_number(p, "dropped") > 0);
	assert_that(p, process_number(p, "ticks") > 0);
	assert_int_equal(process_number(p, "missing"), 0);
	/* benchmarks/formation.py is strict; here the machine may be busy */
	assert_that(p, process_number(p, "late") < 5000);
	status = support_read(support_format("/proc/%d/status", (int)app->pid));
	status = status ? strstr(status, "VmHWM:") : NULL;
	if (!status) {
		fail_msg("no VmHWM of the supervisor");
		return;
	}
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(strtoul(status + strlen("VmHWM:"), NULL, 10), 1, 32 * 1024);
#endif
	assert_int_equal(launch_stop(f, app), 0);
}

static void test_a_dyno_that_crashes_without_end_does_not_disturb_the_others(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	place(f, "Procfile", "worker: exec ./probe trap\nbad: exit 1\n");
	BEGIN(f, app, "start", "--net", "none", "--backoff", "0", "-m", "worker=3,bad=1");
	assert_true(launch_expect(app, "app[worker.3]: ready="));
	life_sleep_us(500000);
	VERB(f, p, "ps:app", "--json");
	assert_exit(p, 0);
	assert_string_equal(
		life_json(p->out, "print(' '.join(x['state'] for x in d['dynos'] if x['name'].startswith('worker')))"),
		"up up up");
	/* it answers, and stops in order */
	VERB(f, p, "ps:scale", "bad=0");
	assert_exit(p, 0);
	assert_int_equal(launch_stop(f, app), 0);
	assert_says(app, "heroku[bad.1]: State changed from crashed to starting");
	assert_silent_on(app, "heroku[worker.1]: State changed from up to crashed");
	assert_silent_on(app, "heroku[worker.1]: Restarting");
	assert_says(app, "heroku[worker.1]: State changed from up to down");
}

/** assert_store_whole() - SQLite finds nothing wrong in it, and the config vars are what was set last */
static void assert_store_whole(struct fixture *f, struct process *p, const char *value)
{
	static const char check[] =
		"import glob, sqlite3, sys\n"
		"for path in glob.glob(sys.argv[1] + '/*.db') + glob.glob(sys.argv[1] + '/*.sqlite*'):\n"
		"    if not path.endswith(('-wal', '-shm')):\n"
		"        print('check=' + sqlite3.connect(path).execute('PRAGMA quick_check').fetchone()[0])\n";

	VERB(f, p, "config:get", "ROUND");
	assert_exit(p, 0);
	assert_string_equal(p->out, support_format("%s\n", value));
	assert_int_equal(launch_program(f, p, "/usr/bin/python3", ARGV("-c", check, support_path(f, "data"))), 0);
	assert_value(p, "check", "ok");
}

static void test_start_may_be_killed_at_any_moment(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	const char *kills = getenv("DYNO_KILLS"), *seed = getenv("DYNO_SEED");
	unsigned moment = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
	int rounds = kills ? atoi(kills) : 10;

	print_message("DYNO_SEED=%u\n", moment);
	place(f, "Procfile", "worker: exec ./probe env -- trap\nbad: exit 1\nrelease: ./probe say first\n");
	for (int round = 0; round < rounds; round++) {
		const char *value = support_format("%d", round);
		unsigned wait_us = (unsigned)rand_r(&moment) % (KILL_WITHIN_MS * 1000);

		BEGIN(f, app, "start", "--net", "none", "--backoff", "0", "-m", "worker=4,bad=1");
		/* every other one is amid a restart with new config vars */
		if (round % 2) {
			VERB(f, p, "config:set", support_format("ROUND=%d", round));
			assert_exit(p, 0);
			wait_us %= 100000;
		}
		life_sleep_us(wait_us);
		kill(app->pid, SIGKILL);
		launch_finish(f, app);
		assert_exit(app, 128 + SIGKILL);
		assert_int_equal(life_reap(), 0);
		if (round % 2)
			assert_store_whole(f, p, value);
	}
	BEGIN(f, app, "start", "--net", "none", "--backoff", "10m", "-m", "worker=4,bad=0");
	assert_true(launch_expect(app, "app[worker.4]: ready="));
	assert_int_equal(launch_stop(f, app), 0);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_9_l12_a_flood_is_cut_and_counted_and_the_others_are_heard, AS_BOTH),
	SANDBOX_TEST(test_a_dyno_that_crashes_without_end_does_not_disturb_the_others, AS_BOTH),
	SANDBOX_TEST(test_start_may_be_killed_at_any_moment, AS_BOTH),
};

SANDBOX_MAIN("start among rough dynos", tests)
