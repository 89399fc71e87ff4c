/* SPDX-License-Identifier: Apache-2.0 */
/* test_channel.c - runtime/channel: packets, descriptors, app blobs, and what a broken peer can send */
#include "tests/unit/directory_fixture.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "runtime/channel.h"

#define VECTOR(...) ((const char *const[]){ __VA_ARGS__, NULL })

/** struct pair - both ends, and a packet that is too large for a stack */
struct pair {
	int a, b;
	struct channel_packet packet;
	unsigned descriptors;
};

static int set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int ends[2];

	if (!p || channel_pair(ends) < 0) {
		free(p);
		return -1;
	}
	p->a = ends[0];
	p->b = ends[1];
	p->descriptors = count_descriptors();
	*state = p;
	return 0;
}

/** tear_down() - no test may leave a descriptor open */
static int tear_down(void **state)
{
	struct pair *p = *state;
	unsigned now;

	fd_close(p->a);
	fd_close(p->b);
	now = count_descriptors() + 2;
	if (now != p->descriptors)
		print_error("%u descriptors before, %u after\n", p->descriptors, now);
	now -= p->descriptors;
	free(p);
	return (int)now;
}

static void message_round_trip(void **state)
{
	struct pair *p = *state;
	const struct channel_message sent = {
		.type = CHANNEL_SIGNAL, .id = CHANNEL_ALL, .value = -3, .flags = CHANNEL_WANT_TERMINAL, .ns = 1ULL << 60
	};

	assert_int_equal(fcntl(p->a, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(p->b, F_GETFD), FD_CLOEXEC);
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EAGAIN);
	assert_int_equal(channel_send(p->a, &sent, NULL, NULL, 0), 0);
	assert_int_equal(channel_send(p->a, &sent, NULL, NULL, 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(channel_receive(p->b, &p->packet, true), 1);
		assert_memory_equal(&p->packet.message, &sent, sizeof(sent));
		assert_int_equal(p->packet.fd_count, 0);
		for (int j = 0; j < CHANNEL_FDS; j++)
			assert_int_equal(p->packet.fds[j], -1);
	}
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EAGAIN);
}

static void descriptors_travel(void **state)
{
	struct pair *p = *state;
	const struct channel_message message = { .type = CHANNEL_PARKED };
	char text[4] = { 0 };
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(channel_send(p->a, &message, NULL, (int[]){ pipes[1], pipes[0], 0, 1 }, 4), 0);
	assert_int_equal(channel_send(p->a, &message, NULL, pipes, 1), 0);
	assert_int_equal(channel_receive(p->b, &p->packet, true), 1);
	assert_int_equal(p->packet.fd_count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fcntl(p->packet.fds[i], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(p->packet.fds[0], "abc", 3), 3);
	assert_int_equal(read(pipes[0], text, 3), 3);
	assert_string_equal(text, "abc");
	channel_close_fds(&p->packet);
	assert_int_equal(p->packet.fd_count, 0);
	assert_int_equal(p->packet.fds[0], -1);
	assert_int_equal(channel_receive(p->b, &p->packet, true), 1);
	assert_int_equal(p->packet.fd_count, 1);
	channel_close_fds(&p->packet);
	fd_close(pipes[0]);
	fd_close(pipes[1]);
}

/** send_raw() - @size bytes with @count descriptors, as a broken peer would */
static void send_raw(int fd, const void *data, size_t size, unsigned count)
{
	struct iovec part = { (void *)(uintptr_t)data, size };
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		int fds[8] = { 0 };

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), size);
}

static void malformed_packets(void **state)
{
	struct pair *p = *state;
	struct channel_message message = { .type = CHANNEL_START, .blob_size = 100 };
	char *large = calloc(1, sizeof(message) + CHANNEL_INLINE + 1);
	char *small = calloc(1, sizeof(message) + 64);
	int buffer = 1 << 18;

	assert_int_equal(setsockopt(p->a, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)), 0);
	/* cut short, with descriptors: they are closed (see tear_down()) */
	send_raw(p->a, &message, sizeof(message) - 1, 3);
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EPROTO);
	assert_int_equal(p->packet.fd_count, 0);
	send_raw(p->a, "x", 1, 0);
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EPROTO);
	/* too long */
	message.blob_size = CHANNEL_INLINE + 1;
	memcpy(large, &message, sizeof(message));
	send_raw(p->a, large, sizeof(message) + CHANNEL_INLINE + 1, 2);
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EPROTO);
	/* more descriptors than there is room for */
	message.blob_size = 0;
	send_raw(p->a, &message, sizeof(message), 8);
	assert_int_equal(channel_receive(p->b, &p->packet, false), -EMFILE);
	/* a blob of another size than it says: what is beyond would be an earlier packet's */
	for (uint64_t said = 0; said < 128; said += 32) {
		message.blob_size = said;
		memcpy(small, &message, sizeof(message));
		send_raw(p->a, small, sizeof(message) + 64, 1);
		assert_int_equal(channel_receive(p->b, &p->packet, false), said == 64 ? 1 : -EPROTO);
		channel_close_fds(&p->packet);
	}
	/* and the channel works on */
	message.blob_size = 0;
	assert_int_equal(channel_send(p->a, &message, NULL, NULL, 0), 0);
	assert_int_equal(channel_receive(p->b, &p->packet, false), 1);
	free(large);
	free(small);
}

static void death_of_the_peer(void **state)
{
	struct pair *p = *state;
	const struct channel_message message = { .type = CHANNEL_FAILED, .error.code = -EIO };

	/* said before it died, with something of ours unread: both are still told, then the end */
	assert_int_equal(channel_send(p->b, &message, NULL, NULL, 0), 0);
	assert_int_equal(channel_send(p->a, &message, NULL, NULL, 0), 0);
	p->a = fd_close(p->a);
	assert_int_equal(channel_receive(p->b, &p->packet, true), 1);
	assert_int_equal(p->packet.message.error.code, -EIO);
	assert_int_equal(channel_receive(p->b, &p->packet, true), 0);
	assert_int_equal(channel_receive(p->b, &p->packet, false), 0);
	assert_int_equal(channel_send(p->b, &message, NULL, NULL, 0), -EPIPE);
	p->a = fcntl(p->b, F_DUPFD_CLOEXEC, 3); /* tear_down() counts two */
}

static void closed_descriptor_is_told(void **state)
{
	struct pair *p = *state;
	const struct channel_message message = { .type = CHANNEL_FAILED };

	assert_int_equal(channel_send(-1, &message, NULL, NULL, 0), -EBADF);
	assert_int_equal(channel_receive(-1, &p->packet, false), -EBADF);
	assert_int_equal(channel_send(p->a, &message, NULL, (int[]){ -1 }, 1), -EBADF);
}

/** table() - strings of an opened blob */
static char **table(struct channel_app *app, uint64_t offset)
{
	return (char **)(void *)((char *)app + offset);
}

/** transport() - send @app with @env from a to b. Return: as channel_app_open() */
static struct channel_app *transport(struct pair *p, const struct dyno_app *app, const char *const *env,
                                     const int *streams, size_t *ret_mapping)
{
	const struct channel_message head = { .type = CHANNEL_EXEC, .id = 5, .flags = CHANNEL_WANT_TERMINAL };
	void *blob;
	size_t size;

	assert_int_equal(channel_app_pack(app, env, 1 << 20, true, &blob, &size), 0);
	assert_int_equal(channel_send_app(p->a, &head, blob, size, streams), 0);
	free(blob);
	assert_int_equal(channel_receive(p->b, &p->packet, false), 1);
	assert_int_equal(p->packet.message.type, CHANNEL_EXEC);
	assert_int_equal(p->packet.message.id, 5);
	assert_true(p->packet.message.flags & CHANNEL_WANT_TERMINAL);
	return channel_app_open(&p->packet, ret_mapping);
}

static void app_round_trip(void **state)
{
	struct pair *p = *state;
	const struct dyno_app app = { .argv = VECTOR("/bin/sh", "-c", "", "a b"),
		                      .workdir = "/tmp",
		                      .limits = { .memory = 77, .nofile = 9 } };
	struct channel_app *got;
	size_t mapping = 1;

	got = transport(p, &app, VECTOR("A=1", "B="), (int[]){ 0, 1, 2 }, &mapping);
	assert_non_null(got);
	assert_int_equal(mapping, 0);
	assert_int_equal(p->packet.fd_count, 3);
	assert_true(p->packet.message.flags & CHANNEL_WITH_STREAMS);
	assert_int_equal(got->argc, 4);
	assert_int_equal(got->envc, 2);
	for (int i = 0; i < 5; i++) {
		const char *arg = table(got, got->argv)[i];

		if (app.argv[i])
			assert_string_equal(arg, app.argv[i]);
		else
			assert_null(arg);
	}
	assert_string_equal(table(got, got->env)[0], "A=1");
	assert_string_equal(table(got, got->env)[1], "B=");
	assert_null(table(got, got->env)[2]);
	assert_int_equal(got->limits.memory, 77);
	assert_int_equal(got->file_size, 1 << 20);
	assert_true(got->no_cgroup);
	channel_app_close(got, p->packet.message.blob_size, mapping);
	for (size_t i = 0; i < p->packet.message.blob_size; i++)
		assert_int_equal(p->packet.blob[i], 0);
	channel_close_fds(&p->packet);
}

static void default_directory_and_empty_environment(void **state)
{
	struct pair *p = *state;
	const struct dyno_app app = { .argv = VECTOR("x") };
	size_t mapping;
	struct channel_app *got = transport(p, &app, NULL, NULL, &mapping);

	assert_non_null(got);
	assert_string_equal((char *)got + got->workdir, "/app");
	assert_int_equal(got->envc, 0);
	assert_null(table(got, got->env)[0]);
	assert_int_equal(p->packet.fd_count, 0);
	channel_app_close(got, p->packet.message.blob_size, mapping);
}

static void large_app_travels_in_a_memfd(void **state)
{
	struct pair *p = *state;
	size_t size = 3 * CHANNEL_INLINE;
	char *variable = malloc(size);
	const struct dyno_app app = { .argv = VECTOR("x") };
	struct channel_app *got;
	size_t mapping;

	memset(variable, 'v', size);
	variable[size - 1] = '\0';
	variable[1] = '=';
	got = transport(p, &app, VECTOR(variable), (int[]){ 0, 1, 2 }, &mapping);
	assert_non_null(got);
	assert_true(mapping > size);
	assert_int_equal(p->packet.fd_count, 4);
	assert_true(p->packet.message.flags & CHANNEL_HAS_BLOB);
	assert_string_equal(table(got, got->env)[0], variable);
	channel_app_close(got, p->packet.message.blob_size, mapping);
	channel_close_fds(&p->packet);
	free(variable);
}

/** largest_inline() - an app whose blob is just as large as fits (@over 0), or larger by @over bytes */
static void largest_inline(struct pair *p, size_t over)
{
	const struct dyno_app app = { .argv = VECTOR("x") };
	char *variable = calloc(1, CHANNEL_INLINE + 64);
	struct channel_app *got;
	size_t size, mapping;
	void *blob;

	strcpy(variable, "A=");
	assert_int_equal(channel_app_pack(&app, VECTOR(variable), 0, false, &blob, &size), 0);
	free(blob);
	memset(variable + 2, 'v', CHANNEL_INLINE - size + over);
	got = transport(p, &app, VECTOR(variable), NULL, &mapping);
	assert_non_null(got);
	assert_int_equal(p->packet.message.blob_size, CHANNEL_INLINE + over);
	assert_int_equal(mapping, over ? CHANNEL_INLINE + over : 0);
	channel_app_close(got, p->packet.message.blob_size, mapping);
	channel_close_fds(&p->packet);
	free(variable);
}

static void boundary_of_inline(void **state)
{
	largest_inline(*state, 0);
	largest_inline(*state, 1);
}

/** struct damage - what to change in a good blob; every one must be refused */
struct damage {
	const char *what;
	size_t offset;
	uint64_t value;
	size_t size;
};

static const struct damage damages[] = {
	{ "no argument", offsetof(struct channel_app, argc), 0, 4 },
	{ "more arguments than there are", offsetof(struct channel_app, argc), 3, 4 },
	{ "fewer arguments than there are", offsetof(struct channel_app, argc), 1, 4 },
	{ "many arguments", offsetof(struct channel_app, argc), UINT32_MAX, 4 },
	{ "more variables than there are", offsetof(struct channel_app, envc), 2, 4 },
	{ "many variables", offsetof(struct channel_app, envc), UINT32_MAX, 4 },
	{ "arguments beyond", offsetof(struct channel_app, argv), 1 << 20, 8 },
	{ "arguments far beyond", offsetof(struct channel_app, argv), UINT64_MAX - 7, 8 },
	{ "arguments askew", offsetof(struct channel_app, argv), sizeof(struct channel_app) + 1, 8 },
	{ "arguments in the head", offsetof(struct channel_app, argv), 0, 8 },
	{ "variables beyond", offsetof(struct channel_app, env), 1 << 20, 8 },
	{ "variables over the arguments", offsetof(struct channel_app, env), sizeof(struct channel_app), 8 },
	{ "directory beyond", offsetof(struct channel_app, workdir), 1 << 20, 8 },
	{ "an argument beyond", sizeof(struct channel_app), 1 << 20, 8 },
	{ "an argument far beyond", sizeof(struct channel_app) + 8, UINT64_MAX, 8 },
	{ "arguments without end", sizeof(struct channel_app) + 16, 1, 8 },
};

static void damaged_blobs(void **state)
{
	struct pair *p = *state;
	const struct dyno_app app = { .argv = VECTOR("x", "yyyyyyyyyyyyyyyy") };
	size_t size, mapping;
	char *blob;

	assert_int_equal(channel_app_pack(&app, VECTOR("A=1"), 0, false, (void **)&blob, &size), 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		memset(&p->packet, 0, sizeof(p->packet));
		memcpy(p->packet.blob, blob, size);
		memcpy(p->packet.blob + damages[i].offset, &damages[i].value, damages[i].size);
		p->packet.message.blob_size = size;
		if (channel_app_open(&p->packet, &mapping))
			fail_msg("taken: %s", damages[i].what);
	}
	/* unterminated: of every shorter size the last byte is a letter, or a table lies beyond */
	for (size_t cut = 0; cut < size; cut++) {
		memset(&p->packet, 0, sizeof(p->packet));
		memcpy(p->packet.blob, blob, size);
		p->packet.message.blob_size = cut;
		if (blob[cut ? cut - 1 : 0] != '\0' || cut < size - 24)
			assert_null(channel_app_open(&p->packet, &mapping));
	}
	p->packet.message.blob_size = sizeof(p->packet.blob) + 1;
	assert_null(channel_app_open(&p->packet, &mapping));
	p->packet.message.blob_size = UINT64_MAX;
	assert_null(channel_app_open(&p->packet, &mapping));
	free(blob);
}

static void damaged_memfds(void **state)
{
	struct pair *p = *state;
	const struct dyno_app app = { .argv = VECTOR("x") };
	size_t size, mapping = 1;
	void *blob;
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(channel_app_pack(&app, VECTOR("A=1"), 0, false, &blob, &size), 0);
	p->packet.message.flags = CHANNEL_HAS_BLOB;
	p->packet.message.blob_size = size;
	/* said, but not there */
	assert_null(channel_app_open(&p->packet, &mapping));
	/* empty, and one byte too short: to touch that mapping would be a SIGBUS in init */
	p->packet.fds[0] = fd;
	p->packet.fd_count = 1;
	assert_null(channel_app_open(&p->packet, &mapping));
	assert_int_equal(fd_write_all(fd, blob, size - 1), 0);
	assert_null(channel_app_open(&p->packet, &mapping));
	p->packet.message.blob_size = 1ULL << 40;
	assert_null(channel_app_open(&p->packet, &mapping));
	p->packet.message.blob_size = size;
	assert_int_equal(fd_write_all(fd, "", 1), 0);
	assert_non_null(channel_app_open(&p->packet, &mapping));
	assert_int_equal(mapping, size);
	fd_close(fd);
	free(blob);
}

#define CHANNEL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(message_round_trip),
		CHANNEL_TEST(descriptors_travel),
		CHANNEL_TEST(malformed_packets),
		CHANNEL_TEST(death_of_the_peer),
		CHANNEL_TEST(closed_descriptor_is_told),
		CHANNEL_TEST(app_round_trip),
		CHANNEL_TEST(default_directory_and_empty_environment),
		CHANNEL_TEST(large_app_travels_in_a_memfd),
		CHANNEL_TEST(boundary_of_inline),
		CHANNEL_TEST(damaged_blobs),
		CHANNEL_TEST(damaged_memfds),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
