/* SPDX-License-Identifier: Apache-2.0 */
/* network_options.c - see network_options.h */
#include "cli/network_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "netns/policy.h"

/* As Heroku's: far from the ports that are known, and below the kernel's own choices for clients */
#define AUTO_FIRST 10000U
#define AUTO_COUNT 50000U

#define BOOT_TIMEOUT_DEFAULT_MS 60000U

/** union place - a socket's address of either family */
union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/** free_port_of() - a port that is free at every address of @family. Return: 0 or negative errno */
static int free_port_of(sa_family_t family, uint16_t *ret)
{
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union place place = { .any.sa_family = family };
	socklen_t size = family == AF_INET6 ? sizeof(place.six) : sizeof(place.four);

	if (fd < 0 || bind(fd, &place.any, size) < 0 || getsockname(fd, &place.any, &size) < 0)
		return -errno;
	*ret = ntohs(family == AF_INET6 ? place.six.sin6_port : place.four.sin_port);
	return 0;
}

/**
 * free_port() - a port that is free on this machine now, for an app that shares its network
 * A socket for IPv6 takes IPv4 as well. Somebody else may have the port before the app does: then the app says so.
 */
static int free_port(uint16_t *ret, struct dyno_error *err)
{
	int code = free_port_of(AF_INET6, ret);

	if (code < 0)
		code = free_port_of(AF_INET, ret);
	return code < 0 ? error_set(err, code, "port", "cannot find a free port:") : 0;
}

/** auto_port() - a port for an app that does not care; on a network of its own every one is free */
static int auto_port(enum dyno_net net, uint16_t *ret, struct dyno_error *err)
{
	uint32_t random = 0;

	if (net == DYNO_NET_HOST)
		return free_port(ret, err);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)getpid(); /* early in a machine's life; it is no secret */
	*ret = (uint16_t)(AUTO_FIRST + random % AUTO_COUNT);
	return 0;
}

/** resolve_port() - --port; one is needed to be published */
static int resolve_port(const struct run_given *given, struct run_request *request, struct dyno_error *err)
{
	bool published = given->publish.count > 0 || given->publish_unix;
	int code;

	if (!given->port && !published)
		return 0;
	if (!given->port || strcmp(given->port, "auto") == 0)
		return auto_port(request->shape.net, &request->app.port, err);
	code = units_port(given->port, &request->app.port);
	if (code == -ERANGE)
		return error_set(err, -EINVAL, "port", "--port: '%.40s' is not within 1 and 65535", given->port);
	if (code < 0)
		return error_set(err, -EINVAL, "port", "--port: '%.40s' is neither a port nor auto", given->port);
	return 0;
}

/** resolve_unix() - --publish-unix as an absolute path */
static int resolve_unix(const char *path, struct run_request *request, struct dyno_error *err)
{
	char here[PATH_MAX];

	if (!path)
		return 0;
	request->app.publish_unix = path;
	if (path[0] == '/')
		return 0;
	if (!getcwd(here, sizeof(here)))
		return error_set(err, -errno, "publish", "--publish-unix %s:", path);
	if (text_format(request->publish_unix, sizeof(request->publish_unix), "%s/%s", here, path) < 0)
		return error_set(err, -ENAMETOOLONG, "publish", "--publish-unix %s:", path);
	request->app.publish_unix = request->publish_unix;
	return 0;
}

/** is_web() - @name is that of a web dyno, web.N, which is up when it listens */
static bool is_web(const char *name)
{
	return name && text_starts(name, "web.") && name[4] && strspn(name + 4, "0123456789") == strlen(name + 4);
}

/** resolve_boot_timeout() - how long the app may take until it listens; by default only one that others wait for has a limit */
static int resolve_boot_timeout(const struct run_given *given, struct run_request *request, struct dyno_error *err)
{
	struct dyno_app *app = &request->app;

	if (given->boot_timeout_ms == BOOT_TIMEOUT_NOT_GIVEN) {
		if (app->port != 0 && (is_web(app->name) || app->publish || app->publish_unix))
			app->boot_timeout_ms = BOOT_TIMEOUT_DEFAULT_MS;
		return 0;
	}
	if (given->boot_timeout_ms > 0 && app->port == 0) {
		error_set(err, -EINVAL, "boot-timeout",
		          "--boot-timeout without a port: nobody knows when the app is up");
		error_remedy(err, "add --port auto");
		return -EINVAL;
	}
	app->boot_timeout_ms = (uint32_t)given->boot_timeout_ms;
	return 0;
}

int network_options_resolve(const struct run_given *given, struct run_request *request, struct dyno_error *err)
{
	struct dyno_app *app = &request->app;
	struct policy policy;
	int code = resolve_port(given, request, err);

	app->publish = given->publish.items;
	app->egress = given->egress;
	app->allow_host = given->allow_host;
	if (code == 0)
		code = resolve_unix(given->publish_unix, request, err);
	if (code == 0)
		code = resolve_boot_timeout(given, request, err);
	request->shape.watch = app->port != 0;
	return code < 0 ? code : policy_read(app, request->shape.net, &policy, err);
}
