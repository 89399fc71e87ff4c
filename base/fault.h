/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fault.h - failure injection for tests: make one named step fail
 *
 * In a build with -DDYNO_FAULTS the step named by the environment variable DYNO_FAULT fails with EIO, and with
 * DYNO_FAULT=kill:STEP the process dies there of SIGILL. DYNO_FAULT_LOG=FILE has every step that could fail noted there,
 * so that a test knows them all. In every other build this is nothing.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

/* DYNO_FAULT_LOG: an unsigned number of bytes used, then the steps' names in order, each with its final NUL */
#define FAULT_LOG_SIZE 4096

#ifdef DYNO_FAULTS
/** fault_at() - 0, or -EIO when @step is to fail */
int fault_at(const char *step);
#else
static inline int fault_at(const char *step)
{
	(void)step;
	return 0;
}
#endif

#endif /* BASE_FAULT_H */
