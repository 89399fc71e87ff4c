/* SPDX-License-Identifier: Apache-2.0 */
/* live.c - see live.h; and the verbs that ask one thing of a running formation: ps:restart, stop:app and their like */
#include "cli/app/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/app_choice.h"
#include "cli/app/operands.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/verb.h"

int live_ask(struct live *live, const char *given, const char *const *words, size_t count, struct dyno_error *err)
{
	struct dyno_host *host = NULL;
	int code = app_choose(given, NULL, live->app, err);

	live->reader.fd = -1;
	live->reader.start = live->reader.end = 0;
	if (code == 0)
		code = dyno_host_open(&host, err);
	if (code < 0)
		return code;
	live->reader.fd = link_open(host, live->app, err);
	host = dyno_host_close(host);
	return live->reader.fd < 0 ? live->reader.fd : link_ask(live->reader.fd, words, count, err);
}

int live_next(struct live *live, struct wire_frame *ret, struct dyno_error *err)
{
	int code = link_next(&live->reader, ret, err);

	if (code <= 0)
		return code;
	if (strcmp(ret->words[0], "failed") == 0) {
		error_set(err, -EINVAL, "app", "%s", ret->count > 1 ? ret->words[1] : "it failed");
		if (ret->count > 2 && ret->words[2][0])
			error_remedy(err, "%s", ret->words[2]);
		return -EINVAL;
	}
	return strcmp(ret->words[0], "done") != 0;
}

int live_finish(struct live *live, struct wire_frame *ret, struct dyno_error *err)
{
	int code;

	ret->count = 0;
	while ((code = live_next(live, ret, err)) > 0)
		;
	if (code == 0 && ret->count == 0)
		code = error_set(err, -EPIPE, "app", "the app %s has ended", live->app);
	return code;
}

void live_close(struct live *live)
{
	live->reader.fd = fd_close(live->reader.fd);
}

/** ask_plainly() - one request of @words; prints what it does, and how it ended. Return: exit code */
static int ask_plainly(const char *given, const char *doing, const char *const *words, size_t count, const char *before)
{
	struct live live;
	struct wire_frame frame = { 0 };
	struct dyno_error err = { 0 };
	int code = live_ask(&live, given, words, count, &err);

	if (code == 0)
		code = live_finish(&live, &frame, &err);
	if (code < 0)
		code = message_error(NULL, &err);
	else if (before && frame.count > 1)
		printf("%s... done, %s%s\n", doing, before, frame.words[1]);
	else
		printf("%s... done\n", doing);
	live_close(&live);
	return fflush(stdout) == 0 ? code : EXIT_DYNO_FAILED;
}

/** serve_verb() - read options and operands of @verb, and ask. Return: exit code */
static int serve_verb(int argc, char **argv, const char *word, const char *doing, int min, int max)
{
	struct live_given given = { 0 };
	const char *words[WIRE_WORDS] = { word };
	char text[200];
	int count = 0;
	int code = operands_parse(argv[0], argc, argv, &given, &count);

	if (code != VERB_CONTINUE)
		return code;
	if (count < min || count > max) {
		message_line("dyno: %s takes %s (dyno %s --help)", argv[0],
		             count < min ? "an operand" : "fewer operands", argv[0]);
		return EXIT_USAGE;
	}
	for (int i = 1; i <= count; i++)
		words[i] = argv[i];
	if (max == 1 && count == 1)
		(void)text_format(text, sizeof(text), "%s %.140s dyno", doing, argv[1]);
	else
		(void)text_format(text, sizeof(text), "%s dynos", doing);
	return ask_plainly(given.app, text, words, (size_t)count + 1, NULL);
}

int ps_restart_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return serve_verb(argc, argv, "restart", "Restarting", 0, 1);
}

int ps_stop_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return serve_verb(argc, argv, "stop", "Stopping", 1, 1);
}

/** join() - @count operands as one line for a shell, as Heroku joins them. Return: false when it is too long */
static bool join(int count, char *const *operands, char *line, size_t size)
{
	line[0] = '\0';
	for (int i = 0; i < count; i++)
		if (text_append(line, size, "%s%s", i > 0 ? " " : "", operands[i]) < 0)
			return false;
	return true;
}

/** split() - the variables of --env into @words from @used on; @copies is where they stand. Return: how many words, 0 for too many */
static size_t split(const struct option_list *env, char **copies, const char **words, size_t used)
{
	for (size_t i = 0; i < env->count; i++) {
		char *pair, *rest = copies[i] = strdup(env->items[i]);

		while ((pair = strsep(&rest, ";"))) {
			if (!*pair)
				continue;
			if (used == WIRE_WORDS)
				return 0;
			words[used++] = pair;
		}
	}
	return used;
}

int run_detached(const struct run_detached_given *given, int count, char *const *operands)
{
	char line[WIRE_FRAME_MAX / 2];
	const char *words[WIRE_WORDS] = { "run", line, given->size ? given->size : "" };
	char **copies = calloc(given->env.count + 1, sizeof(*copies));
	size_t used = copies ? split(&given->env, copies, words, 3) : 0;
	int code = EXIT_USAGE;

	if (!join(count, operands, line, sizeof(line)))
		message_line("dyno: the command line is too long: %zu bytes at most", sizeof(line) - 1);
	else if (used == 0)
		message_line("dyno: run:detached takes %d variables at most", WIRE_WORDS - 3);
	else
		code = ask_plainly(given->app, "Running the command", words, used, "its output is in the log as ");
	for (size_t i = 0; copies && i < given->env.count; i++)
		free(copies[i]);
	free(copies);
	return code;
}

int run_detached_main(int argc, char **argv, uint64_t requested_ns)
{
	struct run_detached_given given = { 0 };
	int first = argc;
	int code = verb_parse(argv[0], argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE && first == argc) {
		message_line("dyno: run:detached takes a process type or a command line");
		code = EXIT_USAGE;
	}
	if (code == VERB_CONTINUE)
		code = run_detached(&given, argc - first, argv + first);
	options_done(run_detached_specs, &given);
	return code;
}

int stop_app_main(int argc, char **argv, uint64_t requested_ns)
{
	struct live_stop_given given = { 0 };
	struct live live;
	struct wire_frame frame;
	struct dyno_error err = { 0 };
	int code = verb_parse_alone(argv[0], argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	code = live_ask(&live, given.app, (const char *const[]){ "quit", given.now ? "now" : "" }, 2, &err);
	/* it hangs up when all dynos are gone */
	while (code == 0 && (code = live_next(&live, &frame, &err)) > 0)
		code = 0;
	live_close(&live);
	return code < 0 ? message_error(NULL, &err) : EXIT_OK;
}
