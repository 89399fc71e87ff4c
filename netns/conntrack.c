/* SPDX-License-Identifier: Apache-2.0 */
/* conntrack.c - see conntrack.h */
#include "netns/conntrack.h"

int conntrack_forget(struct nl_sock *sock, const struct address_plan *plan, bool ipv6, struct dyno_error *err)
{
	(void)sock, (void)plan, (void)ipv6, (void)err;
	return 0;
}
