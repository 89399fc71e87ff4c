/* SPDX-License-Identifier: Apache-2.0 */
/* test_spare.c - runtime/spare: a slot with its user namespaces, claimed before there is a dyno, and let go of with its host */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void taken_once(void **state)
{
	struct dyno_host *host = *state;
	struct identity identity = IDENTITY_NULL;
	unsigned slot = 0, number;
	char id[12];
	int fd;

	assert_int_equal(spare_take(&host->spare, NETWORK_SLOTS, &slot, &identity), -1);
	spare_make(host, NETWORK_SLOTS);
	if (host->rootless) {
		/* the child makes its own namespace, and a claim alone is not worth it */
		assert_int_equal(host->spare.slot_fd, -1);
		return;
	}
	number = host->spare.slot;
	assert_true(host->spare.slot_fd >= 0 && host->spare.identity.user_fd >= 0);
	assert_int_equal(host->spare.identity.base, IDENTITY_BASE + number * IDENTITY_RANGE);
	assert_int_equal(held(host, number), 1);
	/* there is one, so none is made */
	spare_make(host, NETWORK_SLOTS);
	assert_int_equal(host->spare.slot, number);
	/* one from beyond the range of those who ask stays */
	assert_int_equal(spare_take(&host->spare, number, &slot, &identity), -1);
	fd = spare_take(&host->spare, number + 1, &slot, &identity);
	assert_true(fd >= 0);
	assert_int_equal(slot, number);
	assert_true(identity.user_fd >= 0);
	assert_int_equal(host->spare.slot_fd, -1);
	assert_int_equal(spare_take(&host->spare, NETWORK_SLOTS, &slot, &identity), -1);
	assert_int_equal(held(host, number), 1);
	identity_done(&identity);
	claim_drop(host->slots_fd, sandbox_group_id(number, id, sizeof(id)), fd);
	assert_int_equal(held(host, number), -ENOENT);
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
	dyno_host_close(other);
	if (!host->rootless)
		assert_int_equal(held(host, slot), -ENOENT);
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
		SPARE_TEST(none_where_there_is_no_slot),
	};

	return cmocka_run_group_tests_name("spare", tests, NULL, NULL);
}
