/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_table_guard.c - others change the packet filter while dynos run: one user of the table notices, and when it is gone, another
 *
 * Each user of a test has descriptors of its own, as processes have; one is a process, to be killed.
 */
#include "netns_fixture.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netns/foreign.h"
#include "netns/rule.h"
#include "netns/table.h"

#define LOOKS 100
#define LOOK_MS 50
#define USERS 5

static const struct address_range default_range = ADDRESS_RANGE_DEFAULT;

/** use() - a user of the table that looks after it; skips where the kernel has no nf_tables */
static struct table *use(int dir)
{
	struct dyno_error err;
	struct table *table;
	int r = table_open(dir, &default_range, &table, &err);

	if (r == -EOPNOTSUPP)
		_exit(FIXTURE_SKIPPED);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", err.step, err.text);
	CHECK(r == 0);
	CHECK(table_guard_fd(table) == -1);
	CHECK(table_guard(table) == 0);
	CHECK(table_guard(table) == 0);
	return table;
}

/** attend() - all that have something to do within @ms do it. Return: how many had */
static int attend(struct table *const *tables, size_t count, int ms)
{
	struct pollfd fds[USERS];
	int ready;

	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = table_guard_fd(tables[i]), .events = POLLIN };
	ready = poll(fds, count, ms);
	for (size_t i = 0; i < count; i++)
		if (fds[i].revents)
			table_attend(tables[i]);
	return ready;
}

/** settle() - attend() until nobody has anything to do */
static void settle(struct table *const *tables, size_t count)
{
	for (int i = 0; i < LOOKS && attend(tables, count, 20) > 0; i++)
		;
	CHECK(attend(tables, count, 20) == 0);
}

/** change_docker() - Docker's table: make it with its chain (NFT_MSG_NEWTABLE), or remove it (NFT_MSG_DELTABLE) */
static void change_docker(struct nl_sock *sock, unsigned type)
{
	struct nft_batch batch;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, type, NLM_F_CREATE, NFPROTO_IPV4);
	nft_put_text(&batch, NFTA_TABLE_NAME, "filter");
	if (type == NFT_MSG_NEWTABLE) {
		nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_IPV4);
		nft_put_text(&batch, NFTA_CHAIN_TABLE, "filter");
		nft_put_text(&batch, NFTA_CHAIN_NAME, "DOCKER-USER");
	}
	CHECK(nft_commit(sock, &batch, "test", NULL) == 0);
}

/** count_message() - nft_each */
static void count_message(unsigned type, unsigned family, struct nft_view body, void *data)
{
	(void)type, (void)family, (void)body;
	++*(int *)data;
}

/** docker_rules() - number of rules in Docker's chain; -ENOENT without one */
static int docker_rules(struct nl_sock *sock)
{
	struct nft_batch batch;
	int count = 0, r;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, 0, NFPROTO_IPV4);
	nft_put_text(&batch, NFTA_RULE_TABLE, "filter");
	nft_put_text(&batch, NFTA_RULE_CHAIN, "DOCKER-USER");
	r = nft_dump(sock, &batch, count_message, &count);
	return r < 0 ? r : count;
}

/** docker_comes() - Docker starts, and its chain has our two rules soon after; then it goes */
static void docker_comes(struct nl_sock *sock, struct table *const *tables, size_t count)
{
	change_docker(sock, NFT_MSG_NEWTABLE);
	for (int i = 0; i < LOOKS && docker_rules(sock) == 0; i++)
		(void)attend(tables, count, LOOK_MS);
	CHECK(docker_rules(sock) == 2);
	settle(tables, count);
	change_docker(sock, NFT_MSG_DELTABLE);
	settle(tables, count);
}

/** open_all() - the directory, a socket to see by, and @count users */
static int open_all(struct nl_sock **sock, struct table **tables, size_t count)
{
	int dir = open(fixture_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dyno_error err;

	CHECK(dir >= 0);
	CHECK(nft_open(sock, &err) == 0);
	for (size_t i = 0; i < count; i++)
		tables[i] = use(dir);
	return dir;
}

static void leaders_child(void *data)
{
	struct table *tables[USERS];
	struct nl_sock *sock;
	int dir;

	(void)data;
	own_host();
	dir = open_all(&sock, tables, USERS);
	settle(tables, USERS);
	docker_comes(sock, tables, USERS);
	/* whoever it is that listens, it goes at some time */
	for (size_t gone = 1; gone < USERS; gone++) {
		table_close(tables[gone - 1]);
		settle(tables + gone, USERS - gone);
		docker_comes(sock, tables + gone, USERS - gone);
	}
	table_close(tables[USERS - 1]);
	netlink_close(sock);
	close(dir);
}

static void killed_child(void *data)
{
	int dir, ready[2], status;
	struct table *tables[2];
	struct nl_sock *sock;
	char byte;
	pid_t pid;

	(void)data;
	own_host();
	dir = open(fixture_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0 && pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)use(dir);
		CHECK(write(ready[1], "x", 1) == 1);
		(void)pause();
		_exit(0);
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(dir);
	dir = open_all(&sock, tables, 2);
	/* it listens and does nothing, as who is stopped */
	change_docker(sock, NFT_MSG_NEWTABLE);
	CHECK(attend(tables, 2, 50) == 0 && docker_rules(sock) == 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	for (int i = 0; i < LOOKS && docker_rules(sock) != 2; i++)
		(void)attend(tables, 2, LOOK_MS);
	CHECK(docker_rules(sock) == 2);
	settle(tables, 2);
	change_docker(sock, NFT_MSG_DELTABLE);
	docker_comes(sock, tables, 2);
	table_close(tables[0]);
	table_close(tables[1]);
	netlink_close(sock);
	close(dir);
}

/** is_there() - our table */
static bool is_there(struct nl_sock *sock)
{
	struct nft_batch batch;

	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_GETTABLE, TABLE_NAME, NULL);
	return nft_exists(sock, &batch) == 1;
}

static void flush_child(void *data)
{
	struct policy_endpoint at = { .family = AF_INET, .port = 4711, .address = { 127, 0, 0, 1 } };
	struct table *tables[2];
	struct dyno_error err;
	struct nl_sock *sock;
	struct nft_batch batch;
	int dir;

	(void)data;
	own_host();
	dir = open_all(&sock, tables, 2);
	settle(tables, 2);
	/* what is done at each launch wakes nobody */
	CHECK(table_publish(tables[0], &at, 1, 5000, &err) == 0 && table_publish(tables[1], &at, 2, 5000, &err) == 0);
	CHECK(table_unpublish(tables[1], &at, &err) == 0);
	CHECK(attend(tables, 2, 50) == 0);
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_DELTABLE, TABLE_NAME, NULL);
	CHECK(nft_commit(sock, &batch, "test", NULL) == 0);
	for (int i = 0; i < LOOKS && !is_there(sock); i++)
		(void)attend(tables, 2, LOOK_MS);
	CHECK(is_there(sock));
	settle(tables, 2);
	table_close(tables[0]);
	table_close(tables[1]);
	CHECK(!is_there(sock));
	netlink_close(sock);
	close(dir);
}

static void test_another_one_takes_over(void **state)
{
	(void)state;
	expect(leaders_child);
}

static void test_who_is_killed_is_followed(void **state)
{
	(void)state;
	expect(killed_child);
}

static void test_a_flush_is_noticed_and_a_launch_is_not(void **state)
{
	(void)state;
	expect(flush_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_one_takes_over),
		cmocka_unit_test(test_who_is_killed_is_followed),
		cmocka_unit_test(test_a_flush_is_noticed_and_a_launch_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
