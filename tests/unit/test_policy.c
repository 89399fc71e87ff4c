/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy.c - netns/policy: what an app is given of the network, and every way to say it wrong */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netns/policy.h"

#define PLACES 10

/** struct sample - what is said, and the endpoints (or networks) that are meant, in one line, or the words of the refusal */
struct sample {
	const char *said[PLACES];
	const char *meant;
};

/** read_publish() - the policy of an app published at @said */
static int read_publish(const char *const *said, struct policy *policy, struct dyno_error *err)
{
	const struct dyno_app app = { .port = 5000, .publish = said };

	memset(err, 0, sizeof(*err));
	return policy_read(&app, DYNO_NET_PRIVATE, policy, err);
}

/** told() - everything that a failure says */
static const char *told(const struct dyno_error *err)
{
	static char text[sizeof(err->text) + sizeof(err->remedy) + 2];

	snprintf(text, sizeof(text), "%s|%s", err->text, err->remedy);
	return text;
}

/** assert_refused() - the code, a step, and all of @words in one line */
static void assert_refused(int code, int wanted, const struct dyno_error *err, const char *words)
{
	if (code != wanted || err->code != wanted || !err->step[0] || !strstr(told(err), words))
		fail_msg("%d (wanted %d): '%s' does not say '%s'", code, wanted, told(err), words);
	assert_null(strchr(err->text, '\n'));
}

static void published(void **state)
{
	static const struct sample samples[] = {
		{ { "8080" }, "127.0.0.1:8080 [::1]:8080" },
		{ { "0" }, "127.0.0.1:0 [::1]:0" },
		{ { "1" }, "127.0.0.1:1 [::1]:1" },
		{ { "65535" }, "127.0.0.1:65535 [::1]:65535" },
		{ { "localhost:8080" }, "127.0.0.1:8080 [::1]:8080" },
		{ { "127.0.0.1:8080" }, "127.0.0.1:8080" },
		{ { "127.0.0.2:8080" }, "127.0.0.2:8080" },
		{ { "0.0.0.0:80" }, "0.0.0.0:80" },
		{ { "[::1]:8080" }, "[::1]:8080" },
		{ { "[::]:80" }, "[::]:80" },
		{ { "[2001:db8::0:1]:80" }, "[2001:db8::1]:80" },
		{ { "192.0.2.2:80", "[2001:db8::1]:80" }, "192.0.2.2:80 [2001:db8::1]:80" },
		{ { "8080", "0.0.0.0:80", "[::]:80" }, "127.0.0.1:8080 [::1]:8080 0.0.0.0:80 [::]:80" },
		{ { "8080", "8081", "8082", "8083" },
		  "127.0.0.1:8080 [::1]:8080 127.0.0.1:8081 [::1]:8081 "
		  "127.0.0.1:8082 [::1]:8082 127.0.0.1:8083 [::1]:8083" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct policy policy;
		struct dyno_error err;
		char all[512] = "", one[POLICY_ENDPOINT_TEXT];

		assert_int_equal(read_publish(samples[i].said, &policy, &err), 0);
		for (size_t k = 0; k < policy.publish_count; k++) {
			strcat(all, k ? " " : "");
			strcat(all, policy_endpoint_text(&policy.publish[k], one));
		}
		assert_string_equal(all, samples[i].meant);
		assert_int_equal(policy.port, 5000);
	}
}

static void published_wrong(void **state)
{
	static const struct sample samples[] = {
		{ { "" }, "'' is not a port" },
		{ { "web" }, "'web' is not a port" },
		{ { "80 " }, "'80 ' is not a port" },
		{ { "-1" }, "'-1' is not a port" },
		{ { "80/tcp" }, "'80/tcp' is not a port" },
		{ { "65536" }, "a port is 1 to 65535, or 0" },
		{ { "99999999999999999999" }, "a port is 1 to 65535, or 0" },
		{ { "127.0.0.1:65536" }, "a port is 1 to 65535, or 0" },
		{ { "127.0.0.1:" }, "'' is not a port" },
		{ { "127.0.0.1" }, "'127.0.0.1' is not a port" },
		{ { ":8080" }, "'' is not an IPv4 address" },
		{ { "127.0.0:80" }, "'127.0.0' is not an IPv4 address" },
		{ { "127.0.0.256:80" }, "'127.0.0.256' is not an IPv4 address" },
		{ { "010.0.0.1:80" }, "'010.0.0.1' is not an IPv4 address" },
		{ { "example.com:80" }, "'example.com' is not an IPv4 address" },
		{ { "*:80" }, "0.0.0.0 for all of them" },
		{ { "::1:8080" }, "brackets|write [::1]:8080" },
		{ { "2001:db8::1:80" }, "brackets|write [2001:db8::1]:80" },
		{ { "a:b:c" }, "brackets|as in [::1]:8080" },
		{ { "[::1]" }, "no port behind the IPv6 address" },
		{ { "[::1" }, "no port behind the IPv6 address" },
		{ { "[::1]8080" }, "no port behind the IPv6 address" },
		{ { "[::1]:" }, "'' is not a port" },
		{ { "[127.0.0.1]:80" }, "'127.0.0.1' is not an IPv6 address" },
		{ { "[]:80" }, "'' is not an IPv6 address" },
		{ { "[::g]:80" }, "'::g' is not an IPv6 address" },
		{ { "[::ffff:10.0.0.1]:80" }, "write 10.0.0.1:80" },
		{ { "[fe80::1]:80" }, "link-local" },
		{ { "[fe80::1%eth0]:80" }, "not an IPv6 address" },
		{ { "[ff02::1]:80" }, "the address of many" },
		{ { "224.0.0.1:80" }, "the address of many" },
		{ { "255.255.255.255:80" }, "the address of many" },
		{ { "12345678901234567890123456789012345678901234567890123456789012345678:80" }, "too long" },
		{ { "8080", "8080" }, "127.0.0.1:8080 is to be published twice" },
		{ { "8080", "localhost:8080" }, "127.0.0.1:8080 is to be published twice" },
		{ { "0", "0" }, "published twice" },
		{ { "[::1]:80", "[0::1]:80" }, "[::1]:80 is to be published twice" },
		{ { "0.0.0.0:80", "127.0.0.1:80" }, "127.0.0.1:80 and 0.0.0.0:80 are to be published" },
		{ { "80", "[::]:80" }, "[::]:80 and [::1]:80 are to be published" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct policy policy = { .port = 4711 };
		struct dyno_error err;

		assert_refused(read_publish(samples[i].said, &policy, &err), -EINVAL, &err, samples[i].meant);
		assert_int_equal(policy.port, 4711);
	}
}

static void published_at_too_many(void **state)
{
	struct policy policy;
	struct dyno_error err;

	(void)state;
	assert_refused(read_publish((const char *const[]){ "1", "2", "3", "4", "127.0.0.1:5", NULL }, &policy, &err),
	               -E2BIG, &err, "more than 8 addresses");
}

static void unix_socket(void **state)
{
	char longest[200] = "/";
	struct dyno_app app = { .port = 5000, .publish_unix = "/run/app.sock" };
	struct policy policy;
	struct dyno_error err;

	(void)state;
	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, NULL), 0);
	assert_string_equal(policy.publish_unix, "/run/app.sock");
	assert_int_equal(policy.publish_count, 0);
	app.publish_unix = "app.sock";
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, "not an absolute path");
	app.publish_unix = "";
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, "not an absolute path");
	app.publish_unix = "/run/";
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, "names a directory");
	app.publish_unix = "/run/a\nb";
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, "a control character");
	memset(longest + 1, 'x', 107);
	app.publish_unix = longest;
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, "108 bytes");
	longest[107] = '\0';
	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), 0);
}

/** cidrs() - the networks of @policy in one line */
static const char *cidrs(const struct policy *policy)
{
	static char all[2048];
	char one[INET6_ADDRSTRLEN];

	all[0] = '\0';
	for (size_t i = 0; i < policy->cidr_count; i++) {
		const struct policy_cidr *cidr = &policy->cidrs[i];
		size_t used = strlen(all);

		assert_non_null(inet_ntop(cidr->family, cidr->address, one, sizeof(one)));
		snprintf(all + used, sizeof(all) - used, "%s%s/%u", i ? " " : "", one, (unsigned)cidr->bits);
	}
	return all;
}

static int read_egress(const char *said, struct policy *policy, struct dyno_error *err)
{
	const struct dyno_app app = { .egress = said };

	memset(err, 0, sizeof(*err));
	return policy_read(&app, DYNO_NET_PRIVATE, policy, err);
}

static void egress(void **state)
{
	static const struct sample samples[] = {
		{ { "10.0.0.0/8" }, "10.0.0.0/8" },
		{ { "0.0.0.0/0,::/0" }, "0.0.0.0/0 ::/0" },
		{ { "192.0.2.7" }, "192.0.2.7/32" },
		{ { "2001:db8::1" }, "2001:db8::1/128" },
		{ { "192.0.2.7/32" }, "192.0.2.7/32" },
		{ { "10.128.0.0/9,2001:db8::/33" }, "10.128.0.0/9 2001:db8::/33" },
		/* what another one holds is no entry of its own: the packet filter's set takes no overlap */
		{ { "10.0.0.0/8,10.1.0.0/16" }, "10.0.0.0/8" },
		{ { "10.1.0.0/16,192.0.2.0/24,10.2.0.1,10.0.0.0/8" }, "192.0.2.0/24 10.0.0.0/8" },
		{ { "10.0.0.0/8,::/0,0.0.0.0/0" }, "::/0 0.0.0.0/0" },
	};
	struct policy policy;
	struct dyno_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(read_egress(samples[i].said[0], &policy, &err), 0);
		assert_int_equal(policy.egress, POLICY_EGRESS_LIST);
		assert_string_equal(cidrs(&policy), samples[i].meant);
	}
	assert_int_equal(read_egress(NULL, &policy, &err), 0);
	assert_int_equal(policy.egress, POLICY_EGRESS_ALLOW);
	assert_int_equal(read_egress("allow", &policy, &err), 0);
	assert_int_equal(policy.egress, POLICY_EGRESS_ALLOW);
	assert_int_equal(read_egress("deny", &policy, &err), 0);
	assert_int_equal(policy.egress, POLICY_EGRESS_DENY);
}

static void egress_wrong(void **state)
{
	static const struct sample samples[] = {
		{ { "" }, "an entry of the list is empty" },
		{ { "10.0.0.0/8," }, "an entry of the list is empty" },
		{ { "10.0.0.0/8,,::/0" }, "an entry of the list is empty" },
		{ { "none" }, "'none' is not a network|allow, deny, or networks" },
		{ { "Deny" }, "'Deny' is not a network" },
		{ { "10.0.0/8" }, "'10.0.0/8' is not a network" },
		{ { "10.0.0.0/8, 192.0.2.0/24" }, "' 192.0.2.0/24' is not a network" },
		{ { "/8" }, "'/8' is not a network" },
		{ { "10.0.0.0/33" }, "a prefix of IPv4 has 0 to 32 bits" },
		{ { "10.0.0.0/" }, "a prefix of IPv4 has 0 to 32 bits" },
		{ { "10.0.0.0/255.0.0.0" }, "a prefix of IPv4 has 0 to 32 bits" },
		{ { "2001:db8::/129" }, "a prefix of IPv6 has 0 to 128 bits" },
		{ { "10.0.0.1/8" }, "10.0.0.0/8 for the network, 10.0.0.1 for the one address" },
		{ { "10.0.0.128/24" }, "10.0.0.0/24 for the network" },
		{ { "10.1.2.3/0" }, "0.0.0.0/0 for the network" },
		{ { "2001:db8::1/64" }, "2001:db8::/64 for the network, 2001:db8::1 for the one address" },
		{ { "::ffff:10.0.0.0/104" }, "write this as an IPv4 network" },
		{ { "10.0.0.0/8,10.0.0.0/8" }, "10.0.0.0/8 is given twice" },
		{ { "allow,10.0.0.0/8" }, "'allow' stands alone" },
		{ { "10.0.0.0/8,deny" }, "'deny' stands alone" },
		{ { "12345678901234567890123456789012345678901234567890123456789012345678" }, "too long" },
	};
	struct policy policy;
	struct dyno_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_refused(read_egress(samples[i].said[0], &policy, &err), -EINVAL, &err, samples[i].meant);
}

/** numbered() - "@format,@format,..." with the numbers 1 to @count */
static char *numbered(const char *format, unsigned count)
{
	static char text[1024];
	size_t used = 0;

	for (unsigned i = 1; i <= count; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", i > 1 ? "," : "");
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", format, i);
	}
	return text;
}

static void lists_that_are_too_long(void **state)
{
	struct dyno_app app = { .egress = numbered("192.0.2.", POLICY_CIDR_MAX) };
	struct policy policy;
	struct dyno_error err;

	(void)state;
	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), 0);
	assert_int_equal(policy.cidr_count, POLICY_CIDR_MAX);
	app.egress = numbered("192.0.2.", POLICY_CIDR_MAX + 1);
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -E2BIG, &err, "more than 32 networks");
	app.egress = NULL;
	app.allow_host = numbered("", POLICY_PORT_MAX);
	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), 0);
	assert_int_equal(policy.allow_count, POLICY_PORT_MAX);
	app.allow_host = numbered("", POLICY_PORT_MAX + 1);
	assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -E2BIG, &err, "more than 32 ports");
}

static void allowed_services(void **state)
{
	static const struct sample samples[] = {
		{ { "" }, "an entry of the list is empty" },
		{ { "5432," }, "an entry of the list is empty" },
		{ { "0" }, "a port is 1 to 65535" },
		{ { "65536" }, "a port is 1 to 65535" },
		{ { "postgres" }, "'postgres' is not a port|PORT[,PORT]" },
		{ { "5432-5440" }, "'5432-5440' is not a port" },
		{ { "5432,6379,5432" }, "5432 is given twice" },
	};
	struct dyno_app app = { .allow_host = "5432,6379" };
	struct policy policy;
	struct dyno_error err;

	(void)state;
	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, NULL), 0);
	assert_int_equal(policy.allow_count, 2);
	assert_int_equal(policy.allow_host[0], 5432);
	assert_int_equal(policy.allow_host[1], 6379);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		app.allow_host = samples[i].said[0];
		assert_refused(policy_read(&app, DYNO_NET_PRIVATE, &policy, &err), -EINVAL, &err, samples[i].meant);
	}
}

/** what has no meaning on a network is refused there, not ignored */
static void networks(void **state)
{
	static const char *const publish[] = { "8080", NULL };
	static const struct {
		struct dyno_app app;
		enum dyno_net net;
		const char *words; /* NULL when it is right */
	} samples[] = {
		{ { .port = 5000 }, DYNO_NET_NONE, NULL },
		{ { .port = 5000 }, DYNO_NET_HOST, NULL },
		{ { .egress = "deny" }, DYNO_NET_NONE, NULL },
		{ { .egress = "allow" }, DYNO_NET_HOST, NULL },
		{ { .port = 5000, .publish = publish + 1 }, DYNO_NET_NONE, NULL },
		{ { .publish = publish }, DYNO_NET_PRIVATE, "an app without a port" },
		{ { .publish_unix = "/run/s" }, DYNO_NET_PRIVATE, "an app without a port" },
		{ { .port = 5000, .publish = publish }, DYNO_NET_NONE, "without a network cannot be published" },
		{ { .port = 5000, .publish = publish }, DYNO_NET_HOST, "listens there itself" },
		{ { .port = 5000, .publish_unix = "/run/s" }, DYNO_NET_HOST, "listens there itself" },
		{ { .egress = "allow" }, DYNO_NET_NONE, "no egress to give" },
		{ { .egress = "10.0.0.0/8" }, DYNO_NET_NONE, "no egress to give" },
		{ { .egress = "deny" }, DYNO_NET_HOST, "cannot be held" },
		{ { .egress = "10.0.0.0/8" }, DYNO_NET_HOST, "cannot be held" },
		{ { .allow_host = "5432" }, DYNO_NET_NONE, "reaches no port" },
		{ { .allow_host = "5432" }, DYNO_NET_HOST, "reaches all of its ports already" },
	};
	struct policy policy;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct dyno_error err = { 0 };
		int code = policy_read(&samples[i].app, samples[i].net, &policy, &err);

		if (samples[i].words)
			assert_refused(code, -EINVAL, &err, samples[i].words);
		else
			assert_int_equal(code, 0);
	}
}

static void any_address(void **state)
{
	const struct policy_endpoint any4 = { .family = AF_INET }, any6 = { .family = AF_INET6 };
	const struct policy_endpoint one4 = { .family = AF_INET, .address = { [3] = 1 } };
	const struct policy_endpoint one6 = { .family = AF_INET6, .address = { [15] = 1 } };

	(void)state;
	assert_true(policy_is_any(&any4));
	assert_true(policy_is_any(&any6));
	assert_false(policy_is_any(&one4));
	assert_false(policy_is_any(&one6));
}

static void endpoints_that_clash(void **state)
{
	const struct policy_endpoint one = { .family = AF_INET, .port = 80, .address = { 127, 0, 0, 1 } };
	const struct policy_endpoint any = { .family = AF_INET, .port = 80 }, six = { .family = AF_INET6, .port = 80 };
	struct policy_endpoint other = one;

	(void)state;
	assert_true(policy_endpoints_clash(&one, &one));
	assert_true(policy_endpoints_clash(&one, &any));
	assert_true(policy_endpoints_clash(&any, &one));
	assert_false(policy_endpoints_clash(&any, &six));
	other.address[3] = 2;
	assert_false(policy_endpoints_clash(&one, &other));
	other = one;
	other.port = 81;
	assert_false(policy_endpoints_clash(&any, &other));
	other.port = 0;
	assert_false(policy_endpoints_clash(&other, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published),
		cmocka_unit_test(published_wrong),
		cmocka_unit_test(published_at_too_many),
		cmocka_unit_test(unix_socket),
		cmocka_unit_test(egress),
		cmocka_unit_test(egress_wrong),
		cmocka_unit_test(lists_that_are_too_long),
		cmocka_unit_test(allowed_services),
		cmocka_unit_test(networks),
		cmocka_unit_test(any_address),
		cmocka_unit_test(endpoints_that_clash),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
