/* SPDX-License-Identifier: Apache-2.0 */
/* control_client.c - see control.h: client half */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "runtime/channel.h"
#include "runtime/control.h"
#include "runtime/control_wire.h"
#include "runtime/host.h"
#include "runtime/registry.h"
#include "runtime/spec.h"

#define STARTING_NS 2000000000u /* a boot takes milliseconds; this is a machine that is very busy */

/** try_connect() - find the dyno @name and connect to its launcher. Return: descriptor or negative errno */
static int try_connect(struct dyno_host *host, const char *name, struct dyno_error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct registry_entry entry;
	struct sockaddr_un address;
	int r = registry_find(host, name, &entry, err);

	if (r < 0)
		return r;
	r = control_address(host, name, &address);
	if (fd < 0 || r < 0)
		return error_set(err, r < 0 ? r : -errno, "control", "cannot make a socket:");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, errno == ENOENT ? -ECONNREFUSED : -errno, "control",
		                 "cannot reach the launcher of %s:", name);
	return TAKE_FD(fd);
}

int control_connect(struct dyno_host *host, const char *name, struct dyno_error *err)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	uint64_t deadline = clock_ns() + STARTING_NS;

	for (;;) {
		int fd = try_connect(host, name, err);
		/*
		 * An app can be heard before its launcher had the time to tell of it and to listen, which it does last:
		 * nothing of a boot waits for that. So whoever asks by a name that is taken waits.
		 */
		bool starting = fd == -ECONNREFUSED ||
		                (fd == -ENOENT && spec_name_valid(name) && claim_held(host->names_fd, name) == 1);

		if (!starting || clock_ns() >= deadline)
			return fd;
		(void)nanosleep(&moment, NULL);
		if (err)
			*err = (struct dyno_error){ 0 };
	}
}

int control_stop(int fd, bool now, int64_t grace_ms, struct dyno_error *err)
{
	const struct channel_message message = {
		.type = CONTROL_ASK_STOP,
		.value = grace_ms > INT32_MAX ? INT32_MAX : (int32_t)grace_ms,
		.flags = now ? CONTROL_NOW : 0,
	};
	int r = channel_send(fd, &message, NULL, NULL, 0);

	return r < 0 ? error_set(err, r, "stop", "cannot reach the launcher:") : 0;
}

/** take_answer() - what the launcher said to an exec */
static int take_answer(struct channel_packet *packet, int *ret_terminal, struct dyno_error *err)
{
	switch (packet->message.type) {
	case CONTROL_UP: *ret_terminal = TAKE_FD(packet->fds[0]); return 0;
	case CONTROL_FAILED:
		if (err)
			*err = packet->message.error;
		return packet->message.error.code < 0 ? packet->message.error.code : -EPROTO;
	default: return error_set(err, -EPROTO, "exec", "the launcher answered out of turn");
	}
}

int control_exec(int fd, const struct dyno_app *app, bool tty, int *ret_terminal, struct dyno_error *err)
{
	static const char *const none[] = { NULL };
	struct channel_message head = { .type = CONTROL_ASK_EXEC, .flags = tty ? CHANNEL_WANT_TERMINAL : 0 };
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	_cleanup_free_ void *blob = NULL;
	size_t size;
	int r;

	if (!packet)
		return error_set(err, -ENOMEM, "exec", "out of memory");
	r = channel_app_pack(app, app->env ? app->env : none, 0, false, &blob, &size);
	if (r == 0)
		r = channel_send_app(fd, &head, blob, size, tty ? NULL : app->fds);
	if (r == 0)
		r = channel_receive(fd, packet, true);
	if (r <= 0)
		return error_set(err, r < 0 ? r : -EPIPE, "exec", "cannot reach the launcher:");
	r = take_answer(packet, ret_terminal, err);
	channel_close_fds(packet);
	return r;
}

int control_signal(int fd, int signo)
{
	const struct channel_message message = { .type = CONTROL_ASK_SIGNAL, .value = signo };

	return channel_send(fd, &message, NULL, NULL, 0);
}

int control_wait(int fd, int *ret_status)
{
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	int r;

	if (!packet)
		return -ENOMEM;
	r = channel_receive(fd, packet, false);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	channel_close_fds(packet);
	if (packet->message.type != CONTROL_EXITED)
		return 0;
	*ret_status = packet->message.value;
	return 1;
}
