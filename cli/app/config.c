/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - `dyno config` and `dyno config:get`: the config vars of an app */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/app/app.h"
#include "cli/app/operands.h"
#include "cli/app/options.h"
#include "cli/app/vars_print.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/quote.h"
#include "config/vars.h"

/** read_release() - the current release of the app that @given names. Return: VERB_CONTINUE, or the exit code to end with */
static int read_release(const struct config_given *given, struct app *app, struct config_release *ret)
{
	int code;

	if (given->shell && given->json) {
		message_line("dyno: --shell or --json, not both");
		return EXIT_USAGE;
	}
	code = app_open(given->app, false, app);
	if (code == VERB_CONTINUE && app_release(app, 0, ret) < 0)
		code = EXIT_DYNO_FAILED;
	return code;
}

int config_main(int argc, char **argv, uint64_t requested_ns)
{
	struct config_given given = { 0 };
	struct app app = { .store = NULL };
	struct config_release release = { 0 };
	int code = verb_parse_alone("config", argc, argv, &given);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = read_release(&given, &app, &release);
	if (code == VERB_CONTINUE) {
		if (given.json) {
			vars_print_json(&release.vars);
		} else if (given.shell) {
			vars_print_shell(&release.vars);
		} else {
			printf("=== %s Config Vars\n\n", app.name);
			vars_print_list(&release.vars);
		}
		code = fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
	}
	config_release_done(&release);
	app_close(&app);
	return code;
}

/** print_pair_json() - {"key": ..., "value": ...}; null for what is not set */
static void print_pair_json(const char *key, const char *value)
{
	fputs("{\"key\": ", stdout);
	text_json(stdout, key);
	fputs(", \"value\": ", stdout);
	if (value)
		text_json(stdout, value);
	else
		fputs("null", stdout);
	putchar('}');
}

/** print_values() - of the keys in @argv; what is not set is an empty line, as heroku prints it */
static void print_values(const struct config_given *given, int argc, char **argv, const struct environment *vars)
{
	if (given->json && argc > 1)
		putchar('[');
	for (int i = 0; i < argc; i++) {
		const char *value = config_vars_get(vars, argv[i]);

		if (given->json) {
			fputs(i ? ", " : "", stdout);
			print_pair_json(argv[i], value);
			continue;
		}
		if (given->shell) {
			printf("%s=", argv[i]);
			quote_shell(stdout, value ? value : "");
		} else {
			fputs(value ? value : "", stdout);
		}
		putchar('\n');
	}
	if (given->json)
		puts(argc > 1 ? "]" : "");
}

int config_get_main(int argc, char **argv, uint64_t requested_ns)
{
	struct config_given given = { 0 };
	struct app app = { .store = NULL };
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	int count = 0;
	int code = operands_parse("config:get", argc, argv, &given, &count);

	(void)requested_ns;
	if (code == VERB_CONTINUE && count == 0) {
		message_line("dyno: config:get takes the KEY of a config var, or several");
		return EXIT_USAGE;
	}
	for (int i = 1; i <= count && code == VERB_CONTINUE; i++)
		if (!environment_key_valid(argv[i], strlen(argv[i])))
			code = config_key_check(argv[i], strlen(argv[i]), &err) < 0 ? message_usage(&err) : code;
	if (code == VERB_CONTINUE)
		code = read_release(&given, &app, &release);
	if (code == VERB_CONTINUE) {
		print_values(&given, count, argv + 1, &release.vars);
		code = fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
	}
	config_release_done(&release);
	app_close(&app);
	return code;
}
