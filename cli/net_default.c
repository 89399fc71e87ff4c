/* SPDX-License-Identifier: Apache-2.0 */
/* net_default.c - see net_default.h */
#include "cli/net_default.h"

#include "netns/rootless.h"
#include "runtime/host.h"

void net_default(const struct run_given *given, struct run_request *request)
{
	request->net_why.code = 0;
	/* egress and services asked for by name: either they need nothing from outside, or the launch fails for their sake */
	if (given->net >= 0 || given->egress || given->allow_host || host_has_privilege() ||
	    rootless_usable(&request->net_why) == 0)
		return;
	if (request->app.port != 0)
		request->app.egress = "deny";
	else
		request->shape.net = DYNO_NET_NONE;
}
