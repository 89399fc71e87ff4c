/* SPDX-License-Identifier: Apache-2.0 */
/* owner.h - who holds a TCP port of this machine: for messages */
#ifndef NETNS_OWNER_H
#define NETNS_OWNER_H

#include <stddef.h>

#include "netns/policy.h"

/**
 * owner_of() - describe who holds an address that conflicts with @at: "nginx (pid 123)", "a process of uid 33", ...
 * Reads /proc/net/tcp and tcp6, then the descriptors of processes, as far as we may and not without bound. A socket that is bound
 * and does not listen is in no list of the kernel's: then that is what is said.
 * Return: @buf
 */
char *owner_of(const struct policy_endpoint *at, char *buf, size_t size);

#endif /* NETNS_OWNER_H */
