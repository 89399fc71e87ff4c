/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - see registry.h */
#include "runtime/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "runtime/host.h"

#define ENTRY_SIZE 4096
#define ENTRY_END "end=1\n" /* last line of a whole entry: a reader that does not see it read too early */

/** in_one_line() - a copy of @text in @buf without line ends: an entry has one line for each key */
static const char *in_one_line(const char *text, char *buf, size_t size)
{
	char *at = buf;

	(void)text_copy(buf, size, text);
	while ((at = strchr(at, '\n')))
		*at = '?';
	return buf;
}

/** phases_text() - the stamps of @boot that there are, "requested:NS,claimed:NS" */
static const char *phases_text(const struct dyno_timeline *boot, char *buf, size_t size)
{
	buf[0] = '\0';
	for (int i = 0; i < DYNO_PHASE_COUNT; i++)
		if (boot->ns[i])
			(void)text_append(buf, size, "%s%s:%" PRIu64, buf[0] ? "," : "",
			                  dyno_phase_name((enum dyno_phase)i), boot->ns[i]);
	return buf;
}

int registry_publish(int fd, const struct registry_entry *entry)
{
	char text[ENTRY_SIZE], command[sizeof(entry->command)], slug[sizeof(entry->slug)], phases[512];
	int length = text_format(text, sizeof(text),
	                         "name=%s\nslot=%u\nlauncher=%d\npid=%d\nstarted=%" PRIu64 "\nboot_ns=%" PRIu64
	                         "\nlistening_ns=%" PRIu64 "\nnet=%u\naddress=%s\nifname=%s\nport=%u\npublished=%s\n"
	                         "publish_unix=%s\ncommand=%s\nslug=%s\nscratch_dir=%s\nbirth=%u\nboot=%s\n" ENTRY_END,
	                         entry->name, entry->slot, entry->launcher, entry->pid, entry->started, entry->boot_ns,
	                         entry->listening_ns, (unsigned)entry->net, entry->address, entry->ifname, entry->port,
	                         entry->published, entry->publish_unix,
	                         in_one_line(entry->command, command, sizeof(command)),
	                         in_one_line(entry->slug, slug, sizeof(slug)), entry->scratch_dir,
	                         (unsigned)entry->birth, phases_text(&entry->boot, phases, sizeof(phases)));

	if (length < 0)
		return length;
	/* Written over, then cut: a launcher killed between the two still leaves the name of its scratch directory. */
	if (pwrite(fd, text, (size_t)length, 0) != length)
		return -EIO;
	return ftruncate(fd, length) < 0 ? -errno : 0;
}

/** parse_number() - @value as a number up to @max, or 0: the text is our own, a torn one was refused before */
static uint64_t parse_number(const char *value, uint64_t max)
{
	uint64_t number = 0;

	(void)units_number(value, 0, max, &number);
	return number;
}

/** parse_phases() - phases_text() read back; unknown phases are a newer version's */
static void parse_phases(struct dyno_timeline *boot, const char *value)
{
	char text[512];
	char *word, *rest = text;

	if (text_copy(text, sizeof(text), value) < 0)
		return;
	while ((word = strsep(&rest, ","))) {
		const char *name = strsep(&word, ":");

		for (int i = 0; word && i < DYNO_PHASE_COUNT; i++)
			if (strcmp(name, dyno_phase_name((enum dyno_phase)i)) == 0)
				boot->ns[i] = parse_number(word, UINT64_MAX);
	}
}

/** parse_network_line() - one KEY=VALUE of those that tell of the network */
static void parse_network_line(struct registry_entry *entry, const char *key, const char *value)
{
	if (strcmp(key, "net") == 0)
		entry->net = (enum dyno_net)parse_number(value, DYNO_NET_HOST);
	else if (strcmp(key, "address") == 0)
		(void)text_copy(entry->address, sizeof(entry->address), value);
	else if (strcmp(key, "ifname") == 0)
		(void)text_copy(entry->ifname, sizeof(entry->ifname), value);
	else if (strcmp(key, "port") == 0)
		entry->port = (uint16_t)parse_number(value, UINT16_MAX);
	else if (strcmp(key, "published") == 0)
		(void)text_copy(entry->published, sizeof(entry->published), value);
	else if (strcmp(key, "publish_unix") == 0)
		(void)text_copy(entry->publish_unix, sizeof(entry->publish_unix), value);
	else if (strcmp(key, "listening_ns") == 0)
		entry->listening_ns = parse_number(value, UINT64_MAX);
}

/** parse_line() - one KEY=VALUE of an entry; unknown keys are a newer version's */
static void parse_line(struct registry_entry *entry, const char *key, const char *value)
{
	if (strcmp(key, "name") == 0)
		(void)text_copy(entry->name, sizeof(entry->name), value);
	else if (strcmp(key, "slot") == 0)
		entry->slot = (unsigned)parse_number(value, UINT_MAX);
	else if (strcmp(key, "launcher") == 0)
		entry->launcher = (pid_t)parse_number(value, INT_MAX);
	else if (strcmp(key, "pid") == 0)
		entry->pid = (pid_t)parse_number(value, INT_MAX);
	else if (strcmp(key, "started") == 0)
		entry->started = parse_number(value, UINT64_MAX);
	else if (strcmp(key, "boot_ns") == 0)
		entry->boot_ns = parse_number(value, UINT64_MAX);
	else if (strcmp(key, "command") == 0)
		(void)text_copy(entry->command, sizeof(entry->command), value);
	else if (strcmp(key, "slug") == 0)
		(void)text_copy(entry->slug, sizeof(entry->slug), value);
	else if (strcmp(key, "scratch_dir") == 0)
		(void)text_copy(entry->scratch_dir, sizeof(entry->scratch_dir), value);
	else if (strcmp(key, "birth") == 0)
		entry->birth = (enum dyno_birth)parse_number(value, DYNO_BIRTH_WARM);
	else if (strcmp(key, "boot") == 0)
		parse_phases(&entry->boot, value);
	else
		parse_network_line(entry, key, value);
}

void registry_note_network(struct registry_entry *entry, const struct network *network)
{
	const struct publish *publish = &network->publish;
	size_t i;

	(void)text_copy(entry->address, sizeof(entry->address), network->address);
	(void)text_copy(entry->ifname, sizeof(entry->ifname), network->ifname);
	(void)text_copy(entry->publish_unix, sizeof(entry->publish_unix), publish->unix_path);
	entry->published[0] = '\0';
	for (i = 0; i < publish->count; i++)
		(void)text_append(entry->published, sizeof(entry->published), i ? " %s" : "%s", publish->texts[i]);
}

int registry_read(int fd, struct registry_entry *ret)
{
	struct registry_entry entry = { 0 };
	char text[ENTRY_SIZE];
	char *line, *end, *rest = text;
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	end = strstr(text, "\n" ENTRY_END);
	if (!end)
		return 0;
	*end = '\0'; /* what follows is the rest of a longer entry that was here before */
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value = '\0';
		parse_line(&entry, line, value + 1);
	}
	*ret = entry;
	return 1;
}

/** read_slot() - the running dyno of slot @name. Return: 1, or 0 when there is none (or it is not published yet) */
static int read_slot(const struct dyno_host *host, const char *name, struct registry_entry *ret)
{
	_cleanup_close_ int fd = -1;

	if (claim_held(host->slots_fd, name) != 1)
		return 0;
	fd = openat(host->slots_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Without a name it is no dyno yet: dyno_prepare() notes a scratch directory before there is one. */
	return fd >= 0 && registry_read(fd, ret) == 1 && ret->name[0] != '\0';
}

/** by_name() - order of a listing: web.2 before web.10 */
static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct registry_entry *)a)->name, ((const struct registry_entry *)b)->name);
}

int registry_list(struct dyno_host *host, struct registry_entry **ret, struct dyno_error *err)
{
	int fd = fcntl(host->slots_fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct registry_entry *list = NULL;
	const struct dirent *slot;
	size_t count = 0;

	if (!dir) {
		fd_close(fd);
		return error_set(err, -errno, "registry", "cannot read the state directory:");
	}
	rewinddir(dir); /* the offset is shared with the descriptor that was duplicated */
	while ((slot = readdir(dir))) {
		struct registry_entry *longer;

		if (slot->d_name[0] == '.')
			continue;
		longer = reallocarray(list, count + 1, sizeof(*list));
		if (!longer)
			break;
		list = longer;
		count += (size_t)read_slot(host, slot->d_name, &list[count]);
	}
	closedir(dir);
	if (count > 0)
		qsort(list, count, sizeof(*list), by_name);
	*ret = list;
	return (int)count;
}

/** suggest() - the running dyno whose name is nearest to @name */
static void suggest(const struct registry_entry *list, int count, const char *name, struct dyno_error *err)
{
	_cleanup_free_ const char **names = calloc((size_t)count + 1, sizeof(*names));
	const char *closest;
	int i;

	if (!names)
		return;
	for (i = 0; i < count; i++)
		names[i] = list[i].name;
	closest = text_closest(name, names);
	if (closest)
		error_remedy(err, "did you mean %s? dyno ps lists what runs", closest);
	else
		error_remedy(err, "dyno ps lists what runs");
}

int registry_find(struct dyno_host *host, const char *name, struct registry_entry *ret, struct dyno_error *err)
{
	_cleanup_free_ struct registry_entry *list = NULL;
	int count = registry_list(host, &list, err);
	int i;

	if (count < 0)
		return count;
	for (i = 0; list && i < count; i++) {
		if (strcmp(list[i].name, name) != 0)
			continue;
		*ret = list[i];
		return 0;
	}
	error_set(err, -ENOENT, "registry", "no dyno named %s is running", name);
	suggest(list, count, name, err);
	return -ENOENT;
}

/** clash() - the first address of @published, as in an entry, that excludes one of @policy, or NULL; changes @published */
static const char *clash(char *published, const struct policy *policy)
{
	char *word, *rest = published;

	while ((word = strsep(&rest, " "))) {
		const struct dyno_app app = { .port = 1, .publish = (const char *const[]){ word, NULL } };
		struct policy other;

		if (policy_read(&app, DYNO_NET_PRIVATE, &other, NULL) < 0)
			continue;
		for (size_t i = 0; i < policy->publish_count; i++)
			if (policy_endpoints_clash(&policy->publish[i], &other.publish[0]))
				return word;
	}
	return NULL;
}

void registry_name_owner(struct dyno_host *host, const struct policy *policy, struct dyno_error *err)
{
	_cleanup_free_ struct registry_entry *list = NULL;
	int count = registry_list(host, &list, NULL);
	int i;

	for (i = 0; list && i < count; i++) {
		const char *taken = clash(list[i].published, policy);

		if (!taken && policy->publish_unix && strcmp(policy->publish_unix, list[i].publish_unix) == 0)
			taken = policy->publish_unix;
		if (!taken)
			continue;
		error_set(err, -EADDRINUSE, "publish", "%s is published by dyno %s", taken, list[i].name);
		error_remedy(err, "stop that one, or publish elsewhere; port 0 is one that is free");
		return;
	}
}
