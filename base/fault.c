/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - see fault.h */
#include "base/fault.h"

#ifdef DYNO_FAULTS
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/** struct fault_log - a file that this process and its children share by mapping; @used: bytes of @names taken */
struct fault_log {
	_Atomic unsigned used;
	char names[FAULT_LOG_SIZE - sizeof(unsigned)];
};

/**
 * faults - what the environment asked for
 * Noted before main: the first process of a dyno wipes the environment it was born with. Nothing else could reach the log
 * from there either, without descriptors and behind another root; a mapping survives all that.
 */
static struct {
	char wanted[64];
	struct fault_log *log;
} faults;

/** note_environment() - see struct faults */
__attribute__((constructor)) static void note_environment(void)
{
	const char *wanted = getenv("DYNO_FAULT");
	const char *path = getenv("DYNO_FAULT_LOG");
	int fd;

	if (wanted)
		snprintf(faults.wanted, sizeof(faults.wanted), "%s", wanted);
	fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	if (ftruncate(fd, FAULT_LOG_SIZE) == 0)
		faults.log = mmap(NULL, FAULT_LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (faults.log == MAP_FAILED)
		faults.log = NULL;
	(void)close(fd);
}

/** note_step() - append @step to the log; its room is taken atomically, as both sides of a boot run at once */
static void note_step(const char *step)
{
	unsigned length = (unsigned)strlen(step) + 1;
	unsigned at = atomic_fetch_add(&faults.log->used, length);

	if (at + length <= sizeof(faults.log->names))
		memcpy(faults.log->names + at, step, length);
}

int fault_at(const char *step)
{
	if (faults.log)
		note_step(step);
	/* A trap, not a signal: PID 1 is immune to signals from its own PID namespace, but not to what it does to itself. */
	if (strncmp(faults.wanted, "kill:", 5) == 0 && strcmp(faults.wanted + 5, step) == 0)
		__builtin_trap();
	return strcmp(faults.wanted, step) == 0 ? -EIO : 0;
}
#endif
