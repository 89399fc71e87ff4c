/* SPDX-License-Identifier: Apache-2.0 */
/* relay_carry.h - what the relay's process does: accept, connect, carry. Does not allocate from the heap, and does not return */
#ifndef NETNS_RELAY_CARRY_H
#define NETNS_RELAY_CARRY_H

#include <netinet/in.h>
#include <stddef.h>

/** relay_carry() - carry connections until we are killed; returns only when it cannot begin */
void relay_carry(const int *listeners, size_t count, const struct sockaddr_in *to);

#endif /* NETNS_RELAY_CARRY_H */
