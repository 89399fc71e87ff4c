/* SPDX-License-Identifier: Apache-2.0 */
/* test_netlink.c - answers of the kernel, well and badly formed; batches; names and hardware addresses */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "netns_fixture.h"

#include <netlink/errno.h>

/** make_answer() - a failure with the kernel's words, as an extended acknowledgement has them. Return: its length */
static size_t make_answer(char *buf, int code, const char *text, bool capped)
{
	struct nlmsghdr head = { .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 9, .nlmsg_flags = NLM_F_ACK_TLVS };
	struct nlmsgerr error = { .error = code, .msg.nlmsg_len = NLMSG_HDRLEN + 20 };
	struct nlattr attr = { .nla_type = NLMSGERR_ATTR_MSG, .nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1) };
	size_t used = NLMSG_HDRLEN + sizeof(error) + (capped ? 0 : 20);

	if (capped)
		head.nlmsg_flags |= NLM_F_CAPPED;
	memset(buf, 0, 256);
	memcpy(buf + used, &attr, sizeof(attr));
	memcpy(buf + used + NLA_HDRLEN, text, strlen(text) + 1);
	used += attr.nla_len;
	head.nlmsg_len = (uint32_t)used;
	memcpy(buf, &head, sizeof(head));
	memcpy(buf + NLMSG_HDRLEN, &error, sizeof(error));
	return used;
}

static void test_libnl_errors_become_errno(void **state)
{
	(void)state;
	assert_int_equal(netlink_errno(0), 0);
	assert_int_equal(netlink_errno(-NLE_PERM), -EPERM);
	assert_int_equal(netlink_errno(NLE_EXIST), -EEXIST);
	assert_int_equal(netlink_errno(-NLE_NODEV), -ENODEV);
	assert_int_equal(netlink_errno(-NLE_MAX - 1), -EIO);
	assert_int_equal(netlink_errno(INT32_MIN), -EIO);
	for (int nle = 1; nle <= NLE_MAX; nle++)
		assert_true(netlink_errno(-nle) < 0);
}

static void test_answer_with_text(void **state)
{
	struct netlink_answer answer;
	char buf[256];
	size_t size;

	(void)state;
	for (int capped = 0; capped < 2; capped++) {
		size = make_answer(buf, -EINVAL, "Unknown device type", capped);
		assert_int_equal(netlink_parse(buf, size, &answer), 0);
		assert_int_equal(answer.seq, 9);
		assert_int_equal(answer.type, NLMSG_ERROR);
		assert_int_equal(answer.code, -EINVAL);
		assert_string_equal(answer.text, "Unknown device type");
	}
}

static void test_malformed_answers(void **state)
{
	struct netlink_answer answer;
	char buf[256], cut[256];
	size_t size = make_answer(buf, -EINVAL, "text", true);
	uint32_t seed = 1;

	(void)state;
	for (size_t length = 0; length < size; length++)
		assert_int_equal(netlink_parse(buf, length, &answer), -EBADMSG);
	make_answer(buf, 5, "a positive errno", true);
	assert_int_equal(netlink_parse(buf, sizeof(buf), &answer), -EBADMSG);
	/* whatever the bytes are: no read outside of the buffer (the sanitizers look), and text that ends */
	for (int i = 0; i < 20000; i++) {
		size = make_answer(cut, -EINVAL, "text of the kernel", i & 1);
		seed = seed * 1664525 + 1013904223;
		cut[(seed >> 8) % size] ^= (char)(1 << (seed >> 28 & 7));
		if (netlink_parse(cut, size, &answer) == 0)
			assert_true(strnlen(answer.text, NETLINK_TEXT_SIZE) < NETLINK_TEXT_SIZE);
	}
}

static void test_names_and_hardware_addresses(void **state)
{
	uint8_t host[LINK_MAC_SIZE];
	char name[IFNAMSIZ];

	(void)state;
	assert_string_equal(link_name(0, name), "dyno0");
	assert_string_equal(link_name(4095, name), "dyno4095");
	assert_string_equal(link_name(UINT32_MAX, name), "dyno4294967295");
	link_mac(4095, host);
	assert_int_equal(host[0] & 3, 2); /* locally administered, one station */
	assert_int_equal(host[4] << 8 | host[5], 4095);
}

static void test_batch_too_long(void **state)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct dyno_error err;

	(void)state;
	for (int i = 0; i <= NETLINK_BATCH_MAX; i++)
		link_add_up(&batch, 1, "set lo up");
	assert_int_equal(batch.code, -E2BIG);
	assert_int_equal(netlink_send(NULL, &batch, "test", &err), -E2BIG);
}

static void test_message_too_long(void **state)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	char data[NETLINK_MESSAGE_SIZE] = { 0 };

	(void)state;
	netlink_put_u32(&batch, 1, 1);
	assert_int_equal(batch.code, -EINVAL); /* no request was begun */
	netlink_clear(&batch);
	link_add_up(&batch, 1, "set lo up");
	netlink_put(&batch, 1, data, sizeof(data));
	assert_int_equal(batch.code, -ENOMEM);
	assert_null(netlink_nest(&batch, 1));
	netlink_nest_end(&batch, NULL);
}

static void first_failure_child(void *data)
{
	_cleanup_netlink_ struct nl_sock *sock = NULL;
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct dyno_error err = { 0 };

	(void)data;
	own_host();
	CHECK(netlink_open(NETLINK_ROUTE, &sock, &err) == 0);
	link_add_up(&batch, LINK_LOOPBACK_INDEX, "set lo up");
	link_add_up(&batch, 4711, "set the missing one up");
	link_add_up(&batch, 4712, "set another missing one up");
	link_add_up(&batch, LINK_LOOPBACK_INDEX, "set lo up again");
	CHECK(netlink_send(sock, &batch, "test", &err) == -ENODEV);
	CHECK(batch.failed == 1);
	CHECK(strstr(err.text, "set the missing one up") && err.code == -ENODEV);
	/* nothing stays behind in the socket: the next batch is not disturbed */
	netlink_clear(&batch);
	link_add_up(&batch, LINK_LOOPBACK_INDEX, "set lo up");
	CHECK(netlink_send(sock, &batch, "test", &err) == 0);
}

static void test_first_failure_is_named(void **state)
{
	(void)state;
	expect(first_failure_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libnl_errors_become_errno),
		cmocka_unit_test(test_answer_with_text),
		cmocka_unit_test(test_malformed_answers),
		cmocka_unit_test(test_names_and_hardware_addresses),
		cmocka_unit_test(test_batch_too_long),
		cmocka_unit_test(test_message_too_long),
		cmocka_unit_test(test_first_failure_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
