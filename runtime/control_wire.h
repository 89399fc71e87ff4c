/* SPDX-License-Identifier: Apache-2.0 */
/* control_wire.h - the packets of control.h: channel packets with types of their own */
#ifndef RUNTIME_CONTROL_WIRE_H
#define RUNTIME_CONTROL_WIRE_H

#include <sys/un.h>

#include "dyno.h"

enum control_type {
	CONTROL_ASK_STOP = 64, /* value = grace in ms, -1 for the launcher's own; flags may have CONTROL_NOW */
	CONTROL_ASK_EXEC,      /* app blob and streams, or CHANNEL_WANT_TERMINAL */
	CONTROL_ASK_SIGNAL,    /* value = signal, to the process of this connection */
	CONTROL_UP,            /* the process runs; fd: terminal master */
	CONTROL_FAILED,        /* it could not be started: error */
	CONTROL_EXITED,        /* it ended: value = wait status */
};

#define CONTROL_NOW 256

/** control_address() - where the control socket of @name is */
int control_address(const struct dyno_host *host, const char *name, struct sockaddr_un *ret);

#endif /* RUNTIME_CONTROL_WIRE_H */
