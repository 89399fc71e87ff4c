/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c - base/options: one table read, refused, and printed in five languages */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/options.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)

/** struct given - one field of every type */
struct given {
	bool quiet, tty;
	const char *slug, *name;
	uint64_t memory, pids, cpus, grace;
	uint16_t port;
	int net, timeline;
	struct option_list env;
};

#define FIELD(field) .offset = offsetof(struct given, field)

static const struct option_spec specs[] = {
	{ .name = "quiet", .letter = 'q', .type = OPTION_FLAG, FIELD(quiet), .help = "say nothing" },
	{ .name = "tty", .letter = 't', .type = OPTION_FLAG, FIELD(tty), .help = "give it a terminal" },
	{ .name = "slug",
	  .type = OPTION_STRING,
	  .metavar = "DIR",
	  .min = 1,
	  .max = 20,
	  FIELD(slug),
	  .help = "the release's tree: what [is] at /app; never changed, whatever the app does to the files it sees" },
	{ .name = "name", .letter = 'n', .type = OPTION_STRING, FIELD(name), .help = "its name" },
	{ .name = "memory",
	  .letter = 'm',
	  .type = OPTION_SIZE,
	  .min = 64 * KIB,
	  .max = 1024 * MIB,
	  FIELD(memory),
	  .help = "memory limit" },
	{ .name = "pids", .type = OPTION_NUMBER, .min = 1, FIELD(pids), .help = "process limit" },
	{ .name = "cpus", .type = OPTION_CPUS, .max = 2500, FIELD(cpus), .help = "CPU limit" },
	{ .name = "grace", .type = OPTION_DURATION, .min = 500, .max = 60000, FIELD(grace), .help = "time to stop" },
	{ .name = "port", .letter = 'p', .type = OPTION_PORT, FIELD(port), .help = "the value of $PORT" },
	{ .name = "net", .type = OPTION_CHOICE, .choices = "private|none|host", FIELD(net), .help = "which network" },
	{ .name = "timeline",
	  .letter = 'T',
	  .type = OPTION_OPTIONAL_CHOICE,
	  .choices = "text|json|chrome",
	  FIELD(timeline),
	  .help = ".begins with a stop, has a \\ and it's quoted" },
	{ .name = "env",
	  .letter = 'e',
	  .type = OPTION_LIST,
	  .metavar = "KEY=VALUE",
	  FIELD(env),
	  .help = "set a config var" },
	{ 0 },
};

#define WORDS_MAX 16

/** parse() - options_parse() of "dyno run WORDS..." */
static int parse(const char *const *words, struct given *given, int *first, struct dyno_error *err)
{
	char *argv[WORDS_MAX + 2] = { (char[]){ "run" } };
	int argc = 1;

	for (; words[argc - 1]; argc++) {
		assert_true(argc <= WORDS_MAX);
		memcpy(&argv[argc], &words[argc - 1], sizeof(*argv));
	}
	*given = (struct given){ .net = -1, .timeline = -1 };
	return options_parse(specs, argc, argv, given, first, err);
}

#define PARSE(given, first, ...) parse((const char *const[]){ __VA_ARGS__, NULL }, given, first, NULL)

static void every_type_lands_in_its_field(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-q", "--slug", "/srv", "--name=web.1", "-m", "512M", "--pids", "7",
	                       "--cpus=0.5", "--grace", "30", "-p80", "--net", "host", "--timeline=chrome", "app"),
	                 0);
	assert_true(given.quiet);
	assert_false(given.tty);
	assert_string_equal(given.slug, "/srv");
	assert_string_equal(given.name, "web.1");
	assert_int_equal(given.memory, 512 * MIB);
	assert_int_equal(given.pids, 7);
	assert_int_equal(given.cpus, 500);
	assert_int_equal(given.grace, 30000);
	assert_int_equal(given.port, 80);
	assert_int_equal(given.net, 2);
	assert_int_equal(given.timeline, 2);
	assert_int_equal(first, 16);
	options_done(specs, &given);
}

static void lists_grow_in_order(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-e", "A=1", "--env=B=2", "-eC=3", "--env", "", "-e", "--"), 0);
	assert_int_equal(first, 9);
	assert_int_equal(given.env.count, 5);
	assert_string_equal(given.env.items[0], "A=1");
	assert_string_equal(given.env.items[1], "B=2");
	assert_string_equal(given.env.items[2], "C=3");
	assert_string_equal(given.env.items[3], "");
	assert_string_equal(given.env.items[4], "--");
	assert_null(given.env.items[5]);
	options_done(specs, &given);
	assert_null(given.env.items);
	assert_int_equal(given.env.count, 0);
	options_done(specs, &given);
}

static void operands_end_the_options(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-q", "sh", "-t"), 0);
	assert_int_equal(first, 2);
	assert_false(given.tty);
	assert_int_equal(PARSE(&given, &first, "-q", "--", "-t"), 0);
	assert_int_equal(first, 3);
	assert_false(given.tty);
	assert_int_equal(PARSE(&given, &first, "--", "--"), 0);
	assert_int_equal(first, 2);
	assert_int_equal(PARSE(&given, &first, "-", "-t"), 0);
	assert_int_equal(first, 1);
	assert_int_equal(PARSE(&given, &first, "", "-t"), 0);
	assert_int_equal(first, 1);
	assert_int_equal(PARSE(&given, &first, "-q"), 0);
	assert_int_equal(first, 2);
	assert_int_equal(PARSE(&given, &first, "--"), 0);
	assert_int_equal(first, 2);
	assert_int_equal(PARSE(&given, &first, NULL), 0);
	assert_int_equal(first, 1);
	first = 77;
	assert_int_equal(options_parse(specs, 0, NULL, &given, &first, NULL), 0);
	assert_int_equal(first, 0);
}

static void letters_bundle(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-qtnweb", "x"), 0);
	assert_true(given.quiet && given.tty);
	assert_string_equal(given.name, "web");
	assert_int_equal(first, 2);
	assert_int_equal(PARSE(&given, &first, "-qtn", "web"), 0);
	assert_string_equal(given.name, "web");
	assert_int_equal(first, 3);
	assert_int_equal(PARSE(&given, &first, "-n", "-q"), 0);
	assert_string_equal(given.name, "-q");
	assert_false(given.quiet);
}

static void optional_choice_takes_only_what_is_attached(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-q", "x"), 0);
	assert_int_equal(given.timeline, -1);
	assert_int_equal(PARSE(&given, &first, "--timeline", "json"), 0);
	assert_int_equal(given.timeline, 0);
	assert_int_equal(first, 2);
	assert_int_equal(PARSE(&given, &first, "-T", "json"), 0);
	assert_int_equal(given.timeline, 0);
	assert_int_equal(PARSE(&given, &first, "-qTjson"), 0);
	assert_int_equal(given.timeline, 1);
	assert_true(given.quiet);
	assert_int_equal(PARSE(&given, &first, "--timeline="), -EINVAL);
}

static void last_one_counts(void **state)
{
	struct given given;
	int first;

	(void)state;
	assert_int_equal(PARSE(&given, &first, "-p", "80", "--port=81", "--net=host", "--net=private", "-q", "-q"), 0);
	assert_int_equal(given.port, 81);
	assert_int_equal(given.net, 0);
}

/** check_refused() - @words are refused with -EINVAL, and all of @parts stand in the message */
static void check_refused(const char *const *words, const char *const *parts)
{
	struct dyno_error err = { 0 };
	struct given given;
	int first = 77;

	if (parse(words, &given, &first, &err) != -EINVAL || err.code != -EINVAL || first != 77)
		fail_msg("%s %s: not refused", words[0], words[1] ? words[1] : "");
	for (; *parts; parts++)
		if (!strstr(err.text, *parts) && !strstr(err.remedy, *parts))
			fail_msg("no <%s> in <%s> (%s)", *parts, err.text, err.remedy);
	assert_null(strpbrk(err.text, "\n\033"));
	assert_null(strstr(err.text, "SECRET"));
	options_done(specs, &given);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *words[3];
		const char *parts[4];
	} cases[] = {
		{ { "--port", "80x" }, { "--port", "'80x'", "malformed", "from 1 to 65535" } },
		{ { "--port", "0" }, { "--port", "'0'", "out of range", "from 1 to 65535" } },
		{ { "-p65536" }, { "--port", "'65536'", "out of range" } },
		{ { "--port=" }, { "--port", "''", "malformed" } },
		{ { "--port" }, { "--port", "missing", "from 1 to 65535" } },
		{ { "--memory", "12Q" }, { "--memory", "malformed", "512M", "from 64.0 KiB to 1.0 GiB" } },
		{ { "--memory", "1K" }, { "--memory", "'1K'", "out of range", "from 64.0 KiB to 1.0 GiB" } },
		{ { "--memory", "99999999999999999999T" }, { "--memory", "out of range" } },
		{ { "--pids", "0" }, { "--pids", "out of range", "at least 1" } },
		{ { "--pids", "-1" }, { "--pids", "'-1'", "malformed" } },
		{ { "--cpus", "3" }, { "--cpus", "out of range", "at most 2.500" } },
		{ { "--cpus", "50%" }, { "--cpus", "'50%'", "malformed", "0.5" } },
		{ { "--grace", "1h" }, { "--grace", "out of range", "from 500ms to 60s" } },
		{ { "--net", "privat" }, { "--net", "'privat'", "not known", "private, none or host" } },
		{ { "--net", "private|none" }, { "--net", "not known" } },
		{ { "--net", "" }, { "--net", "not known" } },
		{ { "--net" }, { "--net", "missing", "private, none or host" } },
		{ { "--timeline=xml" }, { "--timeline", "'xml'", "text, json or chrome" } },
		{ { "--slug", "" }, { "--slug", "empty" } },
		{ { "--slug", "/SECRET/but-much-too-long" }, { "--slug", "25 bytes", "at most 20" } },
		{ { "-e" }, { "--env", "missing", "KEY=VALUE" } },
		{ { "-n" }, { "--name", "missing" } },
		{ { "--quiet=yes" }, { "--quiet", "takes no value" } },
		{ { "--memroy", "1G" }, { "'--memroy'", "did you mean --memory?" } },
		{ { "--memroy=SECRET" }, { "'--memroy'", "did you mean --memory?" } },
		{ { "--envs=SECRET=1" }, { "'--envs'", "did you mean --env?" } },
		{ { "--frobnicate" }, { "'--frobnicate'", "--help" } },
		{ { "--time" }, { "'--time'", "did you mean --timeline?" } },
		{ { "--Quiet" }, { "'--Quiet'", "did you mean --quiet?" } },
		{ { "--=x" }, { "'--'", "--help" } },
		{ { "-x" }, { "'-x'", "--help" } },
		{ { "-qx" }, { "'-x'" } },
		{ { "-grace" }, { "'-g'", "did you mean --grace?" } },
		{ { "-q=1" }, { "'-='" } },
		{ { "--port", "8\n\033[31m0" }, { "'8??[31m0'" } },
		{ { "--\033]0;x\a" }, { "'--?]0;x?'" } },
		{ { "-\xC3\xA9" }, { "'-?'" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *parts[5] = { 0 };

		memcpy(parts, cases[i].parts, sizeof(cases[i].parts));
		check_refused(cases[i].words, parts);
	}
}

static void huge_words_make_short_messages(void **state)
{
	size_t size = 1 << 20;
	char *word = malloc(size + 1);
	struct dyno_error err = { 0 };
	struct given given;
	int first;

	(void)state;
	assert_non_null(word);
	memset(word, '9', size);
	word[size] = '\0';
	assert_int_equal(parse((const char *const[]){ "--pids", word, NULL }, &given, &first, &err), -EINVAL);
	assert_non_null(strstr(err.text, "999...' is out of range"));
	memcpy(word, "--", 2);
	assert_int_equal(parse((const char *const[]){ word, NULL }, &given, &first, &err), -EINVAL);
	assert_true(strlen(err.text) < 100);
	memcpy(word, "-n", 2);
	assert_int_equal(parse((const char *const[]){ word, NULL }, &given, &first, &err), 0);
	assert_int_equal(strlen(given.name), size - 2);
	free(word);
}

/** print() - what @printer prints, to be freed */
static char *print(void (*printer)(FILE *, const struct option_spec *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	printer(out, specs);
	fclose(out);
	return text;
}

static void help_lists_every_option_within_eighty_columns(void **state)
{
	char *text = print(options_print_help);

	(void)state;
	assert_non_null(strstr(text, "  -q, --quiet "));
	assert_non_null(strstr(text, "      --slug DIR "));
	assert_non_null(strstr(text, "  -m, --memory SIZE "));
	assert_non_null(strstr(text, "      --net private|none|host"));
	assert_non_null(strstr(text, "  -T, --timeline[=text|json|chrome]\n"));
	assert_non_null(strstr(text, "  -e, --env KEY=VALUE "));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) < 80);
		assert_true(line[strlen(line) - 1] != ' ');
	}
	free(text);
}

static void man_page_is_roff(void **state)
{
	char *text = print(options_print_man);

	(void)state;
	assert_non_null(strstr(text, ".TP\n\\fB\\-q\\fR, \\fB\\-\\-quiet\\fR\n\\&Say nothing.\n"));
	assert_non_null(strstr(text, "\\fB\\-\\-slug\\fR \\fIDIR\\fR\n"));
	assert_non_null(strstr(text, "\\fB\\-\\-timeline\\fR[=\\fItext|json|chrome\\fR]\n"
	                             "\\&.begins with a stop, has a \\e and it\\(aqs quoted.\n"));
	free(text);
}

/** complete() - the completion fragment for @shell, to be freed */
static char *complete(enum option_shell shell)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	options_print_completion(out, shell, "dyno", "run-it", specs);
	fclose(out);
	return text;
}

static void zsh_and_fish_are_quoted(void **state)
{
	char *zsh = complete(OPTION_SHELL_ZSH), *fish = complete(OPTION_SHELL_FISH);

	(void)state;
	assert_ptr_equal(strstr(zsh, "_dyno_run_it() {\n"), zsh);
	assert_non_null(strstr(zsh, "'(-q --quiet)'{-q,--quiet}'[say nothing]' \\\n"));
	assert_non_null(strstr(zsh, "'*'{-e+,--env=}'[set a config var]:KEY=VALUE: ' \\\n"));
	assert_non_null(strstr(zsh, "'--slug=[the release'\\''s tree\\: what \\[is\\] at /app;"));
	assert_non_null(strstr(zsh, ":DIR:_files -/' \\\n"));
	assert_non_null(strstr(zsh, "'--net=[which network]:net:(private none host)' \\\n"));
	assert_non_null(strstr(zsh, "'(-T --timeline)'{-T-,--timeline=-}'[.begins with a stop, has a \\\\ and"));
	assert_non_null(strstr(zsh, "::timeline:(text json chrome)' \\\n"));
	assert_non_null(strstr(fish, "complete -c dyno -n '__fish_seen_subcommand_from run-it' -s q -l quiet -f "
	                             "-d 'say nothing'\n"));
	assert_non_null(strstr(fish, " -l net -x -a 'private none host' -d 'which network'\n"));
	assert_non_null(strstr(fish, " -l slug -x -a '(__fish_complete_directories)' -d 'the release\\'s tree"));
	assert_non_null(strstr(fish, "has a \\\\ and it\\'s quoted'\n"));
	free(zsh);
	free(fish);
}

/** bash_accepts() - exit status of bash that runs the fragment and then @script */
static int bash_accepts(const char *fragment, const char *script)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int status = -1;
	pid_t pid;

	assert_non_null(out);
	fprintf(out, "%s\n%s\n", fragment, script);
	fclose(out);
	pid = fork();
	if (pid == 0) {
		execl("/bin/bash", "bash", "-uc", text, (char *)NULL);
		_exit(99);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	free(text);
	return WEXITSTATUS(status);
}

static void bash_completes_names_and_values(void **state)
{
	static const char *const scripts[] = {
		"_dyno_run_it --n '' && [[ ${COMPREPLY[*]} == '--name --net' ]]",
		"_dyno_run_it - run && (( ${#COMPREPLY[@]} == 12 ))",
		"_dyno_run_it '' --net && [[ ${COMPREPLY[*]} == 'private none host' ]]",
		"_dyno_run_it p --net= && [[ ${COMPREPLY[*]} == private ]]",
		"_dyno_run_it j --timeline= && [[ ${COMPREPLY[*]} == json ]]",
		"! _dyno_run_it j --timeline && (( ${#COMPREPLY[@]} == 0 ))",
		"_dyno_run_it 8 -p && (( ${#COMPREPLY[@]} == 0 ))",
		"_dyno_run_it /us --slug && [[ ${COMPREPLY[*]} == /usr ]]",
		"! _dyno_run_it web run && (( ${#COMPREPLY[@]} == 0 ))",
		"! _dyno_run_it '' --quiet",
	};
	char *bash;

	(void)state;
	if (access("/bin/bash", X_OK) < 0)
		skip();
	bash = complete(OPTION_SHELL_BASH);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		if (bash_accepts(bash, scripts[i]) != 0)
			fail_msg("%s", scripts[i]);
	free(bash);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_lands_in_its_field),
		cmocka_unit_test(lists_grow_in_order),
		cmocka_unit_test(operands_end_the_options),
		cmocka_unit_test(letters_bundle),
		cmocka_unit_test(optional_choice_takes_only_what_is_attached),
		cmocka_unit_test(last_one_counts),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(huge_words_make_short_messages),
		cmocka_unit_test(help_lists_every_option_within_eighty_columns),
		cmocka_unit_test(man_page_is_roff),
		cmocka_unit_test(zsh_and_fish_are_quoted),
		cmocka_unit_test(bash_completes_names_and_values),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
