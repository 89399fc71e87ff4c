/* SPDX-License-Identifier: Apache-2.0 */
/* nft_parse.c - nft.h, what comes from the kernel: messages and attributes, of any bytes */
#include "netns/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define HEADERS_SIZE (NLMSG_HDRLEN + sizeof(struct nfgenmsg))

/** end_of_dump() - the result of a NLMSG_DONE or NLMSG_ERROR message, whose first word is a number. Return: 1 or negative errno */
static int end_of_dump(const struct nlmsghdr *head, const void *body)
{
	int code;

	if (head->nlmsg_len < NLMSG_HDRLEN + sizeof(code))
		return -EBADMSG;
	memcpy(&code, body, sizeof(code));
	if (code > 0 || code < -4095)
		return -EBADMSG;
	return code < 0 ? code : 1;
}

int nft_parse(const void *buf, size_t size, uint32_t seq, nft_each *each, void *data, bool *changed)
{
	const char *at = buf;

	while (size >= NLMSG_HDRLEN) {
		struct nfgenmsg general;
		struct nlmsghdr head;
		size_t step;

		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > size)
			return -EBADMSG;
		step = NLMSG_ALIGN((size_t)head.nlmsg_len);
		if (head.nlmsg_seq == seq) {
			*changed |= (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR)
				return end_of_dump(&head, at + NLMSG_HDRLEN);
			if (head.nlmsg_len < HEADERS_SIZE)
				return -EBADMSG;
			memcpy(&general, at + NLMSG_HDRLEN, sizeof(general));
			each(head.nlmsg_type & 0xff, general.nfgen_family,
			     (struct nft_view){ at + HEADERS_SIZE, head.nlmsg_len - HEADERS_SIZE }, data);
		}
		if (step >= size)
			break;
		at += step;
		size -= step;
	}
	return 0;
}

struct nft_view nft_next(struct nft_view *attrs, unsigned *ret_type)
{
	const char *at = attrs->data;
	struct nft_view found = { NULL, 0 };
	struct nlattr head;
	size_t step;

	if (attrs->size < sizeof(head))
		return found;
	memcpy(&head, at, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > attrs->size)
		return found;
	*ret_type = head.nla_type & NLA_TYPE_MASK;
	found = (struct nft_view){ at + sizeof(head), head.nla_len - sizeof(head) };
	step = NLA_ALIGN((size_t)head.nla_len);
	*attrs = step < attrs->size ? (struct nft_view){ at + step, attrs->size - step } : (struct nft_view){ NULL, 0 };
	return found;
}

struct nft_view nft_find(struct nft_view attrs, unsigned type)
{
	struct nft_view view;
	unsigned found = 0;

	do
		view = nft_next(&attrs, &found);
	while (view.data && found != type);
	return view;
}

uint32_t nft_u32(struct nft_view view, uint32_t otherwise)
{
	uint32_t value;

	if (view.size != sizeof(value))
		return otherwise;
	memcpy(&value, view.data, sizeof(value));
	return ntohl(value);
}

uint64_t nft_u64(struct nft_view view, uint64_t otherwise)
{
	uint64_t value;

	if (view.size != sizeof(value))
		return otherwise;
	memcpy(&value, view.data, sizeof(value));
	return be64toh(value);
}

bool nft_text_is(struct nft_view view, const char *text)
{
	size_t length = strlen(text);

	if (view.size == length + 1 && ((const char *)view.data)[length] == '\0')
		view.size--;
	return view.size == length && view.data && memcmp(view.data, text, length) == 0;
}
