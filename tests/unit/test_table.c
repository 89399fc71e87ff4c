/* SPDX-License-Identifier: Apache-2.0 */
/* test_table.c - the packet filter's table: its users, its elements, and what others do to it meanwhile */
#include "netns_fixture.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netns/rule.h"
#include "netns/table.h"
#include "netns/table_rules.h"

#define SLOT 7
#define OTHER 8
#define MANY 300

/* FNV-1a of every byte that installs the table, and TABLE_VERSION of then: change both together */
#define RULES_HASH 0xdcfcbd1dU
#define RULES_VERSION 2

/** struct user - a user of the table, and a socket to see by */
struct user {
	int dir;
	struct table *table;
	struct nl_sock *sock;
	struct dyno_error err;
};

static const struct address_range default_range = ADDRESS_RANGE_DEFAULT;

/** open_dir() - the directory of this test program */
static int open_dir(void)
{
	int dir = open(fixture_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(dir >= 0);
	return dir;
}

/** use() - become a user; skip where the kernel has no nf_tables */
static struct user use(void)
{
	struct user user = { .dir = open_dir() };
	int r = table_open(user.dir, &default_range, &user.table, &user.err);

	if (r == -EOPNOTSUPP)
		_exit(FIXTURE_SKIPPED);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", user.err.step, user.err.text);
	CHECK(r == 0);
	CHECK(nft_open(&user.sock, &user.err) == 0);
	return user;
}

/** leave() - stop being one */
static void leave(struct user *user)
{
	user->table = table_close(user->table);
	user->sock = netlink_close(user->sock);
	user->dir = fd_close(user->dir);
}

/** count_element() - nft_each */
static void count_element(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct nft_view list = nft_find(body, NFTA_SET_ELEM_LIST_ELEMENTS);
	unsigned kind;

	(void)family;
	CHECK(type == NFT_MSG_NEWSETELEM);
	while (nft_next(&list, &kind).data)
		++*(int *)data;
}

/** elements() - number of elements of @set as the kernel has it; -ENOENT without a table */
static int elements(struct nl_sock *sock, enum table_set set)
{
	struct nft_batch batch;
	int count = 0, r;

	nft_begin(&batch);
	rule_put_elements(&batch, NFT_MSG_GETSETELEM, TABLE_NAME, table_rules_set(set), NULL, 0);
	r = nft_dump(sock, &batch, count_element, &count);
	return r < 0 ? r : count;
}

/** remove_table() - what `nft flush ruleset` does to us */
static void remove_table(struct nl_sock *sock)
{
	struct nft_batch batch;

	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_DELTABLE, TABLE_NAME, NULL);
	CHECK(nft_commit(sock, &batch, "test", NULL) == 0);
}

/** at4() - an IPv4 address and port of this machine */
static struct policy_endpoint at4(const char *address, uint16_t port)
{
	struct policy_endpoint at = { .family = AF_INET, .port = port };

	CHECK(inet_pton(AF_INET, address, at.address) == 1);
	return at;
}

/** at6() - the same for IPv6 */
static struct policy_endpoint at6(const char *address, uint16_t port)
{
	struct policy_endpoint at = { .family = AF_INET6, .port = port };

	CHECK(inet_pton(AF_INET6, address, at.address) == 1);
	return at;
}

/** publish() - that must work */
static void publish(struct user *user, struct policy_endpoint at, unsigned slot)
{
	int r = table_publish(user->table, &at, slot, PORT, &user->err);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", user->err.step, user->err.text);
	CHECK(r == 0);
}

/** listed() - a policy with elements in every set */
static struct policy listed(void)
{
	struct policy policy = {
		.egress = POLICY_EGRESS_LIST,
		.cidr_count = 3,
		.cidrs = { { AF_INET, 24, { 203, 0, 113 } },
		           { AF_INET, 32, { 198, 51, 100, 9 } },
		           { AF_INET6, 32, { 0x20, 1, 0xd, 0xb8 } } },
		.allow_count = 2,
		.allow_host = { 5432, 6379 },
	};

	return policy;
}

/** lock_file_is_there() - the table's lock file */
static bool lock_file_is_there(int dir)
{
	char name[48];

	snprintf(name, sizeof(name), "table-%ju", (uintmax_t)where());
	return faccessat(dir, name, F_OK, 0) == 0;
}

static void users_child(void *data)
{
	int before;
	struct user first, second;

	(void)data;
	own_host();
	before = open_fds();
	first = use();
	CHECK(elements(first.sock, TABLE_PUBLISH4) == 0);
	CHECK(lock_file_is_there(first.dir));
	publish(&first, at4("127.0.0.1", 8080), SLOT);
	second = use();
	/* who comes later finds things as they are */
	CHECK(elements(second.sock, TABLE_PUBLISH4) == 1);
	leave(&first);
	CHECK(elements(second.sock, TABLE_PUBLISH4) == 1);
	second.table = table_close(second.table);
	CHECK(elements(second.sock, TABLE_PUBLISH4) == -ENOENT);
	CHECK(!lock_file_is_there(second.dir));
	leave(&second);
	CHECK(open_fds() == before);
}

static void test_the_last_user_removes_the_table(void **state)
{
	(void)state;
	expect(users_child);
}

/** die_using() - a user that is killed with everything in place */
static void die_using(void *data)
{
	struct user user = use();
	struct policy policy = listed();

	publish(&user, at4("127.0.0.1", 8080), SLOT);
	publish(&user, at6("::1", 8080), SLOT);
	CHECK(table_admit(user.table, SLOT, &policy, &user.err) == 0);
	_exit(data ? 0 : 1);
}

static void killed_child(void *data)
{
	struct user user, sitting;

	own_host();
	/* alone: all of it goes at the next start */
	CHECK(in_child(die_using, &user) == 0);
	user = use();
	for (enum table_set set = 0; set < TABLE_SETS; set++)
		CHECK(elements(user.sock, set) == 0);
	leave(&user);
	/* with somebody else: it stays until someone forgets the slot, and does no harm to others' */
	sitting = use();
	publish(&sitting, at4("127.0.0.1", 9000), OTHER);
	CHECK(in_child(die_using, &user) == 0);
	CHECK(elements(sitting.sock, TABLE_REACH4) == 2);
	CHECK(table_forget(sitting.table, SLOT, &sitting.err) == 0);
	for (enum table_set set = 0; set < TABLE_SETS; set++)
		CHECK(elements(sitting.sock, set) == (set == TABLE_PUBLISH4));
	/* another dyno at the address of a dead one */
	CHECK(in_child(die_using, &user) == 0);
	publish(&sitting, at4("127.0.0.1", 8080), OTHER);
	CHECK(elements(sitting.sock, TABLE_PUBLISH4) == 2);
	CHECK(table_forget(sitting.table, SLOT, &sitting.err) == 0);
	CHECK(elements(sitting.sock, TABLE_PUBLISH4) == 2);
	leave(&sitting);
	(void)data;
}

static void test_what_killed_users_left(void **state)
{
	(void)state;
	expect(killed_child);
}

static void elements_child(void *data)
{
	struct user user;
	struct policy policy = listed(), nothing = { .egress = POLICY_EGRESS_ALLOW },
		      deny = { .egress = POLICY_EGRESS_DENY };
	struct policy_endpoint at;

	(void)data;
	own_host();
	user = use();
	CHECK(table_admit(user.table, OTHER, &nothing, &user.err) == 0);
	for (enum table_set set = 0; set < TABLE_SETS; set++)
		CHECK(elements(user.sock, set) == 0);
	CHECK(table_admit(user.table, SLOT, &policy, &user.err) == 0);
	CHECK(table_admit(user.table, SLOT + 10, &deny, &user.err) == 0);
	CHECK(elements(user.sock, TABLE_LIMITED) == 2);
	CHECK(elements(user.sock, TABLE_REACH4) == 2);
	CHECK(elements(user.sock, TABLE_REACH6) == 1);
	CHECK(elements(user.sock, TABLE_SERVICES) == 2);
	CHECK(table_resolver(user.table, 0x7f000035, &user.err) == 0);
	CHECK(table_resolver(user.table, 0x7f000036, &user.err) == 0);
	CHECK(elements(user.sock, TABLE_RESOLVER) == 2);
	for (uint16_t port = 1; port <= MANY; port++) {
		publish(&user, at4("0.0.0.0", port), SLOT);
		publish(&user, at6("::", port), port);
	}
	CHECK(elements(user.sock, TABLE_PUBLISH4) == MANY);
	CHECK(elements(user.sock, TABLE_PUBLISH6) == MANY);
	at = at4("0.0.0.0", 5);
	CHECK(table_unpublish(user.table, &at, &user.err) == 0);
	CHECK(table_unpublish(user.table, &at, &user.err) == 0);
	CHECK(elements(user.sock, TABLE_PUBLISH4) == MANY - 1);
	CHECK(table_forget(user.table, SLOT, &user.err) == 0);
	CHECK(elements(user.sock, TABLE_PUBLISH4) == 0);
	CHECK(elements(user.sock, TABLE_PUBLISH6) == MANY - 1);
	CHECK(elements(user.sock, TABLE_REACH4) == 0);
	CHECK(elements(user.sock, TABLE_LIMITED) == 1);
	CHECK(elements(user.sock, TABLE_RESOLVER) == 2);
	/* twice is fine, and a slot that never was */
	CHECK(table_forget(user.table, SLOT, &user.err) == 0);
	CHECK(table_forget(user.table, 1000, &user.err) == 0);
	CHECK(table_forget(user.table, NETWORK_SLOTS, &user.err) == -ERANGE);
	leave(&user);
}

static void test_elements_come_and_go_by_slot(void **state)
{
	(void)state;
	expect(elements_child);
}

static void flushed_child(void *data)
{
	struct user user;
	struct policy policy = listed();
	struct policy_endpoint at = at4("127.0.0.1", 8080);

	(void)data;
	own_host();
	user = use();
	publish(&user, at, SLOT);
	remove_table(user.sock);
	/* the next change installs the table again, with what this process had in it */
	CHECK(table_admit(user.table, SLOT, &policy, &user.err) == 0);
	CHECK(elements(user.sock, TABLE_PUBLISH4) == 1);
	CHECK(elements(user.sock, TABLE_REACH4) == 2);
	/* what is gone already cannot be removed, and that is no failure */
	remove_table(user.sock);
	CHECK(table_unpublish(user.table, &at, &user.err) == 0);
	CHECK(table_forget(user.table, SLOT, &user.err) == 0);
	publish(&user, at, OTHER);
	CHECK(elements(user.sock, TABLE_PUBLISH4) == 1);
	CHECK(elements(user.sock, TABLE_REACH4) == 0);
	remove_table(user.sock);
	leave(&user);
}

static void test_somebody_flushes_the_ruleset(void **state)
{
	(void)state;
	expect(flushed_child);
}

static void versions_child(void *data)
{
	static const struct rule_set strange = { .name = "publish4", .key_type = RULE_TYPE_PORT, .key = 2 };
	struct address_range elsewhere = { .network = 0x0ac80000, .bits = 16, .prefix6 = { 0xfd, 1, 2, 3, 4, 0xff } };
	struct user user, second = { .dir = open_dir() };
	struct nft_batch batch;
	int before;

	(void)data;
	own_host();
	user = use();
	publish(&user, at4("127.0.0.1", 8080), SLOT);
	/* another range: the rules are made anew, everybody's elements stay */
	CHECK(table_open(second.dir, &elsewhere, &second.table, &second.err) == 0);
	CHECK(elements(user.sock, TABLE_PUBLISH4) == 1);
	second.table = table_close(second.table);
	/* sets of another kind: not while they are in use */
	remove_table(user.sock);
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_NEWTABLE, TABLE_NAME, NULL);
	rule_put_sets(&batch, TABLE_NAME, &strange, 1);
	CHECK(nft_commit(user.sock, &batch, "test", &user.err) == 0);
	before = open_fds();
	CHECK(table_open(second.dir, &default_range, &second.table, &second.err) == -EEXIST);
	CHECK(strstr(second.err.remedy, "another version"));
	CHECK(open_fds() == before);
	leave(&user);
	CHECK(table_open(second.dir, &default_range, &second.table, &second.err) == 0);
	table_close(second.table);
}

static void test_tables_of_other_versions(void **state)
{
	(void)state;
	expect(versions_child);
}

static void powerless_child(void *data)
{
	struct user user = { .dir = open_dir() };
	int before;

	(void)data;
	own_host();
	CHECK(setresuid(12345, 12345, 12345) == 0);
	before = open_fds();
	CHECK(table_open(user.dir, &default_range, &user.table, &user.err) < 0);
	CHECK(open_fds() == before);
}

static void unprivileged_child(void *data)
{
	struct user user = { .dir = open_dir() };
	struct nft_batch batch;
	struct nl_sock *sock;

	(void)data;
	own_host();
	CHECK(prctl(PR_SET_KEEPCAPS, 0) == 0 && setresuid(12345, 12345, 12345) == 0);
	CHECK(nft_open(&sock, &user.err) == 0);
	nft_begin(&batch);
	table_rules_put(&batch, &default_range, true, true);
	CHECK(nft_commit(sock, &batch, "test", &user.err) == -EPERM);
	CHECK(strstr(user.err.text, "no permission"));
	CHECK(strstr(user.err.remedy, "CAP_NET_ADMIN"));
	netlink_close(sock);
}

static void test_no_permission(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	expect(powerless_child);
	expect(unprivileged_child);
}

static void test_rules_change_with_their_version(void **state)
{
	static struct nft_batch batch;
	uint32_t hash = 2166136261U;

	(void)state;
	nft_begin(&batch);
	table_rules_put(&batch, &default_range, true, true);
	assert_int_equal(batch.code, 0);
	print_message("the table takes %zu bytes, %u requests\n", batch.used, batch.count);
	/* the version is in there too, so that it cannot be forgotten */
	for (size_t i = NLMSG_HDRLEN + 4; i < batch.used; i++)
		hash = (hash ^ (uint8_t)batch.buffer[i]) * 16777619U;
	if (hash != RULES_HASH)
		print_message("hash of the table: 0x%08xU\n", hash);
	assert_int_equal(TABLE_VERSION, RULES_VERSION);
	assert_true(hash == RULES_HASH);
}

static void test_without_ipv6(void **state)
{
	static struct nft_batch with, without;

	(void)state;
	nft_begin(&with);
	table_rules_put(&with, &default_range, true, true);
	nft_begin(&without);
	table_rules_put(&without, &default_range, true, false);
	assert_int_equal(without.code, 0);
	assert_true(without.count < with.count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_user_removes_the_table),
		cmocka_unit_test(test_what_killed_users_left),
		cmocka_unit_test(test_elements_come_and_go_by_slot),
		cmocka_unit_test(test_somebody_flushes_the_ruleset),
		cmocka_unit_test(test_tables_of_other_versions),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_rules_change_with_their_version),
		cmocka_unit_test(test_without_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
