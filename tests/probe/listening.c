/* SPDX-License-Identifier: Apache-2.0 */
/**
 * listening.c - the ways in which apps come to listen, for the tests of the listen watch
 *
 * What they open stays open, so that several run one after the other. Each call prints before=, result= and after=: the
 * launcher's stamp of it must lie between.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FLOOD_THREADS 4
#define PASSED_FD 3

/** now_ns() - CLOCK_MONOTONIC */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** bound() - a TCP socket at @host:@port. Return: descriptor, or -1 with errno */
static int bound(const char *host, const char *port, int v6only)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)probe_number(port)) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4.sin_port };
	int six = strchr(host, ':') != NULL, one = 1;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(six ? AF_INET6 : AF_INET, host, six ? (void *)&v6.sin6_addr : &v4.sin_addr) != 1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
	if (six ? bind(fd, (struct sockaddr *)&v6, sizeof(v6)) < 0 : bind(fd, (struct sockaddr *)&v4, sizeof(v4)) < 0)
		return -1;
	return fd;
}

/** call() - listen on @fd, and tell when and with what result. Return: 0, the exit code */
static int call(int fd)
{
	uint64_t before = now_ns(), after;
	int r = listen(fd, 16), code = r < 0 ? errno : 0;

	after = now_ns();
	printf("before=%" PRIu64 "\nresult=%s\nafter=%" PRIu64 "\n", before, probe_errno(code), after);
	return 0;
}

/** wait_ms() - the optional argument MS */
static void wait_ms(int argc, char **argv, int at)
{
	unsigned long long ms = argc > at ? probe_number(argv[at]) : 0;

	usleep((useconds_t)(ms * 1000));
}

static int run_listen_at(int argc, char **argv)
{
	int fd = bound(argv[1], argv[2], 0);

	wait_ms(argc, argv, 3);
	return fd < 0 ? probe_result("bind", -1) : call(fd);
}

static int run_listen_v6only(int argc, char **argv)
{
	int fd = bound("::", argv[1], 1);

	(void)argc;
	return fd < 0 ? probe_result("bind", -1) : call(fd);
}

/** thread_main() - listen on the descriptor at @data */
static void *thread_main(void *data)
{
	call(*(int *)data);
	return NULL;
}

static int run_listen_thread(int argc, char **argv)
{
	int fd = bound(argv[1], argv[2], 0);
	pthread_t thread;

	(void)argc;
	if (fd < 0 || pthread_create(&thread, NULL, thread_main, &fd) != 0 || pthread_join(thread, NULL) != 0)
		return probe_result("thread", -1);
	return 0;
}

/** run_listen_forks() - as pre-forking servers do: COUNT children with a socket each (SO_REUSEPORT), which live on */
static int run_listen_forks(int argc, char **argv)
{
	unsigned long long count = probe_number(argv[3]);
	int ready[2];
	char byte;

	(void)argc;
	if (pipe(ready) < 0)
		return probe_result("pipe", -1);
	for (unsigned long long i = 0; i < count; i++) {
		if (fork() == 0) {
			call(bound(argv[1], argv[2], 0));
			close(ready[1]);
			pause();
			_exit(0);
		}
	}
	close(ready[1]);
	(void)!read(ready[0], &byte, 1); /* all have closed it: all listen */
	return 0;
}

/** run_listen_passed() - as under systemd: this program once more, with the bound socket as descriptor 3 */
static int run_listen_passed(int argc, char **argv)
{
	int fd = bound(argv[1], argv[2], 0), status;
	pid_t pid;

	(void)argc;
	if (fd < 0)
		return probe_result("bind", -1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (fd == PASSED_FD)
			fcntl(fd, F_SETFD, 0);
		else
			dup2(fd, PASSED_FD);
		execl("/app/probe", "/app/probe", "listen-fd", "3", NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : probe_result("passed", -1);
}

static int run_listen_fd(int argc, char **argv)
{
	(void)argc;
	return call((int)strtol(argv[1], NULL, 10));
}

/** run_listen_odd() - what is not a TCP socket, or cannot listen: each with its errno */
static int run_listen_odd(int argc, char **argv)
{
	int pipes[2], first = bound("127.0.0.1", "4801", 0), one = 0, second;

	(void)argc;
	(void)argv;
	probe_result("none", listen(-1, 1));
	probe_result("pipe", pipe(pipes) < 0 ? 0 : listen(pipes[0], 1));
	probe_result("udp", listen(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 1));
	probe_result("unbound-unix", listen(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 1));
	second = bound("127.0.0.1", "4801", 0);
	setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	probe_result("first", listen(first, 1));
	return probe_result("second", listen(second, 1));
}

/** run_listen_unix() - who connects must see us as the one who listens (SO_PEERCRED) */
static int run_listen_unix(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	(void)argc;
	strncpy(name.sun_path, argv[1], sizeof(name.sun_path) - 1);
	if (bind(server, (struct sockaddr *)&name, sizeof(name)) < 0)
		return probe_result("bind", -1);
	call(server);
	probe_result("connect", connect(fd, (struct sockaddr *)&name, sizeof(name)));
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	printf("peer=%s\n", peer.pid == getpid() && peer.uid == getuid() ? "self" : "another");
	return 0;
}

/** flood_main() - listen as often as it goes, on a port of its own. Return: NULL if it always worked */
static void *flood_main(void *data)
{
	const unsigned long long *count = data;
	int fd = bound("127.0.0.1", "0", 0);

	for (unsigned long long i = 0; i < *count; i++)
		if (listen(fd, 1) < 0)
			return data;
	return NULL;
}

static int run_listen_flood(int argc, char **argv)
{
	unsigned long long count = probe_number(argv[1]);
	pthread_t threads[FLOOD_THREADS];
	void *failed;
	int bad = 0;

	(void)argc;
	for (int i = 0; i < FLOOD_THREADS; i++)
		pthread_create(&threads[i], NULL, flood_main, &count);
	for (int i = 0; i < FLOOD_THREADS; i++) {
		pthread_join(threads[i], &failed);
		bad += failed != NULL;
	}
	printf("flood=%s\n", bad ? "failed" : "OK");
	return 0;
}

const struct probe_command probe_listening[] = {
	{ "listen-at", run_listen_at, 2, "ADDRESS PORT [MS] (bind, wait, listen)" },
	{ "listen-v6only", run_listen_v6only, 1, "PORT (IPv6 and nothing else)" },
	{ "listen-thread", run_listen_thread, 2, "ADDRESS PORT (not from the first thread)" },
	{ "listen-forks", run_listen_forks, 3, "ADDRESS PORT COUNT (children with SO_REUSEPORT)" },
	{ "listen-passed", run_listen_passed, 2, "ADDRESS PORT (bind here, listen in another program)" },
	{ "listen-fd", run_listen_fd, 1, "NUMBER (what that other program does)" },
	{ "listen-odd", run_listen_odd, 0, "(KIND=errno for what cannot listen)" },
	{ "listen-unix", run_listen_unix, 1, "PATH (and connect: peer=self)" },
	{ "listen-flood", run_listen_flood, 1, "COUNT (in each of some threads)" },
	{ NULL, NULL, 0, NULL },
};
