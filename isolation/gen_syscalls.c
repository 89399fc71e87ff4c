/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gen_syscalls.c - make the seccomp programs out of syscalls.def; runs at build time, on the build machine
 *
 * Usage: gen_syscalls [x86_64|aarch64] >syscalls_filter.h
 *
 * Two programs come out of the one table: syscalls_filter, and syscalls_filter_watch, which asks the launcher at the rows
 * marked WATCH.
 *
 * The kernel translates, compiles and (since 5.11) dry-runs the program for every call number, at each launch: its size
 * and depth are launch time. libseccomp's own output is a list of comparisons, one a call. Here the numbers are merged
 * into ranges of equal action first, and a balanced tree of "at least?" jumps finds the range:
 *
 *     architecture? -> number -> tree of ranges -> (tests of arguments) -> one return instruction for each action
 *
 * On x86_64 numbers from 0x40000000 on are the x32 ABI, which shares the architecture mark: they are one more range,
 * and are killed like a foreign architecture. The number -1 above them is not x32: tracers use it to skip a call.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "isolation/syscalls_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NUMBERS 1024
#define X32_FIRST 0x40000000u
#define MAX_RANGES 256
#define MAX_CODE 1024
#define MAX_LABELS 512
/* A conditional jump has 8 bits for each of its two distances */
#define MAX_JUMP 255
#define NEXT (-1)

/** struct range - from this number up to the next range's, the same thing happens: jump to @label */
struct range {
	uint32_t first;
	int label;
};

/** struct action - a value the filter can return, and the label of the instruction that returns it */
struct action {
	uint32_t value;
	int label;
};

/** struct instruction - one BPF instruction whose jump targets are labels, or NEXT */
struct instruction {
	uint16_t code;
	uint32_t k;
	int yes;
	int no;
};

/**
 * struct program - everything about the program being made
 * @watch:      of a watched dyno
 * @by_number:  label for each call number
 * @position:   instruction index of each label, once it is placed
 */
struct program {
	uint32_t arch;
	bool watch;
	int by_number[NUMBERS];
	struct range ranges[MAX_RANGES];
	size_t range_count;
	struct action actions[16];
	size_t action_count;
	struct instruction code[MAX_CODE];
	size_t length;
	size_t position[MAX_LABELS];
	int label_count;
};

/** die() - the build stops here */
static void __attribute__((noreturn)) die(const char *problem, const char *what)
{
	fprintf(stderr, "gen_syscalls: %s: %s\n", what, problem);
	exit(1);
}

/** label_new() - a name for a place in the program that place() fixes later */
static int label_new(struct program *p)
{
	if (p->label_count == MAX_LABELS)
		die("too many labels", "program");
	return p->label_count++;
}

/** label_of_action() - the label of the instruction that returns @value */
static int label_of_action(struct program *p, uint32_t value)
{
	for (size_t i = 0; i < p->action_count; i++) {
		if (p->actions[i].value == value)
			return p->actions[i].label;
	}
	if (p->action_count == COUNT(p->actions))
		die("too many different actions", "program");
	p->actions[p->action_count].value = value;
	p->actions[p->action_count].label = label_new(p);
	return p->actions[p->action_count++].label;
}

/** emit() - append one instruction */
static void emit(struct program *p, uint16_t code, uint32_t k, int yes, int no)
{
	if (p->length == MAX_CODE)
		die("too long", "program");
	p->code[p->length++] = (struct instruction){ code, k, yes, no };
}

/** place() - @label is the next instruction */
static void place(struct program *p, int label)
{
	p->position[label] = p->length;
}

/** emit_load() - load 32 bits of struct seccomp_data */
static void emit_load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, NEXT, NEXT);
}

/** emit_load_argument() - its low half, which comes first on both (little-endian) architectures */
static void emit_load_argument(struct program *p, unsigned argument)
{
	emit_load(p, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
}

/** number_of() - call number of a row on this architecture, -1 when it has none */
static int number_of(const struct program *p, const struct syscalls_row *row)
{
	int number = seccomp_syscall_resolve_name_arch(p->arch, row->name);

	/* libseccomp answers with negative pseudo-numbers for calls of other architectures */
	if (number < 0 && row->number >= 0)
		number = row->number;
	if (number >= NUMBERS)
		die("number out of range", row->name);
	return number < 0 ? -1 : number;
}

/** emit_test() - jump to @then if the arguments pass @row's test, else to @other */
static void emit_test(struct program *p, const struct syscalls_row *row, int then, int other)
{
	emit_load_argument(p, row->arg);
	switch (row->test) {
	case SYSCALLS_HAS_BITS: emit(p, BPF_JMP | BPF_JSET | BPF_K, row->value, then, other); break;
	case SYSCALLS_BOTH:
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->value, NEXT, other);
		emit_load_argument(p, row->arg2);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->value2, then, other);
		break;
	case SYSCALLS_IS: emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->value, then, other); break;
	case SYSCALLS_ALWAYS: die("not a test", row->name);
	}
}

/**
 * emit_tests() - the tests of one name, the first of which is @row
 * @label: where they begin
 * Return: the plain row that ends them
 */
static const struct syscalls_row *emit_tests(struct program *p, const struct syscalls_row *row, int label)
{
	for (; row->test != SYSCALLS_ALWAYS; row++) {
		const struct syscalls_row *next = row + 1;
		bool last = next->test == SYSCALLS_ALWAYS;

		if (next == syscalls_table + COUNT(syscalls_table) || strcmp(next->name, row->name) != 0)
			die("WHEN rows must end with a plain row of that name", row->name);
		place(p, label);
		label = last ? label_of_action(p, syscalls_action(next, p->watch)) : label_new(p);
		emit_test(p, row, label_of_action(p, syscalls_action(row, p->watch)), label);
	}
	return row;
}

/** number_all() - fill by_number: what happens for each number, the labels of tests being only reserved */
static void number_all(struct program *p)
{
	int absent = label_of_action(p, SYSCALLS_FAIL(ENOSYS));

	for (size_t i = 0; i < NUMBERS; i++)
		p->by_number[i] = absent;
	for (size_t i = 0; i < COUNT(syscalls_table); i++) {
		const struct syscalls_row *row = &syscalls_table[i];
		int number = number_of(p, row);

		if (number >= 0) {
			if (p->by_number[number] != absent)
				die("named twice", row->name);
			p->by_number[number] = row->test == SYSCALLS_ALWAYS
			                               ? label_of_action(p, syscalls_action(row, p->watch))
			                               : label_new(p);
		}
		while (syscalls_table[i].test != SYSCALLS_ALWAYS && i + 1 < COUNT(syscalls_table))
			i++;
	}
}

/** range_add() - from @first on it is @label, unless it is so already */
static void range_add(struct program *p, uint32_t first, int label)
{
	if (p->range_count > 0 && p->ranges[p->range_count - 1].label == label)
		return;
	if (p->range_count == MAX_RANGES)
		die("too many ranges", "program");
	p->ranges[p->range_count++] = (struct range){ first, label };
}

/** range_all() - merge equal neighbours; everything above the table is absent, but x32 is foreign */
static void range_all(struct program *p)
{
	for (uint32_t i = 0; i < NUMBERS; i++)
		range_add(p, i, p->by_number[i]);
	if (p->arch != SCMP_ARCH_X86_64)
		return;
	range_add(p, X32_FIRST, label_of_action(p, SECCOMP_RET_KILL_PROCESS));
	range_add(p, UINT32_MAX, label_of_action(p, SYSCALLS_FAIL(ENOSYS)));
}

/** emit_tree() - find the range of the number among ranges [@low, @high); the lower half follows directly */
static void emit_tree(struct program *p, size_t low, size_t high)
{
	size_t middle = low + (high - low) / 2;
	bool leaf_below = middle - low == 1, leaf_above = high - middle == 1;
	int above = leaf_above ? p->ranges[middle].label : label_new(p);

	emit(p, BPF_JMP | BPF_JGE | BPF_K, p->ranges[middle].first, above, leaf_below ? p->ranges[low].label : NEXT);
	if (!leaf_below)
		emit_tree(p, low, middle);
	if (!leaf_above) {
		place(p, above);
		emit_tree(p, middle, high);
	}
}

/** emit_program() - architecture, tree, tests, returns */
static void emit_program(struct program *p)
{
	emit_load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, p->arch, NEXT, label_of_action(p, SECCOMP_RET_KILL_PROCESS));
	emit_load(p, offsetof(struct seccomp_data, nr));
	emit_tree(p, 0, p->range_count);
	for (size_t i = 0; i < COUNT(syscalls_table); i++) {
		const struct syscalls_row *row = &syscalls_table[i];

		if (row->test == SYSCALLS_ALWAYS)
			continue;
		if (number_of(p, row) < 0)
			die("calls with tests must exist on every architecture", row->name);
		row = emit_tests(p, row, p->by_number[number_of(p, row)]);
		i = (size_t)(row - syscalls_table);
	}
	for (size_t i = 0; i < p->action_count; i++) {
		place(p, p->actions[i].label);
		emit(p, BPF_RET | BPF_K, p->actions[i].value, NEXT, NEXT);
	}
}

/** distance() - from instruction @at to @label, as a jump counts it */
static unsigned distance(const struct program *p, size_t at, int label)
{
	size_t jump = label == NEXT ? 0 : p->position[label] - at - 1;

	if (jump > MAX_JUMP)
		die("a jump is too long: merge ranges, or teach gen_syscalls to repeat returns", "program");
	return (unsigned)jump;
}

/** print_program() - as a C array, with the ranges in a comment for people */
static void print_program(const struct program *p)
{
	printf("\n/*\n * %zu instructions for %zu ranges of call numbers; instruction to which each range goes:\n",
	       p->length, p->range_count);
	for (size_t i = 0; i < p->range_count; i++)
		printf(" *   from %#10x: %zu\n", p->ranges[i].first, p->position[p->ranges[i].label]);
	printf(" */\nstatic const struct sock_filter syscalls_filter%s[] = {\n", p->watch ? "_watch" : "");
	for (size_t i = 0; i < p->length; i++) {
		const struct instruction *in = &p->code[i];

		printf("\t{%#06x, %3u, %3u, 0x%08x}, /* %zu */\n", in->code, distance(p, i, in->yes),
		       distance(p, i, in->no), in->k, i);
	}
	printf("};\n");
}

/** make_program() - for @arch; @watch: of a watched dyno */
static void make_program(struct program *p, uint32_t arch, bool watch)
{
	p->arch = arch;
	p->watch = watch;
	number_all(p);
	range_all(p);
	emit_program(p);
	print_program(p);
}

int main(int argc, char **argv)
{
	static struct program programs[2];
	const char *arch_name = argc > 1 ? argv[1] : NULL;
	uint32_t arch = arch_name ? seccomp_arch_resolve_name(arch_name) : seccomp_arch_native();

	if (arch != SCMP_ARCH_X86_64 && arch != SCMP_ARCH_AARCH64)
		die("only x86_64 and aarch64 are supported", arch_name ? arch_name : "this machine");
	printf("/* Made by isolation/gen_syscalls.c from isolation/syscalls.def for %s. Do not edit. */\n",
	       arch == SCMP_ARCH_X86_64 ? "x86_64" : "aarch64");
	printf("#include <linux/filter.h>\n");
	make_program(&programs[0], arch, false);
	make_program(&programs[1], arch, true);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write", "output");
	return 0;
}
