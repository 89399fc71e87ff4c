/* SPDX-License-Identifier: Apache-2.0 */
/* bench_machine.c - `dyno bench`: facts of the machine, without which no number means anything */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"

#define CGROUP2_MAGIC 0x63677270
#define CPUINFO_ROOM 8192

double bench_load(void)
{
	double load = 0;

	return getloadavg(&load, 1) == 1 ? load : 0;
}

/** read_cpu() - model, and whether a hypervisor is below, from the first processor's lines */
static void read_cpu(struct bench_machine *ret)
{
	_cleanup_close_ int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
	char text[CPUINFO_ROOM];
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *model;

	(void)text_copy(ret->cpu, sizeof(ret->cpu), "unknown");
	if (size < 0)
		return;
	text[size] = '\0';
	/* a bit of CPUID, which the kernel shows on x86 only */
	ret->virtual = strstr(text, " hypervisor") != NULL;
	model = strstr(text, "model name");
	model = model ? strchr(model, ':') : NULL;
	if (model)
		(void)text_format(ret->cpu, sizeof(ret->cpu), "%.*s", (int)strcspn(model + 2, "\n"), model + 2);
}

/** read_cgroups() - how the groups are mounted */
static void read_cgroups(struct bench_machine *ret)
{
	struct statfs st;
	const char *layout = "v1";

	if (statfs("/sys/fs/cgroup", &st) < 0)
		layout = "none";
	else if (st.f_type == CGROUP2_MAGIC)
		layout = "v2";
	else if (statfs("/sys/fs/cgroup/unified", &st) == 0 && st.f_type == CGROUP2_MAGIC)
		layout = "hybrid";
	(void)text_copy(ret->cgroups, sizeof(ret->cgroups), layout);
}

void bench_machine_read(struct bench_machine *ret)
{
	struct utsname names = { 0 };
	struct sysinfo info = { 0 };
	time_t now = time(NULL);
	struct tm utc = { 0 };
	cpu_set_t cpus;

	*ret = (struct bench_machine){ .load_before = bench_load() };
	(void)gmtime_r(&now, &utc);
	(void)strftime(ret->date, sizeof(ret->date), "%Y-%m-%d %H:%M UTC", &utc);
	(void)uname(&names);
	(void)text_format(ret->kernel, sizeof(ret->kernel), "%.60s %.60s %.20s", names.sysname, names.release,
	                  names.machine);
	ret->cpus = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
	ret->memory = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
	read_cpu(ret);
	read_cgroups(ret);
	if (fd_read_text(AT_FDCWD, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ret->governor,
	                 sizeof(ret->governor)) <= 0)
		ret->governor[0] = '\0';
	ret->governor[strcspn(ret->governor, "\n")] = '\0';
	(void)text_copy(ret->user, sizeof(ret->user), geteuid() == 0 ? "root" : "an ordinary user");
}
