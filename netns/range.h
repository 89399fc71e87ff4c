/* SPDX-License-Identifier: Apache-2.0 */
/**
 * range.h - the administrator's choice of addresses: /etc/dyno/network
 *
 * Text: an IPv4 network of 10 to 24 bits, and optionally a unique local IPv6 prefix of 48 bits, each on a line of its own;
 * "#" begins a comment. All launchers of a machine read it, so it should be changed while no dyno runs.
 */
#ifndef NETNS_RANGE_H
#define NETNS_RANGE_H

#include "dyno.h"
#include "netns/address.h"

#define RANGE_FILE "/etc/dyno/network"
#define RANGE_BITS_MIN 10
#define RANGE_BITS_MAX 24

/** range_load() - read file @path; without one the default range. Return: 0, or -EINVAL with the line that is wrong */
int range_load(const char *path, struct address_range *ret, struct dyno_error *err);

/** range_read() - read @text, which was file @path; pure. What it does not mention stays as it is by default */
int range_read(const char *path, const char *text, struct address_range *ret, struct dyno_error *err);

#endif /* NETNS_RANGE_H */
