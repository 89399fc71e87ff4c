/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_gc.c - runtime/gc: what a dead launcher left goes, what a living one has stays
 *
 * Works in the real state directory, because slots number what is the machine's own: leftovers are made only under claims
 * that this program took. Others may launch and collect meanwhile: a slot that went away may be held again.
 */
#include "tests/unit/directory_fixture.h"

#include <poll.h>
#include <signal.h>

#include "base/claim.h"
#include "runtime/host.h"
#include "runtime/registry.h"

#define PATIENCE_MS 20000
#define NAME "gc-test.1"

/** struct fixture - a host, and the claim of a slot of our own */
struct fixture {
	struct dyno_host *host;
	unsigned slot;
	int claim;
	char number[16], given[32];
	unsigned descriptors;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->descriptors = count_descriptors();
	if (dyno_host_open(&f->host, NULL) < 0)
		return -1;
	f->claim = claim_take_slot(f->host->slots_fd, NETWORK_SLOTS, &f->slot);
	snprintf(f->number, sizeof(f->number), "%u", f->slot);
	snprintf(f->given, sizeof(f->given), "run.%u", 1000 + f->slot);
	*state = f;
	return f->claim < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unsigned now;

	(void)unlinkat(f->host->sockets_fd, NAME, 0);
	(void)unlinkat(f->host->sockets_fd, f->given, 0);
	if (claim_held(f->host->names_fd, NAME) == 0)
		(void)unlinkat(f->host->names_fd, NAME, 0);
	if (f->claim >= 0)
		(void)claim_drop(f->host->slots_fd, f->number, f->claim);
	dyno_host_close(f->host);
	now = count_descriptors();
	if (now != f->descriptors)
		print_error("%u descriptors before, %u after\n", f->descriptors, now);
	now -= f->descriptors;
	free(f);
	return (int)now;
}

/** there() - file @name is in directory @dirfd */
static bool there(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/** die() - let go of the slot as a killed launcher does: the file stays, the lock does not */
static void die(struct fixture *f)
{
	f->claim = fd_close(f->claim);
}

static void stale_slot_goes(void **state)
{
	struct fixture *f = *state;
	const struct registry_entry entry = { .name = NAME, .slot = f->slot, .launcher = 1, .pid = 1 };
	struct registry_entry *list = NULL;
	int count;

	assert_int_equal(registry_publish(f->claim, &entry), 0);
	assert_int_equal(fd_create_text(f->host->sockets_fd, f->given, 0600, ""), 0);
	die(f);
	assert_true(there(f->host->slots_fd, f->number));
	assert_true(dyno_gc(f->host, NULL) >= 1);
	assert_false(there(f->host->slots_fd, f->number));
	assert_false(there(f->host->sockets_fd, f->given));
	count = registry_list(f->host, &list, NULL);
	for (int i = 0; i < count; i++)
		assert_string_not_equal(list[i].name, NAME);
	free(list);
}

static void slot_that_never_published_goes(void **state)
{
	struct fixture *f = *state;

	die(f);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_int_not_equal(claim_held(f->host->slots_fd, f->number), 0);
}

static void stale_name_and_socket_go(void **state)
{
	struct fixture *f = *state;
	int fd = claim_take(f->host->names_fd, NAME);

	assert_true(fd >= 0);
	assert_int_equal(fd_create_text(f->host->sockets_fd, NAME, 0600, ""), 0);
	/* held: nothing of it goes */
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_true(there(f->host->names_fd, NAME));
	assert_true(there(f->host->sockets_fd, NAME));
	fd_close(fd);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_false(there(f->host->names_fd, NAME));
	assert_false(there(f->host->sockets_fd, NAME));
}

static void held_slot_stays(void **state)
{
	struct fixture *f = *state;
	const struct registry_entry entry = { .name = NAME, .slot = f->slot };
	struct registry_entry read;

	assert_int_equal(registry_publish(f->claim, &entry), 0);
	assert_int_equal(fd_create_text(f->host->sockets_fd, f->given, 0600, ""), 0);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_int_equal(claim_held(f->host->slots_fd, f->number), 1);
	assert_true(there(f->host->sockets_fd, f->given));
	assert_int_equal(registry_read(f->claim, &read), 1);
	assert_string_equal(read.name, NAME);
}

static void stale_slot_names_a_directory_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct registry_entry entry = { .slot = f->slot };

	/* somebody unmounted the disk meanwhile: that must not keep the slot forever */
	strcpy(entry.scratch_dir, "/no/such/scratch");
	assert_int_equal(registry_publish(f->claim, &entry), 0);
	die(f);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_int_not_equal(claim_held(f->host->slots_fd, f->number), 0);
}

static void stale_slot_removes_its_own_directory_only(void **state)
{
	struct fixture *f = *state;
	struct registry_entry entry = { .slot = f->slot };
	char path[64] = "/tmp/dyno-gc-XXXXXX", name[128];

	assert_non_null(mkdtemp(path));
	strcpy(entry.scratch_dir, path);
	snprintf(name, sizeof(name), "%s/dyno-%u", path, f->slot);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/dyno-%u/upper", path, f->slot);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/dyno-%u", path, f->slot + 1);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(registry_publish(f->claim, &entry), 0);
	die(f);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_int_equal(access(name, F_OK), 0);
	assert_int_equal(rmdir(name), 0);
	/* and nothing else is in it */
	assert_int_equal(rmdir(path), 0);
}

static void files_of_others_stay(void **state)
{
	static const char *const names[] = { "not-a-slot", "4096", "99999999", "-1", "1x" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(fd_create_text(f->host->slots_fd, names[i], 0600, ""), 0);
	assert_true(dyno_gc(f->host, NULL) >= 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unlinkat(f->host->slots_fd, names[i], 0), 0);
}

/** launcher() - in a child: a dyno named NAME that runs until somebody dies; tells its slot when it is up */
static int launcher(int tell)
{
	const struct dyno_shape shape = { .stack = "host", .net = geteuid() == 0 ? DYNO_NET_PRIVATE : DYNO_NET_NONE };
	const struct dyno_app app = {
		.name = NAME,
		.argv = (const char *const[]){ "/bin/sleep", "600", NULL },
		.fds = { 0, 1, 2 },
	};
	struct dyno_event event = { 0 };
	struct dyno_sandbox *sandbox;
	struct registry_entry entry;
	struct dyno_host *host;
	struct dyno *dyno;

	EXPECT(dyno_host_open(&host, NULL) == 0);
	EXPECT(dyno_prepare(host, &shape, &app, 0, &sandbox, NULL) == 0);
	EXPECT(dyno_start(sandbox, &app, &dyno, NULL) == 0);
	while (event.type != DYNO_EVENT_UP) {
		struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };

		EXPECT(poll(&fd, 1, PATIENCE_MS) == 1 && dyno_next_event(dyno, &event, NULL) == 0);
	}
	EXPECT(registry_find(host, NAME, &entry, NULL) == 0);
	EXPECT(write(tell, &entry, sizeof(entry)) == sizeof(entry));
	for (;;)
		pause();
}

static void killed_launcher(void **state)
{
	struct fixture *f = *state;
	struct registry_entry entry, again;
	char number[16];
	int tell[2], status;
	pid_t pid;

	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(launcher(tell[1]));
	fd_close(tell[1]);
	assert_int_equal(read(tell[0], &entry, sizeof(entry)), sizeof(entry));
	fd_close(tell[0]);
	snprintf(number, sizeof(number), "%u", entry.slot);
	/* while it lives, it is left alone */
	assert_true(dyno_gc(f->host, NULL) >= 0);
	assert_int_equal(registry_find(f->host, NAME, &again, NULL), 0);
	assert_int_equal(again.pid, entry.pid);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* dead: it is no longer listed; its processes go a moment later, and then the collector gets its cgroups */
	assert_int_equal(registry_find(f->host, NAME, &again, NULL), -ENOENT);
	for (int i = 0; i < 200 && there(f->host->slots_fd, number); i++) {
		(void)dyno_gc(f->host, NULL);
		usleep(20000);
	}
	/* the slot may be somebody else's by now, but then it is held */
	assert_int_not_equal(claim_held(f->host->slots_fd, number), 0);
	assert_false(there(f->host->names_fd, NAME));
	assert_false(there(f->host->sockets_fd, NAME));
}

static void collectors_at_once(void **state)
{
	struct fixture *f = *state;
	pid_t pids[4];

	die(f);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(dyno_gc(f->host, NULL) < 0);
	}
	for (int i = 0; i < 4; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_not_equal(claim_held(f->host->slots_fd, f->number), 0);
}

#define GC_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GC_TEST(stale_slot_goes),
		GC_TEST(slot_that_never_published_goes),
		GC_TEST(stale_name_and_socket_go),
		GC_TEST(held_slot_stays),
		GC_TEST(stale_slot_names_a_directory_that_is_gone),
		GC_TEST(stale_slot_removes_its_own_directory_only),
		GC_TEST(files_of_others_stay),
		GC_TEST(killed_launcher),
		GC_TEST(collectors_at_once),
	};

	return cmocka_run_group_tests_name("gc", tests, NULL, NULL);
}
