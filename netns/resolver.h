/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.h - what /etc/resolv.conf says inside a dyno */
#ifndef NETNS_RESOLVER_H
#define NETNS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "dyno.h"

#define RESOLVER_SIZE 4096 /* room for any resolv.conf that a resolver would read */

/**
 * resolver_conf() - write the text of the dyno's resolv.conf into @buf: the host's nameservers that a dyno can reach
 * On the host's network it is the host's file. Otherwise servers on the host's loopback are left out; where nothing else is
 * left and systemd-resolved runs, the servers behind its stub are taken; and where there is nothing behind it, or another
 * server on IPv4 loopback, @services stands for it.
 * @services: address at which the dyno finds services of the host, "" for none
 * @size: RESOLVER_SIZE will do
 * @ret_server: the host's server for which @services stands, in host byte order; untouched otherwise
 * Return: 0, -EFBIG when it does not fit, or negative errno. A host without the file is no error
 */
int resolver_conf(enum dyno_net net, const char *services, char *buf, size_t size, uint32_t *ret_server);

/** resolver_loopback() - the first nameserver of text @from in 127.0.0.0/8, in host byte order; 0 without */
uint32_t resolver_loopback(const char *from);

/**
 * resolver_filter() - copy what is of use inside out of the resolv.conf text @from: "search", "domain", "options" and the
 * reachable nameservers, in their order
 * Return: number of nameservers, or -EFBIG
 */
int resolver_filter(const char *from, char *buf, size_t size);

#endif /* NETNS_RESOLVER_H */
