/* SPDX-License-Identifier: Apache-2.0 */
/**
 * control.h - reaching a running dyno from another process: a SOCK_SEQPACKET socket beside its claim
 *
 * The launcher answers the dyno's owner (same uid) and root, by SO_PEERCRED. `dyno exec` hands its standard streams and command to
 * the launcher, which hands them to the dyno's init: the new process is born inside, behind all confinement, and nothing from outside ever
 * enters the dyno's namespaces.
 */
#ifndef RUNTIME_CONTROL_H
#define RUNTIME_CONTROL_H

#include "dyno.h"

/* server half: lives in the launcher's event loop */

struct control;

/** enum control_request_type - what a client asked for that the launcher's owner must act on */
enum control_request_type { CONTROL_NOTHING, CONTROL_STOP, CONTROL_KILL };

/** control_open() - listen for @dyno. control_fd() is pollable (an epoll descriptor: any activity of any client) */
int control_open(struct dyno_host *host, struct dyno *dyno, struct control **ret, struct dyno_error *err);
int control_fd(const struct control *control);
/**
 * control_open_in() - the same for a caller with many dynos, which has an epoll descriptor for them all
 * Saves a descriptor each. Whenever @epoll gives an event with @data, control_serve() is to be called.
 */
int control_open_in(struct dyno_host *host, struct dyno *dyno, int epoll, void *data, struct control **ret,
                    struct dyno_error *err);
/**
 * control_serve() - handle what is ready; exec requests are served within
 * @ret: CONTROL_STOP or CONTROL_KILL when a client asked so; @ret_grace_ms: with STOP, -1 for the launcher's own
 */
int control_serve(struct control *control, enum control_request_type *ret, int64_t *ret_grace_ms);
/** control_event() - pass a DYNO_EVENT_EXEC_* event on to the client whose process it is; takes event->terminal */
void control_event(struct control *control, struct dyno_event *event);
/** control_unlisten() - take the socket away and keep the connections: before dyno_destroy(), which frees the name */
void control_unlisten(struct control *control);
/** control_close() - hang up, by which clients know that the dyno is gone: after dyno_destroy(). Return: NULL */
struct control *control_close(struct control *control);

/* client half */

/** control_connect() - connect to the dyno @name. Return: socket, or negative errno with @err */
int control_connect(struct dyno_host *host, const char *name, struct dyno_error *err);
/** control_stop() - ask for a stop (@now: kill); @grace_ms: -1 for the launcher's own. The end of the dyno shows as EOF on @fd */
int control_stop(int fd, bool now, int64_t grace_ms, struct dyno_error *err);
/**
 * control_exec() - start a process in the dyno with the caller's streams, or with a terminal
 * @app: argv, env (added to the dyno's own HOME, PATH, DYNO), workdir and fds are used
 * @ret_terminal: with @tty, master side of the terminal
 */
int control_exec(int fd, const struct dyno_app *app, bool tty, int *ret_terminal, struct dyno_error *err);
/** control_signal() - send a signal to the process started on this connection */
int control_signal(int fd, int signo);
/** control_wait() - after @fd became readable: 1 with @ret_status when the process ended, 0 not yet, negative errno */
int control_wait(int fd, int *ret_status);

#endif /* RUNTIME_CONTROL_H */
