/* SPDX-License-Identifier: Apache-2.0 */
/* test_spare.c - runtime/spare: a slot with its groups and user namespaces, claimed before there is a dyno, and let go of with its host */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/claim.h"
#include "base/fd.h"
#include "runtime/host.h"
#include "runtime/sandbox.h"

/** set_up() - a host of our own */
static int set_up(void **state)
{
	struct dyno_host *host;
	struct dyno_error err = { 0 };

	if (dyno_host_open(&host, &err) < 0) {
		print_error("%s: %s\n", err.step, err.text);
		return -1;
	}
	*state = host;
	return 0;
}

static int tear_down(void **state)
{
	dyno_host_close(*state);
	return 0;
}

/** held() - what claim_held() says of @slot */
static int held(const struct dyno_host *host, unsigned slot)
{
	char id[12];

	return claim_held(host->slots_fd, sandbox_group_id(slot, id, sizeof(id)));
}

/** has_groups() - there are groups of @slot, in all trees that have some of ours; they are bounded already if @bounded */
static bool has_groups(const struct dyno_host *host, unsigned slot, bool bounded)
{
	const struct cgroup_host *cgroups = &host->cgroups;
	struct cgroup group;
	char id[12], text[32] = "";
	bool all = cgroups->v2_fd < 0, any;
	int pids;

	cgroup_open(cgroups, sandbox_group_id(slot, id, sizeof(id)), &group);
	any = group.v2_fd >= 0;
	all = all || any;
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		any = any || group.v1_fd[i] >= 0;
		all = all && (group.v1_fd[i] >= 0) == (cgroups->v1_fd[i] >= 0);
	}
	pids = group.v1_fd[CGROUP_PIDS] >= 0 ? group.v1_fd[CGROUP_PIDS] : group.v2_fd;
	if (bounded && cgroup_holds(cgroups, CGROUP_PIDS)) {
		assert_true(fd_read_text(pids, "pids.max", text, sizeof(text)) > 0);
		assert_int_equal(strtoull(text, NULL, 10), SANDBOX_PIDS);
	}
	cgroup_done(&group);
	assert_true(all || !any);
	return all && cgroups->layout != DYNO_CGROUP_NONE;
}

/** let_go() - of all that @spare has, as a sandbox does at its end */
static void let_go(const struct dyno_host *host, struct spare *spare)
{
	char id[12];

	sandbox_group_id(spare->slot, id, sizeof(id));
	identity_done(&spare->identity);
	cgroup_done(&spare->group);
	assert_int_equal(cgroup_remove(&host->cgroups, id, NULL), 0);
	claim_drop(host->slots_fd, id, spare->slot_fd);
}

static void taken_once(void **state)
{
	struct dyno_host *host = *state;
	bool groups = host->cgroups.layout != DYNO_CGROUP_NONE;
	struct spare spare;
	unsigned number;

	assert_false(spare_take(&host->spare, NETWORK_SLOTS, &spare));
	spare_make(host, NETWORK_SLOTS);
	if (host->rootless) {
		/* the child makes its own namespace, and a claim alone is not worth it */
		assert_int_equal(host->spare.slot_fd, -1);
		return;
	}
	number = host->spare.slot;
	assert_true(host->spare.slot_fd >= 0 && host->spare.identity.user_fd >= 0);
	assert_int_equal(host->spare.identity.base, IDENTITY_BASE + number * IDENTITY_STRIDE);
	assert_int_equal(held(host, number), 1);
	/* there is one, so none is made */
	spare_make(host, NETWORK_SLOTS);
	assert_int_equal(host->spare.slot, number);
	/* one from beyond the range of those who ask stays */
	assert_false(spare_take(&host->spare, number, &spare));
	assert_true(spare_take(&host->spare, number + 1, &spare));
	assert_true(spare.slot_fd >= 0 && spare.identity.user_fd >= 0);
	assert_int_equal(spare.slot, number);
	assert_int_equal(spare.limits.pids, SANDBOX_PIDS);
	assert_int_equal(has_groups(host, number, true), groups);
	assert_int_equal(host->spare.slot_fd, -1);
	assert_false(spare_take(&host->spare, NETWORK_SLOTS, &(struct spare)SPARE_NULL));
	assert_int_equal(held(host, number), 1);
	let_go(host, &spare);
	assert_int_equal(held(host, number), -ENOENT);
	assert_false(groups && has_groups(host, number, false));
}

static void gone_with_its_host(void **state)
{
	struct dyno_host *host = *state, *other;
	struct dyno_error err = { 0 };
	unsigned slot;

	assert_int_equal(dyno_host_open(&other, &err), 0);
	spare_make(other, NETWORK_SLOTS);
	slot = other->spare.slot;
	/* nobody else gets it, and gc does not take it for one of the dead */
	if (!host->rootless)
		assert_int_equal(held(host, slot), 1);
	assert_true(dyno_gc(host, &err) >= 0);
	if (!host->rootless)
		assert_int_equal(held(host, slot), 1);
	if (!host->rootless)
		assert_int_equal(has_groups(host, slot, true), host->cgroups.layout != DYNO_CGROUP_NONE);
	dyno_host_close(other);
	if (host->rootless)
		return;
	assert_int_equal(held(host, slot), -ENOENT);
	assert_false(host->cgroups.layout != DYNO_CGROUP_NONE && has_groups(host, slot, false));
}

/** leftovers of a launcher that died before it had said anything of them are no reason to have none */
static void made_where_groups_are_left(void **state)
{
	struct dyno_host *host = *state;
	struct cgroup left = CGROUP_NULL;
	unsigned slot;
	char id[12];

	if (host->rootless || host->cgroups.layout == DYNO_CGROUP_NONE)
		return;
	/* of one slot only: the same again, unless somebody has it */
	spare_make(host, 1);
	if (host->spare.slot_fd < 0)
		return;
	slot = host->spare.slot;
	spare_drop(host);
	sandbox_group_id(slot, id, sizeof(id));
	assert_int_equal(cgroup_create_v2(&host->cgroups, id, &left, NULL), 0);
	assert_int_equal(cgroup_create_v1(&host->cgroups, id, &left, NULL), 0);
	cgroup_done(&left);
	/* the slot with leftovers is given up, and clean: the next may have it */
	spare_make(host, 1);
	assert_int_equal(host->spare.slot_fd, -1);
	assert_false(has_groups(host, slot, false));
	spare_make(host, 1);
	assert_true(host->spare.slot_fd >= 0);
	assert_int_equal(host->spare.slot, slot);
	assert_true(has_groups(host, slot, true));
}

static void none_where_there_is_no_slot(void **state)
{
	struct dyno_host *host = *state;

	spare_make(host, 0);
	assert_int_equal(host->spare.slot_fd, -1);
	spare_make(host, -ENOSPC);
	assert_int_equal(host->spare.slot_fd, -1);
}

#define SPARE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SPARE_TEST(taken_once),
		SPARE_TEST(gone_with_its_host),
		SPARE_TEST(made_where_groups_are_left),
		SPARE_TEST(none_where_there_is_no_slot),
	};

	return cmocka_run_group_tests_name("spare", tests, NULL, NULL);
}
