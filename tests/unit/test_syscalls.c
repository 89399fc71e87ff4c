/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_syscalls.c - the seccomp program, judged without installing it (test_syscalls_kernel.c does that)
 *
 * 1. By an oracle: libseccomp makes filters out of the same table, in its own way, and a small interpreter runs both
 *    over all call numbers and many arguments. The program for the other architecture is judged so, too.
 * 2. By completeness: each call that libseccomp can name has a row.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "isolation/syscalls.h"
#include "isolation/syscalls_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NO_ANSWER 0xdeadbeefu

#ifdef __x86_64__
#define NATIVE SCMP_ARCH_X86_64
#define OTHER SCMP_ARCH_AARCH64
#define OTHER_NAME "aarch64"
#else
#define NATIVE SCMP_ARCH_AARCH64
#define OTHER SCMP_ARCH_X86_64
#define OTHER_NAME "x86_64"
#endif

/* ---- interpreter ------------------------------------------------------------------------------------------------- */

/** jump_taken() - the condition of a BPF jump */
static bool jump_taken(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ: return a == k;
	case BPF_JGT: return a > k;
	case BPF_JGE: return a >= k;
	case BPF_JSET: return (a & k) != 0;
	default: return false;
	}
}

/** interpret() - run a classic BPF program. Return: its answer, or NO_ANSWER if it does what the kernel would refuse */
static uint32_t interpret(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < program->len; pc++) {
		const struct sock_filter *in = &program->filter[pc];

		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (in->k % 4 != 0 || in->k + 4 > sizeof(*data))
				return NO_ANSWER;
			memcpy(&a, (const char *)data + in->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= in->k; break;
		case BPF_JMP | BPF_JA: pc += in->k; break;
		case BPF_RET | BPF_K: return in->k;
		default:
			if (BPF_CLASS(in->code) != BPF_JMP || BPF_SRC(in->code) != BPF_K)
				return NO_ANSWER;
			pc += jump_taken(in->code, a, in->k) ? in->jt : in->jf;
		}
	}
	return NO_ANSWER;
}

/* ---- oracle ------------------------------------------------------------------------------------------------------ */

/** enum oracle_part - libseccomp has one default action per filter, so that each call with tests gets its own */
enum oracle_part { ORACLE_PLAIN, ORACLE_CLONE, ORACLE_IOCTL, ORACLE_PERSONALITY, ORACLE_SOCKET, ORACLE_PARTS };

/** struct oracle - the programs of libseccomp, and the numbers that the last four decide; @watch: for a watched dyno */
struct oracle {
	bool watch;
	struct sock_fprog programs[ORACLE_PARTS];
	int numbers[ORACLE_PARTS];
};

static const char *const oracle_names[ORACLE_PARTS] = { NULL, "clone", "ioctl", "personality", "socket" };

/** is_tested() - @name has rows with tests */
static bool is_tested(const char *name)
{
	for (size_t i = ORACLE_CLONE; i < ORACLE_PARTS; i++) {
		if (strcmp(name, oracle_names[i]) == 0)
			return true;
	}
	return false;
}

/** oracle_context() - an empty libseccomp filter for @arch */
static scmp_filter_ctx oracle_context(uint32_t arch, uint32_t otherwise)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);

	assert_non_null(ctx);
	if (arch != seccomp_arch_native()) {
		assert_int_equal(seccomp_arch_add(ctx, arch), 0);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	}
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	return ctx;
}

/** oracle_export() - the BPF program of @ctx, which is freed */
static struct sock_fprog oracle_export(scmp_filter_ctx ctx)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct sock_fprog program = { 0 };
	off_t size;

	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	size = lseek(fd, 0, SEEK_END);
	assert_true(size > 0);
	program.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	program.filter = malloc((size_t)size);
	assert_non_null(program.filter);
	assert_int_equal(pread(fd, program.filter, (size_t)size, 0), size);
	return program;
}

/** oracle_plain() - all rows without tests; what libseccomp does not know stays out */
static struct sock_fprog oracle_plain(uint32_t arch, bool watch)
{
	scmp_filter_ctx ctx = oracle_context(arch, SCMP_ACT_ERRNO(ENOSYS));

	for (size_t i = 0; i < COUNT(syscalls_table); i++) {
		const struct syscalls_row *row = &syscalls_table[i];
		int number = seccomp_syscall_resolve_name(row->name);

		if (is_tested(row->name) || number == __NR_SCMP_ERROR || row->action == SCMP_ACT_ERRNO(ENOSYS))
			continue;
		if (seccomp_syscall_resolve_name_arch(arch, row->name) < 0)
			continue;
		assert_int_equal(seccomp_rule_add(ctx, syscalls_action(row, watch), number, 0), 0);
	}
	return oracle_export(ctx);
}

/* What the calls with tests are meant to do, said in libseccomp's words: low 32 bits of the argument, compared */
#define LOW32(argument, value) SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, 0xffffffffu, value)
#define NAMESPACES 0x7e020000u

static void oracle_clone(scmp_filter_ctx ctx, int number)
{
	assert_int_equal(
		seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, NAMESPACES, 0)), 0);
}

static void oracle_ioctl(scmp_filter_ctx ctx, int number)
{
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 1, LOW32(1, 0x5412)), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 1, LOW32(1, 0x541c)), 0);
}

static void oracle_personality(scmp_filter_ctx ctx, int number)
{
	static const uint32_t usual[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };

	for (size_t i = 0; i < COUNT(usual); i++)
		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, LOW32(0, usual[i])), 0);
}

static void oracle_socket(scmp_filter_ctx ctx, int number)
{
	static const uint32_t families[] = { 1, 2, 10 };

	for (size_t i = 0; i < COUNT(families); i++)
		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, LOW32(0, families[i])), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 2, LOW32(0, 16), LOW32(2, 0)), 0);
}

static void oracle_init(struct oracle *oracle, uint32_t arch)
{
	static void (*const build[ORACLE_PARTS])(scmp_filter_ctx, int) = {
		NULL, oracle_clone, oracle_ioctl, oracle_personality, oracle_socket,
	};
	static const uint32_t otherwise[ORACLE_PARTS] = {
		0, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(EAFNOSUPPORT),
	};

	oracle->programs[ORACLE_PLAIN] = oracle_plain(arch, oracle->watch);
	oracle->numbers[ORACLE_PLAIN] = -1;
	for (size_t i = ORACLE_CLONE; i < ORACLE_PARTS; i++) {
		scmp_filter_ctx ctx = oracle_context(arch, otherwise[i]);

		build[i](ctx, seccomp_syscall_resolve_name(oracle_names[i]));
		oracle->programs[i] = oracle_export(ctx);
		oracle->numbers[i] = seccomp_syscall_resolve_name_arch(arch, oracle_names[i]);
	}
}

static void oracle_finish(struct oracle *oracle)
{
	for (size_t i = 0; i < ORACLE_PARTS; i++)
		free(oracle->programs[i].filter);
}

/* ---- comparison -------------------------------------------------------------------------------------------------- */

static const uint64_t arguments[] = {
	0,           1,           2,           3,           7,           8,           9,          10,
	16,          17,          31,          38,          40,          0x5411,      0x5412,     0x5413,
	0x541b,      0x541c,      0x541d,      0x20000,     0x20008,     0x40000,     0x02000000, 0x04000000,
	0x08000000,  0x10000000,  0x20000000,  0x40000000,  0x80,        0x01200011,  0x003d0f00, 0xffffffff,
	0x100000000, 0x100000001, 0x100005412, 0x10000541c, 0x110000000, 0x1ffffffff, UINT64_MAX,
};

/** newer_row() - the row of a number that libseccomp cannot name on @arch, NULL when there is none */
static const struct syscalls_row *newer_row(uint32_t arch, uint32_t number)
{
	for (size_t i = 0; i < COUNT(syscalls_table); i++) {
		const struct syscalls_row *row = &syscalls_table[i];

		/* -1 means "none given", and is also a number we ask about */
		if (row->number >= 0 && row->number == (int)number &&
		    seccomp_syscall_resolve_name_arch(arch, row->name) < 0)
			return row;
	}
	return NULL;
}

/** expected() - what the oracle says */
static uint32_t expected(const struct oracle *oracle, uint32_t arch, const struct seccomp_data *data)
{
	const struct syscalls_row *newer = data->arch == arch ? newer_row(arch, (uint32_t)data->nr) : NULL;

	if (newer)
		return newer->action;
	for (size_t i = ORACLE_CLONE; i < ORACLE_PARTS; i++) {
		if (oracle->numbers[i] == data->nr)
			return interpret(&oracle->programs[i], data);
	}
	return interpret(&oracle->programs[ORACLE_PLAIN], data);
}

/** compare_call() - one number with many arguments; all combinations where arguments matter */
static void compare_call(const struct sock_fprog *program, const struct oracle *oracle, uint32_t arch, uint32_t number)
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch };
	const struct syscalls_row *newer = newer_row(arch, number);
	size_t first, second, third, step = COUNT(arguments);

	for (size_t i = ORACLE_CLONE; i < ORACLE_PARTS; i++)
		step = oracle->numbers[i] == (int)number ? 1 : step;
	for (first = 0; first < COUNT(arguments); first++) {
		for (second = first % step; second < COUNT(arguments); second += step) {
			for (third = first % step; third < COUNT(arguments); third += step) {
				uint32_t ours, theirs;

				data.args[0] = arguments[first];
				data.args[1] = arguments[second];
				data.args[2] = arguments[third];
				ours = interpret(program, &data);
				theirs = newer ? newer->action : expected(oracle, arch, &data);
				if (ours != theirs)
					fail_msg("call %u (%#llx, %#llx, %#llx): %#x, libseccomp says %#x", number,
					         (unsigned long long)data.args[0], (unsigned long long)data.args[1],
					         (unsigned long long)data.args[2], ours, theirs);
			}
		}
	}
}

/** compare() - the program for @arch with libseccomp's, over all numbers */
static void compare(const struct sock_fprog *program, uint32_t arch, bool watch)
{
	static const uint32_t special[] = { 1023,       1024,       4096,       0x3fffffff, 0x40000000, 0x40000001,
		                            0x40000027, 0x400001ff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	static const uint32_t foreign[] = { SCMP_ARCH_X86, SCMP_ARCH_ARM, SCMP_ARCH_PPC64LE, 0, UINT32_MAX };
	struct seccomp_data data = { 0 };
	struct oracle oracle = { .watch = watch };

	oracle_init(&oracle, arch);
	for (uint32_t number = 0; number <= 600; number++)
		compare_call(program, &oracle, arch, number);
	for (size_t i = 0; i < COUNT(special); i++)
		compare_call(program, &oracle, arch, special[i]);
	for (size_t i = 0; i < COUNT(foreign); i++) {
		data.arch = foreign[i];
		for (data.nr = 0; data.nr <= 600; data.nr++)
			assert_int_equal(interpret(program, &data), SECCOMP_RET_KILL_PROCESS);
	}
	oracle_finish(&oracle);
}

static void test_agrees_with_libseccomp(void **state)
{
	(void)state;
	compare(syscalls_program(false), NATIVE, false);
	compare(syscalls_program(true), NATIVE, true);
}

static void test_watching_asks_at_listen_and_nowhere_else(void **state)
{
	struct seccomp_data data = { .arch = NATIVE };

	(void)state;
	for (data.nr = 0; data.nr <= 600; data.nr++) {
		uint32_t plain = interpret(syscalls_program(false), &data);
		uint32_t watched = interpret(syscalls_program(true), &data);

		if (data.nr == seccomp_syscall_resolve_name("listen")) {
			assert_int_equal(plain, SECCOMP_RET_ALLOW);
			assert_int_equal(watched, SECCOMP_RET_USER_NOTIF);
		} else {
			assert_int_equal(plain, watched);
		}
	}
}

/** read_program() - the next program of the generator's output */
static struct sock_fprog read_program(FILE *out, struct sock_filter *filter, size_t room)
{
	struct sock_fprog program = { .filter = filter };
	char line[256];

	while (fgets(line, sizeof(line), out) && program.len < room && strcmp(line, "};\n") != 0) {
		unsigned code, yes, no, k;

		if (sscanf(line, " {%x, %u, %u, %x}", &code, &yes, &no, &k) != 4)
			continue;
		filter[program.len] = (struct sock_filter){ (uint16_t)code, (uint8_t)yes, (uint8_t)no, k };
		program.len++;
	}
	return program;
}

static void test_other_architecture_agrees(void **state)
{
	const char *build = getenv("DYNO_BUILD");
	struct sock_filter filter[2][1024];
	struct sock_fprog plain, watched;
	char command[256];
	FILE *out;

	(void)state;
	snprintf(command, sizeof(command), "%s/gen_syscalls %s", build ? build : "build", OTHER_NAME);
	out = popen(command, "r");
	assert_non_null(out);
	plain = read_program(out, filter[0], COUNT(filter[0]));
	watched = read_program(out, filter[1], COUNT(filter[1]));
	while (fgets(command, sizeof(command), out))
		;
	assert_int_equal(pclose(out), 0);
	compare(&plain, OTHER, false);
	compare(&watched, OTHER, true);
}

static void test_every_known_call_has_a_row(void **state)
{
	static const uint32_t archs[] = { SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64 };

	(void)state;
	for (int i = 0; i < 2 * 600; i++) {
		char *name = seccomp_syscall_resolve_num_arch(archs[i % 2], i / 2);
		size_t row = 0;

		while (name && row < COUNT(syscalls_table) && strcmp(syscalls_table[row].name, name) != 0)
			row++;
		if (row == COUNT(syscalls_table))
			fail_msg("syscalls.def does not say what to do with %s", name);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_libseccomp),
		cmocka_unit_test(test_watching_asks_at_listen_and_nowhere_else),
		cmocka_unit_test(test_other_architecture_agrees),
		cmocka_unit_test(test_every_known_call_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
