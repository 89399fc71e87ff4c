/* SPDX-License-Identifier: Apache-2.0 */
/* test_spec.c - runtime/spec: what is refused before anything is touched, and exactly what a dyno is told */
#include "tests/unit/directory_fixture.h"

#include "runtime/spec.h"

#define VECTOR(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *const true_argv[] = { "/bin/true", NULL };

/** variable() - value of @key in @env, NULL without; fails the test when it is there twice */
static const char *variable(char *const *env, const char *key)
{
	size_t length = strlen(key);
	const char *value = NULL;

	for (; *env; env++) {
		if (strncmp(*env, key, length) != 0 || (*env)[length] != '=')
			continue;
		assert_null(value);
		value = *env + length + 1;
	}
	return value;
}

static size_t count(char *const *env)
{
	size_t n = 0;

	while (env[n])
		n++;
	return n;
}

static void names(void **state)
{
	static const char *const good[] = { "web.1", "a", "A-b_c.9", "9", "_x", "run.1x", "web.-1" };
	static const char *const bad[] = { "",       ".",   "..",         ".web", "web.",   "a/b",  "a b", "-x",
		                           "web\n1", "a:b", "w\303\274b", "../x", "web.1/", "\x7f", "a*",  "$HOME" };
	char name[SPEC_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(spec_name_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(spec_name_valid(bad[i]));
	memset(name, 'a', sizeof(name));
	name[SPEC_NAME_MAX + 1] = '\0';
	assert_false(spec_name_valid(name));
	name[SPEC_NAME_MAX] = '\0';
	assert_true(spec_name_valid(name));
}

/** refuse_shape() - @shape is refused with @code, in one sentence that holds @text */
static void refuse_shape(const struct dyno_shape *shape, int code, const char *text)
{
	struct dyno_error err = { 0 };

	assert_int_equal(spec_check_shape(shape, &err), code);
	assert_int_equal(err.code, code);
	assert_string_equal(err.step, "spec");
	if (!strstr(err.text, text))
		print_error("%s does not tell of %s\n", err.text, text);
	assert_non_null(strstr(err.text, text));
	assert_int_equal(spec_check_shape(shape, NULL), code);
}

static void shapes(void **state)
{
	const struct directory *d = *state;
	char file[96];
	struct dyno_error err;

	snprintf(file, sizeof(file), "%s/file", d->path);
	assert_int_equal(fd_create_text(AT_FDCWD, file, 0644, ""), 0);
	assert_int_equal(spec_check_shape(&(struct dyno_shape){ .stack = "host" }, &err), 0);
	assert_int_equal(spec_check_shape(&(struct dyno_shape){ .stack = d->path, .scratch_dir = d->path }, &err), 0);
	assert_int_equal(spec_check_shape(&(struct dyno_shape){ .stack = "host", .scratch_size = 1 << 20 }, &err), 0);
	refuse_shape(&(struct dyno_shape){ 0 }, -EINVAL, "no stack");
	refuse_shape(&(struct dyno_shape){ .stack = "ubuntu" }, -EINVAL, "ubuntu");
	refuse_shape(&(struct dyno_shape){ .stack = "" }, -EINVAL, "stack");
	refuse_shape(&(struct dyno_shape){ .stack = "./x" }, -EINVAL, "absolute");
	refuse_shape(&(struct dyno_shape){ .stack = "/no/such/tree" }, -ENOENT, "/no/such/tree");
	refuse_shape(&(struct dyno_shape){ .stack = file }, -ENOTDIR, file);
	refuse_shape(&(struct dyno_shape){ .stack = "host", .net = (enum dyno_net)7 }, -EINVAL, "network");
	refuse_shape(&(struct dyno_shape){ .stack = "host", .scratch_size = 4096 }, -ERANGE, "4096");
	refuse_shape(&(struct dyno_shape){ .stack = "host", .no_init = true, .tty = true }, -EINVAL, "terminal");
	refuse_shape(&(struct dyno_shape){ .stack = "host", .scratch_dir = "scratch" }, -EINVAL, "scratch");
	refuse_shape(&(struct dyno_shape){ .stack = "host", .scratch_dir = file }, -ENOTDIR, file);
	refuse_shape(&(struct dyno_shape){ .stack = "host", .scratch_dir = "/tmp/a\nb" }, -EINVAL, "line end");
}

static const struct dyno_shape on_host = { .stack = "host" };

/** refuse_app() - the same for an app */
static void refuse_app(const struct dyno_app *app, int code, const char *text)
{
	struct dyno_error err = { 0 };

	assert_int_equal(spec_check_app(&on_host, app, &err), code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, text));
}

static void apps(void **state)
{
	const struct directory *d = *state;
	char file[96];
	struct dyno_error err;

	snprintf(file, sizeof(file), "%s/file", d->path);
	assert_int_equal(fd_create_text(AT_FDCWD, file, 0644, ""), 0);
	assert_int_equal(spec_check_app(&on_host, &(struct dyno_app){ .argv = true_argv }, &err), 0);
	assert_int_equal(spec_check_app(&on_host,
	                                &(struct dyno_app){ .argv = true_argv, .name = "web.1", .slug = d->path },
	                                &err),
	                 0);
	refuse_app(&(struct dyno_app){ 0 }, -EINVAL, "no command");
	refuse_app(&(struct dyno_app){ .argv = (const char *const[]){ NULL } }, -EINVAL, "no command");
	refuse_app(&(struct dyno_app){ .argv = VECTOR("") }, -EINVAL, "no command");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .workdir = "app" }, -EINVAL, "working directory app");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .name = "../x" }, -EINVAL, "../x");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .slug = "." }, -EINVAL, "absolute");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .slug = "/no/such/slug" }, -ENOENT, "/no/such/slug");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .slug = file }, -ENOTDIR, file);
	refuse_app(&(struct dyno_app){ .argv = true_argv, .slug = "/" }, -EINVAL, "whole machine");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .slug = "//tmp/../" }, -EINVAL, "whole machine");
}

static void networks_of_an_app(void **state)
{
	static const char *const publish[] = { "8080", NULL };
	const struct dyno_shape none = { .stack = "host", .net = DYNO_NET_NONE };
	const struct dyno_shape watched = { .stack = "host", .watch = true };
	struct dyno_app app = { .argv = true_argv, .port = 5000, .publish = publish };
	struct dyno_error err;

	(void)state;
	assert_int_equal(spec_check_app(&on_host, &app, &err), 0);
	assert_int_equal(spec_check_app(&none, &app, &err), -EINVAL);
	assert_string_equal(err.step, "publish");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .publish = publish }, -EINVAL, "without a port");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .egress = "no" }, -EINVAL, "not a network");
	refuse_app(&(struct dyno_app){ .argv = true_argv, .allow_host = "0" }, -EINVAL, "1 to 65535");
	app.boot_timeout_ms = 1000;
	refuse_app(&app, -EINVAL, "shape.watch");
	assert_int_equal(spec_check_app(&watched, &app, &err), 0);
	app.publish = NULL;
	app.port = 0;
	assert_int_equal(spec_check_app(&watched, &app, &err), -EINVAL);
	assert_non_null(strstr(err.text, "without a port"));
}

static void secrets_are_not_in_messages(void **state)
{
	struct dyno_error err = { 0 };
	const struct dyno_app app = { .argv = true_argv, .env = VECTOR("A=1", "hunter2") };

	(void)state;
	assert_int_equal(spec_check_app(&on_host, &app, &err), -EINVAL);
	assert_null(strstr(err.text, "hunter2"));
	assert_non_null(strstr(err.text, "entry 2"));
	refuse_app(&(struct dyno_app){ .argv = true_argv, .env = VECTOR("=hunter2") }, -EINVAL, "entry 1");
}

static void given_names_are_reserved(void **state)
{
	static const char *const reserved[] = { "run.1000", "run.0", "run.1", "run.99999999999999999999" };
	static const char *const free_names[] = { "run", "run.x", "run.1x", "run.1.2", "running.1", "RUN.1" };
	struct dyno_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		refuse_app(&(struct dyno_app){ .argv = true_argv, .name = reserved[i] }, -EINVAL, reserved[i]);
	for (size_t i = 0; i < sizeof(free_names) / sizeof(free_names[0]); i++)
		assert_int_equal(
			spec_check_app(&on_host, &(struct dyno_app){ .argv = true_argv, .name = free_names[i] }, &err),
			0);
}

static void environment_of_an_app_without_one(void **state)
{
	const struct dyno_app app = { .argv = true_argv };
	char **env;

	(void)state;
	assert_int_equal(spec_environment(&app, "run.1001", &env), 0);
	assert_int_equal(count(env), 3);
	assert_string_equal(variable(env, "HOME"), "/app");
	assert_string_equal(variable(env, "PATH"), "/usr/local/bin:/usr/bin:/bin");
	assert_string_equal(variable(env, "DYNO"), "run.1001");
	free(env);
}

static void environment_precedence(void **state)
{
	const struct dyno_app app = {
		.argv = true_argv,
		.port = 5000,
		.env = VECTOR("HOME=/tmp", "PATH=/x", "DYNO=evil", "PORT=1", "PORTAL=2", "DYNOS=3", "EMPTY="),
	};
	char **env;

	(void)state;
	assert_int_equal(spec_environment(&app, "web.1", &env), 0);
	assert_string_equal(variable(env, "HOME"), "/tmp");
	assert_string_equal(variable(env, "PATH"), "/x");
	assert_string_equal(variable(env, "DYNO"), "web.1");
	assert_string_equal(variable(env, "PORT"), "5000");
	assert_string_equal(variable(env, "PORTAL"), "2");
	assert_string_equal(variable(env, "DYNOS"), "3");
	assert_string_equal(variable(env, "EMPTY"), "");
	assert_int_equal(count(env), 7);
	free(env);
}

static void port_without_a_port_is_the_apps(void **state)
{
	const struct dyno_app app = { .argv = true_argv, .env = VECTOR("PORT=8080") };
	char **env;

	(void)state;
	assert_int_equal(spec_environment(&app, "web.1", &env), 0);
	assert_string_equal(variable(env, "PORT"), "8080");
	free(env);
}

static void merge(void **state)
{
	char a[] = "A=1", b[] = "B=2", home[] = "HOME=/app";
	char *const base[] = { a, b, home, NULL };
	char **env;

	(void)state;
	assert_int_equal(spec_merge_environment(base, VECTOR("B=3", "C=4", "HOMELY=5"), &env), 0);
	assert_int_equal(count(env), 5);
	assert_string_equal(variable(env, "A"), "1");
	assert_string_equal(variable(env, "B"), "3");
	assert_string_equal(variable(env, "C"), "4");
	assert_string_equal(variable(env, "HOME"), "/app");
	free(env);
	assert_int_equal(spec_merge_environment(base, NULL, &env), 0);
	assert_int_equal(count(env), 3);
	free(env);
}

static void merge_of_long_keys(void **state)
{
	char old[300], new[300];
	char *const base[] = { old, NULL };
	char **env;

	(void)state;
	memset(old, 'K', sizeof(old));
	memset(new, 'K', sizeof(new));
	strcpy(old + 200, "=old");
	strcpy(new + 200, "=new");
	assert_int_equal(spec_merge_environment(base, VECTOR(new), &env), 0);
	assert_int_equal(count(env), 1);
	assert_string_equal(env[0], new);
	free(env);
	/* the same first 127 letters are not the same key */
	strcpy(new + 150, "=new");
	assert_int_equal(spec_merge_environment(base, VECTOR(new), &env), 0);
	assert_int_equal(count(env), 2);
	free(env);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		DIRECTORY_TEST(shapes),
		DIRECTORY_TEST(apps),
		cmocka_unit_test(networks_of_an_app),
		cmocka_unit_test(secrets_are_not_in_messages),
		cmocka_unit_test(given_names_are_reserved),
		cmocka_unit_test(environment_of_an_app_without_one),
		cmocka_unit_test(environment_precedence),
		cmocka_unit_test(port_without_a_port_is_the_apps),
		cmocka_unit_test(merge),
		cmocka_unit_test(merge_of_long_keys),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
