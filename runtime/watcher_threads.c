/* SPDX-License-Identifier: Apache-2.0 */
/**
 * watcher_threads.c - the threads of a watcher: they take calls, make them, and answer
 *
 * Theory of operation. One thread, the leader, waits for the listeners of all watched dynos (epoll) and answers call by call. Those of a
 * dyno with many take turns with the others': the kernel queues what is ready behind what was. What an app could do to hold it up:
 *
 * - Call all the time. Each dyno has WINDOW_CALLS in a window. At the last one of them its listener is put aside until the window is over, with the
 *   call in hand, which no signal can interrupt then. The leader goes on with others.
 * - Keep the lock of its socket, which answering has to wait for: from a page that does not come, say, in the middle of another call
 *   on it. The leader tells a timer when it begins to touch sockets and when it is done. When that runs out the second thread,
 *   which did nothing but wait for the timer, takes the lead and makes itself a successor; the thread that was held up has that one dyno for itself from then
 *   on, as it deserves. So a dyno can delay the others by STUCK_NS, and once. With one dyno there is nobody
 *   to delay, and no second thread.
 *
 * Records of dynos are used again but not freed before the end: what the kernel has to say of one that is gone, or
 * of its successor in the record, is then a look at a listener where nothing waits.
 */
#include "runtime/watcher_state.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#define STACK_SIZE 65536
/* Calls answered in each window: more than any server makes, and what a hostile app can have us do with a CPU is bounded */
#define WINDOW_CALLS 256
#define WINDOW_NS 100000000ULL
/* A call takes 20 us; this is some hundred times as much, and a delay that no app notices */
#define STUCK_NS 2000000

/** judge() - what @seen is to the dyno */
static enum dyno_listen_where judge(const struct watched *watched, const struct listen_seen *seen)
{
	/* One that we could not look at is taken for the right one: else a healthy app would be killed for our blindness. */
	if (seen->at.family == AF_UNSPEC)
		return DYNO_LISTEN_READY;
	if (seen->at.port != watched->port || watched->port == 0)
		return DYNO_LISTEN_OTHER_PORT;
	return policy_is_loopback(&seen->at) && !watched->loopback ? DYNO_LISTEN_LOOPBACK : DYNO_LISTEN_READY;
}

/** is_news() - @at was not told yet, and there is room to note it */
static bool is_news(struct watched *watched, const struct policy_endpoint *at)
{
	for (size_t i = 0; i < watched->other_count; i++)
		if (watched->others[i].family == at->family && watched->others[i].port == at->port &&
		    memcmp(watched->others[i].address, at->address, sizeof(at->address)) == 0)
			return false;
	if (watched->other_count == WATCHER_OTHERS)
		return false;
	watched->others[watched->other_count++] = *at;
	return true;
}

/** tell() - a socket listens; the launcher hears of each address once, and of none after the right one */
static void tell(struct watcher *watcher, struct watched *watched, const struct listen_seen *seen)
{
	const struct watch_report report = { judge(watched, seen), *seen };

	pthread_mutex_lock(&watcher->lock);
	watched->ready = report.where == DYNO_LISTEN_READY;
	/* There is room for all that can ever be told. */
	if (watched->ready || is_news(watched, &seen->at)) {
		watched->reports[watched->told++] = report;
		watcher_signal(watched);
	}
	pthread_mutex_unlock(&watcher->lock);
}

void watcher_set_timer(const struct watcher *watcher, long ns)
{
	const struct itimerspec when = { .it_value.tv_nsec = ns };

	(void)timerfd_settime(watcher->timer, 0, &when, NULL);
}

/** touch() - listen_make(), with the timer running */
static bool touch(struct watcher *watcher, struct watched *watched, struct listen_seen *ret)
{
	bool made;

	pthread_mutex_lock(&watcher->lock);
	if (!watched->apart) {
		watcher->at = watched;
		watcher->since_ns = clock_ns();
		if (watcher->seconds && !watcher->ending)
			watcher_set_timer(watcher, STUCK_NS);
	}
	pthread_mutex_unlock(&watcher->lock);
	made = listen_make(watched->notify, &watched->call, ret);
	pthread_mutex_lock(&watcher->lock);
	if (!watched->apart) {
		watcher->at = NULL;
		if (watcher->seconds && !watcher->ending)
			watcher_set_timer(watcher, 0);
	}
	pthread_mutex_unlock(&watcher->lock);
	return made;
}

/** answer() - make the call in hand, or let the kernel, and say so. Return: 0 or negative errno */
static int answer(struct watcher *watcher, struct watched *watched)
{
	struct listen_seen seen;

	/* Told before it is answered: so it is told before whatever the app does next, its end too. */
	if (!watched->ready && touch(watcher, watched, &seen))
		tell(watcher, watched, &seen);
	return listen_answer(watched->notify, &watched->call);
}

/** is_out_of_calls() - one more: that was the last for this window */
static bool is_out_of_calls(struct watched *watched)
{
	uint64_t now_ns = clock_ns();

	if (now_ns - watched->window_ns >= WINDOW_NS) {
		watched->window_ns = now_ns;
		watched->calls = 0;
		return false;
	}
	return ++watched->calls >= WINDOW_CALLS;
}

/** rest_ms() - until the window is over, 0 when it is */
static int rest_ms(const struct watched *watched, uint64_t now_ns)
{
	uint64_t end_ns = watched->window_ns + WINDOW_NS;

	return end_ns > now_ns ? (int)((end_ns - now_ns) / 1000000) + 1 : 0;
}

/** serve_apart() - answer the calls of one dyno, in a thread of its own, until there are no more */
static void serve_apart(struct watched *watched, struct watcher *watcher)
{
	struct pollfd ready = { .fd = watched->notify, .events = POLLIN };
	int r = 0;

	while (r >= 0) {
		(void)poll(&ready, 1, -1);
		r = listen_receive(watched->notify, &watched->call);
		if (r <= 0)
			continue;
		if (is_out_of_calls(watched))
			(void)poll(NULL, 0, rest_ms(watched, clock_ns()));
		r = answer(watcher, watched);
	}
}

/** listen_to() - have the leader hear of calls of the dyno, or of its end only */
static void listen_to(const struct watcher *watcher, struct watched *watched, bool calls)
{
	struct epoll_event event = { .events = calls ? EPOLLIN : 0, .data.ptr = watched };

	(void)epoll_ctl(watcher->epoll, EPOLL_CTL_MOD, watched->notify, &event);
}

/**
 * serve() - one call of the dyno, as its leader. The lock is held, and given back meanwhile
 * Return: still the leader; else the dyno is gone, and everything else is in other hands
 */
static bool serve(struct watcher *watcher, struct watched *watched)
{
	bool in_hand = watched->resting, rests = false;
	int r = 1;

	watched->busy = true;
	watched->resting = false;
	watcher->resters -= in_hand;
	pthread_mutex_unlock(&watcher->lock);
	if (in_hand)
		listen_to(watcher, watched, true);
	else
		r = listen_receive(watched->notify, &watched->call);
	rests = r > 0 && !in_hand && is_out_of_calls(watched);
	if (r > 0 && !rests)
		r = answer(watcher, watched);
	if (rests)
		listen_to(watcher, watched, false);
	if (watched->apart && r >= 0)
		serve_apart(watched, watcher);
	pthread_mutex_lock(&watcher->lock);
	watched->resting = rests;
	watcher->resters += rests;
	watcher_finish(watcher, watched, r < 0 || watched->apart);
	return !watched->apart;
}

/**
 * serve_rested() - go on with those whose window is over. The lock is held
 * @ret_ms: until the next one's is, -1 without
 * Return: still the leader
 */
static bool serve_rested(struct watcher *watcher, int *ret_ms)
{
	uint64_t now_ns = clock_ns();

	*ret_ms = -1;
	for (struct watched *watched = watcher->resters ? watcher->all : NULL; watched; watched = watched->next) {
		int ms;

		if (!watched->resting)
			continue;
		ms = rest_ms(watched, now_ns);
		if (ms == 0 && !serve(watcher, watched))
			return false;
		if (ms > 0 && (*ret_ms < 0 || ms < *ret_ms))
			*ret_ms = ms;
	}
	return true;
}

/** lead() - answer all dynos until the end, or until another thread does. The lock is held, and still at the end */
static void lead(struct watcher *watcher)
{
	int ms;

	while (!watcher->ending && serve_rested(watcher, &ms)) {
		struct epoll_event event = { 0 };
		struct watched *watched;
		bool goes_on = true;

		pthread_mutex_unlock(&watcher->lock);
		(void)epoll_wait(watcher->epoll, &event, 1, ms);
		pthread_mutex_lock(&watcher->lock);
		watched = event.data.ptr;
		if (watched && watched->notify >= 0 && !watched->busy &&
		    (!watched->resting || (event.events & EPOLLHUP)))
			goes_on = serve(watcher, watched);
		if (!goes_on)
			return;
	}
}

/** leader_main() - the first thread */
static void *leader_main(void *data)
{
	struct watcher *watcher = data;

	pthread_mutex_lock(&watcher->lock);
	lead(watcher);
	watcher_put(watcher);
	return NULL;
}

/** start_thread() - one more who knows @watcher. Return: 0 or negative errno */
static int start_thread(pthread_t *thread, void *(*main_function)(void *), struct watcher *watcher)
{
	int r = thread_start(thread, STACK_SIZE, main_function, watcher);

	watcher->refs += r == 0;
	return r;
}

static void *second_main(void *data);

void watcher_need_second(struct watcher *watcher)
{
	if (watcher->seconds || watcher->ending || watcher->count < 2)
		return;
	/* Without it nothing is wrong yet; the next dyno tries again. */
	watcher->seconds = start_thread(&watcher->second, second_main, watcher) == 0;
	if (watcher->seconds && watcher->at)
		watcher_set_timer(watcher, STUCK_NS);
}

/** take_over() - the leader is held up by one dyno: it may keep that, we have the others. The lock is held */
static void take_over(struct watcher *watcher)
{
	(void)epoll_ctl(watcher->epoll, EPOLL_CTL_DEL, watcher->at->notify, NULL);
	watcher->at->apart = true;
	watcher->at = NULL;
	/* It ends with its dyno, and nobody waits for that. */
	(void)pthread_detach(watcher->leader);
	watcher->leader = watcher->second;
	watcher->seconds = false;
	watcher_need_second(watcher);
}

/** second_main() - wait until the leader is held up, and be the leader then */
static void *second_main(void *data)
{
	struct watcher *watcher = data;
	bool lead_now = false;
	uint64_t times;

	pthread_mutex_lock(&watcher->lock);
	while (!watcher->ending && !lead_now) {
		pthread_mutex_unlock(&watcher->lock);
		(void)!read(watcher->timer, &times, sizeof(times));
		pthread_mutex_lock(&watcher->lock);
		/* by now it may be done, and at the next one */
		lead_now = !watcher->ending && watcher->at && clock_ns() - watcher->since_ns >= STUCK_NS;
	}
	if (lead_now) {
		take_over(watcher);
		lead(watcher);
	}
	watcher_put(watcher);
	return NULL;
}

int watcher_start(struct watcher *watcher)
{
	return start_thread(&watcher->leader, leader_main, watcher);
}
