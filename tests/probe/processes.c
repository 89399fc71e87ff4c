/* SPDX-License-Identifier: Apache-2.0 */
/* processes.c - processes, signals, time and memory: behaving well, and behaving badly */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024ull * 1024)

static int run_exit(int argc, char **argv)
{
	(void)argc;
	exit((int)probe_number(argv[1]));
}

static int run_sleep(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1e9;
	struct timespec left = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return 0;
}

static int run_spin(int argc, char **argv)
{
	struct timespec used;
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1e9;

	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while ((double)used.tv_sec + (double)used.tv_nsec / 1e9 < seconds);
	return 0;
}

static int run_say(int argc, char **argv)
{
	printf("%s\n", argv[1]);
	fflush(stdout);
	if (argc > 2)
		fprintf(stderr, "%s\n", argv[2]);
	return 0;
}

static int run_cat(int argc, char **argv)
{
	char last = '\n';

	(void)argc;
	(void)argv;
	return probe_copy(STDIN_FILENO, STDOUT_FILENO, &last) < 0 ? 1 : 0;
}

/** signal_number() - "TERM", "SIGTERM" or "15" */
static int signal_number(const char *text)
{
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcmp(name, text) == 0)
			return i;
	}
	return (int)probe_number(text);
}

static int run_kill(int argc, char **argv)
{
	pid_t pid;

	(void)argc;
	if (strcmp(argv[2], "self") == 0)
		pid = getpid();
	else if (strcmp(argv[2], "parent") == 0)
		pid = getppid();
	else
		pid = (pid_t)strtol(argv[2], NULL, 10);
	return probe_result("result", kill(pid, signal_number(argv[1])));
}

/** run_trap() - report every signal that can be caught, TSTP too; TERM ends it */
static int run_trap(int argc, char **argv)
{
	int code = argc > 1 ? (int)probe_number(argv[1]) : 0;
	int signo = 0;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	printf("ready=%d\n", getpid());
	while (signo != SIGTERM) {
		siginfo_t info;

		signo = sigwaitinfo(&all, &info);
		if (signo < 0)
			continue;
		printf("signal=%s\n", sigabbrev_np(signo) ? sigabbrev_np(signo) : "RT");
	}
	return code;
}

static int run_ignore_term(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	signal(SIGTERM, SIG_IGN);
	printf("ready=%d\n", getpid());
	while (pause() < 0)
		;
	return 0;
}

/** run_hog() - touch memory, one MiB at a time, so that the last line printed says how far it came */
static int run_hog(int argc, char **argv)
{
	unsigned long long wanted = probe_number(argv[1]);
	char *memory = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return probe_result("result", -1);
	for (unsigned long long done = 0; done < wanted; done += 4096) {
		memory[done] = 1;
		if (done % (16 * MIB) == 0)
			printf("touched=%llu\n", done);
	}
	printf("touched=%llu\n", wanted);
	probe_result("result", 0);
	if (argc > 2 && strcmp(argv[2], "hold") == 0)
		pause();
	return 0;
}

/** run_forkbomb() - as many sleeping children as will be given, then an end of them */
static int run_forkbomb(int argc, char **argv)
{
	unsigned long long wanted = probe_number(argv[1]), made = 0;
	pid_t *pids = calloc(wanted, sizeof(*pids));
	pid_t pid = 0;

	(void)argc;
	while (pids && made < wanted) {
		pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		pids[made++] = pid;
	}
	printf("forked=%llu\n", made);
	probe_result("result", pid);
	for (unsigned long long i = 0; i < made; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	free(pids);
	return 0;
}

/** is_zombie() - the process of this directory of /proc has ended and nobody has waited for it */
static int is_zombie(const char *pid)
{
	char path[300], text[512] = "", *end;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	in = fopen(path, "re");
	if (!in)
		return 0;
	if (!fgets(text, sizeof(text), in))
		text[0] = '\0';
	fclose(in);
	end = strrchr(text, ')');
	return end && strncmp(end, ") Z", 3) == 0;
}

/** count_zombies() - all that are visible */
static int count_zombies(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			count += is_zombie(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return count;
}

/** run_zombies() - orphans that end at once: PID 1 must reap them; says how many are left, after at most 2 s */
static int run_zombies(int argc, char **argv)
{
	const struct timespec pause_time = { .tv_nsec = 1000000 };
	unsigned long long wanted = probe_number(argv[1]);
	int left = 0;

	(void)argc;
	for (unsigned long long i = 0; i < wanted; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (fork() >= 0)
				_exit(0);
			_exit(1);
		}
		if (pid < 0)
			return probe_result("result", -1);
		waitpid(pid, NULL, 0);
	}
	for (int tries = 0; tries < 2000 && (left = count_zombies()) > 0; tries++)
		nanosleep(&pause_time, NULL);
	printf("zombies=%d\n", left);
	return probe_result("result", 0);
}

/** run_doublefork() - leave a daemon behind: own session, parent gone, deaf to HUP and TERM */
static int run_doublefork(int argc, char **argv)
{
	int ends[2];
	pid_t pid, daemon_pid = -1;

	(void)argc;
	(void)argv;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return probe_result("result", -1);
	pid = fork();
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid != 0)
			_exit(write(ends[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
		signal(SIGHUP, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	waitpid(pid, NULL, 0);
	if (read(ends[0], &daemon_pid, sizeof(daemon_pid)) == sizeof(daemon_pid))
		printf("daemon=%d\n", daemon_pid);
	return probe_result("result", daemon_pid);
}

/** run_proc_open_exe() - the attack of CVE-2019-5736: wait for a program of the host to enter, open it for writing */
static int run_proc_open_exe(int argc, char **argv)
{
	unsigned long long tries = 0, opened = 0, seconds = argc > 1 ? probe_number(argv[1]) : 1ull << 40;
	time_t end = time(NULL) + (time_t)seconds;

	while (time(NULL) < end) {
		for (int pid = 1; pid < 64; pid++) {
			char path[64];
			int fd;

			snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			fd = pid == getpid() ? -1 : open(path, O_RDWR | O_CLOEXEC);
			tries++;
			if (fd < 0)
				continue;
			printf("opened.%d=yes\n", pid);
			opened++;
			close(fd);
		}
	}
	printf("tries=%llu\nopened=%llu\n", tries, opened);
	return 0;
}

const struct probe_command probe_processes[] = {
	{ "exit", run_exit, 1, "CODE" },
	{ "sleep", run_sleep, 0, "[SECONDS]" },
	{ "spin", run_spin, 0, "[SECONDS] (of CPU time)" },
	{ "say", run_say, 1, "OUT [ERR] (a line to standard output, one to standard error)" },
	{ "cat", run_cat, 0, "(standard input to standard output)" },
	{ "kill", run_kill, 2, "SIGNAL PID|self|parent" },
	{ "trap", run_trap, 0, "[CODE] (print signals; TERM ends with CODE)" },
	{ "ignore-term", run_ignore_term, 0, "(only KILL ends it)" },
	{ "hog", run_hog, 1, "BYTES [hold]" },
	{ "forkbomb", run_forkbomb, 1, "COUNT" },
	{ "zombies", run_zombies, 1, "COUNT" },
	{ "doublefork", run_doublefork, 0, "(leave a daemon)" },
	{ "proc-open-exe", run_proc_open_exe, 0, "[SECONDS]" },
	{ NULL, NULL, 0, NULL },
};
