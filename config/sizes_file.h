/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sizes_file.h - dyno sizes of this machine's or the user's own making: /etc/dyno/sizes and $XDG_CONFIG_HOME/dyno/sizes
 *
 * One size a line, a name and what differs from a standard-1x:
 *
 *     # name     limits
 *     tiny       memory=128M pids=64 cpus=0.25
 *     big        memory=4G pids=2048 share=8 nofile=65536
 *
 * Names are lower-case letters, digits and '-', and begin with a letter; Heroku's cannot be redefined. `share` is a weight, in
 * standard-1x; `cpus` a ceiling. Neither file has to be there. The user's wins. No launch reads them for a size that is Heroku's.
 */
#ifndef CONFIG_SIZES_FILE_H
#define CONFIG_SIZES_FILE_H

#include <stddef.h>

#include "config/mistakes.h"
#include "config/sizes.h"

#define SIZES_FILE_MAX 65536
#define SIZES_MAX 256

/** struct sizes - of one file or more; owned */
struct sizes {
	struct size *items;
	size_t count;
};

/**
 * sizes_parse() - read the text of such a file
 * @text: needs no terminator
 * @ret:  what it holds is kept, but for sizes of the same name
 * Return: 0, -EINVAL (see @m), or -ENOMEM
 */
int sizes_parse(const char *text, size_t length, struct mistakes *m, struct sizes *ret);

/** sizes_load() - read both files. @ret: to be given to sizes_done(). Return: 0 or negative errno */
int sizes_load(struct sizes *ret, struct dyno_error *err);

/** sizes_get() - Heroku's or one of @own, case-insensitively; NULL when there is none. @own may be NULL */
const struct size *sizes_get(const struct sizes *own, const char *name);

/** sizes_done() - free what it owns */
void sizes_done(struct sizes *sizes);

/**
 * sizes_resolve() - the size called @name; the files are read for one that is not Heroku's
 * Return: 0; -EINVAL when there is none, or a file has a mistake; or another negative errno
 */
int sizes_resolve(const char *name, struct size *ret, struct dyno_error *err);

#endif /* CONFIG_SIZES_FILE_H */
