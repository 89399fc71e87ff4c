/* SPDX-License-Identifier: Apache-2.0 */
/* late.h - what a sandbox whose root was made without its app is given when the app is known: name, slug, host name */
#ifndef RUNTIME_LATE_H
#define RUNTIME_LATE_H

#include "isolation/attach.h"
#include "runtime/sandbox.h"

/**
 * late_adopt() - give the parked @sandbox the name and slug of @app; waits until it is parked
 * What takes time is left to late_attach(), so that the sandbox can wake up meanwhile.
 */
int late_adopt(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err);

/**
 * late_attach() - begin to attach /app, if it has none, and the host name, if it has another
 * @attach: all 0 but for @app, which is -1; for late_end(), also after a failure
 */
int late_attach(struct dyno_sandbox *sandbox, struct attach *attach, struct dyno_error *err);

/** late_end() - until that is done, where something was begun */
int late_end(struct dyno_sandbox *sandbox, struct attach *attach, struct dyno_error *err);

/** late_make_app() - the mount for /app. Return: a descriptor, or negative errno */
int late_make_app(struct dyno_sandbox *sandbox, struct dyno_error *err);

/** late_rename() - the text of /etc/hosts, with @hostname in it */
int late_rename(const struct dyno_sandbox *sandbox, const char *hostname, struct dyno_error *err);

/** late_refuse() - say that the app's slug cannot be attached any more. Return: -ENOTSUP */
int late_refuse(const struct dyno_app *app, struct dyno_error *err);

#endif /* RUNTIME_LATE_H */
