/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.c - `dyno doctor`: what this machine gives, what is missing, and how to get it */
#include "cli/doctor.h"

#include <string.h>

#include "base/text.h"
#include "cli/message.h"
#include "cli/verb.h"

struct doctor_given {
	bool help;
	bool json;
};

const struct option_spec doctor_specs[] = {
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct doctor_given, json),
	  .help = "print one object" },
	VERB_HELP_SPEC,
	{ 0 },
};

static const char *const state_names[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail" };

/** print_finding() - two lines at most, for people */
static void print_finding(const struct check *check, const struct finding *finding)
{
	printf("%-5s %-16s %s\n", state_names[finding->state], check->name, finding->fact);
	if (finding->remedy[0])
		printf("%-5s %-16s -> %s\n", "", "", finding->remedy);
}

/** print_finding_json() - one object, for programs; @first: no comma before it */
static void print_finding_json(const struct check *check, const struct finding *finding, bool first)
{
	printf("%s{\"name\":\"%s\",\"state\":\"%s\",\"fact\":", first ? "" : ",\n ", check->name,
	       state_names[finding->state]);
	text_json(stdout, finding->fact);
	fputs(",\"remedy\":", stdout);
	text_json(stdout, finding->remedy);
	fputc('}', stdout);
}

/** doctor_run() - look at everything and tell. Return: exit code */
static int doctor_run(bool json)
{
	struct doctor doctor;
	bool can_run = true;

	doctor_gather(&doctor);
	if (json)
		fputs("{\"checks\":[", stdout);
	for (const struct check *check = doctor_checks; check->name; check++) {
		struct finding finding = { 0 };

		check->look(&doctor, &finding);
		can_run = can_run && finding.state != DOCTOR_FAIL;
		if (json)
			print_finding_json(check, &finding, check == doctor_checks);
		else
			print_finding(check, &finding);
	}
	doctor_gather_done(&doctor);
	if (json)
		printf("],\n \"can_run\":%s}\n", can_run ? "true" : "false");
	else
		puts(can_run ? "\ndynos can run here" : "\ndynos cannot run here: see what failed above");
	if (fflush(stdout) != 0)
		return EXIT_DYNO_FAILED;
	return can_run ? EXIT_OK : EXIT_NEGATIVE;
}

int doctor_main(int argc, char **argv, uint64_t requested_ns)
{
	struct doctor_given given = { 0 };
	int code = verb_parse_alone("doctor", argc, argv, &given);

	(void)requested_ns;
	return code == VERB_CONTINUE ? doctor_run(given.json) : code;
}
