/* SPDX-License-Identifier: Apache-2.0 */
/* shed.c - see shed.h */
#include "runtime/shed.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define PAGE 4096UL
/* The first address that may be mapped: vm.mmap_min_addr */
#define LOWEST 65536UL
/* The kernel's own pages lie right below the vdso: some 4 to 6 of them (arch/x86/entry/vdso/vma.c) */
#define VVAR_SIZE (16 * PAGE)
#define VDSO_SIZE (4 * PAGE)
/* Frames of the calls to come, below the one that asks */
#define FRAMES (2 * PAGE)

/* The log of base/fault.h is mapped memory */
#ifdef DYNO_FAULTS
#define LOG_MAPPED true
#else
#define LOG_MAPPED false
#endif

/**
 * find_program() - where a static program at a fixed address lies, by the headers that the kernel tells of (getauxval(3))
 * Return: this is one: it has no interpreter, and no table for one
 */
static bool find_program(struct shed_range *ret)
{
	const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	unsigned long count = getauxval(AT_PHNUM);

	*ret = (struct shed_range){ UINTPTR_MAX, 0 };
	for (; header && count > 0; header++, count--) {
		if (header->p_type == PT_INTERP || header->p_type == PT_DYNAMIC)
			return false;
		if (header->p_type != PT_LOAD)
			continue;
		if (header->p_vaddr < ret->from)
			ret->from = header->p_vaddr;
		if (header->p_vaddr + header->p_memsz > ret->to)
			ret->to = header->p_vaddr + header->p_memsz;
	}
	return ret->to > 0;
}

/** keep() - note a range, widened to whole pages, in its place */
static void keep(struct shed *shed, uintptr_t from, uintptr_t to)
{
	size_t i = shed->count++;

	for (; i > 0 && shed->keep[i - 1].from > from; i--)
		shed->keep[i] = shed->keep[i - 1];
	shed->keep[i] = (struct shed_range){ from & ~(PAGE - 1), (to + PAGE - 1) & ~(PAGE - 1) };
}

/** find_stack() - of the calling thread, with its thread-local storage. Return: 0 or negative errno */
static int find_stack(struct shed_range *ret)
{
	pthread_attr_t attr;
	size_t size = 0;
	void *at = NULL;
	int r = pthread_getattr_np(pthread_self(), &attr);

	if (r == 0)
		r = pthread_attr_getstack(&attr, &at, &size);
	if (r != 0)
		return -r;
	pthread_attr_destroy(&attr);
	*ret = (struct shed_range){ (uintptr_t)at, (uintptr_t)at + size };
	return 0;
}

void shed_plan(struct shed *ret)
{
	struct shed_range program;
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR), title = (uintptr_t)program_invocation_name;
	struct shed shed = { 0 };

	*ret = shed;
	if (LOG_MAPPED || !find_program(&program) || vdso == 0 || title == 0 || find_stack(&shed.stack) < 0)
		return;
	keep(&shed, program.from, program.to);
	keep(&shed, shed.stack.from, shed.stack.to);
	keep(&shed, vdso - VVAR_SIZE, vdso + VDSO_SIZE);
	/* Where ps(1) finds the command line: at the top of the first thread's stack, which is the top of all. */
	keep(&shed, title, UINTPTR_MAX - PAGE);
	*ret = shed;
}

void shed_child(const struct shed *shed)
{
	const struct shed copy = *shed; /* it lies in what is unmapped here */
	uintptr_t from = LOWEST, here = (uintptr_t)__builtin_frame_address(0);

	for (size_t i = 0; i < copy.count; i++) {
		if (copy.keep[i].from > from)
			(void)munmap((void *)from, copy.keep[i].from - from);
		if (copy.keep[i].to > from)
			from = copy.keep[i].to;
	}
	here = (here & ~(PAGE - 1)) - FRAMES;
	if (copy.count > 0 && here > copy.stack.from && here < copy.stack.to)
		(void)madvise((void *)copy.stack.from, here - copy.stack.from, MADV_DONTNEED);
}
