/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.h - what /etc/resolv.conf says inside a dyno */
#ifndef NETNS_RESOLVER_H
#define NETNS_RESOLVER_H

#include <stddef.h>

#include "dyno.h"

#define RESOLVER_SIZE 4096 /* room for any resolv.conf that a resolver would read */

/**
 * resolver_conf() - write the text of the dyno's resolv.conf into @buf: the host's nameservers that a dyno can reach
 * On the host's network it is the host's file. Otherwise servers on the host's loopback are left out; where nothing else is
 * left and systemd-resolved runs, the servers behind its stub are taken.
 * @size: RESOLVER_SIZE will do
 * Return: 0, -EFBIG when it does not fit, or negative errno. A host without the file is no error
 */
int resolver_conf(enum dyno_net net, char *buf, size_t size);

/**
 * resolver_filter() - copy what is of use inside out of the resolv.conf text @from: "search", "domain", "options" and the
 * reachable nameservers, in their order
 * Return: number of nameservers, or -EFBIG
 */
int resolver_filter(const char *from, char *buf, size_t size);

#endif /* NETNS_RESOLVER_H */
