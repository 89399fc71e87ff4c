/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rootless_pasta.c - see rootless_pasta.h
 *
 * pasta makes a tap device in the dyno's network namespace and one socket of its own on the host for each connection that it
 * sees there. What is told to it:
 *
 * - every address by us: left alone it copies the host's into the dyno, and gives up on a host that is offline. Only for IPv6 it wants a
 *   link of the host that has a link-local address; without one the dyno has no IPv6;
 * - no address that means the host (--no-map-gw), no port either way but those given. What it could reach nevertheless,
 *   the walls keep from it (rootless_walls.c);
 * - the host's resolver at address_host(), the address that resolver.c writes down where the resolver is on loopback; only there, since
 *   the answers of any resolver would come from that address.
 *
 * Options are those of 2023 (Debian 12), which newer ones still have. It needs the dyno's user namespace's capabilities, which it gets through
 * execve(2) as ambient ones, and is told to enter the network namespace only. It gets that as its standard input and opens it by
 * /proc/self/fd/0, since newer ones close every higher descriptor.
 */
#include "netns/rootless_pasta.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ipv6_route.h>
#include <linux/route.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "netns/link.h"
#include "netns/rootless.h"

#define STEP "pasta"
#define PROGRAM "pasta"
#define DEVICE "/dev/net/tun"
#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"
#define COMPLAINT_SIZE 160
#define MAC "02:64:79:00:00:00"
#define MAC_DYNO "02:64:79:01:00:00"

#define ARGUMENTS_MAX (32 + POLICY_PUBLISH_MAX)
#define WORDS_SIZE 2048

/** struct arguments - an argv, and the text of those of its words that had to be written */
struct arguments {
	size_t count;
	size_t used;
	int code;
	const char *argv[ARGUMENTS_MAX];
	char words[WORDS_SIZE];
};

/** add() - one more word */
static void add(struct arguments *arguments, const char *word)
{
	if (arguments->count + 1 < ARGUMENTS_MAX)
		arguments->argv[arguments->count++] = word;
	else
		arguments->code = -E2BIG;
}

/** add_text() - one more word, written */
static void __attribute__((format(printf, 2, 3))) add_text(struct arguments *arguments, const char *fmt, ...)
{
	char *word = arguments->words + arguments->used;
	size_t room = sizeof(arguments->words) - arguments->used;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(word, room, fmt, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room) {
		arguments->code = -E2BIG;
		return;
	}
	arguments->used += (size_t)length + 1;
	add(arguments, word);
}

/** add_ports() - what may cross, and nothing else */
static void add_ports(struct arguments *arguments, const struct rootless_job *job)
{
	const struct policy *policy = job->policy;
	char list[POLICY_PORT_MAX * sizeof("65535,")] = "", text[INET_ADDRSTRLEN];
	bool published = false;

	for (size_t i = 0; i < job->publish->count; i++) {
		const struct policy_endpoint *at = &job->publish->at[i];

		if (!rootless_carries(at))
			continue;
		inet_ntop(AF_INET, at->address, text, sizeof(text));
		add_text(arguments, "--tcp-ports=%s/%u:%u", text, at->port, policy->port);
		published = true;
	}
	if (!published)
		add(arguments, "--tcp-ports=none");
	for (size_t i = 0; i < policy->allow_count; i++)
		(void)text_append(list, sizeof(list), "%s%u", i > 0 ? "," : "", policy->allow_host[i]);
	if (policy->allow_count > 0)
		add_text(arguments, "--tcp-ns=%s", list);
	else
		add(arguments, "--tcp-ns=none");
	add(arguments, "--udp-ports=none");
	add(arguments, "--udp-ns=none");
	add(arguments, "--no-map-gw");
}

/** add_device() - the tap device in full */
static void add_device(struct arguments *arguments, const struct rootless_job *job)
{
	char text[ADDRESS_TEXT6_SIZE];

	add(arguments, "--config-net");
	add(arguments, "--ns-ifname=" LINK_INSIDE);
	add(arguments, "--mac-addr=" MAC);
	/* else the pasta of Debian 12 does not know it before the dyno sends something, and nobody gets in */
	add(arguments, "--ns-mac-addr=" MAC_DYNO);
	add_text(arguments, "--address=%s", address_text(job->plan.dyno, text));
	add_text(arguments, "--netmask=%u", job->plan.bits);
	add_text(arguments, "--gateway=%s", address_text(job->plan.host, text));
	add_text(arguments, "--interface=%s", job->uplink6[0] ? job->uplink6 : "lo");
	if (!job->uplink6[0]) {
		add(arguments, "--ipv4-only");
		return;
	}
	add_text(arguments, "--address=%s", address_text6(job->plan.dyno6, text));
	add_text(arguments, "--gateway=%s", address_text6(job->plan.host6, text));
	add(arguments, "--no-ra");
	add(arguments, "--no-dhcpv6");
}

/** fill_arguments() - the whole command line */
static void fill_arguments(struct arguments *arguments, const struct rootless_job *job)
{
	char text[ADDRESS_TEXT_SIZE];

	add(arguments, PROGRAM);
	add(arguments, "--foreground");
	add(arguments, "--quiet");
	add_ports(arguments, job);
	add_device(arguments, job);
	add(arguments, "--no-dhcp");
	if (job->resolver)
		add_text(arguments, "--dns-forward=%s", address_text(address_host(job->range), text));
	/* the namespace, and where to say "ready" */
	add(arguments, "--netns-only");
	add(arguments, "--no-netns-quit");
	add(arguments, "--netns=/proc/self/fd/0");
	add(arguments, "--pid=/proc/self/fd/1");
	arguments->argv[arguments->count] = NULL;
}

/** has_link_local() - link @name of the host has a link-local IPv6 address */
static bool has_link_local(const char *name)
{
	FILE *file = fopen("/proc/net/if_inet6", "re");
	char link[IFNAMSIZ + 1];
	unsigned scope;
	bool found = false;

	while (file && !found && fscanf(file, "%*s %*x %*x %x %*x %16s", &scope, link) == 2)
		found = scope == 0x20 && strcmp(link, name) == 0;
	if (file)
		(void)fclose(file);
	return found;
}

void rootless_pasta_uplink6(char name[IFNAMSIZ])
{
	FILE *file = fopen("/proc/net/ipv6_route", "re");
	char to[33], link[IFNAMSIZ + 1];
	unsigned bits, flags;

	name[0] = '\0';
	while (file && !name[0] &&
	       fscanf(file, "%32s %x %*s %*x %*s %*x %*x %*x %x %16s", to, &bits, &flags, link) == 4)
		if (bits == 0 && strspn(to, "0") == strlen(to) && (flags & RTF_UP) && !(flags & RTF_REJECT) &&
		    has_link_local(link))
			(void)text_copy(name, IFNAMSIZ, link);
	if (file)
		(void)fclose(file);
}

/** keep_privileges() - carry what pasta needs in the dyno's namespaces over execve(2) */
static int keep_privileges(void)
{
	static const int needed[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SETPCAP };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		data[CAP_TO_INDEX(needed[i])].inheritable |= CAP_TO_MASK(needed[i]);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].permitted = data[i].effective = data[i].inheritable;
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, needed[i], 0, 0) < 0)
			return -errno;
	return 0;
}

int rootless_pasta_child(const struct rootless_job *job, enum rootless_step *step)
{
	static char *const no_environment[] = { NULL };
	struct arguments arguments = { 0 };
	sigset_t none;
	int r;

	*step = ROOTLESS_PRIVILEGES;
	r = keep_privileges();
	if (r < 0)
		return r;
	*step = ROOTLESS_EXEC;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	fill_arguments(&arguments, job);
	if (arguments.code < 0)
		return arguments.code;
	if (dup2(job->net, STDIN_FILENO) < 0 || dup2(job->ready, STDOUT_FILENO) < 0 ||
	    dup2(job->messages, STDERR_FILENO) < 0)
		return -errno;
	/* execve(2) writes to neither the list nor its strings; its type only predates const */
	execvpe(PROGRAM, (char *const *)(uintptr_t)arguments.argv, no_environment);
	return -errno;
}

/** on_path() - where execvpe(3) would find pasta */
static bool on_path(void)
{
	const char *path = getenv("PATH");
	char candidate[512];

	for (path = path ? path : PATH_DEFAULT; *path; path += path[0] == ':') {
		size_t length = strcspn(path, ":");

		if (length > 0 && text_format(candidate, sizeof(candidate), "%.*s/" PROGRAM, (int)length, path) > 0 &&
		    access(candidate, X_OK) == 0)
			return true;
		path += length;
	}
	return false;
}

int rootless_usable(struct dyno_error *err)
{
	_cleanup_close_ int device = -1;
	int code;

	if (!on_path()) {
		error_set(err, -ENOENT, STEP, "pasta is not installed: it connects private networks without root");
		error_remedy(err, "install passt, or use --net none or --net host");
		return -ENOENT;
	}
	/* opened, not asked for: a container may show the device and deny it (its cgroup's list of devices) */
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device >= 0)
		return 0;
	code = -errno;
	error_set(err, code, STEP, "pasta needs " DEVICE ":");
	if (code == -ENOENT || code == -ENODEV || code == -ENXIO)
		error_remedy(err, "load the module tun (modprobe tun), or use --net none");
	else
		error_remedy(err, "let this user read and write it (mode 0666 is usual), or use --net none");
	return code;
}

int rootless_pasta_explain(int messages, struct dyno_error *err)
{
	char buf[4096];
	ssize_t got = pread(messages, buf, sizeof(buf) - 1, 0);
	char *line;

	while (got > 0 && buf[got - 1] == '\n')
		got--;
	if (got <= 0)
		return error_set(err, -EIO, STEP, "pasta ended and gave no reason");
	buf[got] = '\0';
	line = strrchr(buf, '\n');
	error_set(err, -EIO, STEP, "pasta cannot connect the dyno: %.*s", COMPLAINT_SIZE, line ? line + 1 : buf);
	error_remedy(err, "use --net none, or another version of pasta");
	return -EIO;
}
