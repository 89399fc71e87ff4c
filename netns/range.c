/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - see range.h */
#include "netns/range.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"

#define STEP "range"
#define FILE_SIZE 4096
#define BLANKS " \t\r"
#define LINE_SIZE 64

/** struct reading - @range as read so far; @four, @six: given already */
struct reading {
	struct address_range range;
	bool four;
	bool six;
};

/** take_four() - @network/@bits is the IPv4 range. Return: NULL, or what is wrong with it */
static const char *take_four(struct reading *reading, struct in_addr network, uint64_t bits)
{
	if (reading->four)
		return "a second IPv4 network";
	if (bits < RANGE_BITS_MIN || bits > RANGE_BITS_MAX)
		return "an IPv4 network must have 10 to 24 bits";
	if ((ntohl(network.s_addr) & (UINT32_MAX >> bits)) != 0)
		return "the address has bits set behind its prefix";
	if (ntohl(network.s_addr) >> 24 == 127 || ntohl(network.s_addr) >> 24 == 0 || ntohl(network.s_addr) >> 28 >= 14)
		return "dynos cannot have loopback, multicast or reserved addresses";
	reading->range.network = ntohl(network.s_addr);
	reading->range.bits = (unsigned)bits;
	reading->four = true;
	return NULL;
}

/** take_six() - @prefix/@bits is the IPv6 prefix. Return: NULL, or what is wrong with it */
static const char *take_six(struct reading *reading, const struct in6_addr *prefix, uint64_t bits)
{
	static const uint8_t zeros[sizeof(*prefix) - ADDRESS_PREFIX6_SIZE];

	if (reading->six)
		return "a second IPv6 prefix";
	if (bits != ADDRESS_PREFIX6_BITS)
		return "an IPv6 prefix must have 48 bits";
	if (memcmp(prefix->s6_addr + ADDRESS_PREFIX6_SIZE, zeros, sizeof(zeros)) != 0)
		return "the address has bits set behind its prefix";
	if ((prefix->s6_addr[0] & 0xfe) != 0xfc)
		return "an IPv6 prefix must be a unique local one, of fc00::/7";
	memcpy(reading->range.prefix6, prefix->s6_addr, ADDRESS_PREFIX6_SIZE);
	reading->six = true;
	return NULL;
}

/** take_line() - one line without comment and blanks around it. Return: NULL, or what is wrong with it */
static const char *take_line(struct reading *reading, char *line)
{
	char *slash = strchr(line, '/');
	struct in6_addr six;
	struct in_addr four;
	uint64_t bits;

	if (!slash)
		return "not a network: write ADDRESS/BITS";
	*slash = '\0';
	if (units_number(slash + 1, 0, 128, &bits) < 0)
		return "not a prefix length";
	if (inet_pton(AF_INET, line, &four) == 1)
		return take_four(reading, four, bits);
	if (inet_pton(AF_INET6, line, &six) == 1)
		return take_six(reading, &six, bits);
	return "not an address";
}

/** next_line() - copy the line at @text into @line, without comment and blanks around it. Return: NULL when it is too long */
static char *next_line(const char *text, char line[LINE_SIZE])
{
	size_t length = strcspn(text, "#\n"), skip = strspn(text, BLANKS);

	if (skip >= length)
		length = skip = 0;
	while (length > skip && strchr(BLANKS, text[length - 1]))
		length--;
	if (length - skip >= LINE_SIZE)
		return NULL;
	memcpy(line, text + skip, length - skip);
	line[length - skip] = '\0';
	return line;
}

int range_read(const char *path, const char *text, struct address_range *ret, struct dyno_error *err)
{
	struct reading reading = { .range = ADDRESS_RANGE_DEFAULT };

	for (unsigned number = 1; *text; number++) {
		char line[LINE_SIZE];
		const char *wrong = NULL;

		if (!next_line(text, line))
			wrong = "not a network: the line is too long";
		else if (line[0] != '\0')
			wrong = take_line(&reading, line);
		if (wrong) {
			error_set(err, -EINVAL, STEP, "%s, line %u: %s", path, number, wrong);
			error_remedy(err,
			             "give an IPv4 network of 10 to 24 bits, and if you like an IPv6 prefix of 48");
			return -EINVAL;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	*ret = reading.range;
	return 0;
}

int range_load(const char *path, struct address_range *ret, struct dyno_error *err)
{
	char text[FILE_SIZE];
	ssize_t r = fd_read_text(AT_FDCWD, path, text, sizeof(text));

	if (r == -ENOENT)
		return range_read(path, "", ret, err);
	if (r < 0)
		return error_set(err, (int)r, STEP, "cannot read %s:", path);
	if (strlen(text) != (size_t)r)
		return error_set(err, -EINVAL, STEP, "%s is not text", path);
	return range_read(path, text, ret, err);
}
