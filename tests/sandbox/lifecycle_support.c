/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle_support.c - see lifecycle_support.h */
#include "tests/sandbox/lifecycle_support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define EXPECT_MS 20000
#define SETTLE_MS 5000
#define FAIL(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__), abort())

long long life_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void life_sleep_us(unsigned us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L }, NULL);
}

struct process *life_process(unsigned index)
{
	static struct process processes[4];

	return &processes[index];
}

/* ---- what was said ------------------------------------------------------------------------------------------------ */

const char *life_message(const struct process *p)
{
	const char *end = strchr(p->err, '\n');

	if (!end || end[1] != '\0')
		FAIL("exit code %d, standard error is not one line:\n%.4000s\n", p->code, p->err);
	return p->err;
}

void life_assert_refusal(const struct process *p, int code, const char *text, const char *file, int line)
{
	const char *end = strchr(p->err, '\n');

	support_assert_exit(p, code, file, line);
	support_assert_that(p, p->out_size == 0, "nothing on standard output", file, line);
	support_assert_that(p, strncmp(p->err, "dyno: ", 6) == 0, "a line that begins with \"dyno: \"", file, line);
	support_assert_that(p, end && end[1] == '\0', "one line on standard error", file, line);
	support_assert_that(p, strstr(p->err, text) != NULL, text, file, line);
}

const char *life_json(const char *text, const char *script)
{
	static char out[4096];
	size_t length = 0;
	int to[2], from[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		FAIL("no pipe: %s\n", strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execlp("python3", "python3", "-c",
		       support_format("import json, sys\nd = json.load(sys.stdin)\n%s", script), NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	(void)fd_write_all(to[1], text, strlen(text));
	close(to[1]);
	while ((n = read(from[0], out + length, sizeof(out) - 1 - length)) > 0)
		length += (size_t)n;
	close(from[0]);
	out[length] = '\0';
	out[strcspn(out, "\n")] = '\0';
	waitpid(pid, NULL, 0);
	return out;
}

/* ---- leaks -------------------------------------------------------------------------------------------------------- */

int life_reap(void)
{
	long long deadline = life_ms() + SETTLE_MS;
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid == 0)
			life_sleep_us(2000);
	} while (pid > 0 || (pid == 0 && life_ms() < deadline));
	return pid == 0;
}

void life_assert_clean(const struct fixture *f, const char *when)
{
	long long deadline = life_ms() + SETTLE_MS;
	size_t differences;

	for (;;) {
		struct machine now;

		machine_look(&now, f->state);
		differences = machine_differences(&f->before, &now, life_ms() >= deadline);
		machine_forget(&now);
		if (differences == 0)
			return;
		if (life_ms() >= deadline)
			FAIL("%s: the machine is not as it was before\n", when);
		life_sleep_us(5000);
	}
}

/* ---- what there is ------------------------------------------------------------------------------------------------ */

const char *life_copy_program(const struct fixture *f, const char *name)
{
	const char *build = getenv("DYNO_BUILD") ? getenv("DYNO_BUILD") : "build";
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", f->dir, base);
	support_copy(support_format("%s/%s", build, name), path, 0755);
	return path;
}

const char *life_net(struct fixture *f)
{
	struct process *p = life_process(3);

	DYNO(f, p, "run", "-q", "--net", "private", "-p", "5999", "--slug", f->slug, "--", "/app/probe", "exit", "0");
	return p->code == 0 ? "private" : "none";
}

bool life_has_cgroups(struct fixture *f)
{
	struct process *p = life_process(3);

	DYNO(f, p, "run", "-q", "--net", "none", "--cpus", "0.9", "--slug", f->slug, "--", "/app/probe", "exit", "0");
	return p->code == 0;
}

pid_t life_pid(struct fixture *f, const char *name)
{
	struct process *p = life_process(3);
	int pid = 0;

	/* The app may speak a moment before its launcher has written the dyno down. */
	for (int attempt = 0; pid == 0 && attempt < 100; attempt++) {
		DYNO(f, p, "ps", "--json");
		assert_exit(p, 0);
		pid = atoi(life_json(
			p->out, support_format("print(next((x['pid'] for x in d if x['name'] == '%s'), 0))", name)));
	}
	assert_int_not_equal(pid, 0);
	return (pid_t)pid;
}

/* ---- terminals ---------------------------------------------------------------------------------------------------- */

/* support's launch_start() calls a function without arguments in the child */
static char slave_path[64];

/** take_terminal() - in the child: lead a session on the terminal, with it as all three streams */
static void take_terminal(void)
{
	int fd;

	(void)setsid();
	fd = open(slave_path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(99);
}

void pty_open(const struct fixture *f, struct pty *pty)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };

	pty->size = 0;
	pty->text[0] = '\0';
	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->master < 0 || grantpt(pty->master) < 0 || unlockpt(pty->master) < 0 ||
	    ptsname_r(pty->master, slave_path, sizeof(slave_path)) != 0 || ioctl(pty->master, TIOCSWINSZ, &size) < 0)
		FAIL("no terminal: %s\n", strerror(errno));
	if (geteuid() == 0 && chown(slave_path, f->uid, (gid_t)-1) < 0)
		FAIL("cannot give %s away: %s\n", slave_path, strerror(errno));
	pty->slave = open(slave_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void pty_start(struct fixture *f, struct process *p, struct pty *pty, const char *const *argv)
{
	(void)pty;
	launch_start(f, p, &(struct launch){ .argv = argv, .before = take_terminal, .env = ARGV("TERM=vt100") });
}

/** count_of() - how often @text is in @in */
static unsigned count_of(const char *in, const char *text)
{
	unsigned count = 0;

	for (; (in = strstr(in, text)); in += strlen(text))
		count++;
	return count;
}

/** pty_read() - once, waiting up to @ms. Return: false at the end (nobody holds the other side) or when nothing came */
static bool pty_read(struct pty *pty, int ms)
{
	struct pollfd fd = { .fd = pty->master, .events = POLLIN };
	size_t room = sizeof(pty->text) - 1 - pty->size;
	ssize_t n;

	if (room == 0 || poll(&fd, 1, ms) <= 0)
		return false;
	n = read(pty->master, pty->text + pty->size, room);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	pty->size += (size_t)n;
	pty->text[pty->size] = '\0';
	return true;
}

bool pty_expect(struct pty *pty, const char *text, unsigned times)
{
	long long deadline = life_ms() + EXPECT_MS;

	while (count_of(pty->text, text) < times) {
		if (life_ms() >= deadline || (!pty_read(pty, 50) && life_ms() >= deadline)) {
			print_error("the terminal does not show \"%s\" %u times:\n%.3000s\n", text, times, pty->text);
			return false;
		}
	}
	return true;
}

void pty_type(struct pty *pty, const char *keys)
{
	if (fd_write_all(pty->master, keys, strlen(keys)) < 0)
		FAIL("cannot type: %s\n", strerror(errno));
}

int pty_finish(struct fixture *f, struct process *p, struct pty *pty)
{
	long long deadline = life_ms() + EXPECT_MS;
	siginfo_t info = { 0 };

	/* Read on while it runs: an app that fills the terminal would wait for us */
	while (life_ms() < deadline && waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0)
		(void)pty_read(pty, 20);
	if (info.si_pid == 0) {
		print_error("the command did not end; its terminal shows:\n%.3000s\n", pty->text);
		kill(p->pid, SIGKILL);
	}
	while (pty_read(pty, 0))
		;
	return launch_finish(f, p);
}

void pty_close(struct pty *pty)
{
	pty->master = fd_close(pty->master);
	pty->slave = fd_close(pty->slave);
}

bool pty_is_raw(const struct pty *pty)
{
	struct termios mode;

	if (tcgetattr(pty->master, &mode) < 0)
		FAIL("cannot read the mode of the terminal: %s\n", strerror(errno));
	return !(mode.c_lflag & ICANON) && !(mode.c_lflag & ISIG) && !(mode.c_lflag & ECHO);
}
