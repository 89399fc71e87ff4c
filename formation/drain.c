/* SPDX-License-Identifier: Apache-2.0 */
/* drain.c - see drain.h */
#include "formation/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "formation/drain_https.h"
#include "formation/sink.h"

#define SCHEME "syslog://"
#define NS_PER_S 1000000000ULL
#define WAIT_FIRST_NS NS_PER_S
#define WAIT_MOST_NS (60 * NS_PER_S)
#define QUEUE_SIZE (4U << 20)

/* local7.info, local3.info and local0.info */
#define PRIORITY_APP 190
#define PRIORITY_PLATFORM 158
#define PRIORITY_API 134

/**
 * struct drain - one receiver
 * @out:     queue; its descriptor is -1 while there is no connection
 * @token:   "d." and a random UUID
 * @address: of the receiver
 * @joined:  the connection stands
 * @queued:  messages since the queue was last empty
 * @due_ns:  when to try again, ALARM_NEVER while there is a connection, or one is made
 * @wait_ns: before the next try
 */
struct drain {
	struct drain *next;
	struct formation *formation;
	struct log_listener listener;
	struct watcher ready;
	struct sink out;
	char token[48];
	struct sockaddr_storage address;
	socklen_t address_size;
	bool joined;
	uint64_t queued;
	uint64_t due_ns;
	uint64_t wait_ns;
};

/** priority() - of @line. No dyno is called "api", as theirs have a number behind a dot */
static int priority(const struct logline *line)
{
	if (line->platform)
		return PRIORITY_PLATFORM;
	return strcmp(line->dyno, "api") == 0 ? PRIORITY_API : PRIORITY_APP;
}

size_t drain_format(const struct logline *line, const char *token, char *buf)
{
	enum { COUNT = 12 };
	char time[40], *at = buf + COUNT, count[COUNT];
	size_t length = line->length < LOGLINE_MAX ? line->length : LOGLINE_MAX;
	int head, digits;

	(void)logline_time(line->wall_us, time, sizeof(time));
	head = snprintf(at, LOGLINE_HEAD + 64, "<%d>1 %s %.40s %s %.128s - - ", priority(line), time, token,
	                logline_source(line), line->dyno);
	memcpy(at + head, line->text, length);
	length += (size_t)head;
	digits = snprintf(count, sizeof(count), "%zu ", length);
	memmove(buf + digits, at, length);
	memcpy(buf, count, (size_t)digits);
	return (size_t)digits + length;
}

/** hear() - a line: it waits in the queue */
static void hear(struct log_listener *listener, const struct logline *line)
{
	struct drain *drain = (struct drain *)((char *)listener - offsetof(struct drain, listener));
	char buf[LOGLINE_SIZE + 128];

	if (sink_add(&drain->out, buf, drain_format(line, drain->token, buf), line->wall_us))
		drain->queued++;
}

/** lose() - the connection is gone, or was never made */
static void lose(struct drain *drain)
{
	const struct formation *formation = drain->formation;

	formation_unpoll(drain->formation, drain->out.fd);
	drain->out.fd = fd_close(drain->out.fd);
	if (drain->joined && drain->out.used > 0) {
		if (drain->out.dropped == 0)
			drain->out.since_us = formation->now.wall_us;
		drain->out.dropped += drain->queued;
		drain->out.start = drain->out.used = 0;
		drain->queued = 0;
	}
	drain->joined = false;
	drain->due_ns = formation->now.ns + drain->wait_ns;
	drain->wait_ns = drain->wait_ns * 2 < WAIT_MOST_NS ? drain->wait_ns * 2 : WAIT_MOST_NS;
}

/** on_ready() - the connection stands, or broke; a receiver that says something is not listened to */
static void on_ready(struct formation *formation, void *owner)
{
	struct drain *drain = owner;
	char ignored[512];
	ssize_t got;

	if (!drain->joined) {
		int code = 0;
		socklen_t size = sizeof(code);

		if (getsockopt(drain->out.fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code != 0) {
			lose(drain);
			return;
		}
		drain->joined = true;
		drain->wait_ns = WAIT_FIRST_NS;
		return;
	}
	got = recv(drain->out.fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		lose(drain);
	(void)formation;
}

/** join() - begin a connection */
static void join(struct drain *drain)
{
	int fd = socket(drain->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	drain->due_ns = ALARM_NEVER;
	drain->out.fd = fd;
	if (fd < 0 ||
	    (connect(fd, (const struct sockaddr *)&drain->address, drain->address_size) < 0 && errno != EINPROGRESS) ||
	    formation_poll(drain->formation, fd, EPOLLIN | EPOLLOUT | EPOLLET, &drain->ready) < 0)
		lose(drain);
}

const char *drain_shown(const char *url, char *buf, size_t size)
{
	const char *host = text_starts(url, HTTPS_SCHEME) ? url + strlen(HTTPS_SCHEME) : url;
	size_t length = strcspn(host, "/?#\\");
	const char *at = memrchr(host, '@', length);

	if (at) {
		length -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	(void)text_format(buf, size, HTTPS_SCHEME "%.*s", (int)(length < 128 ? length : 128), host);
	return buf;
}

int drain_check(const char *url, struct dyno_error *err)
{
	const char *host = strstr(url, "://"), *colon = strrchr(url, ':');

	host = host ? host + strlen("://") : "";
	if (text_starts(url, SCHEME) && colon > host && colon[1])
		return 0;
	if (text_starts(url, HTTPS_SCHEME) && *host && *host != '/')
		return 0;
	/* what is none may hold a password all the same: it is not shown */
	return error_set(err, -EINVAL, "drain", "--drain takes syslog://HOST:PORT or https://HOST[:PORT]/PATH");
}

/** resolve() - "syslog://HOST:PORT" to an address */
static int resolve(const char *url, struct drain *drain, struct dyno_error *err)
{
	struct addrinfo wants = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	const char *host = url + strlen(SCHEME), *colon = strrchr(host, ':');
	char name[256];
	int code;

	if (drain_check(url, err) < 0)
		return -EINVAL;
	/* [::1] */
	if (host[0] == '[' && colon[-1] == ']')
		code = text_format(name, sizeof(name), "%.*s", (int)(colon - host - 2), host + 1);
	else
		code = text_format(name, sizeof(name), "%.*s", (int)(colon - host), host);
	if (code < 0)
		return error_set(err, code, "drain", "the drain's host:");
	code = getaddrinfo(name, colon + 1, &wants, &found);
	if (code != 0 || !found)
		return error_set(err, -EHOSTUNREACH, "drain", "the drain %.200s cannot be found: %s", url,
		                 gai_strerror(code));
	memcpy(&drain->address, found->ai_addr, found->ai_addrlen);
	drain->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/** open_syslog() - a drain of this file. Return: 0 or negative errno */
static int open_syslog(struct formation *formation, const char *url, struct dyno_error *err)
{
	struct drain *drain = calloc(1, sizeof(*drain));
	char uuid[40] = "";
	int code;

	if (!drain)
		return error_set(err, -ENOMEM, "drain", "no memory for a drain");
	code = resolve(url, drain, err);
	if (code == 0 && sink_open(&drain->out, -1, QUEUE_SIZE) < 0)
		code = error_set(err, -ENOMEM, "drain", "no memory for a drain");
	if (code < 0) {
		free(drain);
		return code;
	}
	(void)fd_read_text(AT_FDCWD, "/proc/sys/kernel/random/uuid", uuid, sizeof(uuid));
	(void)text_format(drain->token, sizeof(drain->token), "d.%.36s", uuid);
	drain->formation = formation;
	drain->wait_ns = WAIT_FIRST_NS;
	drain->ready = (struct watcher){ on_ready, drain };
	drain->listener.hear = hear;
	log_listen(formation->log, &drain->listener);
	drain->next = formation->drains;
	formation->drains = drain;
	join(drain);
	return 0;
}

int formation_drain(struct formation *formation, const char *url, const char *ca, struct dyno_error *err)
{
	return text_starts(url, HTTPS_SCHEME) ? https_open(formation, url, ca, err) : open_syslog(formation, url, err);
}

void drain_expire(struct formation *formation)
{
	for (struct drain *drain = formation->drains; drain; drain = drain->next)
		if (formation->now.ns >= drain->due_ns)
			join(drain);
	https_expire(formation);
}

uint64_t drain_due(const struct formation *formation)
{
	uint64_t due = https_due(formation);

	for (const struct drain *drain = formation->drains; drain; drain = drain->next)
		due = drain->due_ns < due ? drain->due_ns : due;
	return due;
}

bool drain_tell_dropped(const struct formation *formation, struct sink *out, struct log_listener *listener)
{
	uint64_t since_us = 0, dropped = sink_report(out, &since_us);
	char text[160], since[40];
	struct logline line = { .wall_us = formation->now.wall_us, .platform = true, .dyno = "logplex", .text = text };
	int length;

	if (dropped == 0)
		return false;
	(void)logline_time(since_us, since, sizeof(since));
	length = text_format(text, sizeof(text),
	                     "Error L10 (output buffer overflow): %" PRIu64 " messages dropped since %s", dropped,
	                     since);
	line.length = length < 0 ? 0 : (size_t)length;
	listener->hear(listener, &line);
	return true;
}

void drain_flush(struct formation *formation)
{
	for (struct drain *drain = formation->drains; drain; drain = drain->next) {
		int left;

		if (!drain->joined)
			continue;
		left = sink_flush(&drain->out);
		/* who has just caught up is told at once: nothing else may happen for long */
		if (left >= 0 && drain_tell_dropped(formation, &drain->out, &drain->listener))
			left = sink_flush(&drain->out);
		if (left < 0)
			lose(drain);
		else if (drain->out.used == 0)
			drain->queued = 0;
	}
	https_flush(formation);
}

void drain_close_all(struct formation *formation)
{
	drain_flush(formation);
	https_close_all(formation);
	while (formation->drains) {
		struct drain *drain = formation->drains;

		formation->drains = drain->next;
		log_unlisten(formation->log, &drain->listener);
		sink_close(&drain->out);
		free(drain);
	}
}
