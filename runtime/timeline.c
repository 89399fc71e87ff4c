/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c - names of the phases of a boot */
#include "dyno.h"

const char *dyno_phase_name(enum dyno_phase phase)
{
	static const char *const names[] = {
		[DYNO_PHASE_REQUESTED] = "requested",   [DYNO_PHASE_CLAIMED] = "claimed",
		[DYNO_PHASE_CLONED] = "cloned",         [DYNO_PHASE_SCRATCH] = "scratch",
		[DYNO_PHASE_FILESYSTEM] = "filesystem", [DYNO_PHASE_NETWORK] = "network",
		[DYNO_PHASE_IDENTITY] = "identity",     [DYNO_PHASE_CONFINED] = "confined",
		[DYNO_PHASE_ATTACHED] = "attached",     [DYNO_PHASE_EXEC] = "exec",
		[DYNO_PHASE_LISTENING] = "listening",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == DYNO_PHASE_COUNT, "every phase has a name");
	return (unsigned)phase < DYNO_PHASE_COUNT ? names[phase] : "unknown";
}
