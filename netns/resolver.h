/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.h - what /etc/resolv.conf and /etc/hosts say inside a dyno */
#ifndef NETNS_RESOLVER_H
#define NETNS_RESOLVER_H

#include <stddef.h>

#include "dyno.h"

/** resolver_conf() - write the text of the dyno's resolv.conf into @buf: the host's nameservers that a dyno can reach */
int resolver_conf(enum dyno_net net, char *buf, size_t size);

#endif /* NETNS_RESOLVER_H */
