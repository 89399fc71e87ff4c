/* SPDX-License-Identifier: Apache-2.0 */
/**
 * world.h - two machines for a test: "this machine", on which dynos are launched, and another one, joined by a cable
 *
 * Both are network namespaces that the test makes. The test's own process moves into the first, so that everything it starts is
 * there; the packet filter, forwarding and addresses of the real machine are never touched. The other machine also holds what
 * clouds put in front of a machine: metadata addresses. Needs root, and iproute2.
 */
#ifndef TESTS_SANDBOX_WORLD_H
#define TESTS_SANDBOX_WORLD_H

#include "tests/sandbox/support.h"

#define WORLD_HOST4 "203.0.113.1"
#define WORLD_HOST6 "2001:db8::1"
#define WORLD_OTHER4 "203.0.113.2"
#define WORLD_OTHER6 "2001:db8::2"
/* the other machine once more, in another network */
#define WORLD_FAR4 "198.51.100.7"
#define WORLD_FAR6 "2001:db8:f::7"
#define WORLD_METADATA4 "169.254.169.254"
#define WORLD_METADATA6 "fd00:ec2::254"

enum world_place {
	WORLD_HERE,  /* this machine */
	WORLD_OTHER, /* the other one */
};

/**
 * world_main() - sandbox_run_tests() in a mount namespace of our own, in which the name servers of this machine are ours to choose
 * and everybody may open /dev/net/tun, as on most machines
 */
int world_main(const char *group, const struct sandbox_test *tests, size_t count);

/** world_make() - both machines, connected; the test is on this one from now on */
void world_make(struct fixture *f);
/**
 * world_drop() - wait until no trace of a dyno is left on this machine (links, addresses, routes, packet filter, forwarding,
 * tracked connections), fail if there is one, and go back
 */
void world_drop(void);

/** world_start() - start the probe in @place; as launch_start() */
void world_start(struct fixture *f, struct process *p, enum world_place place, const char *const *argv);
/** world_run() - the same, to its end */
void world_run(struct fixture *f, struct process *p, enum world_place place, const char *const *argv);
/** world_shell() - run a line of shell as root in @place; the test fails with it */
void world_shell(enum world_place place, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** world_resolver() - what /etc/resolv.conf says on this machine from now on */
void world_resolver(const char *text);

#endif /* TESTS_SANDBOX_WORLD_H */
