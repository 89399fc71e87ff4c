/* SPDX-License-Identifier: Apache-2.0 */
/**
 * drain_https.c - see drain_https.h
 *
 * libcurl says by on_socket() which descriptors it waits for, and by on_timer() until when; it is told what happened by
 * multi_socket_action(), from the formation's loop (https://curl.se/libcurl/c/libcurl-multi.html, "multi_socket"). Names are
 * resolved by a thread of its own. Nothing here blocks but the last moment in https_close_all().
 */
#include "formation/drain_https.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "formation/curl.h"
#include "formation/drain.h"
#include "formation/frame.h"
#include "formation/sink.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S (1000 * NS_PER_MS)
#define WAIT_FIRST_NS NS_PER_S
#define WAIT_MOST_NS (60 * NS_PER_S)
#define QUEUE_SIZE (4U << 20)
#define CONNECT_MS 10000L
#define REQUEST_MS 30000L
#define CLOSE_NS (2 * NS_PER_S)

/**
 * struct https_drain - one receiver
 * @out:     queue of messages
 * @easy:    the request, used again and again
 * @headers: of the request under way, NULL when there is none
 * @frame:   what it carries
 * @busy:    it is under way
 * @due_ns:  when it may be sent again, ALARM_NEVER while it is
 * @trouble: what was told last
 */
struct https_drain {
	struct https_drain *next;
	struct https *https;
	struct log_listener listener;
	struct sink out;
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	char *ca;
	char token[48];
	struct frame frame;
	bool busy;
	uint64_t due_ns;
	uint64_t wait_ns;
	char trouble[200];
};

/** struct https_socket - one descriptor of libcurl's; it is freed in https_flush(), as an event of it may be at hand */
struct https_socket {
	struct https_socket *next;
	struct watcher ready;
	struct https *https;
	int fd;
	bool gone;
};

/** struct https - all of them; @timer_ns: when libcurl wants to be called */
struct https {
	struct curl curl;
	struct formation *formation;
	CURLM *multi;
	uint64_t timer_ns;
	struct https_socket *sockets;
	struct https_drain *drains;
};

/** hear() - a line: it waits in the queue */
static void hear(struct log_listener *listener, const struct logline *line)
{
	struct https_drain *drain = (struct https_drain *)((char *)listener - offsetof(struct https_drain, listener));
	char buf[LOGLINE_SIZE + 128];

	(void)sink_add(&drain->out, buf, drain_format(line, drain->token, buf), line->wall_us);
}

/** add_header() - one more of the request's. Return: 0 or -ENOMEM */
static int add_header(struct https_drain *drain, const char *name, const char *value)
{
	struct curl_slist *more;
	char line[160];

	(void)text_format(line, sizeof(line), "%s: %s", name, value);
	more = drain->https->curl.slist_append(drain->headers, line);
	if (!more)
		return -ENOMEM;
	drain->headers = more;
	return 0;
}

/** free_headers() - of a request that is over */
static void free_headers(struct https_drain *drain)
{
	drain->https->curl.slist_free_all(drain->headers);
	drain->headers = NULL;
}

/** retry() - not before a while */
static void retry(struct https_drain *drain)
{
	drain->due_ns = drain->https->formation->now.ns + drain->wait_ns;
	drain->wait_ns = drain->wait_ns * 2 < WAIT_MOST_NS ? drain->wait_ns * 2 : WAIT_MOST_NS;
}

/** send_frame() - begin a request with what waits, if there is something */
static void send_frame(struct https_drain *drain)
{
	const struct formation_now *now = &drain->https->formation->now;
	const struct curl *curl = &drain->https->curl;
	char count[16];

	if (drain->busy || now->ns < drain->due_ns || !frame_take(&drain->frame, &drain->out, now->wall_us))
		return;
	(void)text_format(count, sizeof(count), "%u", drain->frame.count);
	if (add_header(drain, "Content-Type", "application/logplex-1") < 0 ||
	    add_header(drain, "Logplex-Msg-Count", count) < 0 ||
	    add_header(drain, "Logplex-Frame-Id", drain->frame.id) < 0 ||
	    add_header(drain, "Logplex-Drain-Token", drain->token) < 0 || add_header(drain, "Expect", "") < 0) {
		free_headers(drain);
		retry(drain);
		return;
	}
	(void)curl->easy_setopt(drain->easy, CURLOPT_HTTPHEADER, drain->headers);
	(void)curl->easy_setopt(drain->easy, CURLOPT_POSTFIELDS, drain->frame.bytes);
	(void)curl->easy_setopt(drain->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)drain->frame.size);
	if (curl->multi_add_handle(drain->https->multi, drain->easy) != CURLM_OK) {
		free_headers(drain);
		retry(drain);
		return;
	}
	drain->busy = true;
}

/** tell_trouble() - why nothing arrives, once for each reason */
static void tell_trouble(struct https_drain *drain, CURLcode code, long status)
{
	struct formation *formation = drain->https->formation;
	char shown[160], why[200];

	(void)drain_shown(drain->url, shown, sizeof(shown));
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		(void)text_format(why, sizeof(why), "Error L14 (Certificate error) -> %s", shown);
	else if (code != CURLE_OK)
		(void)text_format(why, sizeof(why), "drain %s: %.60s", shown, drain->https->curl.easy_strerror(code));
	else
		(void)text_format(why, sizeof(why), "drain %s: HTTP status %ld", shown, status);
	if (strcmp(why, drain->trouble) == 0)
		return;
	(void)text_copy(drain->trouble, sizeof(drain->trouble), why);
	formation_say(formation, "logplex", "%s", why);
}

/** finish() - a request is over, with @code of libcurl */
static void finish(struct https_drain *drain, CURLcode code)
{
	const struct curl *curl = &drain->https->curl;
	long status = 0;

	(void)curl->easy_getinfo(drain->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl->multi_remove_handle(drain->https->multi, drain->easy);
	free_headers(drain);
	drain->busy = false;
	if (code == CURLE_OK && status >= 200 && status < 300) {
		frame_sent(&drain->frame);
		drain->due_ns = 0;
		drain->wait_ns = WAIT_FIRST_NS;
		drain->trouble[0] = '\0';
		return;
	}
	/* who says no will say so again */
	if (code == CURLE_OK && status != 408 && status != 429 && status < 500)
		frame_lost(&drain->frame, &drain->out);
	retry(drain);
	tell_trouble(drain, code, status);
}

/** finish_all() - requests that are over */
static void finish_all(struct https *https)
{
	CURLMsg *message;
	int left;

	while ((message = https->curl.multi_info_read(https->multi, &left))) {
		struct https_drain *drain = https->drains;
		CURLcode code = message->data.result;

		while (drain && drain->easy != message->easy_handle)
			drain = drain->next;
		if (drain && message->msg == CURLMSG_DONE)
			finish(drain, code);
	}
}

/** act() - libcurl may go on: @fd is ready, or time has passed */
static void act(struct https *https, curl_socket_t fd)
{
	int running;

	(void)https->curl.multi_socket_action(https->multi, fd, 0, &running);
	finish_all(https);
}

/** on_ready() - a descriptor of libcurl's is */
static void on_ready(struct formation *formation, void *owner)
{
	const struct https_socket *one = owner;

	(void)formation;
	act(one->https, one->fd);
}

/** socket_new() - one more of libcurl's descriptors. Return: NULL without memory */
static struct https_socket *socket_new(struct https *https, curl_socket_t fd)
{
	struct https_socket *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	*one = (struct https_socket){ .next = https->sockets, .https = https, .fd = fd };
	one->ready = (struct watcher){ on_ready, one };
	https->sockets = one;
	(void)https->curl.multi_assign(https->multi, fd, one);
	return one;
}

/** on_socket() - libcurl wants to know of @fd, or no more */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *of_fd)
{
	struct https *https = data;
	struct https_socket *one = of_fd;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		formation_unpoll(https->formation, fd);
		if (one)
			one->gone = true;
		if (one)
			one->ready.ready = NULL;
		return 0;
	}
	if (!one)
		one = socket_new(https, fd);
	return one && formation_poll(https->formation, fd, events, &one->ready) == 0 ? 0 : -1;
}

/** on_timer() - libcurl wants to be called in @ms, or not at all */
static int on_timer(CURLM *multi, long ms, void *data)
{
	struct https *https = data;

	(void)multi;
	https->timer_ns = ms < 0 ? ALARM_NEVER : clock_ns() + (uint64_t)ms * NS_PER_MS;
	return 0;
}

/** on_answer() - what a receiver says is not listened to */
static size_t on_answer(const char *bytes, size_t size, size_t count, void *data)
{
	(void)bytes;
	(void)data;
	return size * count;
}

/** open_socket() - no program that we execute gets one of libcurl's */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)data;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/** set_options() - of all requests. Return: 0 or -EINVAL when libcurl does not take them */
static int set_options(struct https_drain *drain)
{
	const struct curl *curl = &drain->https->curl;
	CURL *easy = drain->easy;
	bool fine = curl->easy_setopt(easy, CURLOPT_URL, drain->url) == CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
	fine = fine && curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
#else
	fine = fine && curl->easy_setopt(easy, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif
	fine = fine && curl->easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
	fine = fine && (!drain->ca || curl->easy_setopt(easy, CURLOPT_CAINFO, drain->ca) == CURLE_OK);
	fine = fine && curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, REQUEST_MS) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_USERAGENT, "dyno/" DYNO_VERSION) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK;
	fine = fine && curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
	return fine ? 0 : -EINVAL;
}

/** https_new() - libcurl, and nobody to send to. Return: 0 or negative errno */
static int https_new(struct formation *formation, struct dyno_error *err)
{
	struct https *https = calloc(1, sizeof(*https));
	int code;

	if (!https)
		return error_set(err, -ENOMEM, "drain", "no memory for a drain");
	code = curl_load(&https->curl, err);
	if (code == 0) {
		https->multi = https->curl.multi_init();
		if (!https->multi)
			code = error_set(err, -ENOMEM, "drain", "no memory for a drain");
	}
	if (code < 0) {
		free(https);
		return code;
	}
	https->formation = formation;
	https->timer_ns = ALARM_NEVER;
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_SOCKETDATA, https);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)https->curl.multi_setopt(https->multi, CURLMOPT_TIMERDATA, https);
	formation->https = https;
	return 0;
}

/** drain_free() - free what @drain owns; its request is over */
static void drain_free(struct https_drain *drain)
{
	if (drain->easy)
		drain->https->curl.easy_cleanup(drain->easy);
	free_headers(drain);
	sink_close(&drain->out);
	/* it may hold a password */
	if (drain->url)
		explicit_bzero(drain->url, strlen(drain->url));
	free(drain->url);
	free(drain->ca);
	frame_close(&drain->frame);
	free(drain);
}

/** drain_make() - everything that @drain needs. Return: 0 or negative errno */
static int drain_make(struct https_drain *drain, const char *url, const char *ca, struct dyno_error *err)
{
	char uuid[FRAME_ID_SIZE], shown[160];

	frame_make_id(uuid);
	(void)text_format(drain->token, sizeof(drain->token), "d.%.36s", uuid);
	drain->wait_ns = WAIT_FIRST_NS;
	drain->listener.hear = hear;
	drain->easy = drain->https->curl.easy_init();
	drain->url = strdup(url);
	drain->ca = ca ? strdup(ca) : NULL;
	if (sink_open(&drain->out, -1, QUEUE_SIZE) < 0 || frame_open(&drain->frame) < 0 || !drain->easy ||
	    !drain->url || (ca && !drain->ca))
		return error_set(err, -ENOMEM, "drain", "no memory for a drain");
	if (set_options(drain) < 0)
		return error_set(err, -EINVAL, "drain", "libcurl does not take the drain %s",
		                 drain_shown(url, shown, sizeof(shown)));
	return 0;
}

int https_open(struct formation *formation, const char *url, const char *ca, struct dyno_error *err)
{
	struct https_drain *drain;
	int code = formation->https ? 0 : https_new(formation, err);

	if (code < 0 || !formation->https)
		return code;
	drain = calloc(1, sizeof(*drain));
	if (!drain)
		return error_set(err, -ENOMEM, "drain", "no memory for a drain");
	drain->https = formation->https;
	drain->out = (struct sink)SINK_NULL;
	code = drain_make(drain, url, ca, err);
	if (code < 0) {
		drain_free(drain);
		return code;
	}
	log_listen(formation->log, &drain->listener);
	drain->next = formation->https->drains;
	formation->https->drains = drain;
	return 0;
}

void https_expire(struct formation *formation)
{
	struct https *https = formation->https;

	if (!https || formation->now.ns < https->timer_ns)
		return;
	https->timer_ns = ALARM_NEVER;
	act(https, CURL_SOCKET_TIMEOUT);
}

uint64_t https_due(const struct formation *formation)
{
	const struct https *https = formation->https;
	uint64_t due = https ? https->timer_ns : ALARM_NEVER;

	for (const struct https_drain *drain = https ? https->drains : NULL; drain; drain = drain->next)
		if (!drain->busy && (drain->frame.size > 0 || drain->out.used > 0) && drain->due_ns < due)
			due = drain->due_ns;
	return due;
}

/** sweep() - free the descriptors that libcurl has given up */
static void sweep(struct https *https)
{
	for (struct https_socket **at = &https->sockets; *at;) {
		struct https_socket *one = *at;

		if (!one->gone) {
			at = &one->next;
			continue;
		}
		*at = one->next;
		free(one);
	}
}

void https_flush(struct formation *formation)
{
	struct https *https = formation->https;

	if (!https)
		return;
	sweep(https);
	for (struct https_drain *drain = https->drains; drain; drain = drain->next) {
		(void)drain_tell_dropped(formation, &drain->out, &drain->listener);
		send_frame(drain);
	}
}

/** send_rest() - until all was sent, or somebody does not answer, or the time is over */
static void send_rest(struct https *https)
{
	uint64_t until_ns = clock_ns() + CLOSE_NS;
	int running = 1;

	https->formation->now.ns = clock_ns();
	https_flush(https->formation);
	while (running > 0 && clock_ns() < until_ns) {
		if (https->curl.multi_perform(https->multi, &running) != CURLM_OK)
			return;
		finish_all(https);
		/* there was more than one request's worth */
		for (struct https_drain *drain = https->drains; drain; drain = drain->next) {
			send_frame(drain);
			running += drain->busy;
		}
		if (running > 0)
			(void)https->curl.multi_poll(https->multi, NULL, 0, 100, NULL);
	}
}

void https_close_all(struct formation *formation)
{
	struct https *https = formation->https;

	if (!https)
		return;
	send_rest(https);
	while (https->drains) {
		struct https_drain *drain = https->drains;

		https->drains = drain->next;
		log_unlisten(formation->log, &drain->listener);
		if (drain->busy)
			(void)https->curl.multi_remove_handle(https->multi, drain->easy);
		drain_free(drain);
	}
	(void)https->curl.multi_cleanup(https->multi);
	for (struct https_socket *one = https->sockets; one; one = one->next)
		one->gone = true;
	sweep(https);
	free(https);
	formation->https = NULL;
}
