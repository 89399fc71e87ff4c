/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table.h - the packet filter of all dynos of one host namespace: one nftables table, "inet dyno", with fixed rules
 *
 * The rules never change: what differs between dynos are elements of its maps and sets, so a dyno costs O(1) whatever the number of others.
 * The table is there as long as somebody uses it (a shared lock on a file named after the host's network
 * namespace); the last user removes it. It touches nobody else's tables.
 *
 * What the fixed rules say (docs/network.md has the table of who reaches whom):
 * - to a dyno: what this machine itself sends, answers, and what was published; nothing else
 * - from a dyno: answers; the host's services that were allowed by name, at address_host(); the world, unless its
 *   egress says otherwise; never another dyno, another address of this machine, or a metadata address
 * - a source address that is not the dyno's own is dropped; so is anything for 127.0.0.0/8 or ::1 from its link
 */
#ifndef NETNS_TABLE_H
#define NETNS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"
#include "netns/address.h"
#include "netns/policy.h"

#define TABLE_NAME "dyno"
#define TABLE_HOST_NAME "host.dyno.internal" /* address_host() of the range, 172.29.63.254 by default; no dyno's */

struct table; /* nfnetlink socket, lock */

/** table_orphaned() - users died, and left the table of this network namespace behind; @lock_dir: as below */
bool table_orphaned(int lock_dir);

/**
 * table_open() - be a user of the table of the calling thread's network namespace; installs it if it is not there
 * What dead users left is gone when this is the only living one; else only table_forget() removes it.
 * @lock_dir: directory for the lock file; must stay open until table_close()
 * @range: copied; says which addresses the slots have, and which is host.dyno.internal
 * Return: 0; -EOPNOTSUPP when the kernel has no nf_tables; -EPERM without CAP_NET_ADMIN; or negative errno
 */
int table_open(int lock_dir, const struct address_range *range, struct table **ret, struct dyno_error *err);

/** table_ensure() - the table may have been flushed since: install it again, with all of our elements, if it is not there. 5 us if it is */
int table_ensure(struct table *table, struct dyno_error *err);

/**
 * table_guard() - see to it, from now on, that somebody notices when others change the packet filter: Docker that starts, a flush
 * Of all users of the table one listens; when it is gone another one does. 50 us: not for the way of a launch. More than once is fine.
 * Return: 0 or negative errno
 */
int table_guard(struct table *table);
/** table_guard_fd() - readable when there is something for table_attend(); -1 before table_guard() */
int table_guard_fd(const struct table *table);
/** table_attend() - do what is to be done: put back what is ours, and our rules into DOCKER-USER. Nothing to do is fine */
void table_attend(struct table *table);

/**
 * table_close() - stop being a user; the last removes the table, and calls uplink_restore() (uplink.h) under the same lock
 * NULL is fine. Must: be called in the network namespace of table_open(). Return: NULL
 */
struct table *table_close(struct table *table);

/**
 * table_admit() - elements for egress and allowed services of the host for the dyno of @slot, one batch
 * Costs nothing when the policy has neither.
 * Must: come after table_forget() for a slot whose last owner may have been killed.
 */
int table_admit(struct table *table, unsigned slot, const struct policy *policy, struct dyno_error *err);

/**
 * table_resolver() - lead DNS questions (udp and tcp 53) of dynos to address_host() on to @server
 * Of the machine, not of a dyno; replaces the one before. Counts as egress: not for who has none, or a list without @server.
 * @server: in host byte order, in 127.0.0.0/8
 */
int table_resolver(struct table *table, uint32_t server, struct dyno_error *err);

/**
 * table_publish() - lead connections to @at of this machine to port @port of the dyno of @slot
 * @at: 0.0.0.0 and [::] mean every address of this machine. Its port was reserved by the caller (publish.h), so an
 *      element that is there already is a dead owner's and is replaced
 */
int table_publish(struct table *table, const struct policy_endpoint *at, unsigned slot, uint16_t port,
                  struct dyno_error *err);

/** table_unpublish() - remove one element; no error when it is not there */
int table_unpublish(struct table *table, const struct policy_endpoint *at, struct dyno_error *err);

/**
 * table_forget() - remove every element of @slot, and the connections that the kernel still tracks for its addresses
 * For the end of a dyno and for gc: who gets the slot next must not get the last one's packets. The elements of a slot that was
 * admitted by this @table are known; for another one all elements are looked through.
 */
int table_forget(struct table *table, unsigned slot, struct dyno_error *err);

#endif /* NETNS_TABLE_H */
