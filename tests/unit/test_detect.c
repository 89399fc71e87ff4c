/* SPDX-License-Identifier: Apache-2.0 */
/* test_detect.c - config/detect and config/file: small trees, what they are taken for, what is not opened */
#include "tests/unit/directory_fixture.h"

#include "base/text.h"
#include "config/detect.h"
#include "config/file.h"

#define TOLD_MAX 1024

/** make_files() - make @paths, words with spaces between; a word may be PATH=CONTENT */
static void make_files(const struct directory *d, const char *paths)
{
	char words[TOLD_MAX], *rest = words, *word;

	assert_int_equal(text_copy(words, sizeof(words), paths), 0);
	while ((word = strsep(&rest, " "))) {
		char *content = strchr(word, '='), *slash;

		if (content)
			*content++ = '\0';
		slash = strrchr(word, '/');
		if (slash) {
			*slash = '\0';
			fd_close(directory_open(d, word));
			*slash = '/';
		}
		assert_int_equal(fd_create_text(d->fd, word, 0644, content ? content : ""), 0);
	}
}

/** remove_files() - undo make_files() */
static void remove_files(const struct directory *d)
{
	(void)lseek(d->fd, 0, SEEK_SET);
	assert_int_equal(tree_remove(d->fd), 0);
}

/** tell() - "Ruby/Rails Node.js; web: x; rake: y; " */
static const char *tell(const struct detected *found, char *all)
{
	all[0] = '\0';
	for (size_t i = 0; i < found->count; i++)
		(void)text_append(all, TOLD_MAX, "%s%s%s%s", i ? " " : "", found->languages[i].name,
		                  found->languages[i].framework ? "/" : "",
		                  found->languages[i].framework ? found->languages[i].framework : "");
	for (size_t i = 0; i < found->process_count; i++)
		(void)text_append(all, TOLD_MAX, "; %s: %s", found->processes[i].type, found->processes[i].command);
	return all;
}

static void trees(void **state)
{
	static const struct {
		const char *files;
		const char *found;
	} cases[] = {
		{ "README", "" },
		{ "Gemfile Gemfile.lock", "Ruby; rake: bundle exec rake; console: bundle exec irb" },
		{ "config.ru", "Ruby/Rack; web: bundle exec rackup config.ru -p ${PORT:-5000}; rake: bundle exec rake; "
		               "console: bundle exec irb" },
		{ "Gemfile config.ru config/application.rb",
		  "Ruby/Rails; web: bin/rails server -p ${PORT:-5000} -e ${RAILS_ENV:-production}; "
		  "rake: bundle exec rake; console: bin/rails console" },
		{ "Gemfile bin/rails package.json",
		  "Ruby/Rails Node.js; web: bin/rails server -p ${PORT:-5000} -e ${RAILS_ENV:-production}; "
		  "rake: bundle exec rake; console: bin/rails console" },
		{ "bin/rails", "" },
		{ "package.json", "Node.js; web: npm start" },
		{ "package.json requirements.txt", "Node.js Python; web: npm start" },
		{ "requirements.txt", "Python" },
		{ "setup.py", "Python" },
		{ "pyproject.toml", "Python" },
		{ "Pipfile", "Python" },
		{ "requirements.txt manage.py", "Python/Django" },
		{ "project.clj", "Clojure; web: lein with-profile production trampoline run" },
		{ "pom.xml", "Java/Maven" },
		{ "gradlew", "Java/Gradle" },
		{ "build.sbt", "Scala" },
		{ "composer.json", "PHP; web: heroku-php-apache2" },
		{ "index.php", "PHP; web: heroku-php-apache2" },
		{ "go.mod=x", "Go" },
		{ "Gopkg.lock", "Go" },
	};
	struct directory *d = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct detected found;
		char all[TOLD_MAX];

		make_files(d, cases[i].files);
		detect_directory(d->fd, &found);
		if (strcmp(tell(&found, all), cases[i].found) != 0)
			fail_msg("<%s>: <%s>", cases[i].files, all);
		remove_files(d);
	}
}

static void go_programs_are_named_as_go_does(void **state)
{
	static const struct {
		const char *mod;
		const char *command;
	} cases[] = {
		{ "module example.com/me/hello\n\ngo 1.22\n", "bin/hello" },
		{ "// comment\nmodule example.com/me/hello/v2\r\n", "bin/hello" },
		{ "module hello // here", "bin/hello" },
		{ "module v2", "bin/v2" },
		{ "module \"a b\"", NULL },
		{ "module a/$(x)", NULL },
		{ "module a/", NULL },
		{ "go 1.22\n", NULL },
		{ "", NULL },
	};
	struct directory *d = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct detected found;

		make_files(d, "main.go");
		assert_int_equal(fd_create_text(d->fd, "go.mod", 0644, cases[i].mod), 0);
		detect_directory(d->fd, &found);
		assert_int_equal(found.process_count, cases[i].command ? 1 : 0);
		if (cases[i].command)
			assert_string_equal(found.processes[0].command, cases[i].command);
		remove_files(d);
	}
}

static void files_say_why_and_what_is_lacking(void **state)
{
	struct directory *d = *state;
	struct detected found;

	make_files(d, "Gemfile config.ru");
	detect_directory(d->fd, &found);
	assert_int_equal(found.languages[0].file_count, 2);
	assert_string_equal(found.languages[0].files[0].path, "Gemfile");
	assert_string_equal(found.languages[0].files[1].path, "config.ru");
	assert_string_equal(found.languages[0].buildpack, "heroku/ruby");
	assert_non_null(strstr(found.languages[0].lacks, "Gemfile.lock"));
	assert_int_equal(fd_create_text(d->fd, "Gemfile.lock", 0644, "GEM\n  specs:\n    thin (1.8.2)\n"), 0);
	detect_directory(d->fd, &found);
	assert_null(found.languages[0].lacks);
	assert_string_equal(found.processes[0].command,
	                    "bundle exec thin start -R config.ru -e ${RACK_ENV:-production} -p ${PORT:-5000}");
}

static void only_regular_files_of_the_directory_are_read(void **state)
{
	struct directory *d = *state;
	char *text = NULL;
	size_t size = 0;

	make_files(d, "plain=abc");
	assert_int_equal(symlinkat("plain", d->fd, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", d->fd, "out"), 0);
	assert_int_equal(symlinkat("../etc/passwd", d->fd, "up"), 0);
	assert_int_equal(mkfifoat(d->fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(d->fd, "dir", 0700), 0);
	assert_int_equal(file_read(d->fd, "plain", 3, &text, &size), 0);
	assert_int_equal(size, 3);
	assert_string_equal(text, "abc");
	free(text);
	text = NULL;
	assert_int_equal(file_read(d->fd, "link", 99, &text, &size), 0);
	free(text);
	text = NULL;
	assert_int_equal(file_read(d->fd, "plain", 2, &text, &size), -EFBIG);
	assert_int_equal(file_read(d->fd, "out", 1 << 20, &text, &size), -EXDEV);
	assert_int_equal(file_read(d->fd, "up", 1 << 20, &text, &size), -EXDEV);
	assert_int_equal(file_read(d->fd, "fifo", 99, &text, &size), -EINVAL);
	assert_int_equal(file_read(d->fd, "dir", 99, &text, &size), -EISDIR);
	assert_int_equal(file_read(d->fd, "none", 99, &text, &size), -ENOENT);
	assert_null(text);
	assert_true(file_is_there(d->fd, "plain") && file_is_there(d->fd, "link"));
	assert_false(file_is_there(d->fd, "out") || file_is_there(d->fd, "fifo") || file_is_there(d->fd, "dir"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(trees),
		DIRECTORY_TEST(go_programs_are_named_as_go_does),
		DIRECTORY_TEST(files_say_why_and_what_is_lacking),
		DIRECTORY_TEST(only_regular_files_of_the_directory_are_read),
	};

	return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
