/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fault.h - failure injection for tests: make one named step fail
 *
 * In a build with -DDYNO_FAULTS the step named by the environment variable DYNO_FAULT fails with EIO (and with
 * DYNO_FAULT=kill:STEP the process is killed there). In every other build this is nothing.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

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
