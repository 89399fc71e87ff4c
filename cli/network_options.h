/* SPDX-License-Identifier: Apache-2.0 */
/* network_options.h - `dyno run`: from --port, --publish and their like to the network half of a request */
#ifndef CLI_NETWORK_OPTIONS_H
#define CLI_NETWORK_OPTIONS_H

#include "cli/run_options.h"

/**
 * network_options_resolve() - fill in what concerns the network: port, published addresses, egress, time to boot, watch
 * "auto" becomes a number here. Nothing is reserved: that is the launch's work.
 * @request: shape.net and app.name are set already
 * Return: 0, or -EINVAL and the like with what was wrong
 */
int network_options_resolve(const struct run_given *given, struct run_request *request, struct dyno_error *err);

#endif /* CLI_NETWORK_OPTIONS_H */
