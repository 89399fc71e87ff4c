/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_network.h - what `dyno doctor` looks at for private networks; part of doctor.h */
#ifndef CLI_DOCTOR_NETWORK_H
#define CLI_DOCTOR_NETWORK_H

#include <net/if.h>
#include <stdbool.h>

#include "netns/address.h"
#include "netns/foreign.h"

struct doctor;
struct finding;

/**
 * struct doctor_network - the facts; those of root only where that is said
 * @uplink:   link of the IPv4 default route, "" without one
 * @forward4: IPv4 forwarding of it; @router6: of IPv6, machine-wide; -1 where there is none
 * @by_link6: this kernel can forward IPv6 for single links
 * @tracked, @tracked_max: connections in the kernel's memory, and how many fit; -1 where they are not counted
 * @range:    where dynos have their addresses, "" when the file that says so cannot be understood
 * @clash, @clash_link: a route into it that is not a dyno's, "" for none
 * @wall_count, @walls: root: filters of others; negative errno when they cannot be asked for
 */
struct doctor_network {
	char uplink[IFNAMSIZ];
	long forward4;
	long router6;
	bool by_link6;
	long tracked, tracked_max;
	char range[ADDRESS_TEXT_SIZE + 4];
	char clash[ADDRESS_TEXT_SIZE + 4];
	char clash_link[IFNAMSIZ];
	int wall_count;
	struct foreign_wall walls[FOREIGN_WALLS];
};

/** doctor_network_gather() - find out the facts */
void doctor_network_gather(bool rootless, struct doctor_network *ret);

/** doctor_network_route() - the route of one line of /proc/net/route clashes with @range: note it; pure */
void doctor_network_route(const char *line, const struct address_range *range, struct doctor_network *ret);

/* the checks, for the table of doctor_checks.c */
void doctor_check_forwarding(const struct doctor *doctor, struct finding *finding);
void doctor_check_walls(const struct doctor *doctor, struct finding *finding);
void doctor_check_range(const struct doctor *doctor, struct finding *finding);
void doctor_check_tracking(const struct doctor *doctor, struct finding *finding);

#endif /* CLI_DOCTOR_NETWORK_H */
