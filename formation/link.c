/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - see link.h */
#include "formation/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "formation/inside.h"

int link_open(struct dyno_host *host, const char *app, struct dyno_error *err)
{
	_cleanup_close_ int apps = apps_open(host, err);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (apps < 0)
		return apps;
	if (fd < 0)
		return error_set(err, -errno, "app", "cannot make a socket:");
	if (text_format(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s.sock", apps, app) < 0)
		return error_set(err, -ENAMETOOLONG, "app", "the app %s:", app);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return TAKE_FD(fd);
	if (errno != ENOENT && errno != ECONNREFUSED)
		return error_set(err, -errno, "app", "cannot reach the app %s:", app);
	error_set(err, -ENOENT, "app", "the app %s is not running", app);
	error_remedy(err, "dyno start runs it; --app names another");
	return -ENOENT;
}

int link_ask(int fd, const char *const *words, size_t count, struct dyno_error *err)
{
	char frame[WIRE_FRAME_MAX];
	size_t size = wire_pack(frame, sizeof(frame), words, count, NULL, 0);
	int code;

	if (size == 0)
		return error_set(err, -E2BIG, "app", "the request is too long");
	code = fd_write_all(fd, frame, size);
	return code < 0 ? error_set(err, code, "app", "cannot ask the app:") : 0;
}

int link_next(struct link_reader *reader, struct wire_frame *ret, struct dyno_error *err)
{
	for (;;) {
		int size = wire_unpack(reader->buffer + reader->start, reader->end - reader->start, ret);
		ssize_t got;

		if (size < 0)
			return error_set(err, size, "app", "the app's answer cannot be understood");
		if (size > 0) {
			reader->start += (size_t)size;
			return 1;
		}
		memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
		got = read(reader->fd, reader->buffer + reader->end, sizeof(reader->buffer) - reader->end);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return 0;
		if (got < 0 && errno != EINTR)
			return error_set(err, -errno, "app", "cannot read the app's answer:");
		if (got > 0)
			reader->end += (size_t)got;
	}
}
