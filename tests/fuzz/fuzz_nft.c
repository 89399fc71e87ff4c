/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_nft.c - answers of netfilter of any bytes: walked as every reader of ours walks them, and never beyond their end */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netns/netlink.h"
#include "netns/nft.h"

#define SEQ 1
#define DEPTH_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** struct seen - what the walk met, so that nothing of it is optimised away */
struct seen {
	const uint8_t *from, *to;
	size_t attributes;
	uint64_t sum;
};

/** walk() - every attribute, and every one as a nest too */
static void walk(struct nft_view attrs, struct seen *seen, unsigned depth)
{
	struct nft_view view;
	unsigned type = 0;

	while ((view = nft_next(&attrs, &type)).data) {
		const uint8_t *at = view.data;

		if (at < seen->from || at + view.size > seen->to)
			abort();
		for (size_t i = 0; i < view.size && depth == 0; i++)
			seen->sum += at[i];
		seen->attributes++;
		seen->sum += nft_u32(view, 1) + nft_u64(view, 1) + nft_text_is(view, "filter") +
		             nft_find(view, type).size;
		if (depth < DEPTH_MAX)
			walk(view, seen, depth + 1);
	}
}

/** see() - nft_each */
static void see(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct seen *seen = data;

	seen->sum += type + family;
	walk(body, seen, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* as large as the input and no larger, so that a read beyond it is seen; and aligned, as answers are */
	uint8_t *copy = malloc(size ? size : 1);
	struct netlink_answer answer = { 0 };
	struct seen seen = { 0 };
	bool changed = false;
	int r;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	seen.from = copy;
	seen.to = copy + size;
	r = nft_parse(copy, size, SEQ, see, &seen, &changed);
	if (r > 1 || r < -4095)
		abort();
	r = netlink_parse(copy, size, &answer);
	if (r != 0 && r != -EBADMSG)
		abort();
	if (strnlen(answer.text, sizeof(answer.text)) == sizeof(answer.text))
		abort();
	free(copy);
	return 0;
}
