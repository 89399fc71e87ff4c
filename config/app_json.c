/* SPDX-License-Identifier: Apache-2.0 */
/* app_json.c - see app_json.h */
#include "config/app_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/environment.h"
#include "config/json_place.h"
#include "config/procfile.h"

/**
 * struct parse - @app, under construction
 * @text, @size: where the lines of keys are looked up
 * @own: sizes besides Heroku's
 * @failed: no memory
 */
struct parse {
	struct app_json app;
	const char *text;
	size_t size;
	const struct sizes *own;
	struct mistakes *m;
	bool failed;
};

/** place() - the line of @outer, @key and @inner, the last two of which may be NULL */
static unsigned long place(const struct parse *p, const char *outer, const char *key, const char *inner)
{
	const char *const path[] = { outer, key, inner, NULL };

	return json_place(p->text, p->size, path);
}

/** read_value() - a config var's value, which a string is */
static void read_value(struct parse *p, struct app_json_var *var, const json_t *value)
{
	if (!json_is_string(value)) {
		(void)mistakes_add(p->m, place(p, "env", var->key, "value"), "the value of %.64s is no string",
		                   var->key);
		return;
	}
	var->value = strdup(json_string_value(value));
	p->failed |= !var->value;
}

/** read_flags() - required and generator of a config var */
static void read_flags(struct parse *p, struct app_json_var *var, const json_t *object)
{
	const json_t *required = json_object_get(object, "required"), *generator = json_object_get(object, "generator");

	if (required && !json_is_boolean(required))
		(void)mistakes_add(p->m, place(p, "env", var->key, "required"),
		                   "'required' of %.64s is neither true nor false", var->key);
	else
		var->required = !required || json_is_true(required);
	if (!generator)
		return;
	if (!json_is_string(generator) || strcmp(json_string_value(generator), "secret") != 0)
		(void)mistakes_add(p->m, place(p, "env", var->key, "generator"),
		                   "the generator of %.64s is unknown; there is \"secret\"", var->key);
	var->generated = true;
}

/** read_var() - one config var */
static void read_var(struct parse *p, const char *key, const json_t *value)
{
	struct app_json_var *var = &p->app.vars[p->app.var_count];
	unsigned long line = place(p, "env", key, NULL);

	if (!environment_key_valid(key, strlen(key))) {
		(void)mistakes_add(
			p->m, line,
			"the name of a config var is letters, digits and underscores and begins with no digit");
		return;
	}
	if (!json_is_string(value) && !json_is_object(value)) {
		(void)mistakes_add(p->m, line, "config var %.64s is neither a string nor an object", key);
		return;
	}
	*var = (struct app_json_var){ .key = strdup(key), .required = true, .line = line };
	if (!var->key) {
		p->failed = true;
		return;
	}
	p->app.var_count++;
	if (json_is_string(value)) {
		read_value(p, var, value);
		return;
	}
	if (json_object_get(value, "value"))
		read_value(p, var, json_object_get(value, "value"));
	read_flags(p, var, value);
}

/** read_quantity() - how many dynos; what is not there is one */
static void read_quantity(struct parse *p, struct app_json_type *type, const json_t *quantity)
{
	type->quantity = 1;
	if (!quantity)
		return;
	if (!json_is_integer(quantity) || json_integer_value(quantity) < 0 ||
	    json_integer_value(quantity) > APP_JSON_QUANTITY_MAX)
		(void)mistakes_add(p->m, place(p, "formation", type->type, "quantity"),
		                   "the quantity of '%s' is no number from 0 to %d", type->type, APP_JSON_QUANTITY_MAX);
	else
		type->quantity = (unsigned)json_integer_value(quantity);
}

/** read_size() - which size; what is not there is any */
static void read_size(struct parse *p, struct app_json_type *type, const json_t *size)
{
	const char *word = json_string_value(size);
	const struct size *found;
	char all[200] = "";

	if (!size)
		return;
	found = word ? sizes_get(p->own, word) : NULL;
	if (found) {
		type->size = *found;
		return;
	}
	for (const char *const *name = sizes_names(); *name; name++)
		(void)text_append(all, sizeof(all), "%s%s", *all ? ", " : "", *name);
	(void)mistakes_add(p->m, place(p, "formation", type->type, "size"),
	                   "the size of '%.32s' is unknown: %.24s (there are %s)", type->type,
	                   word ? word : "no string", all);
}

/** read_type() - one process type of the formation */
static void read_type(struct parse *p, const char *name, const json_t *value)
{
	struct app_json_type *type = &p->app.types[p->app.type_count];
	unsigned long line = place(p, "formation", name, NULL);

	if (!procfile_type_valid(name, strlen(name))) {
		(void)mistakes_add(p->m, line, "a process type is 1 to %d letters, digits, underscores and dashes",
		                   PROCFILE_TYPE_MAX);
		return;
	}
	if (!json_is_object(value)) {
		(void)mistakes_add(p->m, line, "process type '%s' is no object", name);
		return;
	}
	*type = (struct app_json_type){ .type = strdup(name), .line = line };
	if (!type->type) {
		p->failed = true;
		return;
	}
	p->app.type_count++;
	read_quantity(p, type, json_object_get(value, "quantity"));
	read_size(p, type, json_object_get(value, "size"));
}

/** read_members() - call @read for each member of @root's object @name, if it is there */
static void read_members(struct parse *p, json_t *root, const char *name,
                         void (*read)(struct parse *p, const char *key, const json_t *value))
{
	json_t *object = json_object_get(root, name), *value;
	const char *key;

	if (object && !json_is_object(object))
		(void)mistakes_add(p->m, place(p, name, NULL, NULL), "'%s' is no object", name);
	/* each member's line is looked up from the start of the file */
	if (json_object_size(object) > APP_JSON_MEMBERS_MAX)
		(void)mistakes_add(p->m, place(p, name, NULL, NULL), "'%s' has more than %d members", name,
		                   APP_JSON_MEMBERS_MAX);
	if (!json_is_object(object) || json_object_size(object) > APP_JSON_MEMBERS_MAX)
		return;
	json_object_foreach(object, key, value) if (!p->failed && !mistakes_enough(p->m)) read(p, key, value);
}

/** read_root() - what concerns us */
static void read_root(struct parse *p, json_t *root)
{
	if (!json_is_object(root)) {
		(void)mistakes_add(p->m, 1, "the file is no JSON object");
		return;
	}
	/* one more, for calloc(3) may return NULL for none */
	p->app.vars = calloc(json_object_size(json_object_get(root, "env")) + 1, sizeof(*p->app.vars));
	p->app.types = calloc(json_object_size(json_object_get(root, "formation")) + 1, sizeof(*p->app.types));
	p->failed = !p->app.vars || !p->app.types;
	if (!p->failed)
		read_members(p, root, "env", read_var);
	if (!p->failed && !mistakes_enough(p->m))
		read_members(p, root, "formation", read_type);
}

int app_json_parse(const char *text, size_t size, const struct sizes *own, struct mistakes *m, struct app_json *ret)
{
	struct parse p = { .text = text, .size = size, .own = own, .m = m };
	unsigned before = m->count;
	json_error_t why;
	json_t *root;

	if (size > APP_JSON_SIZE_MAX)
		return mistakes_add(m, 0, "the file has more than %u bytes", APP_JSON_SIZE_MAX);
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!root && json_error_code(&why) == json_error_out_of_memory)
		return -ENOMEM;
	/* the library's sentence ends with the text near by, which may be the value of a config var: it is cut off */
	if (!root)
		return mistakes_add(m, why.line > 0 ? (unsigned long)why.line : 1, "this is no JSON: %.*s (column %d)",
		                    (int)strcspn(why.text, "'"), why.text, why.column);
	read_root(&p, root);
	json_decref(root);
	if (!p.failed && m->count == before) {
		*ret = p.app;
		return 0;
	}
	app_json_done(&p.app);
	return p.failed ? -ENOMEM : -EINVAL;
}

void app_json_done(struct app_json *app)
{
	for (size_t i = 0; i < app->var_count; i++) {
		free(app->vars[i].key);
		free(app->vars[i].value);
	}
	for (size_t i = 0; i < app->type_count; i++)
		free(app->types[i].type);
	free(app->vars);
	free(app->types);
	*app = (struct app_json){ 0 };
}
