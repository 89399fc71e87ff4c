/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_spec.c - apps, networks, registry entries and app blobs of any bytes: refused, or read the same when written back */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "netns/policy.h"
#include "runtime/channel.h"
#include "runtime/registry.h"
#include "runtime/spec.h"

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold, also where assert(3) is compiled away */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/** check_entry() - what was read from a slot's claim is terminated, in range, and survives being published */
static void check_entry(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("entry", MFD_CLOEXEC);
	struct registry_entry entry, again;

	must(fd >= 0 && fd_write_all(fd, data, size) == 0);
	if (registry_read(fd, &entry) != 1)
		return;
	must(entry.net <= DYNO_NET_HOST && entry.pid >= 0 && entry.launcher >= 0);
	must(strlen(entry.name) < sizeof(entry.name) && strlen(entry.scratch_dir) < sizeof(entry.scratch_dir));
	must(registry_publish(fd, &entry) == 0 && registry_read(fd, &again) == 1);
	must(strcmp(entry.name, again.name) == 0 && strcmp(entry.slug, again.slug) == 0);
	must(strcmp(entry.command, again.command) == 0 && strcmp(entry.scratch_dir, again.scratch_dir) == 0);
	must(strcmp(entry.address, again.address) == 0 && entry.port == again.port && entry.slot == again.slot);
	must(strcmp(entry.published, again.published) == 0 && strcmp(entry.publish_unix, again.publish_unix) == 0);
	must(entry.pid == again.pid && entry.started == again.started && entry.boot_ns == again.boot_ns);
}

/** check_table() - @count pointers into the blob and a NULL */
static void check_table(char *blob, size_t size, uint64_t offset, uint32_t count)
{
	char **table = (char **)(void *)(blob + offset);

	for (uint32_t i = 0; i < count; i++) {
		must(table[i] >= blob && table[i] < blob + size);
		must(strlen(table[i]) < (size_t)(blob + size - table[i]));
	}
	must(table[count] == NULL);
}

/** check_blob() - @data as an app blob: refused, or every pointer leads into it */
static void check_blob(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct channel_packet *packet = calloc(1, sizeof(*packet));
	struct channel_app *app;
	size_t mapping;

	must(packet != NULL);
	memcpy(packet->blob, data, size);
	packet->message.blob_size = size;
	app = channel_app_open(packet, &mapping);
	if (!app)
		return;
	must((char *)app == packet->blob && mapping == 0 && app->workdir < size);
	check_table(packet->blob, size, app->argv, app->argc);
	check_table(packet->blob, size, app->env, app->envc);
}

/** check_environment() - the platform's variables are there, once, and every entry is KEY=VALUE */
static void check_environment(char *const *env, bool port)
{
	unsigned dynos = 0, ports = 0;

	for (; *env; env++) {
		must(strchr(*env, '=') && **env != '=');
		dynos += text_starts(*env, "DYNO=");
		ports += text_starts(*env, "PORT=");
	}
	must(dynos == 1 && (!port || ports == 1));
}

/** check_travel() - what the process that becomes the app is sent is what was said */
static void check_travel(const struct dyno_app *app, char *const *env)
{
	struct channel_message message = { .type = CHANNEL_START };
	_cleanup_free_ struct channel_packet *packet = calloc(1, sizeof(*packet));
	_cleanup_free_ void *blob = NULL;
	int pair[2];
	char **argv;
	struct channel_app *got;
	size_t size, mapping;

	must(packet && channel_pair(pair) == 0);
	must(channel_app_pack(app, (const char *const *)env, 0, false, &blob, &size) == 0);
	must(channel_send_app(pair[0], &message, blob, size, NULL) == 0);
	must(channel_receive(pair[1], packet, true) == 1);
	got = channel_app_open(packet, &mapping);
	must(got != NULL);
	argv = (char **)(void *)((char *)got + got->argv);
	for (uint32_t i = 0; i < got->argc; i++)
		must(strcmp(argv[i], app->argv[i]) == 0);
	must(app->argv[got->argc] == NULL);
	channel_app_close(got, size, mapping);
	channel_close_fds(packet);
	(void)fd_close(pair[0]);
	(void)fd_close(pair[1]);
}

/** check_policy() - what was read is within its bounds, and its addresses read the same when written back */
static void check_policy(const struct dyno_app *app, enum dyno_net net)
{
	struct policy policy, again;
	char texts[POLICY_PUBLISH_MAX][POLICY_ENDPOINT_TEXT];
	const char *publish[POLICY_PUBLISH_MAX + 1] = { NULL };
	const struct dyno_app copy = { .port = app->port, .publish = publish };

	must(policy_read(app, net, &policy, NULL) == 0);
	must(policy.publish_count <= POLICY_PUBLISH_MAX && policy.cidr_count <= POLICY_CIDR_MAX);
	must(policy.allow_count <= POLICY_PORT_MAX);
	must((policy.cidr_count > 0) == (policy.egress == POLICY_EGRESS_LIST));
	for (size_t i = 0; i < policy.cidr_count; i++)
		must(policy.cidrs[i].bits <= (policy.cidrs[i].family == AF_INET ? 32 : 128));
	for (size_t i = 0; i < policy.allow_count; i++)
		must(policy.allow_host[i] != 0);
	for (size_t i = 0; i < policy.publish_count; i++)
		publish[i] = policy_endpoint_text(&policy.publish[i], texts[i]);
	must(policy_read(&copy, net, &again, NULL) == 0 && again.publish_count == policy.publish_count);
	must(memcmp(again.publish, policy.publish, policy.publish_count * sizeof(policy.publish[0])) == 0);
}

/**
 * check_network() - lines of @text: the network's number, egress, allowed services, unix socket, then addresses; an empty
 * line is none
 */
static void check_network(char *text)
{
	const char *lines[WORDS + 1] = { NULL };
	const char *publish[WORDS + 1] = { NULL };
	struct dyno_app app = { .port = 5000, .publish = publish };
	struct dyno_error err = { 0 };
	struct policy policy;
	enum dyno_net net;
	size_t count = 0, used = 0;
	const char *line;

	while (count < WORDS && (line = strsep(&text, "\n")))
		lines[count++] = *line ? line : NULL;
	net = (enum dyno_net)(lines[0] ? (unsigned char)lines[0][0] % 3 : 0);
	app.egress = lines[1];
	app.allow_host = lines[2];
	app.publish_unix = lines[3];
	for (size_t i = 4; i < count; i++)
		if (lines[i])
			publish[used++] = lines[i];
	if (policy_read(&app, net, &policy, &err) < 0)
		must(err.code < 0 && err.text[0] != '\0' && err.step[0] != '\0');
	else
		check_policy(&app, net);
}

/** check_app() - lines of @text: name, working directory, then arguments, and after an empty line variables */
static void check_app(char *text)
{
	const char *words[2][WORDS + 1] = { { NULL } };
	struct dyno_app app = { .name = strsep(&text, "\n"), .workdir = strsep(&text, "\n") };
	const struct dyno_shape shape = { .stack = "host" };
	struct dyno_error err = { 0 };
	_cleanup_free_ char **env = NULL, **merged = NULL;
	size_t used = 0, list = 0;
	const char *word;

	while ((word = strsep(&text, "\n")) && used < WORDS) {
		if (*word == '\0' && list == 0)
			list = 1, used = 0;
		else
			words[list][used++] = word;
	}
	app.argv = words[0];
	app.env = words[1];
	app.port = (uint16_t)used;
	if (spec_check_app(&shape, &app, &err) < 0) {
		must(err.code < 0 && err.text[0] != '\0');
		return;
	}
	must(spec_name_valid(app.name) && app.workdir[0] == '/' && app.argv[0][0] != '\0');
	must(spec_environment(&app, app.name, &env) == 0);
	check_environment(env, app.port != 0);
	must(spec_merge_environment(env, app.env, &merged) == 0);
	check_travel(&app, env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1), *network = calloc(1, size + 1);

	must(text && network);
	memcpy(text, data, size);
	memcpy(network, data, size);
	check_network(network);
	check_entry(data, size);
	if (size <= CHANNEL_INLINE)
		check_blob(data, size);
	if (strchr(text, '\n'))
		check_app(text);
	return 0;
}
