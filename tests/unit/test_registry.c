/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c - runtime/registry: what a slot's claim tells, whole or not at all */
#include "tests/unit/directory_fixture.h"

#include "base/claim.h"
#include "runtime/host.h"
#include "runtime/registry.h"

static const struct registry_entry example = {
	.name = "web.1",
	.slot = 7,
	.launcher = 4711,
	.pid = 4712,
	.started = 1700000000,
	.boot_ns = 1234567,
	.net = DYNO_NET_NONE,
	.address = "10.0.0.2",
	.port = 5000,
	.listening_ns = 7654321,
	.ifname = "dyno7",
	.published = "127.0.0.1:8080 [::1]:8080",
	.publish_unix = "/run/web 1.sock",
	.command = "/app/server",
	.slug = "/srv/a b=c",
	.scratch_dir = "/var/scratch",
	.birth = DYNO_BIRTH_WARM,
	.boot = { .ns = { [DYNO_PHASE_REQUESTED] = 5, [DYNO_PHASE_CLONED] = 3, [DYNO_PHASE_LISTENING] = UINT64_MAX } },
};

/** publish() - claim slot @slot of @host for a dyno @name. Return: the claim */
static int publish(struct dyno_host *host, unsigned slot, const char *name)
{
	struct registry_entry entry = { .slot = slot };
	char number[16];
	int fd;

	snprintf(number, sizeof(number), "%u", slot);
	strcpy(entry.name, name);
	fd = claim_take(host->slots_fd, number);
	assert_true(fd >= 0);
	assert_int_equal(registry_publish(fd, &entry), 0);
	return fd;
}

static void round_trip(void **state)
{
	const struct directory *d = *state;
	struct registry_entry entry;
	int fd = claim_take(d->fd, "7");

	assert_int_equal(registry_read(fd, &entry), 0);
	assert_int_equal(registry_publish(fd, &example), 0);
	memset(&entry, 0xff, sizeof(entry));
	assert_int_equal(registry_read(fd, &entry), 1);
	assert_string_equal(entry.name, example.name);
	assert_int_equal(entry.slot, example.slot);
	assert_int_equal(entry.launcher, example.launcher);
	assert_int_equal(entry.pid, example.pid);
	assert_int_equal(entry.started, example.started);
	assert_int_equal(entry.boot_ns, example.boot_ns);
	assert_int_equal(entry.net, example.net);
	assert_string_equal(entry.address, example.address);
	assert_int_equal(entry.port, example.port);
	assert_int_equal(entry.listening_ns, example.listening_ns);
	assert_string_equal(entry.ifname, example.ifname);
	assert_string_equal(entry.published, example.published);
	assert_string_equal(entry.publish_unix, example.publish_unix);
	assert_string_equal(entry.command, example.command);
	assert_string_equal(entry.slug, example.slug);
	assert_string_equal(entry.scratch_dir, example.scratch_dir);
	assert_int_equal(entry.birth, example.birth);
	assert_memory_equal(&entry.boot, &example.boot, sizeof(entry.boot));
	fd_close(fd);
}

/** fill() - the longest text that fits */
static void fill(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

static void longest_entry_fits(void **state)
{
	const struct directory *d = *state;
	struct registry_entry entry = {
		.slot = UINT32_MAX,
		.launcher = INT32_MAX,
		.pid = INT32_MAX,
		.started = UINT64_MAX,
		.boot_ns = UINT64_MAX,
		.listening_ns = UINT64_MAX,
		.net = DYNO_NET_HOST,
		.port = UINT16_MAX,
	};
	struct registry_entry got;
	int fd = claim_take(d->fd, "0");

	for (int i = 0; i < DYNO_PHASE_COUNT; i++)
		entry.boot.ns[i] = UINT64_MAX;
	fill(entry.name, sizeof(entry.name));
	fill(entry.address, sizeof(entry.address));
	fill(entry.ifname, sizeof(entry.ifname));
	fill(entry.published, sizeof(entry.published));
	fill(entry.publish_unix, sizeof(entry.publish_unix));
	fill(entry.command, sizeof(entry.command));
	fill(entry.slug, sizeof(entry.slug));
	fill(entry.scratch_dir, sizeof(entry.scratch_dir));
	assert_int_equal(registry_publish(fd, &entry), 0);
	assert_int_equal(registry_read(fd, &got), 1);
	assert_string_equal(got.scratch_dir, entry.scratch_dir);
	assert_string_equal(got.slug, entry.slug);
	assert_string_equal(got.published, entry.published);
	assert_string_equal(got.publish_unix, entry.publish_unix);
	assert_true(got.started == UINT64_MAX);
	assert_memory_equal(&got.boot, &entry.boot, sizeof(entry.boot));
	fd_close(fd);
}

static void shorter_entry_replaces_a_longer_one(void **state)
{
	const struct directory *d = *state;
	const struct registry_entry later = { .name = "b", .slot = 1 };
	struct registry_entry entry;
	int fd = claim_take(d->fd, "7");

	assert_int_equal(registry_publish(fd, &example), 0);
	assert_int_equal(registry_publish(fd, &later), 0);
	assert_int_equal(registry_read(fd, &entry), 1);
	assert_string_equal(entry.name, "b");
	assert_string_equal(entry.scratch_dir, "");
	assert_string_equal(entry.slug, "");
	fd_close(fd);
}

static void torn_entry_is_none(void **state)
{
	const struct directory *d = *state;
	struct registry_entry entry, untouched;
	char text[2048];
	ssize_t length;
	int fd = claim_take(d->fd, "7");

	memset(&entry, 0x5a, sizeof(entry));
	untouched = entry;
	assert_int_equal(registry_publish(fd, &example), 0);
	length = fd_read_text(d->fd, "7", text, sizeof(text));
	assert_true(length > 0);
	for (ssize_t cut = length - 1; cut >= 0; cut--) {
		assert_int_equal(ftruncate(fd, cut), 0);
		assert_int_equal(registry_read(fd, &entry), 0);
	}
	assert_memory_equal(&entry, &untouched, sizeof(entry));
	fd_close(fd);
}

static void line_breaks_add_no_lines(void **state)
{
	const struct directory *d = *state;
	struct registry_entry entry = { .name = "web.1", .slot = 3 }, got;
	int fd = claim_take(d->fd, "3");

	strcpy(entry.command, "a\nscratch_dir=/etc");
	strcpy(entry.slug, "/a\nend=1\nname=x");
	assert_int_equal(registry_publish(fd, &entry), 0);
	assert_int_equal(registry_read(fd, &got), 1);
	assert_string_equal(got.name, "web.1");
	assert_string_equal(got.scratch_dir, "");
	assert_null(strchr(got.command, '\n'));
	fd_close(fd);
}

static void unknown_keys_are_a_newer_versions(void **state)
{
	const struct directory *d = *state;
	static const char text[] = "name=web.1\ncolour=blue\nnonsense\nslot=3\nend=1\n";
	struct registry_entry entry;
	int fd = claim_take(d->fd, "3");

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(registry_read(fd, &entry), 1);
	assert_string_equal(entry.name, "web.1");
	assert_int_equal(entry.slot, 3);
	fd_close(fd);
}

static void list_is_sorted_as_people_count(void **state)
{
	const struct directory *d = *state;
	struct dyno_host host = { .slots_fd = d->fd };
	static const char *const names[] = { "web.10", "web.2", "worker.1", "run.1000", "web.1" };
	static const char *const sorted[] = { "run.1000", "web.1", "web.2", "web.10", "worker.1" };
	struct registry_entry *list;
	int fds[5];

	for (unsigned i = 0; i < 5; i++)
		fds[i] = publish(&host, i, names[i]);
	/* twice: the descriptor's offset is shared */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(registry_list(&host, &list, NULL), 5);
		for (int i = 0; i < 5; i++)
			assert_string_equal(list[i].name, sorted[i]);
		free(list);
	}
	for (int i = 0; i < 5; i++)
		fd_close(fds[i]);
}

static void stale_and_unpublished_are_not_listed(void **state)
{
	const struct directory *d = *state;
	struct dyno_host host = { .slots_fd = d->fd };
	struct registry_entry *list;
	int running = publish(&host, 1, "web.1");
	int dead = publish(&host, 2, "web.2");
	int booting = claim_take(d->fd, "3");

	fd_close(dead);
	assert_true(booting >= 0);
	assert_int_equal(registry_list(&host, &list, NULL), 1);
	assert_string_equal(list[0].name, "web.1");
	free(list);
	fd_close(running);
	fd_close(booting);
	assert_int_equal(registry_list(&host, &list, NULL), 0);
	free(list);
}

static void disk_claim_before_the_start_is_not_a_dyno(void **state)
{
	const struct directory *d = *state;
	struct dyno_host host = { .slots_fd = d->fd };
	struct registry_entry *list;
	int booting = publish(&host, 1, "");

	/* what dyno_prepare() notes for gc names no dyno yet */
	assert_int_equal(registry_list(&host, &list, NULL), 0);
	free(list);
	fd_close(booting);
}

static void find_and_suggest(void **state)
{
	const struct directory *d = *state;
	struct dyno_host host = { .slots_fd = d->fd };
	struct registry_entry entry;
	struct dyno_error err = { 0 };
	int web, worker;

	assert_int_equal(registry_find(&host, "web.1", &entry, &err), -ENOENT);
	assert_non_null(strstr(err.text, "web.1"));
	assert_non_null(strstr(err.remedy, "dyno ps"));
	web = publish(&host, 1, "web.1");
	worker = publish(&host, 2, "worker.1");
	assert_int_equal(registry_find(&host, "worker.1", &entry, &err), 0);
	assert_int_equal(entry.slot, 2);
	assert_int_equal(registry_find(&host, "wbe.1", &entry, &err), -ENOENT);
	assert_non_null(strstr(err.remedy, "did you mean web.1?"));
	assert_int_equal(registry_find(&host, "database", &entry, &err), -ENOENT);
	assert_null(strstr(err.remedy, "did you mean"));
	assert_int_equal(registry_find(&host, "web", &entry, NULL), -ENOENT);
	fd_close(web);
	fd_close(worker);
}

static void network_is_noted(void **state)
{
	const struct network network = {
		.address = "172.29.0.6",
		.ifname = "dyno1",
		.publish = { .count = 2, .texts = { "127.0.0.1:8080", "[::1]:8080" }, .unix_path = "/run/web.sock" },
	};
	struct registry_entry entry = { .published = "stale" };

	(void)state;
	registry_note_network(&entry, &network);
	assert_string_equal(entry.address, "172.29.0.6");
	assert_string_equal(entry.ifname, "dyno1");
	assert_string_equal(entry.published, "127.0.0.1:8080 [::1]:8080");
	assert_string_equal(entry.publish_unix, "/run/web.sock");
}

/** owner() - what is said when @address is taken on @host */
static const char *owner(struct dyno_host *host, const char *address, const char *path)
{
	static struct dyno_error err;
	const struct dyno_app app = { .port = 5000,
		                      .publish = (const char *const[]){ address, NULL },
		                      .publish_unix = path };
	struct policy policy;

	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, NULL), 0);
	err = (struct dyno_error){ .text = "somebody" };
	registry_name_owner(host, &policy, &err);
	return err.text;
}

static void owner_of_an_address_is_named(void **state)
{
	const struct directory *d = *state;
	struct dyno_host host = { .slots_fd = d->fd };
	int fd = claim_take(d->fd, "7"), other = publish(&host, 1, "worker.1");

	assert_int_equal(registry_publish(fd, &example), 0);
	assert_string_equal(owner(&host, "8080", NULL), "127.0.0.1:8080 is published by dyno web.1");
	assert_string_equal(owner(&host, "[::]:8080", NULL), "[::1]:8080 is published by dyno web.1");
	assert_string_equal(owner(&host, "0.0.0.0:8080", NULL), "127.0.0.1:8080 is published by dyno web.1");
	assert_string_equal(owner(&host, "8081", "/run/web 1.sock"), "/run/web 1.sock is published by dyno web.1");
	assert_string_equal(owner(&host, "8081", "/run/web.sock"), "somebody");
	assert_string_equal(owner(&host, "127.0.0.2:8080", NULL), "somebody");
	assert_string_equal(owner(&host, "0", NULL), "somebody");
	fd_close(fd);
	fd_close(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(round_trip),
		DIRECTORY_TEST(longest_entry_fits),
		DIRECTORY_TEST(shorter_entry_replaces_a_longer_one),
		DIRECTORY_TEST(torn_entry_is_none),
		DIRECTORY_TEST(line_breaks_add_no_lines),
		DIRECTORY_TEST(unknown_keys_are_a_newer_versions),
		DIRECTORY_TEST(list_is_sorted_as_people_count),
		DIRECTORY_TEST(stale_and_unpublished_are_not_listed),
		DIRECTORY_TEST(disk_claim_before_the_start_is_not_a_dyno),
		DIRECTORY_TEST(find_and_suggest),
		cmocka_unit_test(network_is_noted),
		DIRECTORY_TEST(owner_of_an_address_is_named),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
