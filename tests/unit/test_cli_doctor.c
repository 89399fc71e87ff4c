/* SPDX-License-Identifier: Apache-2.0 */
/* test_cli_doctor.c - cli/doctor_checks: made-up machines, and what is said about them */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/doctor.h"

/** healthy() - a machine on which nothing is wrong, seen by an ordinary user */
static struct doctor healthy(void)
{
	struct doctor doctor = {
		.uname = { .release = "6.8.0", .machine = "x86_64" },
		.kernel = { 6, 8, 0 },
		.rootless = true,
		.apparmor_userns = -1,
		.userns_clone = -1,
		.userns_max = 15000,
		.seccomp = true,
		.namespaces = true,
		.landlock_abi = 6,
		.cgroups = { .layout = DYNO_CGROUP_V2, .v2_fd = 9, .v1_fd = { -1, -1, -1, -1 } },
		.pasta = true,
		.tun = true,
		.net = { .uplink = "eth0",
		         .forward4 = 1,
		         .router6 = 1,
		         .tracked = 1,
		         .tracked_max = 1000,
		         .range = "172.29.0.0/18" },
	};
	struct probe *probes[] = { &doctor.probes.clone,   &doctor.probes.map,  &doctor.probes.scratch,
		                   &doctor.probes.overlay, &doctor.probes.proc, &doctor.probes.idmap,
		                   &doctor.host,           &doctor.sandbox,     &doctor.network };

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		probes[i]->tried = true;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		doctor.cgroups.v2_has[i] = true;
	return doctor;
}

/** look() - what the check @name says */
static struct finding look(const struct doctor *doctor, const char *name)
{
	struct finding finding = { 0 };

	for (const struct check *check = doctor_checks; check->name; check++)
		if (strcmp(check->name, name) == 0) {
			check->look(doctor, &finding);
			return finding;
		}
	fail_msg("no check is called %s", name);
	return finding;
}

static void fail_probe(struct probe *probe, int code)
{
	error_set(&probe->err, code, "probe", "it failed:");
}

static void test_healthy(void **state)
{
	struct doctor doctor = healthy();

	(void)state;
	for (const struct check *check = doctor_checks; check->name; check++) {
		struct finding finding = { 0 };

		check->look(&doctor, &finding);
		if (finding.state != DOCTOR_OK)
			fail_msg("%s: %s", check->name, finding.fact);
	}
}

static void test_each_cause_of_no_user_namespaces_is_told_apart(void **state)
{
	struct doctor doctor;
	struct finding finding;

	(void)state;
	doctor = healthy();
	fail_probe(&doctor.probes.clone, -EPERM);
	doctor.userns_clone = 0;
	finding = look(&doctor, "clone");
	assert_int_equal(finding.state, DOCTOR_FAIL);
	assert_non_null(strstr(finding.remedy, "unprivileged_userns_clone"));

	doctor = healthy();
	fail_probe(&doctor.probes.clone, -ENOSPC);
	doctor.userns_max = 0;
	finding = look(&doctor, "clone");
	assert_non_null(strstr(finding.remedy, "user.max_user_namespaces is 0"));

	doctor = healthy();
	fail_probe(&doctor.probes.map, -EPERM);
	doctor.apparmor_userns = 1;
	finding = look(&doctor, "id map");
	assert_int_equal(finding.state, DOCTOR_FAIL);
	assert_non_null(strstr(finding.remedy, "AppArmor"));
	assert_non_null(strstr(finding.remedy, "profile"));

	doctor = healthy();
	fail_probe(&doctor.probes.clone, -EPERM);
	doctor.filtered = true;
	finding = look(&doctor, "clone");
	assert_non_null(strstr(finding.remedy, "seccomp"));

	doctor = healthy();
	fail_probe(&doctor.probes.clone, -EAGAIN);
	finding = look(&doctor, "clone");
	assert_non_null(strstr(finding.remedy, "processes"));
}

static void test_masked_proc(void **state)
{
	struct doctor doctor = healthy();
	struct finding finding;

	(void)state;
	fail_probe(&doctor.probes.proc, -EPERM);
	finding = look(&doctor, "proc");
	assert_int_equal(finding.state, DOCTOR_FAIL);
	assert_non_null(strstr(finding.remedy, "unmask"));
}

static void test_what_was_not_reached_is_not_blamed(void **state)
{
	struct doctor doctor = healthy();
	struct finding finding;

	(void)state;
	fail_probe(&doctor.probes.clone, -EPERM);
	doctor.probes.overlay.tried = false;
	finding = look(&doctor, "overlay");
	assert_non_null(strstr(finding.fact, "could not be tried"));
	assert_string_equal(finding.remedy, "");
}

static void test_kernels(void **state)
{
	static const struct {
		unsigned kernel[3];
		enum doctor_state kernel_state, fixes_state;
	} rows[] = {
		{ { 5, 11, 5 }, DOCTOR_FAIL, DOCTOR_WARN }, { { 5, 12, 1 }, DOCTOR_OK, DOCTOR_WARN },
		{ { 5, 15, 90 }, DOCTOR_OK, DOCTOR_WARN },  { { 5, 15, 91 }, DOCTOR_OK, DOCTOR_OK },
		{ { 6, 1, 8 }, DOCTOR_OK, DOCTOR_WARN },    { { 6, 1, 9 }, DOCTOR_OK, DOCTOR_OK },
		{ { 6, 2, 0 }, DOCTOR_OK, DOCTOR_OK },      { { 0, 0, 0 }, DOCTOR_FAIL, DOCTOR_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor doctor = healthy();

		memcpy(doctor.kernel, rows[i].kernel, sizeof(doctor.kernel));
		assert_int_equal(look(&doctor, "kernel").state, rows[i].kernel_state);
		assert_int_equal(look(&doctor, "kernel fixes").state, rows[i].fixes_state);
	}
}

static void test_cgroups(void **state)
{
	struct doctor doctor = healthy();
	struct finding finding;

	(void)state;
	doctor.cgroups.layout = DYNO_CGROUP_NONE;
	doctor.cgroups.v2_fd = -1;
	strcpy(doctor.cgroups.why, "not delegated");
	finding = look(&doctor, "control groups");
	assert_int_equal(finding.state, DOCTOR_WARN);
	assert_string_equal(finding.remedy, "not delegated");
	assert_int_equal(look(&doctor, "memory limit").state, DOCTOR_WARN);

	doctor = healthy();
	doctor.cgroups.v2_has[CGROUP_CPU] = false;
	assert_int_equal(look(&doctor, "CPU limit").state, DOCTOR_WARN);
	assert_int_equal(look(&doctor, "memory limit").state, DOCTOR_OK);
	doctor.cgroups.v1_fd[CGROUP_CPU] = 8;
	assert_int_equal(look(&doctor, "CPU limit").state, DOCTOR_OK);
}

static void test_pasta_matters_without_root_only(void **state)
{
	struct doctor doctor = healthy();

	(void)state;
	doctor.tun = false;
	assert_int_equal(look(&doctor, "pasta").state, DOCTOR_WARN);
	doctor.pasta = false;
	assert_int_equal(look(&doctor, "pasta").state, DOCTOR_WARN);
	doctor.rootless = false;
	assert_int_equal(look(&doctor, "pasta").state, DOCTOR_OK);
}

static void test_network_of_root(void **state)
{
	struct doctor doctor = healthy();

	(void)state;
	doctor.rootless = false;
	assert_int_equal(look(&doctor, "forwarding").state, DOCTOR_OK);
	doctor.net.forward4 = doctor.net.router6 = 0;
	assert_int_equal(look(&doctor, "forwarding").state, DOCTOR_WARN);
	assert_non_null(strstr(look(&doctor, "forwarding").fact, "while dynos run"));
	assert_non_null(strstr(look(&doctor, "forwarding").remedy, "6.17"));
	doctor.net.by_link6 = true;
	assert_int_equal(look(&doctor, "forwarding").state, DOCTOR_OK);
	doctor.net.uplink[0] = '\0';
	assert_non_null(strstr(look(&doctor, "forwarding").fact, "no default route"));
	assert_int_equal(look(&doctor, "other filters").state, DOCTOR_OK);
	doctor.net.wall_count = 1;
	strcpy(doctor.net.walls[0].name, "ip filter FORWARD");
	strcpy(doctor.net.walls[0].remedy, "do this");
	assert_int_equal(look(&doctor, "other filters").state, DOCTOR_WARN);
	assert_non_null(strstr(look(&doctor, "other filters").fact, "ip filter FORWARD"));
	assert_string_equal(look(&doctor, "other filters").remedy, "do this");
	doctor.net.wall_count = -EPERM;
	assert_int_equal(look(&doctor, "other filters").state, DOCTOR_WARN);
	doctor.net.tracked = 900;
	assert_int_equal(look(&doctor, "tracking").state, DOCTOR_WARN);
	assert_non_null(strstr(look(&doctor, "tracking").remedy, "nf_conntrack_max"));
	doctor.net.tracked = -1;
	assert_int_equal(look(&doctor, "tracking").state, DOCTOR_OK);
	doctor.net.range[0] = '\0';
	assert_int_equal(look(&doctor, "address range").state, DOCTOR_FAIL);
}

static void test_routes_into_the_range(void **state)
{
	static const struct address_range range = ADDRESS_RANGE_DEFAULT;
	static const struct {
		const char *line, *clash;
	} rows[] = {
		{ "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", "" },
		{ "tun0\t00001DAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0", "172.29.0.0/16" },
		{ "tun0\t00051DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", "172.29.5.0/24" },
		{ "tun0\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0", "172.16.0.0/12" },
		{ "tun0\t00401DAC\t00000000\t0001\t0\t0\t0\t00C0FFFF\t0\t0\t0", "" },
		{ "dyno5\t14001DAC\t00000000\t0001\t0\t0\t0\tFCFFFFFF\t0\t0\t0", "" },
		{ "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0", "" },
	};
	struct doctor_network net;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&net, 0, sizeof(net));
		doctor_network_route(rows[i].line, &range, &net);
		assert_string_equal(net.clash, rows[i].clash);
	}
	assert_string_equal(net.uplink, "eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_each_cause_of_no_user_namespaces_is_told_apart),
		cmocka_unit_test(test_masked_proc),
		cmocka_unit_test(test_what_was_not_reached_is_not_blamed),
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_pasta_matters_without_root_only),
		cmocka_unit_test(test_network_of_root),
		cmocka_unit_test(test_routes_into_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
