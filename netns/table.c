/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table.c - see table.h
 *
 * Theory of operation
 *
 * Users hold a shared lock on a file that is named after the network namespace. Who comes first gets the lock exclusively:
 * nobody else lives, so whatever is there is a dead user's, and is replaced in the same transaction that installs the table. Who
 * comes later waits for that and asks whether the table is there and is the one it knows: an administrator may have
 * flushed the ruleset, or users of another version of dyno may be about. If not, the rules are made anew in one
 * transaction and the elements stay, so that nobody's dynos notice.
 *
 * Who leaves gives the shared lock back first and then tries for the exclusive one. The last of several that leave at the
 * same moment gets it, in every order of events: once all have given theirs back, nobody is in the way but another one who
 * leaves and has it already. Who holds it removes the table and then the file; who has waited on that file meanwhile sees
 * that it has no name any more, and starts over.
 *
 * Measured here (two CPUs, Linux 6.18; medians of 100): open and install 340 us, 550 us after a pause of 20 ms; leave as the
 * last 200 to 350 us, most of it the two forks of nft_close(), without which it would be 7 to 35 ms; open when there are
 * other users 41 us.
 */
#include "netns/table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "netns/foreign.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/rule.h"
#include "netns/table_state.h"
#include "netns/uplink.h"

#define STEP "packet filter"
#define NAMESPACE_SELF "/proc/thread-self/ns/net"

int table_lock(int fd, int how, short type, off_t byte)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int r;

	do
		r = fcntl(fd, how, &lock) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r;
}

/** set_lock() - one operation on the lock of the users. @how: F_OFD_SETLK or F_OFD_SETLKW. Return: 0 or negative errno */
static int set_lock(int fd, int how, short type)
{
	return table_lock(fd, how, type, 0);
}

/**
 * take_lock() - become a user
 * @ret_alone: the lock is exclusive, as nobody else is one
 * Return: its descriptor, or negative errno
 */
static int take_lock(int dir, const char *file, bool *ret_alone)
{
	for (;;) {
		_cleanup_close_ int fd = openat(dir, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat st;
		int r;

		if (fd < 0)
			return -errno;
		r = set_lock(fd, F_OFD_SETLK, F_WRLCK);
		*ret_alone = r == 0;
		if (r == -EAGAIN || r == -EACCES)
			r = set_lock(fd, F_OFD_SETLKW, F_RDLCK);
		if (r < 0)
			return r;
		if (fstat(fd, &st) < 0)
			return -errno;
		/* the last user before us removed it while we waited */
		if (st.st_nlink > 0)
			return TAKE_FD(fd);
	}
}

/** own_name() - "@what-INODE", a file of this network namespace's own. Return: 0 or negative errno */
static int own_name(const char *what, char *buf, size_t size)
{
	struct stat st;
	int r = stat(NAMESPACE_SELF, &st) < 0 ? -errno : text_format(buf, size, "%s-%ju", what, (uintmax_t)st.st_ino);

	return r < 0 ? r : 0;
}

bool table_orphaned(int lock_dir)
{
	_cleanup_close_ int fd = -1;
	char file[32];

	if (own_name("table", file, sizeof(file)) == 0)
		fd = openat(lock_dir, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && set_lock(fd, F_OFD_SETLK, F_WRLCK) == 0;
}

/** is_installed() - our table is there, of our version and range. Return: 1, 0, or negative errno */
static int is_installed(struct table *table)
{
	const uint32_t mark = table_rules_mark(&table->range);
	const struct rule_element version = { .key = { &mark, sizeof(mark) } };
	struct nft_batch batch;

	nft_begin(&batch);
	rule_put_elements(&batch, NFT_MSG_GETSETELEM, TABLE_NAME, "version", &version, 1);
	return nft_exists(table->sock, &batch);
}

int table_install(struct table *table, bool fresh, struct dyno_error *err)
{
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	table_rules_put(&batch, &table->range, fresh, table->ipv6);
	r = nft_commit(table->sock, &batch, "install " STEP, err);
	if (r == -EEXIST)
		error_remedy(err, "another version of dyno uses the table inet " TABLE_NAME ": stop its dynos first");
	else if (r == -ENOENT || r == -EOPNOTSUPP)
		error_remedy(err, "the kernel needs nf_tables with inet, nat, masq, fib_inet and reject_inet");
	return r < 0 || fresh ? r : table_restore(table, err);
}

int table_ensure(struct table *table, struct dyno_error *err)
{
	int r = is_installed(table);

	if (r < 0)
		return error_set(err, r, STEP, "cannot ask for the table inet " TABLE_NAME ":");
	return r == 0 ? table_install(table, false, err) : 0;
}

/** remove_table() - the last user takes it away; a failure leaves it to the next one, who replaces it */
static void remove_table(struct table *table)
{
	struct nft_batch batch;

	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_DELTABLE, TABLE_NAME, NULL);
	(void)nft_commit(table->sock, &batch, "remove " STEP, NULL);
}

/** take_machine6() - this machine's address for its dynos goes with the last of them */
static void take_machine6(const struct table *table)
{
	_cleanup_netlink_ struct nl_sock *sock = NULL;
	_cleanup_batch_ struct netlink_batch batch = { 0 };

	if (!table->ipv6 || netlink_open(NETLINK_ROUTE, &sock, NULL) < 0)
		return;
	link_machine6(&batch, false, &table->range);
	(void)netlink_send(sock, &batch, STEP, NULL);
}

/** let_go() - give the lock back; whoever is the last cleans up */
static void let_go(struct table *table)
{
	if (table->lock < 0)
		return;
	(void)set_lock(table->lock, F_OFD_SETLK, F_UNLCK);
	if (set_lock(table->lock, F_OFD_SETLK, F_WRLCK) == 0) {
		if (table->sock) {
			foreign_close(table->sock);
			remove_table(table);
		}
		uplink_restore(table->dir);
		take_machine6(table);
		(void)unlinkat(table->dir, table->pipe, 0);
		(void)unlinkat(table->dir, table->file, 0);
	}
	table->lock = fd_close(table->lock);
}

/** enter() - the steps of table_open() on a record that table_close() can take back at any moment */
static int enter(struct table *table, struct dyno_error *err)
{
	bool alone = false;
	int r = fault_at("lock " STEP);

	if (r < 0)
		return error_set(err, r, STEP, "injected failure at lock " STEP ":");
	r = own_name("table", table->file, sizeof(table->file));
	if (r == 0)
		r = own_name("guard", table->pipe, sizeof(table->pipe));
	if (r < 0)
		return error_set(err, r, STEP, "cannot look at %s:", NAMESPACE_SELF);
	r = nft_open(&table->sock, err);
	if (r < 0)
		return r;
	table->lock = take_lock(table->dir, table->file, &alone);
	if (table->lock < 0)
		return error_set(err, table->lock, STEP, "cannot lock %s in the state directory:", table->file);
	r = alone ? table_install(table, true, err) : table_ensure(table, err);
	/* Docker may have come later than the table. What cannot be done there costs ways through Docker, no more */
	if (r >= 0)
		(void)foreign_open(table->sock, NULL);
	if (r >= 0 && alone)
		r = set_lock(table->lock, F_OFD_SETLK, F_RDLCK);
	return r;
}

int table_open(int lock_dir, const struct address_range *range, struct table **ret, struct dyno_error *err)
{
	struct table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return error_set(err, -ENOMEM, STEP, "cannot allocate the record of the packet filter");
	table->dir = lock_dir;
	table->lock = table->guard = table->pipe_in = table->pipe_out = -1;
	table->range = *range;
	table->ipv6 = link_ipv6();
	r = enter(table, err);
	if (r < 0) {
		table_close(table);
		return r;
	}
	*ret = table;
	return 0;
}

struct table *table_close(struct table *table)
{
	int saved = errno;

	if (!table)
		return NULL;
	table_unguard(table);
	let_go(table);
	nft_close(table->sock, table->events);
	free(table->notes);
	free(table);
	errno = saved;
	return NULL;
}
