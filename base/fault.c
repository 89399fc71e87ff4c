/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - see fault.h */
#include "base/fault.h"

#ifdef DYNO_FAULTS
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fault_at(const char *step)
{
	const char *wanted = getenv("DYNO_FAULT");

	if (!wanted)
		return 0;
	if (strncmp(wanted, "kill:", 5) == 0 && strcmp(wanted + 5, step) == 0)
		(void)kill(getpid(), SIGKILL);
	return strcmp(wanted, step) == 0 ? -EIO : 0;
}
#endif
