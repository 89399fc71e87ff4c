/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shed.h - give back memory that a parked sandbox has of its launcher and will not use
 *
 * A child is born with all that its launcher has: heaps, stacks of threads, page tables for them. It needs its own stack and the
 * program. The rest is copied page by page as the launcher writes on: 60 KiB a sandbox, measured with 300 of them. And what
 * other apps' config vars the launcher held in its heap when the child was made has no business there.
 *
 * Only in a static program, as dyno is: in a dynamic one the loader keeps what it needs in the heap.
 */
#ifndef RUNTIME_SHED_H
#define RUNTIME_SHED_H

#include <stddef.h>
#include <stdint.h>

/** struct shed_range - addresses @from to @to */
struct shed_range {
	uintptr_t from, to;
};

/**
 * struct shed - what is to be kept
 * @keep:  in order of address; @count 0: everything is kept
 * @stack: of the thread that makes the children
 */
struct shed {
	size_t count;
	struct shed_range keep[4];
	struct shed_range stack;
};

/** shed_plan() - what children of the calling thread need, which must not be the first one of its process */
void shed_plan(struct shed *ret);

/**
 * shed_child() - unmap the rest, and drop what lies below the end of the stack
 * Mustn't: be followed by any use of allocated memory, the environment, or another thread's memory.
 */
void shed_child(const struct shed *shed);

#endif /* RUNTIME_SHED_H */
