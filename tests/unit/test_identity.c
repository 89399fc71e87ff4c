/* SPDX-License-Identifier: Apache-2.0 */
/* test_identity.c - isolation/identity: the maps of a dyno's user namespaces, read back from inside */
#include "tests/unit/directory_fixture.h"

#include <grp.h>
#include <sys/syscall.h>

#include "isolation/identity.h"

#define SLOT 4000u /* its range is out of the way of dynos that run: they take low numbers in turn */

/** struct extent - one line of a map */
struct extent {
	uint32_t inside, outside, count;
};

/** read_map() - the extents of map file @path. Return: how many */
static int read_map(const char *path, struct extent ret[8])
{
	FILE *file = fopen(path, "re");
	int count = 0;

	while (file && count < 8 &&
	       fscanf(file, "%u %u %u", &ret[count].inside, &ret[count].outside, &ret[count].count) == 3)
		count++;
	if (file)
		(void)fclose(file);
	return count;
}

/** translate() - what @id inside is outside, or UINT32_MAX */
static uint32_t translate(const struct extent *map, int count, uint32_t id)
{
	for (int i = 0; i < count; i++)
		if (id >= map[i].inside && id - map[i].inside < map[i].count)
			return map[i].outside + (id - map[i].inside);
	return UINT32_MAX;
}

/** check_slug_map() - in the child, within the namespace: owner @id is the user outside, nobody is twice, all in the range */
static int check_slug_map(const char *path, uint32_t id, uint32_t base)
{
	static const uint32_t samples[] = { 0, 1, 499, 500, 501, 999, 1000, 1001, 65532, 65533, 65534, 65535 };
	struct extent map[8];
	int count = read_map(path, map);
	uint64_t sum = 0;

	EXPECT(count > 0 && count <= 5);
	EXPECT(translate(map, count, id) == base + IDENTITY_USER);
	for (int i = 0; i < count; i++) {
		EXPECT(map[i].outside >= base);
		EXPECT((uint64_t)map[i].outside + map[i].count <= (uint64_t)base + IDENTITY_RANGE);
		sum += map[i].count;
	}
	/* the kernel refuses overlaps: so the sum tells that nobody in the range was left out */
	EXPECT(sum == IDENTITY_RANGE);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint32_t outside = translate(map, count, samples[i]);

		if (samples[i] == id)
			continue;
		if (samples[i] == IDENTITY_USER)
			EXPECT(outside == (id < IDENTITY_RANGE ? base + id : UINT32_MAX));
		else
			EXPECT(outside == base + samples[i]);
	}
	return 0;
}

/** in_namespace() - fork a child that enters @fd and checks the maps. Return: its exit status */
static int in_namespace(int fd, uint32_t uid, uint32_t gid, uint32_t base)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setns(fd, CLONE_NEWUSER) < 0)
			_exit(2);
		_exit(check_slug_map("/proc/self/uid_map", uid, base) ||
		      check_slug_map("/proc/self/gid_map", gid, base));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** privileged() - root makes the namespaces; an ordinary user's child makes its own */
static bool privileged(void)
{
	return geteuid() == 0;
}

static void slug_owners(void **state)
{
	static const uint32_t ids[] = { 0, 1, 500, 999, 1000, 1001, 65533, 65534, 65535, 65536, 70000, 4000000000u };

	(void)state;
	if (!privileged())
		SKIP_BECAUSE("only root makes user namespaces of other people's ids");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct identity identity = IDENTITY_NULL;
		struct dyno_error err = { 0 };
		/* a group that is another number than the user, too */
		uint32_t gid = ids[(i + 5) % (sizeof(ids) / sizeof(ids[0]))];

		if (identity_open(SLOT, &identity, &err) < 0 || identity_open_slug(&identity, ids[i], gid, &err) < 0)
			fail_msg("owner %u:%u: %s", ids[i], gid, err.text);
		assert_int_equal(identity.base, IDENTITY_BASE + SLOT * IDENTITY_STRIDE);
		assert_int_equal(identity_user(&identity), identity.base + IDENTITY_USER);
		if (in_namespace(identity.slug_fd, ids[i], gid, identity.base) != 0)
			fail_msg("owner %u:%u: wrong map", ids[i], gid);
		/* the dyno's own has the plain map, which is that of owner 1000 */
		assert_int_equal(in_namespace(identity.user_fd, IDENTITY_USER, IDENTITY_USER, identity.base), 0);
		identity_done(&identity);
	}
}

static void no_slug_no_namespace(void **state)
{
	struct identity identity = IDENTITY_NULL;
	unsigned before = count_descriptors();

	(void)state;
	if (!privileged())
		SKIP_BECAUSE("only root makes user namespaces of other people's ids");
	assert_int_equal(identity_open(SLOT, &identity, NULL), 0);
	assert_int_equal(identity_open_slug(&identity, (uid_t)-1, (gid_t)-1, NULL), 0);
	assert_true(identity.user_fd >= 0);
	assert_int_equal(fcntl(identity.user_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(identity.slug_fd, -1);
	identity_done(&identity);
	assert_int_equal(identity.user_fd, -1);
	/* twice is fine, and nothing is left: no descriptor, no holder to reap */
	identity_done(&identity);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* of the kernel's 128 chains of users: uidhashentry(), kernel/user.c */
static void users_of_neighbours_are_in_chains_of_their_own(void **state)
{
	bool taken[128] = { false };

	(void)state;
	for (uint32_t slot = 0; slot < 128; slot++) {
		uint32_t uid = IDENTITY_BASE + slot * IDENTITY_STRIDE + IDENTITY_USER, chain = ((uid >> 7) + uid) % 128;

		assert_false(taken[chain]);
		taken[chain] = true;
	}
}

static void ranges_of_slots_do_not_meet(void **state)
{
	(void)state;
	/* the last slot's range ends below the largest id, which is "no change" to chown(2) */
	assert_true((uint64_t)IDENTITY_BASE + 4095ULL * IDENTITY_STRIDE + IDENTITY_RANGE < UINT32_MAX);
	assert_true(IDENTITY_USER < IDENTITY_RANGE && IDENTITY_STRIDE >= IDENTITY_RANGE);
}

/** act_enter() - become the dyno's user */
static int act_enter(const struct directory *d)
{
	struct identity identity = IDENTITY_NULL;
	struct dyno_error err = { 0 };
	uid_t uids[3];
	gid_t gids[3];

	(void)d;
	EXPECT(setgroups(2, (const gid_t[]){ 4, 5 }) == 0);
	EXPECT(identity_open(SLOT, &identity, &err) == 0);
	EXPECT(identity_enter_child(&identity, &err) == 0);
	EXPECT(getresuid(&uids[0], &uids[1], &uids[2]) == 0 && getresgid(&gids[0], &gids[1], &gids[2]) == 0);
	for (int i = 0; i < 3; i++)
		EXPECT(uids[i] == IDENTITY_USER && gids[i] == IDENTITY_USER);
	EXPECT(getgroups(0, NULL) == 0);
	/* capabilities of the new namespace are still there: isolation/capabilities drops them next */
	identity_done(&identity);
	return 0;
}

static void entering_leaves_no_group(void **state)
{
	if (!privileged())
		SKIP_BECAUSE("only root makes user namespaces of other people's ids");
	assert_int_equal(in_child(act_enter, *state), 0);
}

static int act_map(const struct directory *d)
{
	struct identity identity = IDENTITY_NULL;
	struct dyno_error err = { 0 };
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct extent map[8];
	char text[16];

	(void)d;
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	EXPECT(identity_map_child(uid, gid, &err) == 0);
	EXPECT(read_map("/proc/self/uid_map", map) == 1);
	/* what we see of the line depends on who reads: inside is 1000, one id */
	EXPECT(map[0].inside == IDENTITY_USER && map[0].count == 1);
	EXPECT(read_map("/proc/self/gid_map", map) == 1);
	EXPECT(map[0].inside == IDENTITY_USER && map[0].count == 1);
	EXPECT(fd_read_text(AT_FDCWD, "/proc/self/setgroups", text, sizeof(text)) > 0);
	EXPECT(strcmp(text, "deny\n") == 0);
	EXPECT(geteuid() == IDENTITY_USER && getegid() == IDENTITY_USER);
	EXPECT(identity_enter_child(&identity, &err) == 0);
	/* twice is not possible, and is told */
	EXPECT(identity_map_child(uid, gid, &err) == -EPERM);
	EXPECT(err.code == -EPERM && err.remedy[0] != '\0');
	return 0;
}

static void own_id_rootless(void **state)
{
	int code = in_child(act_map, *state);

	if (code == 77)
		SKIP_BECAUSE("this user may make no user namespace");
	assert_int_equal(code, 0);
}

static int act_keyring(const struct directory *d)
{
	long before, after;

	(void)d;
	before = syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* KEY_SPEC_SESSION_KEYRING */, 1);
	if (before < 0 && errno == ENOSYS)
		return 0;
	EXPECT(identity_keyring_child(NULL) == 0);
	after = syscall(SYS_keyctl, 0, -3, 0);
	EXPECT(after > 0 && after != before);
	return 0;
}

static void own_keyring(void **state)
{
	assert_int_equal(in_child(act_keyring, *state), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slug_owners),
		cmocka_unit_test(no_slug_no_namespace),
		cmocka_unit_test(ranges_of_slots_do_not_meet),
		cmocka_unit_test(users_of_neighbours_are_in_chains_of_their_own),
		DIRECTORY_TEST(entering_leaves_no_group),
		DIRECTORY_TEST(own_id_rootless),
		DIRECTORY_TEST(own_keyring),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
