/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table_elements.c - what differs between dynos: elements of the table's sets (table.h)
 *
 * An element costs 5 us to add and 8 us to remove, and 14 us to add with 4,000 there, for the notes of them (measured
 * here, medians of 100). Interval sets, which only --egress CIDR uses, are copied by the kernel at each change: 32 us to
 * admit such a dyno, 140 us with 1,000 of them. Looking through 4,000 elements takes 2 ms.
 *
 * Each process knows the elements that it added. A dead one's are found by looking through all of them: those that begin
 * with the link of the slot, or lead to its address.
 */
#include "netns/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "netns/conntrack.h"
#include "netns/link.h"
#include "netns/rule.h"
#include "netns/table_state.h"

#define STEP "packet filter"
#define ADDRESS6_AT IFNAMSIZ
#define BATCH_NOTES 64 /* elements of one transaction: their requests fit a batch */
#define SWEEPS 8       /* a dump that others' changes disturbed is repeated */
#define DNS_PORT 53

/** struct layout - bytes of an element of each set */
static const struct layout {
	uint8_t key, end, data;
} layouts[TABLE_SETS] = {
	[TABLE_PUBLISH4] = { .key = 8, .data = 8 },
	[TABLE_PUBLISH6] = { .key = 20, .data = 20 },
	[TABLE_SERVICES] = { .key = 24 },
	[TABLE_RESOLVER] = { .key = 12, .data = 8 },
	[TABLE_LIMITED] = { .key = 16 },
	[TABLE_REACH4] = { .key = 20, .end = 20 },
	[TABLE_REACH6] = { .key = 32, .end = 32 },
};

/** struct notes - elements in the making or found; freed by the owner */
struct notes {
	size_t count, room;
	struct table_note *at;
};

/** keep() - append @note. Return: 0 or -ENOMEM */
static int keep(struct table_note **notes, size_t *count, size_t *room, const struct table_note *note)
{
	if (*count == *room) {
		size_t larger = *room ? *room * 2 : 16;
		struct table_note *grown = reallocarray(*notes, larger, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*notes = grown;
		*room = larger;
	}
	(*notes)[(*count)++] = *note;
	return 0;
}

/** put_port() - a port as the sets have it: two bytes in network order, two of zero. @at: where */
static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
	at[2] = at[3] = 0;
}

/** put_address() - IPv4 address in host byte order. @at: where */
static void put_address(uint8_t *at, uint32_t address)
{
	address = htonl(address);
	memcpy(at, &address, sizeof(address));
}

/** put_link() - name of the link of @slot, which a set has with all its zeros */
static void put_link(uint8_t at[IFNAMSIZ], unsigned slot)
{
	char name[IFNAMSIZ] = "";

	link_name(slot, name);
	strncpy((char *)at, name, IFNAMSIZ);
}

/** put_notes() - one request for each of @notes */
static void put_notes(struct nft_batch *batch, unsigned type, const struct table_note *notes, size_t count)
{
	for (const struct table_note *note = notes; note < notes + count; note++) {
		const struct layout *layout = note->set < TABLE_SETS ? &layouts[note->set] : NULL;
		struct rule_element element;

		if (!layout)
			continue;
		element = (struct rule_element){ .key = { note->key, layout->key } };
		if (layout->end)
			element.end = (struct nft_view){ note->end, layout->end };
		if (layout->data)
			element.data = (struct nft_view){ note->data, layout->data };
		rule_put_elements(batch, type, TABLE_NAME, table_rules_set(note->set), &element, 1);
	}
}

/** change() - add (NFT_MSG_NEWSETELEM) or remove (NFT_MSG_DELSETELEM) @notes, a transaction for each BATCH_NOTES of them */
static int change(struct table *table, unsigned type, const struct table_note *notes, size_t count, const char *step,
                  struct dyno_error *err)
{
	for (size_t done = 0; done < count; done += BATCH_NOTES) {
		size_t part = count - done < BATCH_NOTES ? count - done : BATCH_NOTES;
		struct nft_batch batch;
		int r;

		nft_begin(&batch);
		put_notes(&batch, type, notes + done, part);
		r = nft_commit(table->sock, &batch, step, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int table_restore(struct table *table, struct dyno_error *err)
{
	return change(table, NFT_MSG_NEWSETELEM, table->notes, table->count, "restore " STEP, err);
}

/**
 * add() - add @notes, and install the table again if somebody has removed it
 * Return: 0; -EEXIST when something else is in the way; or negative errno
 */
static int add(struct table *table, const struct table_note *notes, size_t count, const char *step,
               struct dyno_error *err)
{
	struct dyno_error own = { 0 };
	int r = change(table, NFT_MSG_NEWSETELEM, notes, count, step, &own);

	if (r == -ENOENT) {
		own = (struct dyno_error){ 0 };
		r = table_install(table, false, &own);
		if (r == 0)
			r = change(table, NFT_MSG_NEWSETELEM, notes, count, step, &own);
	}
	/* the same key with other data; a part of an interval that is there */
	if (r == -EBUSY || r == -ENOTEMPTY)
		r = -EEXIST;
	if (r < 0 && err)
		*err = own;
	return r;
}

/** drop_notes() - forget the notes of @slot that are elements of @set with @key; TABLE_SETS: all of @slot */
static void drop_notes(struct table *table, uint32_t slot, enum table_set set, const uint8_t *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct table_note *note = &table->notes[i];
		bool gone = set == TABLE_SETS ? note->slot == slot
		                              : note->set == set && memcmp(note->key, key, layouts[set].key) == 0;

		if (gone)
			continue;
		if (kept != i)
			table->notes[kept] = *note;
		kept++;
	}
	table->count = kept;
}

/** remember() - note what was added. Without memory for that it is removed again */
static int remember(struct table *table, const struct table_note *notes, size_t count, struct dyno_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (keep(&table->notes, &table->count, &table->room, &notes[i]) == 0)
			continue;
		(void)change(table, NFT_MSG_DELSETELEM, notes, count, STEP, NULL);
		return error_set(err, -ENOMEM, STEP, "cannot allocate notes of the packet filter");
	}
	return 0;
}

/** struct search - the elements of one slot, looked for in one set */
struct search {
	const struct address_plan *plan;
	unsigned slot;
	enum table_set set;
	uint8_t link[IFNAMSIZ];
	struct notes found;
	int code;
};

/** copy_value() - the bytes of the nest @type in an element; @size: how many there must be. Return: they are there */
static bool copy_value(struct nft_view element, unsigned type, void *to, size_t size)
{
	struct nft_view value = nft_find(nft_find(element, type), NFTA_DATA_VALUE);

	if (size == 0)
		return true;
	if (value.size != size)
		return false;
	memcpy(to, value.data, size);
	return true;
}

/** belongs() - the element @note is the slot's: it begins with its link, or leads to its address */
static bool belongs(const struct search *search, const struct table_note *note)
{
	uint8_t dyno[4];

	switch (note->set) {
	case TABLE_PUBLISH4: put_address(dyno, search->plan->dyno); return memcmp(note->data, dyno, sizeof(dyno)) == 0;
	case TABLE_PUBLISH6: return memcmp(note->data, search->plan->dyno6, sizeof(search->plan->dyno6)) == 0;
	case TABLE_SERVICES:
	case TABLE_LIMITED:
	case TABLE_REACH4:
	case TABLE_REACH6: return memcmp(note->key, search->link, sizeof(search->link)) == 0;
	default: return false;
	}
}

/** see_elements() - one message of a dump: note the elements that belong to the slot */
static void see_elements(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct search *search = data;
	const struct layout *layout = &layouts[search->set];
	struct nft_view list = nft_find(body, NFTA_SET_ELEM_LIST_ELEMENTS), element;
	unsigned kind;

	(void)family;
	if (type != NFT_MSG_NEWSETELEM)
		return;
	while ((element = nft_next(&list, &kind)).data) {
		struct table_note note = { .slot = search->slot, .set = search->set };

		if (copy_value(element, NFTA_SET_ELEM_KEY, note.key, layout->key) &&
		    copy_value(element, NFTA_SET_ELEM_KEY_END, note.end, layout->end) &&
		    copy_value(element, NFTA_SET_ELEM_DATA, note.data, layout->data) && belongs(search, &note) &&
		    search->code == 0)
			search->code = keep(&search->found.at, &search->found.count, &search->found.room, &note);
	}
}

/** search_sets() - look through all elements for those of the slot. Return: 0, -EINTR when disturbed, or negative errno */
static int search_sets(struct table *table, struct search *search)
{
	struct nft_batch batch;
	int r = 0;

	search->found.count = 0;
	for (search->set = 0; search->set < TABLE_SETS && r == 0; search->set++) {
		nft_begin(&batch);
		rule_put_elements(&batch, NFT_MSG_GETSETELEM, TABLE_NAME, table_rules_set(search->set), NULL, 0);
		r = nft_dump(table->sock, &batch, see_elements, search);
		if (r == 0)
			r = search->code;
	}
	/* no table: no elements */
	return r == -ENOENT ? 0 : r;
}

/** sweep() - remove every element of @slot, whoever added it */
static int sweep(struct table *table, unsigned slot, struct dyno_error *err)
{
	struct address_plan plan;
	struct search search = { .plan = &plan, .slot = slot };
	int r = address_plan(&table->range, slot, &plan);

	if (r < 0)
		return error_set(err, r, STEP, "slot %u has no address", slot);
	put_link(search.link, slot);
	for (int i = 0; i < SWEEPS; i++) {
		r = search_sets(table, &search);
		if (r == 0 && search.found.count > 0)
			r = change(table, NFT_MSG_DELSETELEM, search.found.at, search.found.count, "forget " STEP,
			           NULL);
		/* EINTR: disturbed; ENOENT: somebody else has removed one of them meanwhile */
		if (r != -EINTR && r != -ENOENT)
			break;
	}
	free(search.found.at);
	return r < 0 ? error_set(err, r, STEP, "cannot remove what slot %u left in the packet filter:", slot) : 0;
}

/** cidr_note() - one network that the dyno may reach */
static struct table_note cidr_note(unsigned slot, const struct policy_cidr *cidr)
{
	bool is4 = cidr->family == AF_INET;
	struct table_note note = { .slot = slot, .set = is4 ? TABLE_REACH4 : TABLE_REACH6 };
	unsigned size = is4 ? 4 : 16;

	put_link(note.key, slot);
	memcpy(note.key + IFNAMSIZ, cidr->address, size);
	memcpy(note.end, note.key, sizeof(note.end));
	for (unsigned bit = cidr->bits; bit < size * 8; bit++)
		note.end[IFNAMSIZ + bit / 8] |= (uint8_t)(0x80U >> bit % 8);
	return note;
}

/** service_note() - one port of the machine's loopback */
static struct table_note service_note(const struct table *table, unsigned slot, uint16_t port)
{
	struct table_note note = { .slot = slot, .set = TABLE_SERVICES };

	put_link(note.key, slot);
	put_address(note.key + IFNAMSIZ, address_host(&table->range));
	put_port(note.key + IFNAMSIZ + 4, port);
	return note;
}

int table_admit(struct table *table, unsigned slot, const struct policy *policy, struct dyno_error *err)
{
	struct table_note notes[2 + POLICY_CIDR_MAX + POLICY_PORT_MAX];
	size_t count = 0;
	int r;

	notes[count++] = (struct table_note){ .slot = slot, .set = TABLE_SETS };
	if (policy->egress != POLICY_EGRESS_ALLOW) {
		notes[count] = (struct table_note){ .slot = slot, .set = TABLE_LIMITED };
		put_link(notes[count++].key, slot);
	}
	for (size_t i = 0; policy->egress == POLICY_EGRESS_LIST && i < policy->cidr_count; i++)
		notes[count++] = cidr_note(slot, &policy->cidrs[i]);
	for (size_t i = 0; i < policy->allow_count; i++)
		notes[count++] = service_note(table, slot, policy->allow_host[i]);
	r = count > 1 ? add(table, notes, count, "admit to " STEP, err) : 0;
	if (r == -EEXIST) {
		r = sweep(table, slot, err);
		if (r == 0)
			r = add(table, notes, count, "admit to " STEP, err);
	}
	return r < 0 ? r : remember(table, notes, count, err);
}

int table_resolver(struct table *table, uint32_t server, struct dyno_error *err)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP };
	struct table_note notes[2];
	struct nft_batch batch;
	int r;

	/* It stays as long as the table does, and is restored with it. */
	if (table->resolver == server)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		notes[i] = (struct table_note){ .slot = TABLE_NO_SLOT, .set = TABLE_RESOLVER };
		put_address(notes[i].key, address_host(&table->range));
		notes[i].key[4] = protocols[i];
		put_port(notes[i].key + 8, DNS_PORT);
		put_address(notes[i].data, server);
		put_port(notes[i].data + 4, DNS_PORT);
	}
	r = add(table, notes, 2, "resolver of " STEP, err);
	if (r == -EEXIST) {
		nft_begin(&batch);
		rule_put_elements(&batch, NFT_MSG_DELSETELEM, TABLE_NAME, table_rules_set(TABLE_RESOLVER), NULL, 0);
		put_notes(&batch, NFT_MSG_NEWSETELEM, notes, 2);
		r = nft_commit(table->sock, &batch, "resolver of " STEP, err);
	}
	if (r < 0)
		return r;
	drop_notes(table, TABLE_NO_SLOT, TABLE_SETS, NULL);
	r = remember(table, notes, 2, err);
	table->resolver = r == 0 ? server : 0;
	return r;
}

/** endpoint_note() - the key for @at */
static struct table_note endpoint_note(const struct policy_endpoint *at)
{
	bool is4 = at->family == AF_INET;
	struct table_note note = { .slot = TABLE_NO_SLOT, .set = is4 ? TABLE_PUBLISH4 : TABLE_PUBLISH6 };
	size_t size = is4 ? 4 : 16;

	memcpy(note.key, at->address, size);
	put_port(note.key + size, at->port);
	return note;
}

int table_publish(struct table *table, const struct policy_endpoint *at, unsigned slot, uint16_t port,
                  struct dyno_error *err)
{
	struct table_note note = endpoint_note(at);
	struct address_plan plan;
	struct nft_batch batch;
	int r = address_plan(&table->range, slot, &plan);

	if (r < 0)
		return error_set(err, r, STEP, "slot %u has no address", slot);
	note.slot = slot;
	if (at->family == AF_INET) {
		put_address(note.data, plan.dyno);
		put_port(note.data + 4, port);
	} else {
		memcpy(note.data, plan.dyno6, sizeof(plan.dyno6));
		put_port(note.data + sizeof(plan.dyno6), port);
	}
	r = add(table, &note, 1, "publish in " STEP, err);
	if (r == -EEXIST) {
		nft_begin(&batch);
		put_notes(&batch, NFT_MSG_DELSETELEM, &note, 1);
		put_notes(&batch, NFT_MSG_NEWSETELEM, &note, 1);
		r = nft_commit(table->sock, &batch, "publish in " STEP, err);
	}
	if (r < 0)
		return r;
	drop_notes(table, slot, note.set, note.key);
	return remember(table, &note, 1, err);
}

int table_unpublish(struct table *table, const struct policy_endpoint *at, struct dyno_error *err)
{
	struct table_note note = endpoint_note(at);
	int r = change(table, NFT_MSG_DELSETELEM, &note, 1, STEP, NULL);

	drop_notes(table, TABLE_NO_SLOT, note.set, note.key);
	if (r == 0 || r == -ENOENT)
		return 0;
	return error_set(err, r, STEP, "cannot remove a published address from the packet filter:");
}

/** remove_own() - remove the elements that this process added for @slot. Return: 0; -ENOENT when there is no note of it; or negative errno */
static int remove_own(struct table *table, unsigned slot)
{
	struct notes own = { 0 };
	int r = -ENOENT;

	for (size_t i = 0; i < table->count; i++) {
		if (table->notes[i].slot != slot)
			continue;
		r = keep(&own.at, &own.count, &own.room, &table->notes[i]);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = change(table, NFT_MSG_DELSETELEM, own.at, own.count, "forget " STEP, NULL);
	free(own.at);
	return r;
}

int table_forget(struct table *table, unsigned slot, struct dyno_error *err)
{
	struct address_plan plan;
	char link[IFNAMSIZ];
	int r = address_plan(&table->range, slot, &plan);

	if (r < 0)
		return error_set(err, r, STEP, "slot %u has no address", slot);
	r = remove_own(table, slot);
	/* a dead owner's, or somebody has removed some of ours */
	if (r < 0)
		r = sweep(table, slot, err);
	drop_notes(table, slot, TABLE_SETS, NULL);
	return r < 0 ? r : conntrack_forget(table->sock, &plan, link_name(slot, link), table->ipv6, err);
}
