/* SPDX-License-Identifier: Apache-2.0 */
/**
 * network.h - the face of the room: a dyno's network end, made without knowing the dyno
 *
 * As root the launcher makes the namespace itself (unshare in the calling thread, and back), because the child is busy with its
 * filesystem on another CPU meanwhile; the child only enters it. Rootless the namespace is born with the child (it must
 * belong to the child's user namespace) and pasta(1) is attached to it.
 */
#ifndef NETNS_NETWORK_H
#define NETNS_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"
#include "netns/policy.h"
#include "netns/publish.h"

#define NETWORK_SLOTS 4095 /* dynos that fit the default range, whose last four addresses are host.dyno.internal's */

struct network_host; /* host namespace fd, netlink socket, address range, packet filter */

struct listen_seen;
struct nl_sock;

/**
 * struct network - one dyno's network end
 * @fd:       its namespace, -1 when born with the child or shared with the host
 * @address:  the dyno's IPv4 address as text, "" without a private network; rootless with pasta: "127.0.0.1" when a port is published
 * @gateway:  the host's end, ""
 * @ifname:   the host's end of the veth pair, ""
 * @index:    its number
 * @ipv6:     both ends have an IPv6 address
 * @way_out6: and IPv6 is forwarded between the dyno and the world
 * @localnet: this machine's end carries connections of loopback: set by network_expect(), or when it is needed
 * @uplinks_ns: when the way to the world was seen to be open, 0 for never
 * @look_again: for network_started()
 * @admitted: network_admit() was called: the packet filter and the kernel's connection tracking may know the slot
 * @helper:   pid of pasta, 0 without
 * @user:     rootless: the dyno's user namespace, with @fd what pasta and relays enter; else -1
 * @slot:     as opened
 * @resolver: see network_resolver(), 0 for none
 * @inside:   netlink socket in it, from network_open() to network_settle()
 * @publish:  the host's side of the port
 */
struct network {
	int fd;
	int user;
	unsigned slot;
	uint32_t resolver;
	uint64_t uplinks_ns;
	struct nl_sock *inside;
	char address[16];
	char gateway[16];
	char ifname[16];
	int index;
	bool ipv6;
	bool way_out6;
	bool localnet;
	bool look_again;
	bool admitted;
	pid_t helper;
	struct publish publish;
};

#define NETWORK_NULL                                                                                                   \
	{                                                                                                              \
		.fd = -1, .user = -1, .publish = PUBLISH_NULL                                                          \
	}

/**
 * network_host_open() - cheap: opens the namespace fd, a netlink socket and the packet filter only when first needed
 * @state_dir: directory for the packet filter's lock and notes; borrowed
 */
int network_host_open(bool rootless, int state_dir, struct network_host **ret, struct dyno_error *err);
/** network_host_close() - NULL is fine; the last user of the packet filter removes it. Return: NULL */
struct network_host *network_host_close(struct network_host *host);

/** network_slots() - dynos that fit the range. Return: a count, or -EINVAL when /etc/dyno/network cannot be understood */
int network_slots(struct network_host *host, struct dyno_error *err);

/**
 * network_services() - the address at which a private dyno finds allowed services of this machine, as text
 * @ret: ADDRESS_TEXT_SIZE bytes
 */
int network_services(struct network_host *host, char *ret, struct dyno_error *err);

/**
 * network_resolver() - this machine's only resolver listens on its loopback, at @server (host byte order)
 * Dynos are given network_services() for a nameserver; who is admitted gets there.
 */
void network_resolver(struct network_host *host, uint32_t server);

/**
 * network_begin() - as root: start making the next namespace on another CPU, for the network_open() to come
 * Optional, and the earlier the better: see ahead.h. Followed by network_open() or network_abandon().
 */
void network_begin(struct network_host *host, enum dyno_net net);
/** network_helper_cpu() - the CPU that is, or has just been, at that, -1 for none: one that others do not keep busy */
int network_helper_cpu(const struct network_host *host);
/** network_abandon() - drop what network_begin() made, if network_open() did not take it */
void network_abandon(struct network_host *host);

/**
 * network_open() - parent half as root, first part: make the namespace
 * The child may enter it at once: what follows is done from outside, at the same time. On failure nothing is left.
 * @slot: 0..network_slots()-1, owned by the caller; names, addresses and MACs derive from it
 */
int network_open(struct network_host *host, enum dyno_net net, unsigned slot, struct network *ret,
                 struct dyno_error *err);

/**
 * network_expect() - say before network_connect() what is known of the app: what it needs of the link is cheap then, and dear later
 * @app: NULL for not known yet
 * @web: then: it is likely to have its port published
 */
void network_expect(struct network *network, enum dyno_net net, const struct dyno_app *app, bool web);

/**
 * network_connect() - second part: the loopback is up, and for NET_PRIVATE there is a veth pair with addresses and routes, behind the
 * packet filter
 * It is ready to accept connections of this machine when network_admit() or network_settle() returns. On failure nothing is left but the
 * namespace, for network_close().
 */
int network_connect(struct network_host *host, enum dyno_net net, struct network *network, struct dyno_error *err);

/**
 * network_settle() - wait for what network_connect() left to the kernel to finish
 * network_admit() does it, too: to be called when nobody waits for the dyno. Twice is fine.
 */
int network_settle(struct network *network, struct dyno_error *err);

/**
 * network_attach() - parent half rootless: hold the namespaces of the cloned child @pid, to connect them in network_admit()
 * Must: be called while the child is dumpable and after its id maps were written. NET_NONE: nothing to do (the child brings
 * its own lo up: network_loopback_child()).
 */
int network_attach(struct network_host *host, enum dyno_net net, unsigned slot, pid_t pid, struct network *ret,
                   struct dyno_error *err);

/**
 * network_admit() - give a network end its app: reserve and publish the port, egress, allowed services of the host
 * Called before the app runs. As root: elements of the packet filter. Rootless: runs pasta, with the same promises.
 * Must: on failure be followed by network_close(), which takes back what was done.
 */
int network_admit(struct network_host *host, enum dyno_net net, const struct policy *policy, struct network *network,
                  struct dyno_error *err);

/** network_started() - the app runs: what could wait until then, and descriptors that only the start needed */
void network_started(struct network_host *host, const struct policy *policy, struct network *network);

/**
 * network_guard_fd() - readable when the packet filter is to be looked after, by network_attend(): others have changed it
 * Of the host, not of a dyno; -1 where nothing is to be looked after. Valid until network_host_close().
 */
int network_guard_fd(const struct network_host *host);
/** network_attend() - look after it; nothing to do is fine */
void network_attend(struct network_host *host);

/**
 * network_listening() - the app listens on its port for the first time: open the ways that depend on how it listens
 * IPv6 addresses lead to it by the packet filter when it speaks IPv6, else by a relay; a unix socket by a relay.
 */
int network_listening(struct network_host *host, const struct policy *policy, const struct listen_seen *seen,
                      struct network *network, struct dyno_error *err);

/** network_bytes() - bytes that the dyno received and sent, by its host's end @ifname. Return: 0, or negative errno */
int network_bytes(const char *ifname, uint64_t *ret_in, uint64_t *ret_out);

/** network_enter_child() - child half as root: setns(2). Mustn't: run after the user namespace was entered */
int network_enter_child(int fd, struct dyno_error *err);
/** network_loopback_child() - child half rootless: lo up by ioctl in its own new namespace; no allocation */
int network_loopback_child(struct dyno_error *err);

/**
 * network_close() - take the end down; stops and reaps pasta. Twice is fine
 * The namespace dies with its last process and descriptor and takes the veth pair with it, by the kernel and some 35 ms
 * later: nobody waits for it here. A slot opened again meanwhile works, but pays for the removal of the old link.
 */
void network_close(struct network_host *host, struct network *network);

/**
 * network_remove() - remove the host's end of @slot now, if it is still there, and return when it is gone
 * For gc after a crash, and for who has to promise that nothing is left. About 30 ms when there is something to remove, 20 us
 * when not. A link of that name that is not ours is left alone: -EEXIST.
 */
int network_remove(struct network_host *host, unsigned slot, struct dyno_error *err);

/** network_sweep() - remove a packet filter whose users were all killed: be one, and go. A stat(2) when there is none */
void network_sweep(struct network_host *host);

#endif /* NETNS_NETWORK_H */
