/* SPDX-License-Identifier: Apache-2.0 */
/**
 * settings.c - `dyno settings`, `settings:set` and `settings:unset`: what dyno keeps of an app that no dyno is told
 *
 * Each setting has a row in known[], with the check that the option of the same name has: what could not be started with
 * is not kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/app.h"
#include "cli/app/operands.h"
#include "cli/app/options.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/procfile.h"
#include "config/setting.h"
#include "formation/scale.h"
#include "netns/policy.h"

/** check_allow_host() - ports, as --allow-host takes them */
static int check_allow_host(const char *key, const char *value, struct dyno_error *err)
{
	const struct dyno_app app = { .allow_host = value };
	struct policy policy;

	(void)key;
	return policy_read(&app, DYNO_NET_PRIVATE, &policy, err);
}

/** check_place() - what dyno start remembers is not for others to say */
static int check_place(const char *key, const char *value, struct dyno_error *err)
{
	(void)value;
	return error_set(err, -EINVAL, "settings", "dyno start itself keeps setting %s", key);
}

/**
 * struct known - a setting
 * @key: ends with a dot where a process type follows
 * @check: of its value, 0 or negative errno
 */
struct known {
	const char *key;
	int (*check)(const char *key, const char *value, struct dyno_error *err);
};

static const struct known known[] = {
	{ "allow-host", check_allow_host }, { "scale.", scale_check },
	{ "size.", scale_check },           { "root", check_place },
	{ "procfile", check_place },        { 0 },
};

/** find() - the setting called @key. Return: NULL after a message */
static const struct known *find(const char *key)
{
	for (const struct known *k = known; k->key; k++) {
		size_t length = strlen(k->key);

		if (k->key[length - 1] != '.'
		            ? strcmp(k->key, key) == 0
		            : text_starts(key, k->key) && procfile_type_valid(key + length, strlen(key + length)))
			return k;
	}
	message_line("dyno: there is no setting '%.40s' (there are: allow-host, scale.TYPE and size.TYPE)", key);
	return NULL;
}

/** print_text() - "key: value", in the shape that config_setting_list() calls */
static int print_text(void *data, const char *key, const char *value)
{
	(void)data;
	printf("%s: %s\n", key, value);
	return 0;
}

/** print_json() - a member of an object; @data: whether there was one before */
static int print_json(void *data, const char *key, const char *value)
{
	bool *more = data;

	fputs(*more ? ", " : "", stdout);
	text_json(stdout, key);
	fputs(": ", stdout);
	text_json(stdout, value);
	*more = true;
	return 0;
}

int settings_main(int argc, char **argv, uint64_t requested_ns)
{
	struct settings_given given = { 0 };
	struct app app = { .store = NULL };
	struct dyno_error err = { 0 };
	bool more = false;
	int code = verb_parse_alone("settings", argc, argv, &given);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = app_open(given.app, false, &app);
	if (code != VERB_CONTINUE)
		return code;
	if (given.json)
		putchar('{');
	else
		printf("=== %s Settings\n\n", app.name);
	code = app.store
	               ? config_setting_list(app.store, app.name, "", given.json ? print_json : print_text, &more, &err)
	               : 0;
	if (given.json)
		puts("}");
	if (code < 0)
		code = message_error(NULL, &err);
	app_close(&app);
	return code == 0 && fflush(stdout) != 0 ? EXIT_DYNO_FAILED : code;
}

/** store() - @pairs of keys and values, see config_setting_set_all(). Return: exit code */
static int store(const char *given, const char *const *pairs)
{
	struct app app = { .store = NULL };
	struct dyno_error err = { 0 };
	int code = app_open(given, true, &app);

	if (code != VERB_CONTINUE)
		return code;
	code = config_setting_set_all(app.store, app.name, pairs, &err);
	if (code < 0)
		code = code == -EINVAL ? message_usage(&err) : message_error(NULL, &err);
	else
		message_line("Changing settings of %s... done; its next dyno start has them", app.name);
	app_close(&app);
	return code;
}

int settings_set_main(int argc, char **argv, uint64_t requested_ns)
{
	struct settings_given given = { 0 };
	_cleanup_free_ const char **pairs = NULL;
	int count = 0;
	int code = operands_parse("settings:set", argc, argv, &given, &count);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	pairs = calloc(2 * (size_t)count + 1, sizeof(*pairs));
	if (!pairs || count == 0) {
		message_line("dyno: settings:set takes KEY=VALUE, or several");
		return EXIT_USAGE;
	}
	for (int i = 0; i < count; i++) {
		char *equals = strchr(argv[i + 1], '=');
		struct dyno_error err = { 0 };
		const struct known *k;

		if (equals)
			*equals = '\0';
		k = find(argv[i + 1]);
		if (k && !equals)
			message_line("dyno: setting %s is given without a value (write %s=VALUE)", argv[i + 1],
			             argv[i + 1]);
		if (!k || !equals)
			return EXIT_USAGE;
		if (k->check(argv[i + 1], equals + 1, &err) < 0)
			return message_usage(&err);
		pairs[2 * i] = argv[i + 1];
		pairs[2 * i + 1] = equals + 1;
	}
	return store(given.app, pairs);
}

int settings_unset_main(int argc, char **argv, uint64_t requested_ns)
{
	struct settings_given given = { 0 };
	_cleanup_free_ const char **pairs = NULL;
	int count = 0;
	int code = operands_parse("settings:unset", argc, argv, &given, &count);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	pairs = calloc(2 * (size_t)count + 1, sizeof(*pairs));
	if (!pairs || count == 0) {
		message_line("dyno: settings:unset takes a KEY, or several");
		return EXIT_USAGE;
	}
	for (int i = 0; i < count; i++) {
		if (!find(argv[i + 1]))
			return EXIT_USAGE;
		pairs[2 * i] = argv[i + 1];
	}
	return store(given.app, pairs);
}
