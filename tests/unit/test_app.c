/* SPDX-License-Identifier: Apache-2.0 */
/* test_app.c - the second program, executed by the first: dyno detect and dyno check on small trees */
#include "tests/unit/directory_fixture.h"

#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>

#include "base/text.h"

#define SAID_MAX 8192

/** struct outcome - of one run */
struct outcome {
	int code;
	char out[SAID_MAX];
	char err[SAID_MAX];
};

/** program() - the path of build/dyno */
static const char *program(char buf[static PATH_MAX])
{
	const char *build = getenv("DYNO_BUILD");

	assert_true(text_format(buf, PATH_MAX, "%s/dyno", build ? build : "build") > 0);
	return buf;
}

/** read_back() - what was written to @fd, which is closed */
static void read_back(int fd, char buf[static SAID_MAX])
{
	ssize_t size = pread(fd, buf, SAID_MAX - 1, 0);

	assert_true(size >= 0);
	buf[size] = '\0';
	fd_close(fd);
}

/** run() - @path VERB OPERAND [OPTION], without an environment */
static struct outcome run(const char *path, const char *verb, const char *operand, const char *option)
{
	const char *words[] = { path, verb, option ? option : operand, option ? operand : NULL, NULL };
	char *argv[5] = { NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t actions;
	struct outcome outcome = { .code = -1 };
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status = 0;
	pid_t pid = -1;

	memcpy(argv, words, sizeof(argv));
	assert_true(out >= 0 && err >= 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO), 0);
	assert_int_equal(posix_spawn(&pid, path, &actions, NULL, argv, env), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	outcome.code = WEXITSTATUS(status);
	read_back(out, outcome.out);
	read_back(err, outcome.err);
	return outcome;
}

/** put() - make file @name with @text in @d */
static void put(const struct directory *d, const char *name, const char *text)
{
	assert_int_equal(fd_create_text(d->fd, name, 0644, text), 0);
}

/** expect() - @outcome is this, with @path taken out of the messages */
static void expect(const struct outcome *outcome, const char *path, int code, const char *out, const char *err)
{
	char told[SAID_MAX] = "";

	for (const char *at = outcome->err; *at;) {
		size_t step = text_starts(at, path) ? strlen(path) : 0;

		if (step == 0)
			(void)text_append(told, sizeof(told), "%c", *at++);
		else
			at += step;
	}
	assert_string_equal(told, err);
	assert_string_equal(outcome->out, out);
	assert_int_equal(outcome->code, code);
}

static void detect_tells_language_reasons_and_processes(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX];

	put(d, "Gemfile", "");
	put(d, "Gemfile.lock", "");
	put(d, "config.ru", "");
	outcome = run(program(path), "detect", d->path, NULL);
	expect(&outcome, d->path, 0,
	       "Ruby/Rack (heroku/ruby)\n"
	       "  Gemfile                  the gems of a Ruby app\n"
	       "  Gemfile.lock             their exact versions\n"
	       "  config.ru                how Rack starts it\n"
	       "no Procfile; default process types of Ruby:\n"
	       "  web: bundle exec rackup config.ru -p ${PORT:-5000}\n"
	       "  rake: bundle exec rake\n"
	       "  console: bundle exec irb\n",
	       "");
	put(d, "package.json", "{}");
	put(d, "Procfile", "web: a\x1b[1m \"b\"\n");
	outcome = run(path, "detect", d->path, "--json");
	expect(&outcome, d->path, 0,
	       "{\"languages\":[{\"name\":\"Ruby\",\"framework\":\"Rack\",\"buildpack\":\"heroku/ruby\",\"missing\":null,"
	       "\"files\":[{\"path\":\"Gemfile\"},{\"path\":\"Gemfile.lock\"},{\"path\":\"config.ru\"}]},"
	       "{\"name\":\"Node.js\",\"framework\":null,\"buildpack\":\"heroku/nodejs\",\"missing\":null,"
	       "\"files\":[{\"path\":\"package.json\"}]}],\"processes_from\":\"Procfile\","
	       "\"processes\":[{\"type\":\"web\",\"command\":\"a\\u001b[1m \\\"b\\\"\"}]}\n",
	       "");
	/* nothing in a file reaches the terminal's escape sequences */
	outcome = run(path, "detect", d->path, NULL);
	assert_null(strchr(outcome.out, '\x1b'));
	assert_non_null(strstr(outcome.out, "several languages match: the first counts, Ruby\n"));
}

static void detect_says_no_by_its_exit_code(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX];

	outcome = run(program(path), "detect", d->path, NULL);
	expect(&outcome, d->path, 1, "no language was recognized\nno Procfile, and no default process types\n", "");
	put(d, "requirements.txt", "");
	put(d, "Procfile", "web\n");
	outcome = run(path, "detect", d->path, "--json");
	assert_int_equal(outcome.code, 1);
	assert_non_null(
		strstr(outcome.err, "/Procfile:1: this is no TYPE: COMMAND (dyno check tells of all mistakes)\n"));
	outcome = run(path, "detect", "/nonexistent", NULL);
	expect(&outcome, d->path, 2, "", "dyno: cannot open directory /nonexistent: No such file or directory\n");
	outcome = run(path, "detect", d->path, "--nonsense");
	assert_int_equal(outcome.code, 2);
}

static void check_takes_what_is_valid(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX];

	put(d, "Procfile", "# comment\r\nweb: a\r\nworker: b\r\n");
	put(d, ".env", "A=1\nB='2'\n");
	put(d, "app.json", "{\"env\": {\"A\": \"1\"}, \"formation\": {\"worker\": {\"quantity\": 2}}}");
	put(d, ".profile", "touch $PWD/executed\nexport A=$(touch executed)\n");
	fd_close(directory_open(d, ".profile.d"));
	put(d, ".profile.d/one.sh", "export B=2\n");
	put(d, ".profile.d/not-read", "if\r\n");
	outcome = run(program(path), "check", d->path, NULL);
	expect(&outcome, d->path, 0,
	       "valid procfile detected (web, worker)\n"
	       "valid .env detected (2 variables)\n"
	       "valid app.json detected (1 config var, formation worker=2)\n"
	       "valid .profile.d/one.sh detected\n"
	       "valid .profile detected\n",
	       "");
	assert_int_not_equal(faccessat(d->fd, "executed", F_OK, 0), 0);
}

static void check_tells_every_mistake_with_its_line(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX];

	put(d, "Procfile", "web: a\nfoo\nweb: b\n");
	put(d, ".env", "A=1\nSECRET\nB='SECRET\n");
	put(d, "app.json", "{\n\"env\": {\"A\": 5},\n\"formation\": {\"web\": {\"quantity\": -1}}}\n");
	put(d, ".profile", "true\nif true; then\n");
	fd_close(directory_open(d, ".profile.d"));
	put(d, ".profile.d/a.sh", "true\r\n");
	assert_int_equal(symlinkat("/etc/passwd", d->fd, ".profile.d/b.sh"), 0);
	outcome = run(program(path), "check", d->path, NULL);
	expect(&outcome, d->path, 1, "",
	       "dyno: /Procfile:2: this is no TYPE: COMMAND\n"
	       "dyno: /Procfile:3: process type 'web' was there already, in line 1\n"
	       "dyno: /.env:2: no KEY=VALUE\n"
	       "dyno: /.env:3: the quote is not closed\n"
	       "dyno: /app.json:2: config var A is neither a string nor an object\n"
	       "dyno: /app.json:3: the quantity of 'web' is no number from 0 to 1000\n"
	       "dyno: /.profile.d/a.sh:1: the line ends in CR LF; a shell takes the CR for text\n"
	       "dyno: /.profile.d/b.sh: it is a link that leads out of the app's directory\n"
	       "dyno: /.profile:3: syntax error: unexpected end of file\n");
}

static void check_without_a_procfile_looks_at_the_language(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX];

	outcome = run(program(path), "check", d->path, NULL);
	expect(&outcome, d->path, 1, "",
	       "dyno: /Procfile: there is none, and nothing here brings default process types\n");
	put(d, "package.json", "{}");
	outcome = run(path, "check", d->path, NULL);
	expect(&outcome, d->path, 0, "no Procfile: Node.js brings default process types (web)\n", "");
	put(d, "app.json", "{\"formation\": {\n\"worker\": {}}}");
	outcome = run(path, "check", d->path, NULL);
	expect(&outcome, d->path, 1, "no Procfile: Node.js brings default process types (web)\n",
	       "dyno: /app.json:2: the app has no process type 'worker'\n");
}

static void missing_program_is_named(void **state)
{
	struct directory *d = *state;
	struct outcome outcome;
	char path[PATH_MAX], alone[PATH_MAX];
	static char text[64 << 20];
	int from = open(program(path), O_RDONLY | O_CLOEXEC), to;
	ssize_t size = read(from, text, sizeof(text));

	assert_in_range(size, 1, sizeof(text) - 1);
	fd_close(from);
	to = openat(d->fd, "dyno", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(fd_write_all(to, text, (size_t)size), 0);
	fd_close(to);
	assert_true(text_format(alone, sizeof(alone), "%s/dyno", d->path) > 0);
	outcome = run(alone, "check", d->path, NULL);
	assert_int_equal(outcome.code, 125);
	assert_non_null(strstr(outcome.err, "dyno: check is a verb of the program dyno-app, which cannot be executed"));
	assert_non_null(strstr(outcome.err, "/libexec/dyno/dyno-app"));
	/* what it is, it still tells */
	outcome = run(alone, "help", "check", NULL);
	assert_int_equal(outcome.code, 0);
	assert_non_null(strstr(outcome.out, "usage: dyno check [OPTION]... [DIR]\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(detect_tells_language_reasons_and_processes),
		DIRECTORY_TEST(detect_says_no_by_its_exit_code),
		DIRECTORY_TEST(check_takes_what_is_valid),
		DIRECTORY_TEST(check_tells_every_mistake_with_its_line),
		DIRECTORY_TEST(check_without_a_procfile_looks_at_the_language),
		DIRECTORY_TEST(missing_program_is_named),
	};

	return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
