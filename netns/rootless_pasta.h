/* SPDX-License-Identifier: Apache-2.0 */
/* rootless_pasta.h - pasta(1) itself, and what the parts of a rootless network share; private to netns/rootless*.c */
#ifndef NETNS_ROOTLESS_PASTA_H
#define NETNS_ROOTLESS_PASTA_H

#include <net/if.h>
#include <stdbool.h>

#include "dyno.h"
#include "netns/address.h"
#include "netns/policy.h"
#include "netns/publish.h"

/**
 * struct rootless_job - what the helpers have to know
 * @user, @net: namespaces of the dyno
 * @outside:    something leads out of it
 * @resolver:   address_host() stands for the host's resolver
 * @ready, @report, @messages: their ends of the launcher's pipes and its memory file
 * @uplink6: the host's way out by IPv6, "" without one
 */
struct rootless_job {
	int user, net;
	bool outside, resolver;
	int ready, report, messages;
	struct address_plan plan;
	const struct address_range *range;
	const struct policy *policy;
	const struct publish *publish;
	char uplink6[IFNAMSIZ];
};

/** enum rootless_step - where a helper can fail */
enum rootless_step {
	ROOTLESS_JOIN,
	ROOTLESS_ADDRESS,
	ROOTLESS_WALLS,
	ROOTLESS_PRIVILEGES,
	ROOTLESS_EXEC,
	ROOTLESS_FAULT_JOIN, /* from here on: injected (base/fault.h) */
	ROOTLESS_FAULT_WALLS,
	ROOTLESS_FAULT_PASTA,
};

/** struct rootless_report - how far one came; shorter than PIPE_BUF, so it arrives whole */
struct rootless_report {
	enum rootless_step step;
	int code;
};

/** rootless_pasta_uplink6() - the link of the host's IPv6 default route into @name, "" when there is none that pasta can use */
void rootless_pasta_uplink6(char name[IFNAMSIZ]);

/**
 * rootless_pasta_child() - become pasta for @job; returns only on failure
 * Must: be in the dyno's user namespace. Return: negative errno, with @step
 */
int rootless_pasta_child(const struct rootless_job *job, enum rootless_step *step);

/** rootless_pasta_explain() - why pasta ended, out of the last line that it wrote to @messages. Return: negative errno */
int rootless_pasta_explain(int messages, struct dyno_error *err);

#endif /* NETNS_ROOTLESS_PASTA_H */
