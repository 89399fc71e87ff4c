/* SPDX-License-Identifier: Apache-2.0 */
/* net_default.h - the network of who did not choose one */
#ifndef CLI_NET_DEFAULT_H
#define CLI_NET_DEFAULT_H

#include "cli/run_options.h"

/**
 * net_default() - a private network, or as much of one as this user can have on this machine
 * Without root it takes pasta and a tun device to reach anything outside. Where these are missing, a port is still reachable on this machine, and an
 * app without one gets loopback only; @request->net_why then says what is missing. Who asked for more than that by name keeps the
 * private network, and is told at launch.
 */
void net_default(const struct run_given *given, struct run_request *request);

#endif /* CLI_NET_DEFAULT_H */
