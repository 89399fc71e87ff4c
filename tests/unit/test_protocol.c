/* SPDX-License-Identifier: Apache-2.0 */
/* test_protocol.c - packets of the launcher's socket: form, requests, descriptors and bodies; and its histograms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "launcher/histogram.h"
#include "launcher/packet.h"
#include "launcher/request.h"

/* a literal with the NUL bytes that end its fields; the compiler adds the last one */
#define PACKET(text) text, sizeof(text)

/** read_packet() - head and fields of @data. Return: as protocol_read(); the error says something when it fails */
static int read_packet(const char *data, size_t size, struct protocol_head *head, struct protocol_fields *fields)
{
	struct dyno_error err = { 0 };
	int r = protocol_read(data, size, head, fields, &err);

	assert_true((r < 0) == (err.code < 0));
	assert_true((r < 0) == (err.text[0] != '\0'));
	return r;
}

static void reads_head_and_fields(void **state)
{
	struct protocol_head head;
	struct protocol_fields fields;
	struct protocol_field field;

	(void)state;
	assert_int_equal(read_packet(PACKET("DYNO/1 START 7\0argv=/bin/a=b\0argv=\0env=A=b"), &head, &fields), 0);
	assert_int_equal(head.version, 1);
	assert_string_equal(head.verb, "START");
	assert_int_equal(head.id, 7);
	assert_string_equal(protocol_find(fields, "env"), "A=b");
	assert_null(protocol_find(fields, "en"));
	assert_true(protocol_next(&fields, &field));
	assert_true(protocol_is(&field, "argv"));
	assert_string_equal(field.value, "/bin/a=b");
	assert_true(protocol_next(&fields, &field));
	assert_string_equal(field.value, "");
	assert_true(protocol_next(&fields, &field));
	assert_true(protocol_is(&field, "env"));
	assert_false(protocol_next(&fields, &field));
	assert_int_equal(read_packet(PACKET("DYNO/1 LIST 18446744073709551615"), &head, &fields), 0);
	assert_true(head.id == UINT64_MAX);
	assert_false(protocol_next(&fields, &field));
}

static void refuses_what_is_malformed(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		int code;
		uint64_t id; /* to which the error is answered */
	} cases[] = {
		{ "", 0, -EBADMSG, 0 },
		{ "DYNO/1 LIST 1", 13, -EBADMSG, 0 },
		{ PACKET(""), -EBADMSG, 0 },
		{ PACKET("GET / HTTP/1.1"), -EBADMSG, 0 },
		{ PACKET("DYNO/"), -EBADMSG, 0 },
		{ PACKET("DYNO/x LIST 1"), -EBADMSG, 0 },
		{ PACKET("DYNO/01 LIST 1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST "), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 0"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 01"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST -1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 18446744073709551616"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 99999999999999999999999999"), -EBADMSG, 0 },
		{ PACKET("DYNO/1  LIST 1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST  1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 1 2"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LIST 1 "), -EBADMSG, 0 },
		{ PACKET("DYNO/1 list 1"), -EBADMSG, 0 },
		{ PACKET("DYNO/1 LISTLISTLISTLISTLIST 1"), -EBADMSG, 0 },
		{ PACKET("DYNO/2 LIST 9"), -EPROTONOSUPPORT, 9 },
		{ PACKET("DYNO/2 who knows"), -EPROTONOSUPPORT, 0 },
		{ PACKET("DYNO/65536 LIST 9"), -EBADMSG, 0 },
		{ "DYNO/1 LIST 5\0a=b", 17, -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0a=b\0\0c=d"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0=b"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0a"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0A=b"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0a b=c"), -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0"
		         "1a=b"),
		  -EBADMSG, 5 },
		{ PACKET("DYNO/1 LIST 5\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=b"), -EBADMSG, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct protocol_head head;
		struct protocol_fields fields;
		int r = read_packet(cases[i].data, cases[i].size, &head, &fields);

		if (r != cases[i].code || head.id != cases[i].id)
			fail_msg("case %zu: %d, number %llu", i, r, (unsigned long long)head.id);
	}
}

static void names_of_descriptors(void **state)
{
	struct protocol_fds fds;
	struct dyno_error err = { 0 };

	(void)state;
	assert_int_equal(protocol_read_fds(NULL, &fds, &err), 0);
	assert_int_equal(fds.count, 0);
	assert_int_equal(protocol_read_fds("slug,stderr,stdin", &fds, &err), 0);
	assert_int_equal(fds.count, 3);
	assert_int_equal(fds.at[PROTOCOL_FD_SLUG], 0);
	assert_int_equal(fds.at[PROTOCOL_FD_STDERR], 1);
	assert_int_equal(fds.at[PROTOCOL_FD_STDIN], 2);
	assert_int_equal(fds.at[PROTOCOL_FD_STDOUT], -1);
	assert_int_equal(protocol_read_fds("", &fds, &err), -EBADMSG);
	assert_int_equal(protocol_read_fds("slug,", &fds, &err), -EBADMSG);
	assert_int_equal(protocol_read_fds("slug,slug", &fds, &err), -EBADMSG);
	assert_int_equal(protocol_read_fds("slugs", &fds, &err), -EBADMSG);
	assert_int_equal(protocol_read_fds("slug stdin", &fds, &err), -EBADMSG);
}

static void writes_what_it_reads(void **state)
{
	static const struct dyno_error error = { -ENOENT, "slug", "cannot open it", "make it" };
	const struct dyno_timeline timeline = { .ns = { [DYNO_PHASE_REQUESTED] = 12, [DYNO_PHASE_EXEC] = 345 } };
	struct dyno_timeline read_timeline;
	struct dyno_error read_error = { 0 };
	struct protocol_writer writer;
	struct protocol_head head;
	struct protocol_fields fields;
	struct protocol_field field;
	char data[512];

	(void)state;
	protocol_begin(&writer, data, sizeof(data), "FAILED", 3);
	protocol_add_timeline(&writer, &timeline);
	protocol_add_error(&writer, &error);
	assert_false(writer.full);
	assert_int_equal(read_packet(data, writer.used, &head, &fields), 0);
	assert_int_equal(head.id, 3);
	assert_string_equal(protocol_find(fields, "timeline"), "requested:12,exec:345");
	protocol_get_timeline(protocol_find(fields, "timeline"), &read_timeline);
	assert_memory_equal(&timeline, &read_timeline, sizeof(timeline));
	while (protocol_next(&fields, &field))
		(void)protocol_get_error(&field, &read_error);
	assert_memory_equal(&error, &read_error, sizeof(error));
	protocol_get_timeline("warp:1,exec,exec:,:5,exec:x,,listening:9,", &read_timeline);
	assert_true(read_timeline.ns[DYNO_PHASE_LISTENING] == 9 && read_timeline.ns[DYNO_PHASE_EXEC] == 0);
	protocol_begin(&writer, data, 32, "UP", 1);
	protocol_add(&writer, "key", "a value that is too long for what is left");
	assert_true(writer.full);
	assert_true(writer.used <= 32);
}

/** read_request() - the request of @data, which is well-formed */
static int read_request(const char *data, size_t size, struct request *ret, struct dyno_error *err)
{
	struct protocol_head head;
	struct protocol_fields fields;

	assert_int_equal(read_packet(data, size, &head, &fields), 0);
	memset(err, 0, sizeof(*err));
	return request_read(&head, &fields, ret, err);
}

static void reads_a_start(void **state)
{
	struct dyno_error err;
	struct request request;

	(void)state;
	assert_int_equal(read_request(PACKET("DYNO/1 START 1\0argv=a\0env=X=1\0argv=b\0name=web.1\0port=5000\0watch=1\0"
	                                     "publish=8080\0memory=67108864\0net=none\0grace_ms=0\0detach=1\0fds=slug"),
	                              &request, &err),
	                 0);
	assert_int_equal(request.verb, REQUEST_START);
	assert_string_equal(request.app.argv[0], "a");
	assert_string_equal(request.app.argv[1], "b");
	assert_null(request.app.argv[2]);
	assert_string_equal(request.app.env[0], "X=1");
	assert_null(request.app.env[1]);
	assert_string_equal(request.app.publish[0], "8080");
	assert_string_equal(request.app.name, "web.1");
	assert_string_equal(request.shape.stack, "host");
	assert_int_equal(request.app.port, 5000);
	assert_int_equal(request.app.limits.memory, 64 << 20);
	assert_int_equal(request.shape.net, DYNO_NET_NONE);
	assert_true(request.shape.watch && request.detach && !request.shape.tty);
	assert_int_equal(request.grace_ms, 0);
	request_done(&request);
	assert_int_equal(read_request(PACKET("DYNO/1 START 1"), &request, &err), 0);
	assert_null(request.app.argv);
	assert_true(request.grace_ms == REQUEST_NOT_GIVEN);
	request_done(&request);
}

static void refuses_requests(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		int code;
		const char *says;
	} cases[] = {
		{ PACKET("DYNO/1 DANCE 1"), -EBADMSG, "DANCE" },
		{ PACKET("DYNO/1 START 1\0color=red"), -EINVAL, "color" },
		{ PACKET("DYNO/1 LIST 1\0argv=a"), -EINVAL, "argv" },
		{ PACKET("DYNO/1 START 1\0name=a\0name=b"), -EINVAL, "twice" },
		{ PACKET("DYNO/1 START 1\0fds=slug\0fds=slug"), -EINVAL, "fds" },
		{ PACKET("DYNO/1 START 1\0port=0"), -ERANGE, "port" },
		{ PACKET("DYNO/1 START 1\0port=65536"), -ERANGE, "port" },
		{ PACKET("DYNO/1 START 1\0port=80 "), -EINVAL, "port" },
		{ PACKET("DYNO/1 START 1\0port="), -EINVAL, "port" },
		{ PACKET("DYNO/1 START 1\0memory=1"), -ERANGE, "memory" },
		{ PACKET("DYNO/1 START 1\0tty=yes"), -EINVAL, "tty" },
		{ PACKET("DYNO/1 START 1\0net=bridge"), -EINVAL, "net" },
		{ PACKET("DYNO/1 SIGNAL 1\0signal=65"), -ERANGE, "signal" },
		{ PACKET("DYNO/1 START 1\0grace_ms=86400001"), -ERANGE, "grace_ms" },
		{ PACKET("DYNO/1 STATS 1\0format=xml"), -EINVAL, "format" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dyno_error err;
		struct request request;
		int r = read_request(cases[i].data, cases[i].size, &request, &err);

		if (r != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("case %zu: %d, %s", i, r, err.text);
		request_done(&request);
	}
}

static void writes_requests(void **state)
{
	static const char *const argv[] = { "sh", "-c", "true", NULL };
	struct request request, again;
	struct dyno_error err;
	struct protocol_writer writer;
	char data[1024];

	(void)state;
	request_init(&request, REQUEST_START);
	request.app.argv = argv;
	request.app.port = 80;
	request.shape.net = DYNO_NET_HOST;
	request.shape.scratch_size = 1 << 20;
	request.app.boot_timeout_ms = 7;
	request.grace_ms = 0;
	request.kill_on_hangup = true;
	protocol_begin(&writer, data, sizeof(data), "START", 4);
	request_write(&writer, &request);
	assert_int_equal(read_request(data, writer.used, &again, &err), 0);
	assert_string_equal(again.app.argv[2], "true");
	assert_int_equal(again.app.port, 80);
	assert_int_equal(again.shape.net, DYNO_NET_HOST);
	assert_int_equal(again.shape.scratch_size, 1 << 20);
	assert_int_equal(again.app.boot_timeout_ms, 7);
	assert_int_equal(again.grace_ms, 0);
	assert_true(again.kill_on_hangup);
	request_done(&again);
}

/* ---- on a socket ------------------------------------------------------------------------------------------------- */

/** struct ends - both ends of a connection, and what was received */
struct ends {
	int fd[2];
	struct packet packet;
	struct dyno_error err;
};

static int connect_ends(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	*state = ends;
	return ends ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->fd) : -1;
}

static int close_ends(void **state)
{
	struct ends *ends = *state;

	(void)fd_close(ends->fd[0]);
	(void)fd_close(ends->fd[1]);
	free(ends);
	return 0;
}

/** count_fds() - how many descriptors are open here */
static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/** pass() - send @size bytes of @data with @count descriptors, and receive them. Return: as packet_receive() */
static int pass(struct ends *ends, const char *data, size_t size, const int *fds, unsigned count)
{
	memset(&ends->err, 0, sizeof(ends->err));
	assert_int_equal(packet_send(ends->fd[0], data, size, fds, count), 0);
	return packet_receive(ends->fd[1], &ends->packet, &ends->err);
}

static void descriptors_travel(void **state)
{
	struct ends *ends = *state;
	const int fds[] = { 0, 1, 2, 0, 1, 2, 0 };
	int before = count_fds();

	assert_int_equal(packet_receive(ends->fd[1], &ends->packet, &ends->err), -EAGAIN);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 1\0fds=stdout,slug"), fds, 2), 1);
	assert_true(ends->packet.fds[PROTOCOL_FD_STDOUT] >= 0 && ends->packet.fds[PROTOCOL_FD_SLUG] >= 0);
	assert_true(ends->packet.fds[PROTOCOL_FD_STDIN] < 0);
	packet_done(&ends->packet);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 2\0fds=stdout,slug"), fds, 1), -EBADMSG);
	assert_int_equal(ends->packet.head.id, 2);
	packet_done(&ends->packet);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 3"), fds, 7), -EBADMSG);
	packet_done(&ends->packet);
	assert_int_equal(pass(ends, PACKET("nonsense"), fds, 7), -EBADMSG);
	packet_done(&ends->packet);
	assert_int_equal(count_fds(), before);
	ends->fd[0] = fd_close(ends->fd[0]);
	assert_int_equal(packet_receive(ends->fd[1], &ends->packet, &ends->err), 0);
}

static void a_packet_that_is_too_long(void **state)
{
	struct ends *ends = *state;
	char *data = calloc(1, PROTOCOL_PACKET_MAX + 1);

	assert_non_null(data);
	strcpy(data, "DYNO/1 START 6");
	memset(data + 15, 'a', PROTOCOL_PACKET_MAX - 15);
	assert_int_equal(pass(ends, data, PROTOCOL_PACKET_MAX + 1, NULL, 0), -EMSGSIZE);
	assert_int_equal(ends->packet.head.id, 6);
	packet_done(&ends->packet);
	free(data);
}

static void bodies(void **state)
{
	static const char text[] = "argv=one\0argv=two";
	struct ends *ends = *state;
	int before = count_fds();
	int fd = packet_body(PACKET(text));
	struct protocol_field field;

	assert_true(fd >= 0);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 1\0name=a\0fds=body"), &fd, 1), 1);
	assert_string_equal(protocol_find(ends->packet.fields, "name"), "a");
	assert_string_equal(protocol_find(ends->packet.fields, "argv"), "one");
	for (int i = 0; i < 4; i++)
		assert_true(protocol_next(&ends->packet.fields, &field));
	assert_string_equal(field.value, "two");
	assert_false(protocol_next(&ends->packet.fields, &field));
	packet_done(&ends->packet);
	fd = fd_close(fd);
	fd = packet_body("argv=one", 8);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 2\0fds=body"), &fd, 1), -EBADMSG);
	packet_done(&ends->packet);
	fd = fd_close(fd);
	fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(fd_write_all(fd, PACKET(text)), 0);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 3\0fds=body"), &fd, 1), -EBADMSG);
	packet_done(&ends->packet);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 4\0fds=body"), &fd, 1), -EMSGSIZE);
	packet_done(&ends->packet);
	fd = fd_close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pass(ends, PACKET("DYNO/1 START 5\0fds=body"), &fd, 1), -EBADMSG);
	packet_done(&ends->packet);
	(void)fd_close(fd);
	assert_int_equal(count_fds(), before);
}

static void secrets_are_wiped(void **state)
{
	struct ends *ends = *state;

	assert_int_equal(pass(ends, PACKET("DYNO/1 START 1\0env=KEY=sesame"), NULL, 0), 1);
	packet_done(&ends->packet);
	assert_null(memmem(ends->packet.data, sizeof(ends->packet.data), "sesame", 6));
}

/* ---- histograms -------------------------------------------------------------------------------------------------- */

static void histogram_holds_every_time(void **state)
{
	static struct histogram histogram;

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, 500000), 0);
	for (unsigned bit = 0; bit < 64; bit++)
		for (int off = -1; off <= 1; off++)
			histogram_add(&histogram, (1ULL << bit) + (uint64_t)off);
	assert_int_equal(histogram.count, 192);
	assert_int_equal(histogram.max, HISTOGRAM_MAX);
	assert_int_equal(histogram_up_to(&histogram, HISTOGRAM_MAX), 192);
	assert_int_equal(histogram_quantile(&histogram, 1000000), HISTOGRAM_MAX);
}

static void histogram_is_exact_to_a_few_percent(void **state)
{
	static struct histogram histogram;
	uint64_t before = 0;

	(void)state;
	for (uint64_t i = 1; i <= 10000; i++)
		histogram_add(&histogram, i * 1000);
	for (uint32_t part = 1; part <= 1000; part++) {
		uint64_t exact = part * 10000ULL, got = histogram_quantile(&histogram, part * 1000);

		assert_true(got >= exact && got <= exact + exact / 32);
		assert_true(got >= before);
		before = got;
	}
	assert_true(histogram_up_to(&histogram, 5000000) >= 4800 && histogram_up_to(&histogram, 5000000) <= 5000);
	assert_true(histogram.sum == 50005000000ULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_head_and_fields),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(names_of_descriptors),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(reads_a_start),
		cmocka_unit_test(refuses_requests),
		cmocka_unit_test(writes_requests),
		cmocka_unit_test_setup_teardown(descriptors_travel, connect_ends, close_ends),
		cmocka_unit_test_setup_teardown(a_packet_that_is_too_long, connect_ends, close_ends),
		cmocka_unit_test_setup_teardown(bodies, connect_ends, close_ends),
		cmocka_unit_test_setup_teardown(secrets_are_wiped, connect_ends, close_ends),
		cmocka_unit_test(histogram_holds_every_time),
		cmocka_unit_test(histogram_is_exact_to_a_few_percent),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
