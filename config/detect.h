/* SPDX-License-Identifier: Apache-2.0 */
/**
 * detect.h - what an app is written in, by the files at its root, and what to run when there is no Procfile
 *
 * Languages are looked for in the order in which Heroku tries its buildpacks
 * (https://devcenter.heroku.com/articles/buildpacks): Ruby, Node.js, Clojure, Python, Java, Gradle, Scala, PHP, Go. The
 * first that matches is the one that counts, as there; the others are told, for who has several has to choose. Files and default
 * process types are those of the buildpacks' bin/detect and bin/release. More than they, config.ru alone is Ruby's.
 */
#ifndef CONFIG_DETECT_H
#define CONFIG_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#define DETECT_LANGUAGES 9
#define DETECT_FILES_MAX 16
#define DETECT_PROCESSES_MAX 3

/** struct detect_file - a file that was found, and what it says */
struct detect_file {
	const char *path;
	const char *says;
};

/**
 * struct detect_language - one that matches
 * @framework: "Rails"; NULL for none
 * @buildpack: "heroku/ruby"
 * @lacks:     what Heroku's build will ask for and is not there; NULL for nothing
 */
struct detect_language {
	const char *name;
	const char *framework;
	const char *buildpack;
	const char *lacks;
	struct detect_file files[DETECT_FILES_MAX];
	size_t file_count;
};

/** struct detect_process - a default process type */
struct detect_process {
	const char *type;
	char command[128];
};

/** struct detected - languages in Heroku's order, default process types of the first */
struct detected {
	struct detect_language languages[DETECT_LANGUAGES];
	size_t count;
	struct detect_process processes[DETECT_PROCESSES_MAX];
	size_t process_count;
};

/** detect_directory() - look at the directory @dirfd. Nothing in it is executed, and only Gemfile.lock and go.mod are read */
void detect_directory(int dirfd, struct detected *ret);

#endif /* CONFIG_DETECT_H */
