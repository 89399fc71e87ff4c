/* SPDX-License-Identifier: Apache-2.0 */
/* ps.c - `dyno ps`: the running dynos */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "runtime/registry.h"

struct ps_given {
	bool help;
	bool json;
	bool quiet;
};

const struct option_spec ps_specs[] = {
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

/** print_row() - one line of the table; the last column may be as wide as it is */
static void print_row(const struct registry_entry *entry, int name_width, uint64_t now)
{
	char age[24] = "?", boot[16] = "-", place[32];

	format_age(now > entry->started ? now - entry->started : 0, age, sizeof(age));
	if (entry->boot_ns)
		units_format_ns(entry->boot_ns, boot, sizeof(boot));
	if (entry->address[0] && entry->port)
		(void)text_format(place, sizeof(place), "%s:%u", entry->address, (unsigned)entry->port);
	else
		(void)text_format(place, sizeof(place), "%s",
		                  entry->address[0] ? entry->address : net_name(entry->net));
	printf("%-*s  %8d  %4s  %9s  %-21s  ", name_width, entry->name, (int)entry->pid, age, boot, place);
	print_plain(entry->command);
	fputs("  ", stdout);
	print_plain(entry->slug);
	putchar('\n');
}

/** print_table() - all dynos for people */
static void print_table(const struct registry_entry *entries, int count)
{
	int width = 4;

	for (int i = 0; i < count; i++)
		if ((int)strlen(entries[i].name) > width)
			width = (int)strlen(entries[i].name);
	printf("%-*s  %8s  %4s  %9s  %-21s  %s\n", width, "NAME", "PID", "UP", "BOOT", "NET", "COMMAND  SLUG");
	for (int i = 0; i < count; i++)
		print_row(&entries[i], width, (uint64_t)time(NULL));
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
		       ",\"net\":\"%s\",\"address\":",
		       entry->slot, (int)entry->launcher, (int)entry->pid, entry->started, entry->boot_ns,
		       net_name(entry->net));
		text_json(stdout, entry->address);
		printf(",\"port\":%u,\"command\":", (unsigned)entry->port);
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
	struct ps_given given = { 0 };
	int code = verb_parse_alone("ps", argc, argv, &given);

	(void)requested_ns;
	return code == VERB_CONTINUE ? ps_print(&given) : code;
}
