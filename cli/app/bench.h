/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench.h - `dyno bench`: what its files share
 *
 * Theory of operation. A plan (bench_plan.c) is what was asked for, checked. It names contenders: ways of a dyno's birth, a
 * bare process, other runtimes. Each is a struct bench_kind of functions (bench_dyno.c, bench_peer.c). bench.c goes
 * round: in each round every contender launches once (--concurrency at a time), in an order that rotates; bench_ready.c sees
 * when each launch has got as far as --until says. What comes out is a struct bench, which the reports read.
 *
 * The clock runs from just before the first launch of a turn to the moment asked for; making descriptors before, and
 * ending processes after, are not on it.
 */
#ifndef CLI_APP_BENCH_H
#define CLI_APP_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "cli/app/bench_stats.h"
#include "cli/app/options.h"
#include "cli/run_options.h"
#include "dyno.h"

#define BENCH_CONTENDERS_MAX 10
#define BENCH_CONCURRENCY_MAX 256U
#define BENCH_WORDS_MAX 512
#define BENCH_NOTES_MAX 16
#define BENCH_RESAMPLED                                                                                                \
	"paired bootstrap of medians: rounds are drawn with replacement, 2,000 times (fewer above 20,000 rounds), percentiles 2.5 and 97.5"

/** enum bench_until - where the clock stops */
enum bench_until {
	BENCH_UNTIL_EXEC,   /* first instruction in the command's place */
	BENCH_UNTIL_LISTEN, /* a connection to $PORT is accepted */
	BENCH_UNTIL_HTTP,   /* an answer with a status below 500 to GET PATH */
};

/**
 * struct bench_plan - what is to be measured
 * @names:     the contenders in the order asked for, @count of them
 * @run:       what the options mean for a dyno; @request: the same, resolved
 * @path:      of --until http:PATH
 * @stamp:     path of dyno-stamp; @stamp_fd: itself; @null_fd: /dev/null
 * @env:       the complete environment of a dyno
 * @port:      $PORT of a contender with a network of its own; @ports: one each for those that share this machine's
 * @blind:     dynos cannot be reached from here: the library tells when they listen
 * @files:     the limit of open files that we were given, for everybody who is not a dyno
 * @home:      work directory of other runtimes, "" when none is needed
 */
struct bench_plan {
	const struct bench_given *given;
	const char *names[BENCH_CONTENDERS_MAX];
	size_t count;
	struct run_given run;
	struct run_request request;
	enum bench_until until;
	const char *path;
	unsigned runs, warmup, concurrency;
	char stamp[PATH_MAX];
	int stamp_fd, null_fd;
	char **env;
	uint16_t port;
	uint16_t ports[BENCH_CONCURRENCY_MAX];
	bool blind;
	struct rlimit files;
	char home[PATH_MAX];
};

/**
 * struct bench_sample - one launch; times in microseconds
 * @phase: what each phase of the timeline added, @rest: from the last of them to the end. Of dynos only
 * @ahead: bit for each phase that was over before the request
 */
struct bench_sample {
	unsigned round, index;
	double us;
	enum dyno_birth birth;
	double phase[DYNO_PHASE_COUNT];
	double rest;
	unsigned ahead;
};

struct bench_kind;

/**
 * struct bench_contender - one way to launch the command
 * @name:     "cold", "bare", "bwrap"; @label: for people; @what: one sentence of what it does
 * @verify:   the next launches are to prove that the command itself can be started
 * @state:    of its kind
 * @samples:  @count of them, in the order in which they were measured
 * @summary, @ratio: filled in at the end; ratio to the first contender, 0 when there is none
 * @left_out: why it takes no part, "" when it does
 */
struct bench_contender {
	const struct bench_kind *kind;
	const struct bench_plan *plan;
	const char *name;
	char label[64];
	char what[240];
	bool verify;
	bool dyno;
	void *state;
	struct bench_sample *samples;
	size_t count;
	struct stats_summary summary;
	struct stats_ratio ratio;
	char left_out[400];
};

/** enum bench_state - of a launch */
enum bench_state { BENCH_WAITING, BENCH_READY, BENCH_FAILED };

/**
 * struct bench_launch - one launch, from its request until nothing of it is left
 * @stamp_fd: reading end of its standard output, when the command's place is taken by dyno-stamp; @stamp: what came of it
 * @said_fd:  its standard error
 * @place:    IPv4 address that is to be reached, 0 for none (network order)
 * @socket:   an attempt to reach it, -1 for none; @asked: the question was sent; @tried_ns: since when
 * @up:       of a dyno: execve succeeded; @listened_ns: it listens, by the library
 * @ended:    of a dyno: there will be no more events
 * @hint:     of a dyno: what it does instead of getting there
 */
struct bench_launch {
	struct bench_contender *contender;
	unsigned index;
	enum bench_state state;
	uint64_t requested_ns, ready_ns;
	char why[sizeof(((struct bench_contender *)NULL)->left_out)];
	int out_fd, said_fd;
	int stamp_fd;
	char stamp[64];
	size_t stamp_size;
	uint32_t place;
	uint16_t port;
	int socket;
	bool asked;
	uint64_t tried_ns;
	pid_t pid;
	int pid_fd;
	struct dyno *dyno;
	bool up, ended;
	uint64_t listened_ns;
	char hint[sizeof(((struct dyno_listen *)NULL)->hint)];
};

/**
 * struct bench_kind - how a contender is launched
 * @open:   get ready; a failure leaves the contender out with the reason
 * @steady: wait until a launch would find everything as it should, off the clock; may be NULL
 * @launch: begin; requested_ns is set. Mustn't: wait for the app
 * @finish: end it and wait until it is gone
 * @close:  give back what open() made
 */
struct bench_kind {
	int (*open)(struct bench_contender *contender, struct dyno_host *host, struct dyno_error *err);
	int (*steady)(struct bench_contender *contender, struct dyno_error *err);
	int (*launch)(struct bench_launch *launch, struct dyno_error *err);
	void (*finish)(struct bench_launch *launch);
	void (*close)(struct bench_contender *contender);
};

extern const struct bench_kind bench_dyno_kind, bench_peer_kind;

/** struct bench_machine - facts that belong beside every number */
struct bench_machine {
	char date[32];
	char kernel[160];
	char cpu[128];
	unsigned cpus;
	bool virtual;
	char governor[32];
	char cgroups[24];
	char user[32];
	uint64_t memory;
	double load_before, load_after;
};

/**
 * struct bench - a measurement
 * @rounds:  complete ones
 * @notes:   what casts doubt on the numbers, @note_count sentences
 */
struct bench {
	const struct bench_plan *plan;
	struct bench_machine machine;
	struct bench_contender contenders[BENCH_CONTENDERS_MAX];
	size_t count;
	unsigned rounds;
	bool interrupted;
	char notes[BENCH_NOTES_MAX][400];
	size_t note_count;
};

/* ---- bench_plan.c ------------------------------------------------------------------------------------------------ */

/** bench_plan_make() - check what was given. @command: NULL-terminated; @ret: to be given to bench_plan_done() in any case */
int bench_plan_make(const struct bench_given *given, char *const *command, struct bench_plan *ret,
                    struct dyno_error *err);
void bench_plan_done(struct bench_plan *plan);
/** bench_is_dyno() - @name is a way of a dyno's birth */
bool bench_is_dyno(const char *name);

/* ---- bench_ready.c ----------------------------------------------------------------------------------------------- */

/**
 * bench_wait() - wait until each of @launches got where it is to get, failed, or is late
 * @signals: a descriptor that ends the wait when it is readable
 * Return: 0, or -EINTR
 */
int bench_wait(struct bench_launch *launches, size_t count, uint64_t timeout_ms, int signals);
/** bench_ports_free() - wait until nobody listens on plan->ports: the one before may be slow to go. Return: 0, -EADDRINUSE */
int bench_ports_free(const struct bench_plan *plan);
/** bench_fail() - @launch did not get there */
void bench_fail(struct bench_launch *launch, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** bench_said() - the first line that @launch wrote to standard error, in a static form: printable, "" when there is none */
void bench_said(const struct bench_launch *launch, char *buf, size_t size);

/* ---- bench_spawn.c: processes ------------------------------------------------------------------------------------ */

/** struct bench_words - a command line or an environment that grows; @failed: there was no memory or no room */
struct bench_words {
	char *items[BENCH_WORDS_MAX + 1];
	size_t count;
	bool failed;
};

/** bench_word() - add one */
void bench_word(struct bench_words *words, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** bench_words_done() - free them all */
void bench_words_done(struct bench_words *words);

/** bench_find_program() - absolute path of @name in the directories of @path. Return: 0, -ENOENT */
int bench_find_program(const char *name, const char *path, char *ret, size_t size);
/** bench_run_quietly() - run a program to its end without input or output. Return: 0, or negative errno */
int bench_run_quietly(char *const *argv);

/**
 * struct bench_process - how to start one
 * @cwd: NULL for ours; @fds: standard streams
 * @files: its limit of open files, NULL for ours
 * @death: what it gets when this process dies, 0 for SIGKILL
 */
struct bench_process {
	const char *program;
	char *const *argv;
	char *const *env;
	const char *cwd;
	int fds[3];
	const struct rlimit *files;
	int death;
};

/**
 * bench_spawn() - start a process in a group of its own, which dies with this one
 * Return: its PID, or negative errno when it could not be executed
 */
pid_t bench_spawn(const struct bench_process *process);

/* ---- bench_root.c: what other runtimes need as files -------------------------------------------------------------- */

/* where they find dyno-stamp */
#define BENCH_STAMP_INSIDE "/.dyno-stamp"

/**
 * bench_host_entry() - entries of this machine's root that everybody is to see
 * @at: a counter from 0
 * @ret_name: without a slash; @target: of a symlink
 * Return: 'd' for a directory to be bound, 'l' for a symlink to be made, 0 behind the last
 */
char bench_host_entry(size_t *at, const char **ret_name, char target[PATH_MAX]);

/** bench_root_make() - a root in which all mount points are, at @path */
int bench_root_make(const char *path, struct dyno_error *err);

/** struct bench_inside - what runs inside another runtime: command, environment */
struct bench_inside {
	const struct bench_words *words;
	const struct bench_words *env;
};

/** bench_bundle_make() - an OCI bundle at @dir that runs @inside in the root at @root */
int bench_bundle_make(const struct bench_plan *plan, const char *root, const char *dir,
                      const struct bench_inside *inside, struct dyno_error *err);

/* ---- bench_keeper.c: what is left behind, however we end ------------------------------------------------------------ */

/** struct bench_keeper - a process that waits for our end */
struct bench_keeper {
	pid_t pid;
	int fd;
};

#define BENCH_KEEPER_NULL                                                                                              \
	{                                                                                                              \
		.pid = -1, .fd = -1                                                                                    \
	}

/** bench_keeper_start() - make plan->home and have it watched, if some contender needs one */
int bench_keeper_start(struct bench_plan *plan, struct bench_keeper *ret, struct dyno_error *err);
/** bench_keeper_end() - have it take everything down now, and wait for that */
void bench_keeper_end(struct bench_keeper *keeper);
/** bench_container_name() - of launch @index, the same in all rounds */
const char *bench_container_name(pid_t bench, unsigned index, char buf[static 48]);

/* ---- reports ----------------------------------------------------------------------------------------------------- */

/** bench_machine_read() - facts, with the load as it is now */
void bench_machine_read(struct bench_machine *ret);
double bench_load(void);

/** bench_judge() - summaries, ratios, and notes on what casts doubt on them */
int bench_judge(struct bench *bench, struct dyno_error *err);
/** bench_note() - doubt the numbers */
void bench_note(struct bench *bench, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** bench_until_words() - "first instruction", "listening", "answer to GET /" */
const char *bench_until_words(const struct bench_plan *plan, char *buf, size_t size);
/** bench_how() - how the end of the clock is seen, and the method, a paragraph */
void bench_how(const struct bench *bench, char *buf, size_t size);
/** bench_phase_median() - of @phase, or of the rest when it is DYNO_PHASE_COUNT; @ret_ahead: it was over before the request */
double bench_phase_median(const struct bench_contender *contender, int phase, bool *ret_ahead);
/** bench_phase_label() - of @phase or the rest */
const char *bench_phase_label(const struct bench *bench, int phase);
/** bench_phase_seen() - some contender spent time in @phase */
bool bench_phase_seen(const struct bench *bench, int phase);

/** bench_report_text() - for people, on standard output */
void bench_report_text(const struct bench *bench);
/** bench_report_json(), bench_report_csv(), bench_report_html() - into the file at @path, "-" for standard output */
int bench_report_json(const struct bench *bench, const char *path, struct dyno_error *err);
int bench_report_csv(const struct bench *bench, const char *path, struct dyno_error *err);
int bench_report_html(const struct bench *bench, const char *path, struct dyno_error *err);

#endif /* CLI_APP_BENCH_H */
