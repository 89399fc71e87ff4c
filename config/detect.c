/* SPDX-License-Identifier: Apache-2.0 */
/**
 * detect.c - see detect.h
 *
 * One table of files, in Heroku's order of languages. A file proves its language or supports it; it may name a framework,
 * the last one of which counts; and it may be one of those without which Heroku's build stops.
 */
#include "config/detect.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/file.h"

#define READ_MAX (4U << 20)

enum language { RUBY, NODE, CLOJURE, PYTHON, MAVEN, GRADLE, SCALA, PHP, GO };

static const struct {
	const char *name;
	const char *buildpack;
	const char *asks; /* what its build asks for; NULL for nothing beyond the proof */
} languages[DETECT_LANGUAGES] = {
	[RUBY] = { "Ruby", "heroku/ruby", "Gemfile.lock (bundle lock makes it)" },
	[NODE] = { "Node.js", "heroku/nodejs", NULL },
	[CLOJURE] = { "Clojure", "heroku/clojure", NULL },
	[PYTHON] = { "Python", "heroku/python", "one of requirements.txt, Pipfile.lock, poetry.lock, uv.lock" },
	[MAVEN] = { "Java", "heroku/java", NULL },
	[GRADLE] = { "Java", "heroku/gradle", "gradlew (gradle wrapper makes it)" },
	[SCALA] = { "Scala", "heroku/scala", NULL },
	[PHP] = { "PHP", "heroku/php", NULL },
	[GO] = { "Go", "heroku/go", "go.mod (go mod init makes it)" },
};

enum role {
	PROOF = 1,  /* the language is this one */
	ASKED = 2,  /* satisfies what the build asks for */
	SUPPORT = 0 /* tells more of a language that was proven */
};

static const struct mark {
	enum language language;
	unsigned role;
	const char *path;
	const char *says;
	const char *framework;
} marks[] = {
	{ RUBY, PROOF, "Gemfile", "the gems of a Ruby app", NULL },
	{ RUBY, ASKED, "Gemfile.lock", "their exact versions", NULL },
	{ RUBY, PROOF, "config.ru", "how Rack starts it", "Rack" },
	{ RUBY, SUPPORT, "config/application.rb", "a Rails app", "Rails" },
	{ RUBY, SUPPORT, "bin/rails", "the command of a Rails app", "Rails" },
	{ NODE, PROOF, "package.json", "an npm package", NULL },
	{ NODE, SUPPORT, "package-lock.json", "exact versions, for npm", NULL },
	{ NODE, SUPPORT, "yarn.lock", "exact versions, for Yarn", NULL },
	{ NODE, SUPPORT, "pnpm-lock.yaml", "exact versions, for pnpm", NULL },
	{ CLOJURE, PROOF, "project.clj", "a Leiningen project", NULL },
	{ PYTHON, PROOF | ASKED, "requirements.txt", "packages, for pip", NULL },
	{ PYTHON, PROOF, "setup.py", "a Python package", NULL },
	{ PYTHON, PROOF, "setup.cfg", "a Python package", NULL },
	{ PYTHON, PROOF, "pyproject.toml", "a Python project", NULL },
	{ PYTHON, PROOF, "Pipfile", "packages, for Pipenv", NULL },
	{ PYTHON, PROOF | ASKED, "Pipfile.lock", "exact versions, for Pipenv", NULL },
	{ PYTHON, PROOF | ASKED, "poetry.lock", "exact versions, for Poetry", NULL },
	{ PYTHON, PROOF | ASKED, "uv.lock", "exact versions, for uv", NULL },
	{ PYTHON, PROOF, ".python-version", "which Python", NULL },
	{ PYTHON, PROOF, "runtime.txt", "which Python", NULL },
	{ PYTHON, PROOF, "app.py", "a Python program", NULL },
	{ PYTHON, PROOF, "main.py", "a Python program", NULL },
	{ PYTHON, PROOF, "server.py", "a Python program", NULL },
	{ PYTHON, PROOF, "manage.py", "the command of a Django project", "Django" },
	{ MAVEN, PROOF, "pom.xml", "a Maven project", "Maven" },
	{ GRADLE, PROOF | ASKED, "gradlew", "the wrapper of a Gradle project", "Gradle" },
	{ GRADLE, PROOF, "build.gradle", "a Gradle project", "Gradle" },
	{ GRADLE, PROOF, "build.gradle.kts", "a Gradle project", "Gradle" },
	{ GRADLE, PROOF, "settings.gradle", "a Gradle project", "Gradle" },
	{ GRADLE, PROOF, "settings.gradle.kts", "a Gradle project", "Gradle" },
	{ SCALA, PROOF, "build.sbt", "an sbt project", NULL },
	{ SCALA, PROOF, "project/build.properties", "which sbt", NULL },
	{ PHP, PROOF, "composer.json", "packages, for Composer", NULL },
	{ PHP, PROOF, "index.php", "a PHP page", NULL },
	{ GO, PROOF | ASKED, "go.mod", "a Go module", NULL },
	{ GO, PROOF, "Gopkg.lock", "exact versions, for dep", NULL },
	{ GO, PROOF, "Godeps/Godeps.json", "exact versions, for godep", NULL },
	{ GO, PROOF, "vendor/vendor.json", "exact versions, for govendor", NULL },
	{ GO, PROOF, "glide.yaml", "packages, for glide", NULL },
};

/** look_for() - add @language to @ret if it is proven. Return: whether it is */
static bool look_for(int dirfd, enum language language, struct detected *ret)
{
	struct detect_language *found = &ret->languages[ret->count];
	unsigned roles = 0;

	*found = (struct detect_language){ .name = languages[language].name,
		                           .buildpack = languages[language].buildpack };
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const struct mark *mark = &marks[i];

		if (mark->language != language || !file_is_there(dirfd, mark->path))
			continue;
		roles |= mark->role;
		if (mark->framework)
			found->framework = mark->framework;
		if (found->file_count < DETECT_FILES_MAX)
			found->files[found->file_count++] = (struct detect_file){ mark->path, mark->says };
	}
	if (!(roles & PROOF))
		return false;
	if (!(roles & ASKED))
		found->lacks = languages[language].asks;
	ret->count++;
	return true;
}

/** add_process() - one default process type; a command that is too long cannot be */
static void add_process(struct detected *ret, const char *type, const char *command)
{
	struct detect_process *process = &ret->processes[ret->process_count];

	process->type = type;
	if (text_copy(process->command, sizeof(process->command), command) == 0)
		ret->process_count++;
}

/** has_gem() - Gemfile.lock has @line, which is how a gem stands there: four spaces, its name, a space and "(" */
static bool has_gem(int dirfd, const char *line)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return file_read(dirfd, "Gemfile.lock", READ_MAX, &text, &size) == 0 && strstr(text, line);
}

/**
 * add_ruby() - as heroku-buildpack-ruby has them
 * The buildpack also has the environment say RAILS_ENV=production and RACK_ENV=production unless it says otherwise; the
 * commands here do so themselves, to be the same without it.
 */
static void add_ruby(int dirfd, const char *framework, struct detected *ret)
{
	bool rails = framework && strcmp(framework, "Rails") == 0;

	if (rails)
		add_process(ret, "web", "bin/rails server -p ${PORT:-5000} -e ${RAILS_ENV:-production}");
	else if (framework && has_gem(dirfd, "\n    thin ("))
		add_process(ret, "web",
		            "bundle exec thin start -R config.ru -e ${RACK_ENV:-production} -p ${PORT:-5000}");
	else if (framework)
		add_process(ret, "web", "bundle exec rackup config.ru -p ${PORT:-5000}");
	add_process(ret, "rake", "bundle exec rake");
	add_process(ret, "console", rails ? "bin/rails console" : "bundle exec irb");
}

/** is_version() - the last part of a module's path that is no name: v2, v3 */
static bool is_version(const char *part)
{
	return part[0] == 'v' && part[1] && strspn(part + 1, "0123456789") == strlen(part + 1);
}

/** module_name() - what `go install` calls the program of the module @line names. Return: a part of @line, or NULL */
static const char *module_name(char *line)
{
	char *name;

	line[strcspn(line, " \t\r\n")] = '\0';
	name = strrchr(line, '/');
	if (name && is_version(name + 1)) {
		*name = '\0';
		name = strrchr(line, '/');
	}
	name = name ? name + 1 : line;
	/* go.mod may quote its path; a name like that is none that a shell takes as a word */
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name))
		return NULL;
	return name;
}

/** add_go() - the buildpack installs the programs of the module to bin/; only that of its root can be known unbuilt */
static void add_go(int dirfd, struct detected *ret)
{
	_cleanup_free_ char *text = NULL;
	char command[128];
	const char *name;
	char *line;
	size_t size;

	if (!file_is_there(dirfd, "main.go") || file_read(dirfd, "go.mod", READ_MAX, &text, &size) < 0)
		return;
	line = text_starts(text, "module ") ? text : strstr(text, "\nmodule ");
	if (!line)
		return;
	line += *line == '\n';
	name = module_name(line + strlen("module "));
	if (name && text_format(command, sizeof(command), "bin/%s", name) > 0)
		add_process(ret, "web", command);
}

void detect_directory(int dirfd, struct detected *ret)
{
	enum language first = DETECT_LANGUAGES;

	*ret = (struct detected){ 0 };
	for (enum language language = 0; language < DETECT_LANGUAGES; language++)
		if (look_for(dirfd, language, ret) && ret->count == 1)
			first = language;
	switch (first) {
	case RUBY: add_ruby(dirfd, ret->languages[0].framework, ret); break;
	case NODE: add_process(ret, "web", "npm start"); break;
	case CLOJURE: add_process(ret, "web", "lein with-profile production trampoline run"); break;
	case PHP: add_process(ret, "web", "heroku-php-apache2"); break;
	case GO: add_go(dirfd, ret); break;
	case PYTHON: /* has none */
	case MAVEN:  /* these three have one that names what the build leaves behind */
	case GRADLE:
	case SCALA:
	default: break;
	}
}
