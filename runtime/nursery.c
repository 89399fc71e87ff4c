/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nursery.c - see nursery.h
 *
 * The thread's life is one loop: decide under the lock, do at most one long thing of each kind without it (make a sandbox,
 * destroy one), then look at what happened. It sleeps when there is nothing to do, until the next thing is due (demand.h).
 *
 * A sandbox is ready when its child has said so (CHANNEL_PARKED), not when the launcher's part of its making is done.
 */
#include "runtime/nursery.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/thread.h"
#include "runtime/channel.h"
#include "runtime/host.h"
#include "runtime/sandbox.h"

#define STEP "pool"
/* Of address space; what is touched of it is some pages */
#define STACK_SIZE (512 * 1024)
/* Sandboxes of one pool whose children are on their way: the launcher's part of the next is made meanwhile */
#define BUILDING_MAX 2
#define EVENTS_MAX 64

/** enum tag - what an epoll event is about; which sandbox it is, is looked up: it may be somebody else's by now */
enum tag { TAG_WAKE, TAG_BUILDING, TAG_READY };

/**
 * struct work - what one turn of the loop is to do
 * @make:   a pool that lacks one
 * @doomed: one to destroy
 * @due_ns: when the next turn must come
 */
struct work {
	struct dyno_pool *make;
	struct parked *doomed;
	uint64_t due_ns;
	bool end;
};

void nursery_wake(const struct nursery *nursery, uint64_t at_ns)
{
	const struct itimerspec at = { .it_value = { (time_t)(at_ns / 1000000000), (long)(at_ns % 1000000000) } };
	const uint64_t one = 1;

	if (at_ns > clock_ns() && timerfd_settime(nursery->alarm, TFD_TIMER_ABSTIME, &at, NULL) == 0)
		return;
	(void)!write(nursery->wake, &one, sizeof(one)); /* EAGAIN: it has been told 2^64 times */
}

bool nursery_alive(const struct parked *parked)
{
	struct pollfd pidfd = { .fd = parked->sandbox->pidfd, .events = POLLIN };

	/* Ready parts have no process that could die. */
	return parked->sandbox->pid <= 0 || poll(&pidfd, 1, 0) == 0;
}

/** watch() - hear of @fd */
static int watch(const struct nursery *nursery, int fd, enum tag tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(nursery->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/** unwatch() - hear no more; closing alone is not enough, as a child may have a copy. Not watched is fine */
static void unwatch(const struct nursery *nursery, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(nursery->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void nursery_release(const struct nursery *nursery, const struct parked *parked)
{
	unwatch(nursery, parked->sandbox->pidfd);
}

/** condemn() - kill @list: so that all die at once, before they are waited for one by one */
static void condemn(const struct nursery *nursery, const struct parked_list *list)
{
	const struct parked *parked;

	for (parked = TAILQ_FIRST(list); parked; parked = TAILQ_NEXT(parked, entry)) {
		unwatch(nursery, parked->sandbox->channel);
		unwatch(nursery, parked->sandbox->pidfd);
		if (parked->sandbox->pid > 0)
			(void)pidfd_send_signal(parked->sandbox->pidfd, SIGKILL, NULL, 0);
	}
}

/** doom() - take @parked off @list, to be destroyed. With the lock */
static void doom(struct nursery *nursery, struct parked_list *list, struct parked *parked)
{
	struct parked_list one = TAILQ_HEAD_INITIALIZER(one);

	TAILQ_REMOVE(list, parked, entry);
	TAILQ_INSERT_TAIL(&one, parked, entry);
	condemn(nursery, &one);
	TAILQ_CONCAT(&nursery->doomed, &one, entry);
}

/* ---- make ------------------------------------------------------------------------------------------------------- */

/** prepare() - the sandbox for @parked, whose child may be building still; NULL on failure */
static struct dyno_sandbox *prepare(const struct nursery *nursery, const struct dyno_pool *pool, struct parked *parked,
                                    struct dyno_error *err)
{
	const struct dyno_pool_config *config = &pool->config;
	struct dyno_sandbox *sandbox = NULL;
	struct stat st = { 0 };

	if (config->parts) {
		(void)sandbox_prepare_parts(nursery->host, &config->shape, &config->limits, &sandbox, err);
		return sandbox;
	}
	/* Before it is attached: if it is replaced meanwhile, this one is thrown away rather than taken for the new. */
	if (config->slug && stat(config->slug, &st) < 0) {
		error_set(err, -errno, "slug", "cannot stat slug %s:", config->slug);
		return NULL;
	}
	parked->slug = (struct seen_slug){ st.st_dev, st.st_ino, st.st_uid, st.st_gid };
	(void)sandbox_prepare_parked(nursery->host, &config->shape, config->slug, &config->limits, &sandbox, err);
	return sandbox;
}

/** fail() - one of @pool could not be made, or died while it was made */
static void fail(struct nursery *nursery, struct dyno_pool *pool, const struct dyno_error *error)
{
	pthread_mutex_lock(&nursery->lock);
	pool->stats.failed++;
	pool->stats.error = *error;
	demand_failed(&pool->demand, clock_ns());
	pthread_mutex_unlock(&nursery->lock);
}

/** destroy() - take one down for good, or what there is of it */
static void destroy(struct parked *parked)
{
	dyno_sandbox_destroy(parked->sandbox);
	free(parked);
}

/** arrive() - @parked is ready; on failure it still is its caller's */
static int arrive(struct nursery *nursery, struct parked *parked, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = parked->sandbox;
	struct dyno_pool *pool = parked->pool;
	int r = 0;

	/* It may wait for long: what is of no more use would cost memory, and descriptors. */
	if (sandbox->pid > 0 && !sandbox->no_app)
		identity_done(&sandbox->identity);
	else
		identity_settle(&sandbox->identity);
	if (sandbox->pid > 0) {
		cgroup_joined(&sandbox->group);
		r = watch(nursery, sandbox->pidfd, TAG_READY);
	}
	if (r < 0)
		return error_set(err, r, STEP, "cannot watch a sandbox:");
	pthread_mutex_lock(&nursery->lock);
	TAILQ_INSERT_TAIL(&pool->ready, parked, entry);
	pool->stats.ready++;
	pool->stats.made++;
	demand_succeeded(&pool->demand, clock_ns());
	pthread_cond_broadcast(&nursery->changed);
	pthread_mutex_unlock(&nursery->lock);
	return 0;
}

/** expect() - wait for @parked to be parked. Parts have no child, and are ready */
static int expect(struct nursery *nursery, struct parked *parked, struct dyno_error *err)
{
	int r;

	if (parked->pool->config.parts)
		return arrive(nursery, parked, err);
	r = watch(nursery, parked->sandbox->channel, TAG_BUILDING);
	if (r < 0)
		return error_set(err, r, STEP, "cannot watch a sandbox:");
	TAILQ_INSERT_TAIL(&nursery->building, parked, entry);
	parked->pool->building++;
	return 0;
}

/** make() - begin one more for @pool */
static void make(struct nursery *nursery, struct dyno_pool *pool)
{
	struct parked *parked = calloc(1, sizeof(*parked));
	struct dyno_error error = { 0 };

	if (!parked) {
		error_set(&error, -ENOMEM, STEP, "out of memory");
		fail(nursery, pool, &error);
		return;
	}
	parked->pool = pool;
	parked->sandbox = prepare(nursery, pool, parked, &error);
	if (!parked->sandbox || expect(nursery, parked, &error) < 0) {
		fail(nursery, pool, &error);
		destroy(parked);
	}
}

/* ---- look ------------------------------------------------------------------------------------------------------- */

/**
 * hear() - what the child of @parked has said
 * @err: why it will not be parked
 * Return: 1 it is parked, 0 it is building still, or negative errno
 */
static int hear(const struct parked *parked, struct dyno_error *err)
{
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	int r = packet ? channel_receive(parked->sandbox->channel, packet, false) : -ENOMEM;

	if (r == -EAGAIN)
		return 0;
	if (r > 0 && packet->message.type == CHANNEL_PARKED && nursery_alive(parked)) {
		sandbox_on_parked(parked->sandbox, packet);
		return 1;
	}
	if (r > 0)
		channel_close_fds(packet);
	if (r > 0 && packet->message.type == CHANNEL_FAILED && packet->message.error.code < 0) {
		*err = packet->message.error;
		return err->code;
	}
	return error_set(err, -ECHILD, STEP, "the first process of a sandbox died before it was parked");
}

/** look_at_building() - which ones are ready, or failed */
static void look_at_building(struct nursery *nursery)
{
	struct parked *parked, *next;

	for (parked = TAILQ_FIRST(&nursery->building); parked; parked = next) {
		struct dyno_error error = { 0 };
		int r = hear(parked, &error);

		next = TAILQ_NEXT(parked, entry);
		if (r == 0)
			continue;
		TAILQ_REMOVE(&nursery->building, parked, entry);
		parked->pool->building--;
		unwatch(nursery, parked->sandbox->channel);
		if (r > 0)
			r = arrive(nursery, parked, &error);
		if (r < 0) {
			fail(nursery, parked->pool, &error);
			destroy(parked);
		}
	}
}

/** look_at_ready() - which of @pool have died. With the lock */
static void look_at_ready(struct nursery *nursery, struct dyno_pool *pool)
{
	struct parked *parked, *next;

	for (parked = TAILQ_FIRST(&pool->ready); parked; parked = next) {
		next = TAILQ_NEXT(parked, entry);
		if (nursery_alive(parked))
			continue;
		error_set(&pool->stats.error, -ECHILD, STEP, "the first process of a parked sandbox died");
		demand_failed(&pool->demand, clock_ns());
		pool->stats.spoiled++;
		pool->stats.ready--;
		doom(nursery, &pool->ready, parked);
	}
}

/** look() - wait for something to happen until @due_ns, and look at what did */
static void look(struct nursery *nursery, uint64_t due_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now = clock_ns(), times;
	int timeout = due_ns <= now ? 0 : -1;
	bool told[TAG_READY + 1] = { false };
	struct dyno_pool *pool;
	int count, i;

	if (timeout < 0 && due_ns != DEMAND_NEVER)
		timeout = (int)((due_ns - now) / 1000000 + 1);
	count = epoll_wait(nursery->epoll, events, EVENTS_MAX, timeout);
	for (i = 0; i < count; i++)
		told[events[i].data.u32] = true;
	if (told[TAG_WAKE]) {
		(void)!read(nursery->wake, &times, sizeof(times));
		(void)!read(nursery->alarm, &times, sizeof(times));
	}
	if (told[TAG_BUILDING])
		look_at_building(nursery);
	if (!told[TAG_READY])
		return;
	pthread_mutex_lock(&nursery->lock);
	for (pool = TAILQ_FIRST(&nursery->pools); pool; pool = TAILQ_NEXT(pool, entry))
		look_at_ready(nursery, pool);
	pthread_mutex_unlock(&nursery->lock);
}

/* ---- decide ----------------------------------------------------------------------------------------------------- */

/** sooner() - note that something is due at @ns */
static void sooner(struct work *work, uint64_t ns)
{
	if (ns < work->due_ns)
		work->due_ns = ns;
}

/** close_pool() - all of it is to go. With the lock */
static void close_pool(struct nursery *nursery, struct dyno_pool *pool)
{
	struct parked *parked, *next;

	condemn(nursery, &pool->ready);
	TAILQ_CONCAT(&nursery->doomed, &pool->ready, entry);
	for (parked = TAILQ_FIRST(&nursery->building); parked; parked = next) {
		next = TAILQ_NEXT(parked, entry);
		if (parked->pool == pool)
			doom(nursery, &nursery->building, parked);
	}
	TAILQ_REMOVE(&nursery->pools, pool, entry);
	free(pool->strings);
	free(pool);
}

/** tend() - what @pool needs. With the lock */
static void tend(struct nursery *nursery, struct dyno_pool *pool, uint64_t now_ns, struct work *work)
{
	uint64_t next;

	sooner(work, demand_idle(&pool->demand, pool->stats.ready, now_ns));
	while (pool->stats.ready > 0 && pool->stats.ready + pool->building > pool->demand.wanted) {
		pool->stats.ready--;
		doom(nursery, &pool->ready, TAILQ_FIRST(&pool->ready));
	}
	if (pool->stats.ready + pool->building >= pool->demand.wanted || pool->building >= BUILDING_MAX)
		return;
	next = demand_next(&pool->demand, pool->stats.ready);
	if (next > now_ns || work->make) {
		sooner(work, next);
		return;
	}
	work->make = pool;
	demand_made(&pool->demand, now_ns);
	nursery->host->slug.uid = pool->owner_uid;
	nursery->host->slug.gid = pool->owner_gid;
}

/** decide() - what is to be done next; who is served goes to the end of the queue */
static struct work decide(struct nursery *nursery)
{
	struct work work = { .due_ns = DEMAND_NEVER };
	struct dyno_pool *pool, *next;
	uint64_t now_ns = clock_ns();

	pthread_mutex_lock(&nursery->lock);
	for (pool = TAILQ_FIRST(&nursery->pools); pool; pool = next) {
		next = TAILQ_NEXT(pool, entry);
		if (pool->closed || nursery->ending)
			close_pool(nursery, pool);
		else
			tend(nursery, pool, now_ns, &work);
	}
	if (work.make) {
		TAILQ_REMOVE(&nursery->pools, work.make, entry);
		TAILQ_INSERT_TAIL(&nursery->pools, work.make, entry);
	}
	work.doomed = TAILQ_FIRST(&nursery->doomed);
	if (work.doomed)
		TAILQ_REMOVE(&nursery->doomed, work.doomed, entry);
	work.end = nursery->ending && !work.doomed;
	pthread_mutex_unlock(&nursery->lock);
	return work;
}

/** nursery_main() - the thread */
static void *nursery_main(void *data)
{
	struct nursery *nursery = data;

	shed_plan(&nursery->host->shed);
	for (;;) {
		struct work work = decide(nursery);

		if (work.end)
			return NULL;
		if (work.make)
			make(nursery, work.make);
		if (work.doomed)
			destroy(work.doomed);
		look(nursery, work.make || work.doomed ? 0 : work.due_ns);
	}
}

/* ---- begin and end ---------------------------------------------------------------------------------------------- */

/** done() - free the record; its thread does not run */
static void done(struct nursery *nursery)
{
	dyno_host_close(nursery->host);
	pthread_cond_destroy(&nursery->changed);
	pthread_mutex_destroy(&nursery->lock);
	fd_close(nursery->wake);
	fd_close(nursery->alarm);
	fd_close(nursery->epoll);
	free(nursery);
}

int nursery_begin(struct nursery **ret, struct dyno_error *err)
{
	struct nursery *nursery = calloc(1, sizeof(*nursery));
	pthread_condattr_t monotonic;
	int r = 0;

	if (!nursery)
		return error_set(err, -ENOMEM, STEP, "out of memory");
	pthread_mutex_init(&nursery->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&nursery->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	TAILQ_INIT(&nursery->building);
	TAILQ_INIT(&nursery->pools);
	TAILQ_INIT(&nursery->doomed);
	nursery->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	nursery->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	nursery->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (nursery->wake < 0 || nursery->alarm < 0 || nursery->epoll < 0)
		r = -errno;
	if (r == 0)
		r = watch(nursery, nursery->wake, TAG_WAKE);
	if (r == 0)
		r = watch(nursery, nursery->alarm, TAG_WAKE);
	if (r < 0)
		error_set(err, r, STEP, "cannot make the descriptors of the pools' thread:");
	if (r == 0)
		r = dyno_host_open(&nursery->host, err);
	if (r == 0) {
		/* Nobody waits for its first one: what is made once is worth its time at once. */
		nursery->host->launches = 1;
		r = thread_start(&nursery->thread, STACK_SIZE, nursery_main, nursery);
		if (r < 0)
			error_set(err, r, STEP, "cannot start the pools' thread:");
	}
	if (r < 0) {
		done(nursery);
		return r;
	}
	*ret = nursery;
	return 0;
}

struct nursery *nursery_end(struct nursery *nursery)
{
	if (!nursery)
		return NULL;
	pthread_mutex_lock(&nursery->lock);
	nursery->ending = true;
	pthread_mutex_unlock(&nursery->lock);
	nursery_wake(nursery, 0);
	pthread_join(nursery->thread, NULL);
	done(nursery);
	return NULL;
}
