/* SPDX-License-Identifier: Apache-2.0 */
/* spare.c - see spare.h */
#include "runtime/spare.h"

#include <sys/stat.h>

#include "base/claim.h"
#include "base/fd.h"
#include "runtime/host.h"
#include "runtime/sandbox.h"

bool spare_take(struct spare *spare, unsigned slots, struct spare *ret)
{
	if (spare->slot_fd < 0 || spare->slot >= slots)
		return false;
	*ret = *spare;
	*spare = (struct spare)SPARE_NULL;
	return true;
}

/** make_groups() - its groups, bounded as those of most are */
static int make_groups(struct dyno_host *host, struct spare *spare)
{
	static const struct dyno_limits defaults;
	char id[12];
	int r;

	sandbox_group_id(spare->slot, id, sizeof(id));
	r = cgroup_create_v2(&host->cgroups, id, &spare->group, NULL);
	if (r == 0)
		r = cgroup_create_v1(&host->cgroups, id, &spare->group, NULL);
	return r < 0 ? r : sandbox_bound(host, &spare->group, &defaults, &spare->limits, NULL);
}

/** make_users() - the namespaces of its ids, and of slugs of the owner that the last one had */
static int make_users(struct dyno_host *host, struct spare *spare)
{
	int r = identity_open(spare->slot, &spare->identity, NULL);

	if (r == 0)
		r = identity_open_slug(&spare->identity, host->slug.uid, host->slug.gid, NULL);
	identity_settle(&spare->identity);
	return r;
}

void spare_make(struct dyno_host *host, int slots)
{
	struct spare *spare = &host->spare;
	struct stat st;

	if (host->rootless || slots <= 0 || spare->slot_fd >= 0)
		return;
	spare->slot_fd = claim_take_slot(host->slots_fd, (unsigned)slots, &spare->slot);
	if (spare->slot_fd < 0)
		return;
	/* One that a dead launcher left is for a launch to clean, which can say what is wrong with it. */
	if (fstat(spare->slot_fd, &st) < 0 || st.st_size > 0)
		spare->slot_fd = fd_close(spare->slot_fd);
	else if (make_groups(host, spare) < 0 || make_users(host, spare) < 0)
		spare_drop(host);
}

void spare_drop(struct dyno_host *host)
{
	struct spare *spare = &host->spare;
	char id[12];

	identity_done(&spare->identity);
	cgroup_done(&spare->group);
	if (spare->slot_fd >= 0) {
		sandbox_group_id(spare->slot, id, sizeof(id));
		(void)cgroup_remove(&host->cgroups, id, NULL);
		claim_drop(host->slots_fd, id, spare->slot_fd);
	}
	*spare = (struct spare)SPARE_NULL;
}
