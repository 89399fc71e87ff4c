/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_verbs.c - dyno config, config:set and the rest, executed: what they print, keep, and never show */
#include "tests/unit/config_program.h"

#include <dirent.h>
#include <poll.h>
#include <regex.h>
#include <termios.h>

/** expect_like() - @text matches the extended regular expression @pattern */
static void expect_like(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0) != 0)
		fail_msg("'%s' is not like '%s'", text, pattern);
	regfree(&regex);
}

static void set_and_shown_as_heroku_does(void **state)
{
	const struct world world = { .d = *state, .app = "myapp" };
	struct outcome outcome;

	outcome = RUN(&world, "config");
	expect(&outcome, 0, "=== myapp Config Vars\n\n", "");
	outcome = RUN(&world, "config:set", "RACK_ENV=production", "A=x=1 y");
	expect(&outcome, 0, "RACK_ENV: production\nA:        x=1 y\n",
	       "Setting RACK_ENV, A and restarting myapp... done, v1\n");
	outcome = RUN(&world, "config:add", "A=2", "--app", "myapp");
	expect(&outcome, 0, "A: 2\n", "Setting A and restarting myapp... done, v2\n");
	outcome = RUN(&world, "config:set", "-a", "myapp", "--", "A=2");
	expect(&outcome, 0, "A: 2\n", "Setting A and restarting myapp... done, v2 (nothing has changed)\n");
	outcome = RUN(&world, "config:set", "MANY=1\n2", "EMPTY=", "Q=it's $5", "ESC=\x1b[1m");
	assert_int_equal(outcome.code, 0);
	outcome = RUN(&world, "config", "-amyapp");
	expect(&outcome, 0,
	       "=== myapp Config Vars\n\nA:        2\nEMPTY:    \nESC:      ?[1m\nMANY:     1\n2\nQ:        it's "
	       "$5\nRACK_ENV: production\n",
	       "");
	outcome = RUN(&world, "config", "-s");
	expect(&outcome, 0, "A=2\nEMPTY=\nESC='\x1b[1m'\nMANY='1\n2'\nQ=\"it's \\$5\"\nRACK_ENV=production\n", "");
	outcome = RUN(&world, "config", "--json");
	expect(&outcome, 0,
	       "{\n  \"A\": \"2\",\n  \"EMPTY\": \"\",\n  \"ESC\": \"\\u001b[1m\",\n  \"MANY\": \"1\\n2\",\n"
	       "  \"Q\": \"it's $5\",\n  \"RACK_ENV\": \"production\"\n}\n",
	       "");
	outcome = RUN(&world, "config:unset", "A", "EMPTY", "ESC", "MANY", "-a", "myapp", "Q", "NONE");
	expect(&outcome, 0, "", "Unsetting A, EMPTY, ESC, MANY, Q, NONE and restarting myapp... done, v4\n");
	outcome = RUN(&world, "config:unset", "A");
	expect(&outcome, 0, "", "Unsetting A and restarting myapp... done, v4 (nothing has changed)\n");
	outcome = RUN(&world, "config");
	expect(&outcome, 0, "=== myapp Config Vars\n\nRACK_ENV: production\n", "");
}

static void single_values_are_printed_bare(void **state)
{
	const struct world world = { .d = *state, .app = "myapp" };
	struct outcome outcome;

	outcome = RUN(&world, "config:get", "A");
	expect(&outcome, 0, "\n", "");
	outcome = RUN(&world, "config:set", "A=two words", "B=\x1b");
	outcome = RUN(&world, "config:get", "A", "NONE", "B");
	expect(&outcome, 0, "two words\n\n\x1b\n", "");
	outcome = RUN(&world, "config:get", "A", "-s");
	expect(&outcome, 0, "A='two words'\n", "");
	outcome = RUN(&world, "config:get", "--json", "A");
	expect(&outcome, 0, "{\"key\": \"A\", \"value\": \"two words\"}\n", "");
	outcome = RUN(&world, "config:get", "A", "NONE", "-j");
	expect(&outcome, 0, "[{\"key\": \"A\", \"value\": \"two words\"}, {\"key\": \"NONE\", \"value\": null}]\n", "");
}

static void the_app_is_told_or_the_directory(void **state)
{
	struct directory *d = *state;
	struct world world = { .d = d };
	struct outcome outcome;
	char path[PATH_MAX];

	assert_true(text_format(path, sizeof(path), "%s/My_App", d->path) > 0);
	assert_int_equal(mkdir(path, 0755), 0);
	world.place = path;
	outcome = RUN(&world, "config:set", "WHERE=directory");
	expect(&outcome, 0, "WHERE: directory\n", "Setting WHERE and restarting my-app... done, v1\n");
	world.app = "other";
	outcome = RUN(&world, "config:set", "WHERE=variable");
	expect(&outcome, 0, "WHERE: variable\n", "Setting WHERE and restarting other... done, v1\n");
	outcome = RUN(&world, "config:get", "--app=my-app", "WHERE");
	expect(&outcome, 0, "directory\n", "");
	outcome = RUN(&world, "config", "-a", "My_App");
	expect_line(&outcome, 2, "'My_App' cannot be the name of an app (a name is 1 to 30");
	world.app = NULL;
	world.place = "/";
	outcome = RUN(&world, "config");
	expect_line(&outcome, 2, "--app NAME");
}

static void secrets_need_not_be_on_the_command_line(void **state)
{
	struct world world = { .d = *state, .app = "a", .input = "line one\ns3cret\n" };
	struct outcome outcome;
	char path[PATH_MAX];

	outcome = RUN(&world, "config:set", "KEY", "--stdin");
	expect(&outcome, 0, "", "Setting KEY and restarting a... done, v1\n");
	outcome = RUN(&world, "config:get", "KEY");
	expect(&outcome, 0, "line one\ns3cret\n", "");
	world.input = "# comment\nexport B='s3cret'\nC=s3cret\n";
	outcome = RUN(&world, "config:set", "--env-file", "-", "C=shown");
	expect(&outcome, 0, "C: shown\n", "Setting B, C and restarting a... done, v2\n");
	assert_true(text_format(path, sizeof(path), "%s/.env", world.d->path) > 0);
	assert_int_equal(fd_create_text(world.d->fd, ".env", 0600, "D=1\nE=2\n"), 0);
	outcome = RUN(&world, "config:set", "--env-file", path);
	expect(&outcome, 0, "", "Setting D, E and restarting a... done, v3\n");
	outcome = RUN(&world, "config", "-s");
	expect(&outcome, 0, "B=s3cret\nC=shown\nD=1\nE=2\nKEY='line one\ns3cret'\n", "");
	/* and what does not fit is refused whole */
	world.input = "A=1\nno s3cret=\n";
	outcome = RUN(&world, "config:set", "--env-file", "-");
	expect_line(&outcome, 2, "standard input:2: no KEY=VALUE");
	world.input = "A=1\nHEROKU_X=s3cret\n";
	outcome = RUN(&world, "config:set", "--env-file", "-");
	expect_line(&outcome, 2, "standard input:2: HEROKU_X cannot be the key");
	world.input = "\n# nothing\n";
	outcome = RUN(&world, "config:set", "--env-file", "-");
	expect_line(&outcome, 2, "there is no config var in -");
	outcome = RUN(&world, "config:get", "A");
	expect(&outcome, 0, "\n", "");
}

/** read_until() - read from the terminal @fd into @buf until @text is there */
static void read_until(int fd, char buf[static SAID_MAX], const char *text)
{
	size_t used = strlen(buf);

	while (!strstr(buf, text)) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		ssize_t size;

		assert_int_equal(poll(&poller, 1, 5000), 1);
		size = read(fd, buf + used, SAID_MAX - 1 - used);
		if (size <= 0)
			fail_msg("the terminal closed after '%s'", buf);
		used += (size_t)size;
		buf[used] = '\0';
	}
}

static void a_terminal_is_asked_and_shows_nothing(void **state)
{
	struct world world = { .d = *state, .app = "a" };
	char words[4][16] = { "dyno", "config:set", "--stdin", "KEY" };
	char *argv[] = { words[0], words[1], words[2], words[3], NULL };
	char said[SAID_MAX] = "";
	struct outcome outcome;
	struct termios after;
	int status = 0, terminal, master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t pid;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0);
	pid = spawn(&world, argv, terminal, terminal, terminal);
	read_until(master, said, "KEY: ");
	assert_int_equal(fd_write_all(master, "s3cret\n", 7), 0);
	read_until(master, said, "done, v1");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_null(strstr(said, "s3cret"));
	assert_int_equal(tcgetattr(terminal, &after), 0);
	assert_true(after.c_lflag & ECHO);
	fd_close(terminal);
	fd_close(master);
	outcome = RUN(&world, "config:get", "KEY");
	expect(&outcome, 0, "s3cret\n", "");
}

static void what_is_wrong_is_told_in_one_line_without_values(void **state)
{
	const struct world world = { .d = *state, .app = "a" };
	static char large[40000] = "BIG=";
	struct outcome outcome;

	memset(large + 4, 'x', sizeof(large) - 5);
	outcome = RUN(&world, "config:set", large);
	expect_line(&outcome, 2, "would have 39998 bytes, and an app may have 32768");
	outcome = RUN(&world, "config:set", "A=1", "s3cret");
	expect_line(&outcome, 2, "there is a config var without '='");
	assert_null(strstr(outcome.err, "s3cret"));
	outcome = RUN(&world, "config:set", "HEROKU_SLUG=s3cret");
	expect_line(&outcome, 2, "HEROKU_SLUG cannot be the key");
	assert_null(strstr(outcome.err, "s3cret"));
	outcome = RUN(&world, "config:set", "BYTES=s3cret\xff");
	expect_line(&outcome, 2, "the value of BYTES is no UTF-8 text");
	assert_null(strstr(outcome.err, "s3cret"));
	outcome = RUN(&world, "config:set");
	expect_line(&outcome, 2, "config:set takes KEY=VALUE");
	outcome = RUN(&world, "config:set", "--stdin", "A=1");
	expect_line(&outcome, 2, "whose key is none");
	outcome = RUN(&world, "config:set", "--stdin", "A", "B");
	expect_line(&outcome, 2, "--stdin takes one KEY");
	outcome = RUN(&world, "config:set", "--env-file", "/nonexistent");
	expect_line(&outcome, 2, "cannot read /nonexistent: No such file");
	outcome = RUN(&world, "config:unset");
	expect_line(&outcome, 2, "config:unset takes the KEY");
	outcome = RUN(&world, "config:unset", "A B");
	expect_line(&outcome, 2, "whose key is none");
	outcome = RUN(&world, "config", "--shell", "--json");
	expect_line(&outcome, 2, "not both");
	outcome = RUN(&world, "config:st", "A=1");
	expect_line(&outcome, 2, "did you mean config:set?");
	outcome = RUN(&world, "rollback");
	expect_line(&outcome, 1, "no release to roll back to");
	outcome = RUN(&world, "releases:info", "v1");
	expect_line(&outcome, 1, "app a has no release v1");
	outcome = RUN(&world, "releases:info", "latest");
	expect_line(&outcome, 2, "'latest' is no release");
	outcome = RUN(&world, "config");
	expect(&outcome, 0, "=== a Config Vars\n\n", "");
}

static void a_store_that_is_no_good_is_one_line(void **state)
{
	struct directory *d = *state;
	const struct world world = { .d = d, .app = "a" };
	struct outcome outcome;

	outcome = RUN(&world, "config:set", "A=1");
	assert_int_equal(outcome.code, 0);
	assert_int_equal(fchmodat(d->fd, "data/apps.db", 0644, 0), 0);
	outcome = RUN(&world, "config");
	expect_line(&outcome, 125, "others than you may use");
	assert_int_equal(unlinkat(d->fd, "data/apps.db", 0), 0);
	assert_int_equal(fd_create_text(d->fd, "data/apps.db", 0600, "no database at all, but longer than nothing"), 0);
	outcome = RUN(&world, "config:set", "A=s3cret");
	expect_line(&outcome, 125, "is damaged (restore a copy");
	assert_null(strstr(outcome.err, "s3cret"));
	outcome = RUN(&world, "releases");
	expect_line(&outcome, 125, "is damaged (restore a copy");
}

/* ---- config:edit ------------------------------------------------------------------------------------------------ */

/** count_kept() - texts that config:edit has left; @path: of the last */
static unsigned count_kept(const struct directory *d, char path[static PATH_MAX])
{
	DIR *dir = opendir(d->path);
	unsigned count = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (text_starts(entry->d_name, "dyno-config-")) {
			assert_true(text_format(path, PATH_MAX, "%s/%s/config.env", d->path, entry->d_name) > 0);
			count++;
		}
	closedir(dir);
	return count;
}

static void all_are_edited_at_once(void **state)
{
	struct world world = { .d = *state, .app = "a" };
	struct outcome outcome;
	char path[PATH_MAX];

	outcome = RUN(&world, "config:set", "A=1", "Q=it's \"quoted\" $HOME", "CRLF=a\r\nb", "GONE=1");
	world.editor = "cp \"$1\" seen; stat -c %a \"$1\" \"${1%/*}\" > modes; touch \"$1~\"; true";
	outcome = RUN(&world, "config:edit");
	expect(&outcome, 0, "", "Setting config vars and restarting a... done, v1 (nothing has changed)\n");
	assert_true(fd_read_text(world.d->fd, "modes", outcome.out, sizeof(outcome.out)) > 0);
	assert_string_equal(outcome.out, "600\n700\n");
	assert_true(fd_read_text(world.d->fd, "seen", outcome.out, sizeof(outcome.out)) > 0);
	assert_string_equal(outcome.out,
	                    "# Config vars of a, release v1: one KEY=VALUE a line, as in env files.\n"
	                    "# To unset one, remove its line. To change nothing, leave the text as it is.\n\n"
	                    "A=1\nCRLF=\"a\r\\nb\"\nGONE=1\nQ=\"it's \\\"quoted\\\" $HOME\"\n");
	world.editor = "sed -i -e /GONE/d -e s/^A=1/A=2/ -e '$ a NEW=\"two words\" # comment'";
	outcome = RUN(&world, "config:edit");
	expect(&outcome, 0, "", "Setting config vars and restarting a... done, v2\n");
	outcome = RUN(&world, "config", "--json");
	expect(&outcome, 0,
	       "{\n  \"A\": \"2\",\n  \"CRLF\": \"a\\r\\nb\",\n  \"NEW\": \"two words\",\n  \"Q\": \"it's \\\"quoted\\\" "
	       "$HOME\"\n}\n",
	       "");
	world.editor = "false";
	outcome = RUN(&world, "config:edit");
	expect_line(&outcome, 125, "the editor 'false' failed");
	world.editor = "truncate -s 0";
	outcome = RUN(&world, "config:edit");
	expect(&outcome, 0, "", "Setting config vars and restarting a... done, v3\n");
	outcome = RUN(&world, "config");
	expect(&outcome, 0, "=== a Config Vars\n\n", "");
	assert_int_equal(count_kept(world.d, path), 0);
}

static void a_text_with_mistakes_is_kept(void **state)
{
	struct world world = { .d = *state, .app = "a" };
	struct outcome outcome;
	char path[PATH_MAX] = "", says[3 * PATH_MAX];

	outcome = RUN(&world, "config:set", "A=1");
	world.editor = "printf 'B=2\\nbad s3cret\\nC=\\047s3cret\\n' >>";
	outcome = RUN(&world, "config:edit");
	assert_int_equal(outcome.code, 1);
	assert_int_equal(count_kept(world.d, path), 1);
	(void)text_format(says, sizeof(says),
	                  "dyno: %s:6: no KEY=VALUE\ndyno: %s:7: the quote is not closed\n"
	                  "dyno: nothing was changed; the text is kept: dyno config:edit --app a --from %s\n",
	                  path, path, path);
	assert_string_equal(outcome.err, says);
	outcome = RUN(&world, "config", "-s");
	expect(&outcome, 0, "A=1\n", "");
	/* and is where to go on from */
	world.editor = "sed -i -e /s3cret/d";
	outcome = RUN(&world, "config:edit", "--from", path);
	assert_int_equal(outcome.code, 0);
	assert_non_null(strstr(outcome.err, "Setting config vars and restarting a... done, v2\n"));
	outcome = RUN(&world, "config", "-s");
	expect(&outcome, 0, "A=1\nB=2\n", "");
	/* keys against the rules are told, all of them */
	world.editor = "printf '__X=1\\nHEROKU_Y=2\\n' >>";
	outcome = RUN(&world, "config:edit");
	assert_int_equal(outcome.code, 1);
	assert_non_null(strstr(outcome.err, "__X cannot be the key"));
	assert_non_null(strstr(outcome.err, "HEROKU_Y cannot be the key"));
}

static void what_others_changed_meanwhile_is_not_overwritten(void **state)
{
	struct world world = { .d = *state, .app = "a" };
	struct outcome outcome;
	char path[PATH_MAX];

	world.editor = "\"$DYNO\" config:set OTHER=1; echo MINE=1 >>";
	outcome = RUN(&world, "config:edit");
	assert_int_equal(outcome.code, 125);
	assert_non_null(strstr(outcome.err, "the config vars of a were changed meanwhile: release v1 came\n"));
	assert_int_equal(count_kept(world.d, path), 1);
	outcome = RUN(&world, "config", "-s");
	expect(&outcome, 0, "OTHER=1\n", "");
}

/* ---- releases --------------------------------------------------------------------------------------------------- */

static void releases_are_told_and_gone_back_to(void **state)
{
	const struct world world = { .d = *state, .app = "a" };
	struct outcome outcome;

	outcome = RUN(&world, "releases");
	expect(&outcome, 0, "a has no releases.\n", "");
	outcome = RUN(&world, "releases", "--json");
	expect(&outcome, 0, "[]\n", "");
	(void)RUN(&world, "config:set", "A=s3cret");
	(void)RUN(&world, "config:set", "A=2", "B=3");
	outcome = RUN(&world, "rollback", "v1");
	expect(&outcome, 0, "", "Rolling back a to v1... done, v3\nTo undo, run: dyno rollback --app a v2\n");
	outcome = RUN(&world, "config:get", "A", "B");
	expect(&outcome, 0, "s3cret\n\n", "");
	outcome = RUN(&world, "rollback", "3");
	expect_line(&outcome, 1, "v3 is the current release");
	outcome = RUN(&world, "rollback");
	expect(&outcome, 0, "", "Rolling back a to v2... done, v4\nTo undo, run: dyno rollback --app a v3\n");
	outcome = RUN(&world, "releases");
	expect_like(
		outcome.out,
		"^=== a Releases - Current: v4\n\n"
		"Rel  Change                By +When\n"
		"---  --------------------  -+  -+\n"
		"v4   Rollback to v2        [^ ]+ +2[0-9]{3}/[0-9]{2}/[0-9]{2} [0-9:]{8} \\+0000 \\(~ [0-9]+s ago\\)\n"
		"v3   Rollback to v1        .*\n"
		"v2   Set A, B config vars  .*\n"
		"v1   Set A config vars     .*\n$");
	assert_null(strstr(outcome.out, "s3cret"));
	outcome = RUN(&world, "releases", "-n", "1", "--json");
	expect_like(outcome.out,
	            "^\\[\\{\"version\": 4, \"description\": \"Rollback to v2\", \"user\": \\{\"name\": \"[^\"]+\"\\}, "
	            "\"created_at\": \"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\", \"current\": true\\}\\]\n$");
	outcome = RUN(&world, "releases:info", "v2");
	expect_like(outcome.out, "^=== Release v2\n\nBy:     [^\n]+\nChange: Set A, B config vars\nWhen:   2[^\n]+Z\n\n"
	                         "=== v2 Config Vars\n\nA: 2\nB: 3\n$");
	outcome = RUN(&world, "releases:info", "--json");
	expect_like(outcome.out,
	            "\"version\": 4.*\"current\": true, \"config_vars\": \\{\n  \"A\": \"2\",\n  \"B\": \"3\"\n");
}

static void settings_are_what_start_would_take(void **state)
{
	const struct world world = { .d = *state, .app = "a" };
	struct outcome outcome;

	outcome = RUN(&world, "settings");
	expect(&outcome, 0, "=== a Settings\n\n", "");
	outcome = RUN(&world, "settings:set", "allow-host=5432,6379", "-a", "a");
	expect(&outcome, 0, "", "Changing settings of a... done; its next dyno start has them\n");
	outcome = RUN(&world, "settings", "--json");
	expect(&outcome, 0, "{\"allow-host\": \"5432,6379\"}\n", "");
	outcome = RUN(&world, "settings:set", "allow-host=99999");
	expect_line(&outcome, 2, "99999");
	outcome = RUN(&world, "settings:set", "allowhost=1");
	expect_line(&outcome, 2, "there is no setting 'allowhost' (there are: allow-host, scale.TYPE and size.TYPE)");
	outcome = RUN(&world, "settings:set", "allow-host");
	expect_line(&outcome, 2, "write allow-host=VALUE");
	outcome = RUN(&world, "settings");
	expect(&outcome, 0, "=== a Settings\n\nallow-host: 5432,6379\n", "");
	outcome = RUN(&world, "settings:unset", "allow-host");
	assert_int_equal(outcome.code, 0);
	outcome = RUN(&world, "settings");
	expect(&outcome, 0, "=== a Settings\n\n", "");
	/* they are no config vars, and make no release */
	outcome = RUN(&world, "releases");
	expect(&outcome, 0, "a has no releases.\n", "");
}

static void bash_completes_verbs_with_colons(void **state)
{
	static const char script[] =
		"eval \"$(\"$DYNO\" completion bash)\"\n"
		"try() { COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _dyno; echo \"${COMPREPLY[*]}\"; }\n"
		"try dyno config:un\ntry dyno config : un\ntry dyno config :\n"
		"try dyno config : set A = 1 --st\ntry dyno config --js\ntry dyno nothing : s\n";
	char path[PATH_MAX], said[SAID_MAX];
	size_t size;
	FILE *shell;

	(void)state;
	assert_int_equal(setenv("DYNO", program("dyno", path), 1), 0);
	assert_int_equal(setenv("DYNO_TEST_SCRIPT", script, 1), 0);
	shell = popen("exec bash -c \"$DYNO_TEST_SCRIPT\"", "r");
	assert_non_null(shell);
	size = fread(said, 1, sizeof(said) - 1, shell);
	said[size] = '\0';
	assert_int_equal(pclose(shell), 0);
	assert_string_equal(said, "config:unset\nunset\nget set add unset edit\n--stdin\n--json\n\n");
	assert_int_equal(unsetenv("DYNO_TEST_SCRIPT"), 0);
	assert_int_equal(unsetenv("DYNO"), 0);
}

/* ---- where it is not -------------------------------------------------------------------------------------------- */

static void neither_dyno_nor_the_library_knows_sqlite(void **state)
{
	static const char *const names[] = { "dyno", "libdyno.so.0", "libexec/dyno/dyno-app" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int fd = open(program(names[i], path), O_RDONLY | O_CLOEXEC);
		struct stat st = { 0 };
		void *text;

		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(text, MAP_FAILED);
		/* a name to link by, or a text of the library itself */
		assert_int_equal(memmem(text, (size_t)st.st_size, "sqlite3_", 8) != NULL, i == 2);
		(void)munmap(text, (size_t)st.st_size);
		fd_close(fd);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(set_and_shown_as_heroku_does),
		DIRECTORY_TEST(single_values_are_printed_bare),
		DIRECTORY_TEST(the_app_is_told_or_the_directory),
		DIRECTORY_TEST(secrets_need_not_be_on_the_command_line),
		DIRECTORY_TEST(a_terminal_is_asked_and_shows_nothing),
		DIRECTORY_TEST(what_is_wrong_is_told_in_one_line_without_values),
		DIRECTORY_TEST(a_store_that_is_no_good_is_one_line),
		DIRECTORY_TEST(all_are_edited_at_once),
		DIRECTORY_TEST(a_text_with_mistakes_is_kept),
		DIRECTORY_TEST(what_others_changed_meanwhile_is_not_overwritten),
		DIRECTORY_TEST(releases_are_told_and_gone_back_to),
		DIRECTORY_TEST(settings_are_what_start_would_take),
		cmocka_unit_test(bash_completes_verbs_with_colons),
		cmocka_unit_test(neither_dyno_nor_the_library_knows_sqlite),
	};

	return cmocka_run_group_tests_name("config verbs", tests, NULL, NULL);
}
