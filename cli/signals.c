/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c - see signals.h */
#include "cli/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

/** signals_remember_ignored() - note whether @signo was ignored when we were executed */
static void signals_remember_ignored(struct signals *signals, int signo)
{
	struct sigaction action;

	if (sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		sigaddset(&signals->ignored, signo);
}

int signals_open(struct signals *ret, struct dyno_error *err)
{
	static const int read[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		sigaddset(&set, read[i]);
	/* Blocked only: a write to a reader that went away then fails with EPIPE and ends nothing. */
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_set(err, -errno, "signals", "cannot block signals:");
	sigdelset(&set, SIGPIPE);
	ret->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ret->fd < 0)
		return error_set(err, -errno, "signals", "cannot read signals as events:");
	sigemptyset(&ret->ignored);
	signals_remember_ignored(ret, SIGHUP);
	signals_remember_ignored(ret, SIGINT);
	signals_remember_ignored(ret, SIGQUIT);
	return 0;
}

int signals_next(const struct signals *signals, bool *ret_key)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signo = (int)info.ssi_signo;

		/* the terminal driver sends as the kernel, kill(2) as somebody */
		*ret_key = info.ssi_code == SI_KERNEL && (signo == SIGINT || signo == SIGQUIT || signo == SIGTSTP);
		if (!sigismember(&signals->ignored, signo))
			return signo;
		if (signo != SIGHUP && !*ret_key)
			return signo;
	}
	return 0;
}

void signals_close(struct signals *signals)
{
	signals->fd = fd_close(signals->fd);
}
