/* SPDX-License-Identifier: Apache-2.0 */
/* scale.c - see scale.h */
#include "formation/scale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "config/setting.h"
#include "config/sizes_file.h"

#define QUANTITY "scale."
#define SIZE "size."
#define NUMBER_SIZE 24

/** struct kept - one type's settings */
struct kept {
	char quantity_key[CONFIG_SETTING_KEY_MAX + 1];
	char size_key[CONFIG_SETTING_KEY_MAX + 1];
	char quantity[NUMBER_SIZE];
};

int scale_keep(struct config_store *store, const char *app, const struct plan *plan, struct dyno_error *err)
{
	_cleanup_free_ struct kept *kept = calloc(plan->count + 1, sizeof(*kept));
	_cleanup_free_ const char **pairs = calloc(4 * plan->count + 1, sizeof(*pairs));
	size_t used = 0;

	if (!kept || !pairs)
		return error_set(err, -ENOMEM, "scale", "no memory for the formation");
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_type *type = &plan->types[i];

		(void)text_format(kept[i].quantity_key, sizeof(kept[i].quantity_key), QUANTITY "%s", type->name);
		(void)text_format(kept[i].size_key, sizeof(kept[i].size_key), SIZE "%s", type->name);
		(void)text_format(kept[i].quantity, sizeof(kept[i].quantity), "%u", type->quantity);
		if (type->scaled) {
			pairs[used++] = kept[i].quantity_key;
			pairs[used++] = kept[i].quantity;
		}
		if (type->resized) {
			pairs[used++] = kept[i].size_key;
			pairs[used++] = type->size.name;
		}
	}
	return config_setting_set_all(store, app, pairs, err);
}

/** read_quantity() - a number of dynos */
static int read_quantity(const char *key, const char *value, uint64_t *ret, struct dyno_error *err)
{
	if (units_number(value, 0, PLAN_QUANTITY_MAX, ret) == 0)
		return 0;
	return error_set(err, -EINVAL, "scale", "setting %.140s is no number from 0 to %d: '%.40s'", key,
	                 PLAN_QUANTITY_MAX, value);
}

/** struct recall - for the settings as they come */
struct recall {
	struct plan *plan;
	struct dyno_error *err;
};

/** recall_setting() - one of them, in the shape that config_setting_list() calls */
static int recall_setting(void *data, const char *key, const char *value)
{
	const struct recall *recall = data;
	const char *name = strchr(key, '.') + 1;
	struct plan_type *type = plan_find(recall->plan, name, strlen(name));
	uint64_t quantity = 0;
	int code;

	if (!type)
		return 0;
	if (text_starts(key, SIZE)) {
		code = sizes_resolve(value, &type->size, recall->err);
	} else {
		code = read_quantity(key, value, &quantity, recall->err);
		if (code == 0)
			type->quantity = (unsigned)quantity;
	}
	if (code < 0)
		error_remedy(recall->err, "what was kept is forgotten by dyno settings:unset %.140s", key);
	return code;
}

int scale_recall(struct config_store *store, const char *app, struct plan *plan, struct dyno_error *err)
{
	struct recall recall = { plan, err };
	int code = config_setting_list(store, app, QUANTITY, recall_setting, &recall, err);

	return code < 0 ? code : config_setting_list(store, app, SIZE, recall_setting, &recall, err);
}

int scale_check(const char *key, const char *value, struct dyno_error *err)
{
	struct size size;
	uint64_t quantity;

	return text_starts(key, SIZE) ? sizes_resolve(value, &size, err) : read_quantity(key, value, &quantity, err);
}
