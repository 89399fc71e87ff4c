/* SPDX-License-Identifier: Apache-2.0 */
/* test_nft.c - requests to netfilter: what they look like, how failures are told, answers of any bytes */
#include "netns_fixture.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netns/foreign.h"
#include "netns/rule.h"

#define TABLE "test"
#define SEQ 7

/** struct seen - what nft_parse() handed on */
struct seen {
	int count;
	unsigned family;
	uint32_t value;
};

/** see() - nft_each */
static void see(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct seen *seen = data;

	(void)type;
	seen->count++;
	seen->family = family;
	seen->value = nft_u32(nft_find(nft_find(body, 2), 1), 0);
}

/** make_message() - a message with a text, a nest with a number, and a number. Return: its length */
static size_t make_message(char *buf, uint16_t type)
{
	static struct nft_batch batch;
	size_t nest, size;
	struct nlmsghdr head;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, type, 0, NFPROTO_INET);
	nft_put_text(&batch, 1, "text");
	nest = nft_nest(&batch, 2);
	nft_put_u32(&batch, 1, 4711);
	nft_nest_end(&batch, nest);
	nft_put_u64(&batch, 3, 1ULL << 40);
	size = batch.used - batch.last;
	memcpy(buf, batch.buffer + batch.last, size);
	memcpy(&head, buf, sizeof(head));
	head.nlmsg_len = (uint32_t)size;
	head.nlmsg_seq = SEQ;
	memcpy(buf, &head, sizeof(head));
	return size;
}

/** make_end() - the end of a dump with result @code. Return: its length */
static size_t make_end(char *buf, int code)
{
	struct nlmsghdr head = { .nlmsg_len = NLMSG_HDRLEN + sizeof(code), .nlmsg_type = NLMSG_DONE, .nlmsg_seq = SEQ };

	memcpy(buf, &head, sizeof(head));
	memcpy(buf + NLMSG_HDRLEN, &code, sizeof(code));
	return head.nlmsg_len;
}

static void test_messages_are_handed_on(void **state)
{
	struct seen seen = { 0 };
	bool changed = false;
	char buf[512];
	size_t size = make_message(buf, NFT_MSG_NEWSETELEM);

	(void)state;
	size += make_message(buf + size, NFT_MSG_NEWSETELEM);
	assert_int_equal(nft_parse(buf, size, SEQ, see, &seen, &changed), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.family, NFPROTO_INET);
	assert_int_equal(seen.value, 4711);
	/* somebody else's answer */
	assert_int_equal(nft_parse(buf, size, SEQ + 1, see, &seen, &changed), 0);
	assert_int_equal(seen.count, 2);
	size += make_end(buf + size, 0);
	assert_int_equal(nft_parse(buf, size, SEQ, see, &seen, &changed), 1);
	assert_false(changed);
	size -= NLMSG_HDRLEN + sizeof(int);
	size += make_end(buf + size, -ENOENT);
	assert_int_equal(nft_parse(buf, size, SEQ, see, &seen, &changed), -ENOENT);
	((struct nlmsghdr *)(void *)buf)->nlmsg_flags |= NLM_F_DUMP_INTR;
	assert_int_equal(nft_parse(buf, size, SEQ, see, &seen, &changed), -ENOENT);
	assert_true(changed);
}

static void test_malformed_messages(void **state)
{
	struct seen seen = { 0 };
	bool changed = false;
	char buf[512];
	size_t size = make_message(buf, NFT_MSG_NEWSETELEM);
	uint32_t seed = 1;

	(void)state;
	for (size_t length = NLMSG_HDRLEN; length < size; length++)
		assert_int_equal(nft_parse(buf, length, SEQ, see, &seen, &changed), -EBADMSG);
	make_end(buf, 5);
	assert_int_equal(nft_parse(buf, sizeof(buf), SEQ, see, &seen, &changed), -EBADMSG);
	/* whatever the bytes are: no read outside of the buffer (the sanitizers look) */
	for (int i = 0; i < 20000; i++) {
		size = make_message(buf, NFT_MSG_NEWSETELEM);
		seed = seed * 1664525 + 1013904223;
		buf[(seed >> 8) % size] ^= (char)(1 << (seed >> 28 & 7));
		assert_true(nft_parse(buf, size, SEQ, see, &seen, &changed) <= 1);
	}
}

static void test_attributes(void **state)
{
	char buf[512];
	size_t size = make_message(buf, NFT_MSG_NEWSETELEM), head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	struct nft_view body = { buf + head, size - head };

	(void)state;
	assert_true(nft_text_is(nft_find(body, 1), "text"));
	assert_false(nft_text_is(nft_find(body, 1), "tex"));
	assert_false(nft_text_is(nft_find(body, 1), "texts"));
	assert_false(nft_text_is(nft_find(body, 9), "text"));
	assert_int_equal(nft_u32(nft_find(body, 1), 3), 3);
	assert_true(nft_u64(nft_find(body, 3), 0) == 1ULL << 40);
	assert_null(nft_find(nft_find(body, 9), 1).data);
	body.size = 3;
	assert_null(nft_find(body, 1).data);
}

static void test_a_batch_that_is_too_long(void **state)
{
	static struct nft_batch batch;
	static const char block[1000];

	(void)state;
	nft_begin(&batch);
	nft_put(&batch, 1, block, sizeof(block));
	assert_int_equal(batch.code, -EINVAL);
	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, 0, NFPROTO_INET);
	while (batch.code == 0)
		nft_put(&batch, 1, block, sizeof(block));
	assert_int_equal(batch.code, -EMSGSIZE);
	assert_true(batch.used <= sizeof(batch.buffer));
	nft_begin(&batch);
	while (batch.code == 0)
		nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, 0, NFPROTO_INET);
	assert_int_equal(batch.code, -E2BIG);
}

/** open_socket() - in a namespace of our own; skip where the kernel has no netfilter */
static struct nl_sock *open_socket(void)
{
	struct dyno_error err = { 0 };
	struct nl_sock *sock = NULL;
	int r;

	own_host();
	r = nft_open(&sock, &err);
	if (r == -EOPNOTSUPP)
		_exit(FIXTURE_SKIPPED);
	CHECK(r == 0);
	return sock;
}

static void failures_child(void *data)
{
	static const struct rule_step rules[] = { RULE("nowhere", NULL), RULE_ACCEPT };
	static const struct rule_set set = { .name = "set", .key_type = RULE_TYPE_PORT, .key = 2 };
	struct nl_sock *sock = open_socket();
	struct dyno_error err = { 0 };
	struct nft_batch batch;
	int r;

	(void)data;
	nft_begin(&batch);
	CHECK(nft_commit(sock, &batch, "test", &err) == 0);
	/* the third of four fails: it is named, and nothing is done */
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_NEWTABLE, TABLE, "a note");
	rule_put_sets(&batch, TABLE, &set, 1);
	rule_put_rules(&batch, NFPROTO_INET, TABLE, rules, 2, true);
	rule_put_sets(&batch, TABLE, &set, 1);
	r = nft_commit(sock, &batch, "some step", &err);
	if (r == -EOPNOTSUPP)
		_exit(FIXTURE_SKIPPED);
	CHECK(r == -ENOENT);
	CHECK(strcmp(err.step, "some step") == 0);
	CHECK(strstr(err.text, "add a rule"));
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_GETTABLE, TABLE, NULL);
	CHECK(nft_exists(sock, &batch) == 0);
	/* the socket is as good as before */
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_NEWTABLE, TABLE, NULL);
	CHECK(nft_commit(sock, &batch, "test", &err) == 0);
	CHECK(nft_commit(sock, &batch, "test", &err) == 0);
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_GETTABLE, TABLE, NULL);
	CHECK(nft_exists(sock, &batch) == 1);
	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_DELTABLE, TABLE, NULL);
	CHECK(nft_commit(sock, &batch, "test", &err) == 0);
	CHECK(nft_commit(sock, &batch, "test", &err) == -ENOENT);
	/* nobody has to wait for the one who holds the socket now, and it is no child of ours */
	nft_close(sock, NULL);
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
}

static void test_the_failed_request_is_named(void **state)
{
	(void)state;
	expect(failures_child);
}

/** add_wall() - somebody's table @table with a filter chain @chain */
static void add_wall(struct nl_sock *sock, unsigned family, const char *table, const char *chain, uint32_t hook,
                     uint32_t policy)
{
	struct nft_batch batch;
	size_t nest;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, NLM_F_CREATE, family);
	nft_put_text(&batch, NFTA_TABLE_NAME, table);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	nft_put_text(&batch, NFTA_CHAIN_TABLE, table);
	nft_put_text(&batch, NFTA_CHAIN_NAME, chain);
	if (hook < NF_INET_NUMHOOKS) {
		nest = nft_nest(&batch, NFTA_CHAIN_HOOK);
		nft_put_u32(&batch, NFTA_HOOK_HOOKNUM, hook);
		nft_put_u32(&batch, NFTA_HOOK_PRIORITY, 0);
		nft_nest_end(&batch, nest);
		nft_put_u32(&batch, NFTA_CHAIN_POLICY, policy);
		nft_put_text(&batch, NFTA_CHAIN_TYPE, "filter");
	}
	CHECK(nft_commit(sock, &batch, "test", NULL) == 0);
}

/** count_message() - nft_each */
static void count_message(unsigned type, unsigned family, struct nft_view body, void *data)
{
	(void)type, (void)family, (void)body;
	++*(int *)data;
}

/** docker_rules() - number of rules in Docker's chain */
static int docker_rules(struct nl_sock *sock)
{
	struct nft_batch batch;
	int count = 0;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, 0, NFPROTO_IPV4);
	nft_put_text(&batch, NFTA_RULE_TABLE, "filter");
	nft_put_text(&batch, NFTA_RULE_CHAIN, "DOCKER-USER");
	CHECK(nft_dump(sock, &batch, count_message, &count) == 0);
	return count;
}

static void foreign_child(void *data)
{
	static const struct rule_step theirs[] = { RULE("DOCKER-USER", "theirs"), RULE_ACCEPT };
	struct foreign_wall walls[FOREIGN_WALLS];
	struct nl_sock *sock = open_socket();
	struct nft_batch batch;

	(void)data;
	CHECK(foreign_open(sock, NULL) == 0);
	if (foreign_walls(sock, walls) == -EOPNOTSUPP)
		_exit(FIXTURE_SKIPPED);
	CHECK(foreign_walls(sock, walls) == 0);
	add_wall(sock, NFPROTO_IPV4, "filter", "FORWARD", NF_INET_FORWARD, NF_DROP);
	add_wall(sock, NFPROTO_INET, "open", "forward", NF_INET_FORWARD, NF_ACCEPT);
	add_wall(sock, NFPROTO_IPV6, "shut", "in", NF_INET_LOCAL_IN, NF_DROP);
	CHECK(foreign_walls(sock, walls) == 2);
	for (int i = 0; i < 2; i++)
		CHECK(walls[i].input ? strcmp(walls[i].name, "ip6 shut in") == 0
		                     : strcmp(walls[i].name, "ip filter FORWARD") == 0);
	/* with Docker's chain we come through, by two rules before theirs, once */
	add_wall(sock, NFPROTO_IPV4, "filter", "DOCKER-USER", NF_INET_NUMHOOKS, 0);
	nft_begin(&batch);
	rule_put_first(&batch, NFPROTO_IPV4, "filter", theirs, 2);
	CHECK(nft_commit(sock, &batch, "test", NULL) == 0);
	CHECK(foreign_open(sock, NULL) == 0);
	CHECK(foreign_open(sock, NULL) == 0);
	CHECK(docker_rules(sock) == 3);
	CHECK(foreign_walls(sock, walls) == 1);
	foreign_close(sock);
	foreign_close(sock);
	CHECK(docker_rules(sock) == 1);
	netlink_close(sock);
}

static void test_filters_of_others(void **state)
{
	(void)state;
	expect(foreign_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_handed_on),
		cmocka_unit_test(test_malformed_messages),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_a_batch_that_is_too_long),
		cmocka_unit_test(test_the_failed_request_is_named),
		cmocka_unit_test(test_filters_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
