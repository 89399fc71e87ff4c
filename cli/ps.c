/* SPDX-License-Identifier: Apache-2.0 */
/* ps.c - `dyno ps`: the running dynos */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/elsewhere.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "netns/network.h"
#include "runtime/registry.h"

struct ps_given {
	bool help;
	bool json;
	bool quiet;
	const char *app;
};

const struct option_spec ps_specs[] = {
	{ .name = "app",
	  .letter = 'a',
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = offsetof(struct ps_given, app),
	  .min = 1,
	  .help = "list the dynos of a running app, as dyno ps:app does" },
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct ps_given, json),
	  .help = "print an array of objects" },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct ps_given, quiet),
	  .help = "print names only" },
	VERB_HELP_SPEC,
	{ 0 },
};

/** net_name() - a network mode as --net spells it */
static const char *net_name(enum dyno_net net)
{
	static const char *const names[] = {
		[DYNO_NET_PRIVATE] = "private", [DYNO_NET_NONE] = "none", [DYNO_NET_HOST] = "host"
	};

	return (size_t)net < sizeof(names) / sizeof(names[0]) ? names[net] : "?";
}

/** print_plain() - print @text, which a dyno's owner chose, without what would steer the caller's terminal */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

/** format_age() - how long ago in one unit: "42s", "7m", "3h", "2d" */
static void format_age(uint64_t seconds, char *buf, size_t size)
{
	if (seconds < 120)
		(void)text_format(buf, size, "%" PRIu64 "s", seconds);
	else if (seconds < 120 * 60)
		(void)text_format(buf, size, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 48 * 3600)
		(void)text_format(buf, size, "%" PRIu64 "h", seconds / 3600);
	else
		(void)text_format(buf, size, "%" PRIu64 "d", seconds / 86400);
}

/** first_published() - the first place of @entry in @buf, and "+N" for the others; "-" without */
static const char *first_published(const struct registry_entry *entry, char *buf, size_t size)
{
	size_t length = strcspn(entry->published, " "), more = entry->publish_unix[0] != '\0';

	if (length == 0)
		return more ? entry->publish_unix : "-";
	for (const char *at = entry->published; (at = strchr(at, ' ')); at++)
		more++;
	(void)text_format(buf, size, more ? "%.*s +%zu" : "%.*s", (int)length, entry->published, more);
	return buf;
}

/**
 * print_row() - one line of the table; the last column may be as wide as it is
 * BOOT is the time until the app listened, where that is known, else until it ran.
 */
static void print_row(const struct registry_entry *entry, const int widths[2], uint64_t now)
{
	char age[24] = "?", boot[16] = "-", place[32], published[POLICY_ENDPOINT_TEXT + 24] = "";
	uint64_t boot_ns = entry->listening_ns ? entry->listening_ns : entry->boot_ns;

	format_age(now > entry->started ? now - entry->started : 0, age, sizeof(age));
	if (boot_ns)
		units_format_ns(boot_ns, boot, sizeof(boot));
	if (entry->address[0] && entry->port)
		(void)text_format(place, sizeof(place), "%s:%u", entry->address, (unsigned)entry->port);
	else
		(void)text_format(place, sizeof(place), "%s",
		                  entry->address[0] ? entry->address : net_name(entry->net));
	printf("%-*s  %8d  %4s  %9s  %-21s  %-*s  ", widths[0], entry->name, (int)entry->pid, age, boot, place,
	       widths[1], first_published(entry, published, sizeof(published)));
	print_plain(entry->command);
	fputs("  ", stdout);
	print_plain(entry->slug);
	putchar('\n');
}

/** widen() - a column of @width has room for @text */
static void widen(int *width, const char *text)
{
	if ((int)strlen(text) > *width)
		*width = (int)strlen(text);
}

/** print_table() - all dynos for people */
static void print_table(const struct registry_entry *entries, int count)
{
	int widths[2] = { 4, 9 };

	for (int i = 0; i < count; i++) {
		char published[POLICY_ENDPOINT_TEXT + 24] = "";

		widen(&widths[0], entries[i].name);
		widen(&widths[1], first_published(&entries[i], published, sizeof(published)));
	}
	printf("%-*s  %8s  %4s  %9s  %-21s  %-*s  %s\n", widths[0], "NAME", "PID", "UP", "BOOT", "NET", widths[1],
	       "PUBLISHED", "COMMAND  SLUG");
	for (int i = 0; i < count; i++)
		print_row(&entries[i], widths, (uint64_t)time(NULL));
}

/** print_published() - all places as an array of strings */
static void print_published(const struct registry_entry *entry)
{
	char published[sizeof(entry->published)];
	char *word, *rest = published;
	bool first = true;

	(void)text_copy(published, sizeof(published), entry->published);
	fputs(",\"published\":[", stdout);
	while ((word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		fputs(first ? "" : ",", stdout);
		text_json(stdout, word);
		first = false;
	}
	if (entry->publish_unix[0]) {
		fputs(first ? "" : ",", stdout);
		text_json(stdout, entry->publish_unix);
	}
	fputc(']', stdout);
}

/** print_bytes() - what went through the dyno's link so far; null where there is none of its own */
static void print_bytes(const struct registry_entry *entry)
{
	uint64_t in, out;

	if (entry->ifname[0] && network_bytes(entry->ifname, &in, &out) == 0)
		printf(",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64, in, out);
	else
		fputs(",\"bytes_in\":null,\"bytes_out\":null", stdout);
}

/** print_boot() - how it was born, and when each phase of its boot ended, from the request; before it if it was ready */
static void print_boot(const struct registry_entry *entry)
{
	const struct dyno_timeline *boot = &entry->boot;
	const char *separator = "";

	printf(",\"birth\":\"%s\",\"phases_ns\":{", dyno_birth_name(entry->birth));
	for (int i = 0; i < DYNO_PHASE_COUNT; i++) {
		if (i == DYNO_PHASE_REQUESTED || !boot->ns[i])
			continue;
		printf("%s\"%s\":%" PRId64, separator, dyno_phase_name((enum dyno_phase)i),
		       (int64_t)(boot->ns[i] - boot->ns[DYNO_PHASE_REQUESTED]));
		separator = ",";
	}
	fputc('}', stdout);
}

/** print_json() - all dynos for programs */
static void print_json(const struct registry_entry *entries, int count)
{
	fputc('[', stdout);
	for (int i = 0; i < count; i++) {
		const struct registry_entry *entry = &entries[i];

		fputs(i ? ",\n {\"name\":" : "{\"name\":", stdout);
		text_json(stdout, entry->name);
		printf(",\"slot\":%u,\"launcher\":%d,\"pid\":%d,\"started\":%" PRIu64 ",\"boot_ns\":%" PRIu64
		       ",\"listening_ns\":",
		       entry->slot, (int)entry->launcher, (int)entry->pid, entry->started, entry->boot_ns);
		if (entry->listening_ns)
			printf("%" PRIu64, entry->listening_ns);
		else
			fputs("null", stdout);
		print_boot(entry);
		printf(",\"net\":\"%s\",\"address\":", net_name(entry->net));
		text_json(stdout, entry->address);
		printf(",\"port\":%u", (unsigned)entry->port);
		print_published(entry);
		print_bytes(entry);
		fputs(",\"command\":", stdout);
		text_json(stdout, entry->command);
		fputs(",\"slug\":", stdout);
		text_json(stdout, entry->slug);
		fputc('}', stdout);
	}
	fputs("]\n", stdout);
}

/** ps_print() - list the dynos in the form asked for. Return: exit code */
static int ps_print(const struct ps_given *given)
{
	_cleanup_free_ struct registry_entry *entries = NULL;
	struct dyno_host *host = NULL;
	struct dyno_error err = { 0 };
	int count = dyno_host_open(&host, &err);

	if (count == 0)
		count = registry_list(host, &entries, &err);
	host = dyno_host_close(host);
	if (count < 0)
		return message_error(NULL, &err);
	if (!entries)
		count = 0; /* the analyzers cannot know that an array comes with its length */
	if (given->json)
		print_json(entries, count);
	else if (given->quiet)
		for (int i = 0; i < count; i++)
			puts(entries[i].name);
	else
		print_table(entries, count);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

int ps_main(int argc, char **argv, uint64_t requested_ns)
{
	static char elsewhere[] = "ps:app";
	struct ps_given given = { 0 };
	int code = verb_parse_alone("ps", argc, argv, &given);

	if (code == VERB_CONTINUE && given.app) {
		argv[0] = elsewhere;
		return elsewhere_main(argc, argv, requested_ns);
	}
	return code == VERB_CONTINUE ? ps_print(&given) : code;
}
