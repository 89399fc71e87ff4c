/* SPDX-License-Identifier: Apache-2.0 */
/* run_app.c - see run_app.h */
#include "cli/run_app.h"

#include <stdlib.h>
#include <string.h>

#include "cli/app/options.h"
#include "cli/verb.h"

/** find() - the row of @specs that the option @word, "--name", "--name=value", "-n" or "-nvalue", is about; NULL for none */
static const struct option_spec *find(const struct option_spec *specs, const char *word)
{
	size_t length = strcspn(word, "=");

	for (const struct option_spec *spec = specs; spec->name; spec++) {
		if (word[1] != '-' && spec->letter == word[1])
			return spec;
		if (word[1] == '-' && strlen(spec->name) == length - 2 &&
		    strncmp(spec->name, word + 2, length - 2) == 0)
			return spec;
	}
	return NULL;
}

/** takes_next() - the value of the option @word is the word behind it */
static bool takes_next(const struct option_spec *spec, const char *word)
{
	bool attached = word[1] == '-' ? strchr(word, '=') != NULL : word[2] != '\0';

	return spec && spec->type != OPTION_FLAG && spec->type != OPTION_OPTIONAL_CHOICE && !attached;
}

/** is_common() - @word means the same to both verbs, whose rows are @run and @app, or is run:app's alone */
static bool is_common(const struct option_spec *run, const struct option_spec *app)
{
	return !run || (app && strcmp(run->name, app->name) == 0);
}

bool run_is_of_app(int argc, char *const *argv)
{
	const char *variable = getenv("DYNO_APP");
	bool told = variable && variable[0];

	for (int i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0' && strcmp(argv[i], "--") != 0; i++) {
		const struct option_spec *run = find(run_specs, argv[i]), *app = find(run_app_specs, argv[i]);

		if (app && strcmp(app->name, "app") == 0)
			return true;
		told = told && is_common(run, app);
		i += takes_next(app ? app : run, argv[i]);
	}
	return told;
}
