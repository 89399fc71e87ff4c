/* SPDX-License-Identifier: Apache-2.0 */
/* app_support.c - see app_support.h */
#include "tests/sandbox/app_support.h"

#include <unistd.h>

const char *app_name(void)
{
	return support_format("shop-%d", (int)getpid());
}

const char *app_dyno(const char *label)
{
	return support_format("%s.%s", app_name(), label);
}

void app_place(const struct fixture *f, const char *name, const char *text)
{
	support_write(support_format("%s/%s", f->slug, name), text, 0644);
}

void app_begin(struct fixture *f, struct process *p, const char *const *argv)
{
	const char *data = support_path(f, "data");

	launch_start(f, p,
	             &(struct launch){ .argv = argv,
	                               .cwd = f->slug,
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", data),
	                                           support_format("DYNO_APP=%s", app_name())) });
}

int app_verb(struct fixture *f, struct process *p, const char *const *argv)
{
	app_begin(f, p, argv);
	return launch_finish(f, p);
}

unsigned app_count(const struct process *p, const char *text)
{
	unsigned count = 0;

	for (const char *at = p->out; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

void app_assert_before(const struct process *p, const char *first, const char *second, const char *file, int line)
{
	const char *at = strstr(p->out, first);
	const char *next = strstr(p->out, second);

	support_assert_that(p, at != NULL, first, file, line);
	support_assert_that(p, next != NULL, second, file, line);
	support_assert_that(p, at < next, support_format("\"%s\" before \"%s\"", first, second), file, line);
}
