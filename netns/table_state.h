/* SPDX-License-Identifier: Apache-2.0 */
/* table_state.h - inside of struct table, for table.c and table_elements.c only */
#ifndef NETNS_TABLE_STATE_H
#define NETNS_TABLE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/address.h"
#include "netns/nft.h"
#include "netns/table.h"
#include "netns/table_rules.h"

#define TABLE_KEY_MAX 32  /* reach6: link and address */
#define TABLE_DATA_MAX 20 /* publish6: address and port */
#define TABLE_NO_SLOT UINT32_MAX

/**
 * struct table_note - an element that this process added
 * @slot: whose; TABLE_NO_SLOT for the machine's
 * @set:  where; TABLE_SETS: no element, but the mark that @slot was admitted
 */
struct table_note {
	uint32_t slot;
	enum table_set set;
	uint8_t key[TABLE_KEY_MAX], end[TABLE_KEY_MAX], data[TABLE_DATA_MAX];
};

/**
 * struct table - one user of the table
 * @dir:   directory of the lock file, borrowed
 * @lock:  shared lock on it, as long as we are a user
 * @file:  its name
 * @resolver: what table_resolver() was told last, 0 for nothing
 * @guard: epoll descriptor of table_guard.c, -1 without; @events: socket by which it hears of others' changes, NULL when it does not lead
 * @pipe:  name of the pipe; @pipe_in, @pipe_out: the pipe, the latter -1 when it does not lead
 * @sock:  netfilter socket in the namespace
 * @notes: what we added, to remove it without a search, and to add it again after somebody flushed the ruleset
 */
struct table {
	int dir, lock;
	char file[32], pipe[32];
	int guard, pipe_in, pipe_out;
	struct nl_sock *sock, *events;
	struct address_range range;
	uint32_t resolver;
	bool ipv6;
	size_t count, room;
	struct table_note *notes;
};

/** table_lock() - one lock operation on @byte of the lock file. @how: F_OFD_SETLK or F_OFD_SETLKW. Return: 0 or negative errno */
int table_lock(int fd, int how, short type, off_t byte);

/** table_unguard() - end table_guard(), all but its socket */
void table_unguard(struct table *table);

/** table_install() - make the table what it is to be. @fresh: without the elements that are there; else with all of ours */
int table_install(struct table *table, bool fresh, struct dyno_error *err);

/** table_restore() - add everything that this process has added once more */
int table_restore(struct table *table, struct dyno_error *err);

#endif /* NETNS_TABLE_STATE_H */
