/* SPDX-License-Identifier: Apache-2.0 */
/* tell.h - events: to the peer that started the dyno, with the number of that request, and to those who subscribed */
#ifndef LAUNCHER_TELL_H
#define LAUNCHER_TELL_H

#include "launcher/server.h"

/** tell_up() - its command runs; the terminal, if it has one, goes to its peer */
void tell_up(const struct resident *resident);
/** tell_failed() - it could not be started */
void tell_failed(const struct resident *resident, const struct dyno_error *error);
/** tell_listening() - a socket of the app's listens */
void tell_listening(const struct resident *resident, const struct dyno_event *event);
/** tell_stopped() - its main process stopped */
void tell_stopped(const struct resident *resident, const struct dyno_event *event);
/** tell_exited() - its main process ended */
void tell_exited(const struct resident *resident, const struct dyno_event *event);
/** tell_gone() - it was taken down; the dyno, whose @name it was, is no more */
void tell_gone(const struct resident *resident, const char *name);

#endif /* LAUNCHER_TELL_H */
