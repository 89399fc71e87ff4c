/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dyno.h - the public C API of libdyno
 *
 * A dyno is one isolated, ephemeral run of one command: its own namespaces, filesystem view, environment and port.
 * Two calls make one, at any distance in time from each other:
 *
 *     struct dyno_shape + host --dyno_prepare()--> struct dyno_sandbox (parked, powerless)
 *     struct dyno_app + sandbox --dyno_start()---> struct dyno (running)
 *
 * No call blocks on the app: a dyno gives one pollable descriptor (dyno_fd), and dyno_next_event() reads what happened.
 * Every function returns 0 (or a count) on success and a negative errno on failure; struct dyno_error then says which
 * step failed, why, and what to do. The library never prints, never exits, and never changes signal dispositions.
 *
 * Threads: objects are not locked; use each from one thread at a time. dyno_prepare() changes the calling thread's
 * network namespace for a moment and sets it back.
 *
 * Children: a dyno's first process is a child of the caller. One who ignores SIGCHLD, or waits for any child, may take the
 * exit status of a dyno without init from the library; it then comes as 255, with the reason.
 */
#ifndef DYNO_H
#define DYNO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DYNO_VERSION "0.1.0"

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/**
 * struct dyno_error - why a call failed
 * @code:   negative errno, as the call returned
 * @step:   the step that failed, e.g. "mount scratch"; a term of docs/architecture.md
 * @text:   one sentence without a final stop: what and where
 * @remedy: what the caller can do, or empty
 */
struct dyno_error {
	int code;
	char step[32];
	char text[320];
	char remedy[200];
};

/* ---- host: what this machine gives, probed once ---------------------------------------------------------------- */

struct dyno_host;

/** enum dyno_cgroup_layout - how this machine mounts its control groups */
enum dyno_cgroup_layout {
	DYNO_CGROUP_NONE,   /* no cgroup this process may write: limits fall back to rlimits, with a notice */
	DYNO_CGROUP_V1,     /* legacy trees only */
	DYNO_CGROUP_HYBRID, /* controllers on v1 trees, plus a v2 tree for kill, freeze and CLONE_INTO_CGROUP */
	DYNO_CGROUP_V2,     /* the unified tree */
};

/**
 * dyno_host_open() - probe the machine and open what all dynos share
 * State is kept in /run/dyno as root, else in $XDG_RUNTIME_DIR/dyno or /tmp/dyno-UID. There is one place for each user of
 * a machine, because slots number what is the machine's own: ids, addresses, cgroups.
 * @ret: the host, to be freed by dyno_host_close()
 */
int dyno_host_open(struct dyno_host **ret, struct dyno_error *err);
/** dyno_host_close() - NULL is fine. Mustn't: be called while a sandbox or dyno of it exists. Return: NULL */
struct dyno_host *dyno_host_close(struct dyno_host *host);

/* ---- shape and app: the two halves of a spec ------------------------------------------------------------------- */

enum dyno_net {
	DYNO_NET_PRIVATE, /* own network namespace with an address of its own */
	DYNO_NET_NONE,    /* own network namespace with loopback only */
	DYNO_NET_HOST,    /* the caller's network: no isolation, asked for by name */
};

/**
 * struct dyno_limits - what one dyno may use; 0 means "the default": 512 MiB, 256 processes, no CPU ceiling
 * @memory:  bytes of memory, swap not added
 * @pids:    processes and threads
 * @cpu_milli: thousandths of one CPU as a hard ceiling, 0 for none
 * @cpu_shares: relative weight, 1024 = one standard-1x; 0 for the default
 * @nofile:  RLIMIT_NOFILE, soft and hard
 */
struct dyno_limits {
	uint64_t memory;
	uint64_t pids;
	uint64_t cpu_milli;
	uint64_t cpu_shares;
	uint64_t nofile;
};

/**
 * struct dyno_shape - the app-independent half; equal shapes can share a pool
 * @stack:        "host", or an absolute path to a directory that holds an operating-system tree
 * @net:          which network
 * @tty:          give the dyno a pseudo-terminal (its own devpts)
 * @no_init:      run the command itself as PID 1
 * @watch:        tell when the app listens (DYNO_EVENT_LISTENING). A thread of the library's sees to it. An app in it cannot
 *                use seccomp_unotify(2) for itself
 * @scratch_size: bytes of the writable layer; 0 for the default 512 MiB
 * @scratch_dir:  absolute path of a directory on disk for the writable layer, NULL for a tmpfs
 */
struct dyno_shape {
	const char *stack;
	enum dyno_net net;
	bool tty;
	bool no_init;
	bool watch;
	uint64_t scratch_size;
	const char *scratch_dir;
};

/**
 * struct dyno_app - the app-dependent half; everything is borrowed for the duration of the call
 * @name:    "web.1"; unique among running dynos of this state directory; NULL for run.NNNN
 * @label:   what the app is told of its name, in DYNO; NULL for @name. Need not be unique
 * @slug:    absolute path of the release's tree, seen at /app and never changed; NULL for an empty /app
 * @workdir: absolute path inside the dyno; NULL for /app
 * @argv:    the command, NULL-terminated, run as given: a line for a shell is the caller's to wrap ("bash", "-c", line)
 * @env:     "KEY=VALUE" config vars, NULL-terminated; HOME, PATH, DYNO, PORT and TERM are added
 * @port:    $PORT, 0 for none
 * @publish: where $PORT is to be reachable on this machine: "[ADDR:]HOSTPORT" each, NULL-terminated; NULL for nowhere.
 *           Without ADDR it is 127.0.0.1 and ::1; HOSTPORT 0 takes one that is free. IPv6 addresses and unix sockets
 *           (rootless: every loopback address) lead to the app from DYNO_EVENT_LISTENING on, so they need shape.watch
 * @publish_unix: absolute path of a unix socket to be made, whose connections go to $PORT; NULL for none
 * @egress:  what the app may connect to: "allow" (or NULL), "deny", or a list "CIDR[,CIDR]..."
 * @allow_host: ports of this machine, "PORT[,PORT]...", that the app reaches as host.dyno.internal; NULL for none
 * @boot_timeout_ms: an app that does not listen on $PORT by then is killed (R10); 0 for never. Needs shape.watch
 * @limits:  limits of this dyno
 * @fds:     standard input, output and error; ignored with a tty
 * @rows, @columns: size of the terminal; 0: of dyno_start() that of standard input, of dyno_exec() not known
 */
struct dyno_app {
	const char *name;
	const char *label;
	const char *slug;
	const char *workdir;
	const char *const *argv;
	const char *const *env;
	uint16_t port;
	const char *const *publish;
	const char *publish_unix;
	const char *egress;
	const char *allow_host;
	uint32_t boot_timeout_ms;
	struct dyno_limits limits;
	int fds[3];
	uint16_t rows, columns;
};

/* ---- timeline --------------------------------------------------------------------------------------------------- */

/** enum dyno_phase - stamps of a boot, in the order in which they usually happen */
enum dyno_phase {
	DYNO_PHASE_REQUESTED,  /* dyno_prepare() was called (or earlier, if the caller said so) */
	DYNO_PHASE_CLAIMED,    /* slot, cgroup and user namespaces are ours */
	DYNO_PHASE_CLONED,     /* the child runs */
	DYNO_PHASE_SCRATCH,    /* writable layer and root skeleton are made */
	DYNO_PHASE_FILESYSTEM, /* stack, slug, /proc and /dev are mounted and the old root is gone */
	DYNO_PHASE_NETWORK,    /* the network end is in place */
	DYNO_PHASE_IDENTITY,   /* user namespace entered, user and groups set */
	DYNO_PHASE_CONFINED,   /* capabilities, no_new_privs, Landlock and seccomp are behind it: parked */
	DYNO_PHASE_ATTACHED,   /* of a sandbox that was parked without its slug: /app is there */
	DYNO_PHASE_EXEC,       /* execve succeeded */
	DYNO_PHASE_LISTENING,  /* the app listens on $PORT, where the published address leads */
	DYNO_PHASE_COUNT,
};

/**
 * struct dyno_timeline - CLOCK_MONOTONIC nanoseconds of each phase, 0 where it did not happen
 * What was prepared ahead is stamped when that was done: earlier than DYNO_PHASE_REQUESTED.
 */
struct dyno_timeline {
	uint64_t ns[DYNO_PHASE_COUNT];
};

/** dyno_phase_name() - "requested", "claimed", ... */
const char *dyno_phase_name(enum dyno_phase phase);

/* ---- sandbox and dyno ------------------------------------------------------------------------------------------- */

struct dyno_sandbox;
struct dyno;

/**
 * dyno_prepare() - make a parked sandbox: everything but the app
 * @app: the app if it is known already (its slug is then attached and its name claimed on the way), or NULL: then slug and
 *       name come with dyno_start(), which costs it 0.2 ms more, and needs Linux 6.15 for a slug
 * @requested_ns: CLOCK_MONOTONIC stamp of the request, 0 for now
 * @ret: the sandbox, consumed by dyno_start() or freed by dyno_sandbox_destroy()
 */
int dyno_prepare(struct dyno_host *host, const struct dyno_shape *shape, const struct dyno_app *app,
                 uint64_t requested_ns, struct dyno_sandbox **ret, struct dyno_error *err);
struct dyno_sandbox *dyno_sandbox_destroy(struct dyno_sandbox *sandbox);

/** dyno_sandbox_requested() - the request for it comes only now (@requested_ns, 0 for this moment): its boot begins there */
void dyno_sandbox_requested(struct dyno_sandbox *sandbox, uint64_t requested_ns);

/**
 * dyno_start() - turn a sandbox into a dyno: send it the app; does not wait for the exec
 * The sandbox is consumed, on failure too.
 */
int dyno_start(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno **ret, struct dyno_error *err);

/** enum dyno_birth - how much of a dyno was there before it was asked for */
enum dyno_birth {
	DYNO_BIRTH_COLD,   /* nothing */
	DYNO_BIRTH_POOLED, /* its parts: claim, cgroups, ids, network, as root its root but for /proc and /app */
	DYNO_BIRTH_WARM,   /* a parked sandbox */
};

/** dyno_birth() - of a started dyno */
enum dyno_birth dyno_birth(const struct dyno *dyno);
/** dyno_birth_name() - "cold", "pooled", "warm" */
const char *dyno_birth_name(enum dyno_birth birth);

/* ---- pool: sandboxes prepared ahead ----------------------------------------------------------------------------- */

struct dyno_pool;

/**
 * struct dyno_pool_config - what a pool keeps ready
 * @shape:  of every one of them
 * @slug:   attached when they are parked; NULL: any slug, attached at the start
 * @limits: set when they are parked; an app that asks for others costs their writing at the start
 * @parts:  keep only their parts ready, no process: less memory, for when no slug can be attached late
 * @min, @max: how many, at least and at most; between them the pool follows demand. @max 0 is an empty pool
 * @per_second: refills a second at most, 0 for no bound
 */
struct dyno_pool_config {
	struct dyno_shape shape;
	const char *slug;
	struct dyno_limits limits;
	bool parts;
	unsigned min, max;
	unsigned per_second;
};

/**
 * struct dyno_pool_stats - what became of a pool
 * @ready:  parked now; @wanted: how many it tries to have
 * @made, @taken: sandboxes made and given away since it was opened
 * @missed: requests that found it empty, and were launched cold
 * @failed: sandboxes that could not be made; @spoiled: that died while they were parked
 * @error:  the last failure, its code 0 when there was none
 */
struct dyno_pool_stats {
	unsigned ready, wanted;
	uint64_t made, taken, missed, failed, spoiled;
	struct dyno_error error;
};

/**
 * dyno_pool_open() - begin to keep sandboxes ready; does not wait for the first
 * A thread of the library's makes them, off the caller's path. It lives as long as @host, because what it made would
 * die with it (prctl(2), PR_SET_PDEATHSIG).
 */
int dyno_pool_open(struct dyno_host *host, const struct dyno_pool_config *config, struct dyno_pool **ret,
                   struct dyno_error *err);
/**
 * dyno_pool_close() - destroy what is still parked; dynos that came from it go on. NULL is fine. Return: NULL
 * The thread does it: dyno_host_close() waits for that, this call does not.
 */
struct dyno_pool *dyno_pool_close(struct dyno_pool *pool);

/** dyno_pool_resize() - other bounds from now on; what is parked above @max is destroyed */
void dyno_pool_resize(struct dyno_pool *pool, unsigned min, unsigned max);

/**
 * dyno_pool_start() - a dyno from a parked sandbox, cold when none is ready (dyno_birth() tells)
 * A sandbox serves once. One that turns out to be dead counts as spoiled, and the next is taken.
 * @requested_ns: CLOCK_MONOTONIC stamp of the request, 0 for now
 */
int dyno_pool_start(struct dyno_pool *pool, const struct dyno_app *app, uint64_t requested_ns, struct dyno **ret,
                    struct dyno_error *err);

/** dyno_pool_wait() - wait until @ready are parked, @timeout_ms at most. Return: 0, or -ETIME */
int dyno_pool_wait(struct dyno_pool *pool, unsigned ready, unsigned timeout_ms);
void dyno_pool_stats(struct dyno_pool *pool, struct dyno_pool_stats *ret);

/* ---- what happens to a dyno ------------------------------------------------------------------------------------- */

enum dyno_event_type {
	DYNO_EVENT_NONE,        /* nothing yet: poll dyno_fd() again */
	DYNO_EVENT_UP,          /* execve succeeded */
	DYNO_EVENT_FAILED,      /* the dyno could not be started; error says why; the last event */
	DYNO_EVENT_EXITED,      /* the main process ended; the last event */
	DYNO_EVENT_EXEC_UP,     /* a process of dyno_exec() runs: exec_id, terminal */
	DYNO_EVENT_EXEC_FAILED, /* it could not be started: exec_id, error */
	DYNO_EVENT_EXEC_EXITED, /* it ended: exec_id, status */
	DYNO_EVENT_STOPPED,     /* the main process stopped (SIGTSTP); status holds the signal */
	DYNO_EVENT_LISTENING,   /* the app listens on a TCP port: listen; only with shape.watch */
};

/** enum dyno_listen_where - what a listening socket is to the dyno */
enum dyno_listen_where {
	DYNO_LISTEN_READY,      /* it serves $PORT: the dyno is up; comes once */
	DYNO_LISTEN_LOOPBACK,   /* $PORT, but on 127.0.0.1 or ::1 only: nobody outside reaches it */
	DYNO_LISTEN_OTHER_PORT, /* another port than $PORT */
};

/**
 * struct dyno_listen - one listening socket of the app
 * @address: "0.0.0.0:5000", "[::]:5000"
 * @hint:    what to change, one sentence, "" when it is READY
 */
struct dyno_listen {
	enum dyno_listen_where where;
	uint16_t port;
	char address[64];
	char hint[128];
};

/**
 * struct dyno_event - what happened
 * @status: as waitpid(2) gives it
 * @reason: for EXITED: why, naming the limit when one was hit, e.g. "memory limit 512.0 MiB reached"; else empty
 * @error:  for FAILED and EXEC_FAILED; for LISTENING, if its code is not 0: which published address does not lead there
 * @terminal: for EXEC_UP with a terminal: its master, owned by the receiver; else -1
 * @listen: for LISTENING
 */
struct dyno_event {
	enum dyno_event_type type;
	int status;
	uint32_t exec_id;
	int terminal;
	char reason[160];
	struct dyno_listen listen;
	struct dyno_error error;
};

/** dyno_fd() - readable when dyno_next_event() has something to say; owned by the dyno */
int dyno_fd(const struct dyno *dyno);
/**
 * dyno_next_event() - what happened, DYNO_EVENT_NONE when nothing did; does not block
 * Should: be called whenever dyno_fd() is readable, after DYNO_EVENT_LISTENING as well: what makes the host's next launch faster is
 * done in it when nobody waits for this dyno any more.
 */
int dyno_next_event(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err);
/** dyno_boot() - the stamps so far; complete after DYNO_EVENT_UP, with shape.watch after DYNO_EVENT_LISTENING */
const struct dyno_timeline *dyno_boot(const struct dyno *dyno);

/** dyno_name() - "web.1" */
const char *dyno_name(const struct dyno *dyno);
/**
 * dyno_notice() - why limits of memory and processes hold per process only, because no cgroup of this machine can hold
 * them for the whole dyno; "" when one does
 */
const char *dyno_notice(const struct dyno *dyno);
/** dyno_address() - the dyno's IPv4 address as text, or "" when the network is not private */
const char *dyno_address(const struct dyno *dyno);
/**
 * dyno_published() - where $PORT is reachable on this machine, e.g. "127.0.0.1:8080"
 * @index: from 0. Return: text owned by the dyno, NULL behind the last
 */
const char *dyno_published(const struct dyno *dyno, size_t index);
/** dyno_pid() - PID of the dyno's first process as seen from here */
pid_t dyno_pid(const struct dyno *dyno);
/** dyno_terminal() - master side of the dyno's pseudo-terminal, -1 without; owned by the dyno */
int dyno_terminal(const struct dyno *dyno);

/** dyno_signal() - send a signal to the main process; @all: to every process of the dyno */
int dyno_signal(struct dyno *dyno, int signo, bool all);
/** dyno_kill() - SIGKILL to everything in the dyno, by the kernel, at once */
int dyno_kill(struct dyno *dyno);

/**
 * dyno_exec() - run one more process inside a running dyno, under the same confinement
 * Returns when the request is sent; what became of it comes as DYNO_EVENT_EXEC_*.
 * @app:    argv, env (added to the dyno's own environment), workdir and fds are used
 * @tty:    give it a pseudo-terminal, whose master comes with DYNO_EVENT_EXEC_UP
 * @ret_id: names it in events
 */
int dyno_exec(struct dyno *dyno, const struct dyno_app *app, bool tty, uint32_t *ret_id, struct dyno_error *err);
/** dyno_exec_signal() - send a signal to the process @id of dyno_exec() */
int dyno_exec_signal(struct dyno *dyno, uint32_t id, int signo);

/* ---- what a dyno leaves behind ---------------------------------------------------------------------------------- */

/** struct dyno_discarded - totals of what the dyno wrote */
struct dyno_discarded {
	uint64_t files;
	uint64_t deleted;
	uint64_t bytes;
	char largest[256];
	uint64_t largest_bytes;
};

/**
 * dyno_discarded() - look through the writable layer of an exited dyno
 * @each: called for every path with 'A' added, 'C' changed or 'D' deleted; may be NULL
 */
int dyno_discarded(struct dyno *dyno, struct dyno_discarded *ret,
                   void (*each)(void *data, char what, const char *path, uint64_t bytes), void *data,
                   struct dyno_error *err);
/** dyno_keep() - copy the writable layer of an exited dyno into directory @dir, made if missing, which must be empty */
int dyno_keep(struct dyno *dyno, const char *dir, struct dyno_error *err);

/** dyno_destroy() - kill if needed, take down everything the host can see of the dyno, free it */
struct dyno *dyno_destroy(struct dyno *dyno);

/** dyno_gc() - clean up after launchers that died; returns the number of dynos cleaned up */
int dyno_gc(struct dyno_host *host, struct dyno_error *err);

#ifdef __cplusplus
}
#endif

#endif /* DYNO_H */
