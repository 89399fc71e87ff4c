/* SPDX-License-Identifier: Apache-2.0 */
/* test_tree.c - isolation/tree: whole trees copied and removed by descriptor, no symlink followed */
#include "tests/unit/directory_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#define DEEP 128 /* levels below which a copy gives up */

/** make_deep() - @levels directories, each in the one before, below @fd. Return: 0 or -1 */
static int make_deep(int fd, unsigned levels)
{
	_cleanup_close_ int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	while (levels-- > 0) {
		int next;

		if (mkdirat(at, "d", 0755) < 0)
			return -1;
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd_close(at);
		at = next;
	}
	return fd_create_text(at, "bottom", 0600, "x");
}

static void copies_modes_times_and_links(void **state)
{
	const struct directory *d = *state;
	static const struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 123456789 } };
	static const mode_t modes[] = { 0644, 0600, 0755, 0444, 0777 };
	int from = directory_open(d, "from"), to = directory_open(d, "to");
	char name[8], target[64] = { 0 };
	struct stat st;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		assert_int_equal(fd_create_text(from, name, modes[i], name), 0);
		assert_int_equal(utimensat(from, name, times, 0), 0);
	}
	assert_int_equal(mkdirat(from, "dir", 0700), 0);
	assert_int_equal(fd_create_text(from, "dir/inner", 0640, "inner"), 0);
	assert_int_equal(fchmodat(from, "dir", 0751, 0), 0);
	assert_int_equal(utimensat(from, "dir", times, 0), 0);
	assert_int_equal(symlinkat("../outside/nowhere", from, "link"), 0);
	assert_int_equal(utimensat(from, "link", times, AT_SYMLINK_NOFOLLOW), 0);

	assert_int_equal(tree_copy(from, to, NULL), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		assert_int_equal(fd_read_text(to, name, target, sizeof(target)), 2);
		assert_string_equal(target, name);
		assert_int_equal(fstatat(to, name, &st, 0), 0);
		assert_int_equal(st.st_mode, S_IFREG | modes[i]);
		assert_int_equal(st.st_mtim.tv_sec, times[1].tv_sec);
		assert_int_equal(st.st_mtim.tv_nsec, times[1].tv_nsec);
	}
	assert_int_equal(fstatat(to, "dir", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0751);
	assert_int_equal(st.st_mtim.tv_sec, times[1].tv_sec);
	assert_int_equal(fstatat(to, "dir/inner", &st, 0), 0);
	memset(target, 0, sizeof(target));
	assert_int_equal(readlinkat(to, "link", target, sizeof(target)), strlen("../outside/nowhere"));
	assert_string_equal(target, "../outside/nowhere");
	assert_int_equal(fstatat(to, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mtim.tv_sec, times[1].tv_sec);
	fd_close(from);
	fd_close(to);
}

static void special_files_are_left_out(void **state)
{
	const struct directory *d = *state;
	int from = directory_open(d, "from"), to = directory_open(d, "to");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/from/socket", d->path);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(mkfifoat(from, "fifo", 0644), 0);
	/* a whiteout; an ordinary user may make that device too, and only that (overlayfs.rst) */
	if (mknodat(from, "whiteout", S_IFCHR, 0) < 0)
		assert_int_equal(errno, EPERM);
	assert_int_equal(fd_create_text(from, "file", 0644, "x"), 0);
	assert_int_equal(tree_copy(from, to, NULL), 0);
	assert_int_equal(fstatat(to, "file", &st, 0), 0);
	assert_int_equal(fstatat(to, "socket", &st, 0), -1);
	assert_int_equal(fstatat(to, "fifo", &st, 0), -1);
	assert_int_equal(fstatat(to, "whiteout", &st, 0), -1);
	fd_close(sock);
	fd_close(from);
	fd_close(to);
}

static void large_files_and_directories(void **state)
{
	const struct directory *d = *state;
	enum { FILES = 700, SIZE = 3 << 20 };
	int from = directory_open(d, "from"), to = directory_open(d, "to");
	char *data = malloc(SIZE), *copy = malloc(SIZE);
	char name[96];
	int fd;

	/* more entries than one getdents64(2) returns, and more bytes than one sendfile(2) moves */
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "a-file-with-a-long-name-%d", i);
		assert_int_equal(fd_create_text(from, name, 0644, ""), 0);
	}
	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 31 >> 3);
	fd = openat(from, "large", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(fd_write_all(fd, data, SIZE), 0);
	fd_close(fd);
	assert_int_equal(tree_copy(from, to, NULL), 0);
	fd = openat(to, "large", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, copy, SIZE), SIZE);
	assert_memory_equal(data, copy, SIZE);
	fd_close(fd);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "a-file-with-a-long-name-%d", i);
		assert_int_equal(unlinkat(to, name, 0), 0);
	}
	free(data);
	free(copy);
	fd_close(from);
	fd_close(to);
}

static void owner_is_given(void **state)
{
	const struct directory *d = *state;
	int from = directory_open(d, "from"), to = directory_open(d, "to");
	static const char *const names[] = { "file", "dir", "dir/inner", "link", "twin" };
	const struct identity_owners owners = { .base = 200000, .uid = geteuid(), .gid = getegid() };
	struct stat st;

	if (geteuid() != 0) {
		fd_close(from);
		fd_close(to);
		SKIP_BECAUSE("only root gives files away");
	}
	assert_int_equal(fd_create_text(from, "file", 04755, ""), 0);
	assert_int_equal(mkdirat(from, "dir", 0755), 0);
	assert_int_equal(fd_create_text(from, "dir/inner", 0644, ""), 0);
	assert_int_equal(symlinkat("/etc/passwd", from, "link"), 0);
	assert_int_equal(linkat(from, "file", from, "twin", 0), 0);
	assert_int_equal(tree_copy(from, to, &owners), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(fstatat(to, names[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_uid, 200000 + IDENTITY_USER);
		assert_int_equal(st.st_gid, 200000 + IDENTITY_USER);
		assert_int_equal(st.st_mode & 07000, 0);
	}
	assert_int_equal(fstatat(to, "twin", &st, 0), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(fstatat(to, ".dyno-links", &st, 0), -1);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(st.st_uid, 0);
	fd_close(from);
	fd_close(to);
}

static void existing_target_is_kept(void **state)
{
	const struct directory *d = *state;
	int from = directory_open(d, "from"), to = directory_open(d, "to");
	char text[8];

	assert_int_equal(fd_create_text(from, "file", 0644, "new"), 0);
	assert_int_equal(fd_create_text(to, "file", 0644, "old"), 0);
	assert_int_equal(tree_copy(from, to, NULL), -EEXIST);
	assert_int_equal(fd_read_text(to, "file", text, sizeof(text)), 3);
	assert_string_equal(text, "old");
	fd_close(from);
	fd_close(to);
}

static void deep_copy_ends_with_a_loop_error(void **state)
{
	const struct directory *d = *state;
	int shallow = directory_open(d, "shallow"), deep = directory_open(d, "deep");
	int to = directory_open(d, "to"), to2 = directory_open(d, "to2");

	assert_int_equal(make_deep(shallow, DEEP - 1), 0);
	assert_int_equal(make_deep(deep, DEEP), 0);
	assert_int_equal(tree_copy(shallow, to, NULL), 0);
	assert_int_equal(tree_copy(deep, to2, NULL), -ELOOP);
	fd_close(shallow);
	fd_close(deep);
	fd_close(to);
	fd_close(to2);
}

static void removes_all_below_and_nothing_else(void **state)
{
	const struct directory *d = *state;
	int outside = directory_open(d, "outside"), fd = directory_open(d, "tree");
	char name[96];
	struct stat st;

	assert_int_equal(fd_create_text(outside, "precious", 0644, "x"), 0);
	assert_int_equal(symlinkat("../outside", fd, "link"), 0);
	assert_int_equal(mkfifoat(fd, "fifo", 0), 0);
	assert_int_equal(fd_create_text(fd, "closed", 0, "x"), 0);
	assert_int_equal(mkdirat(fd, "dir", 0755), 0);
	assert_int_equal(symlinkat("../../outside", fd, "dir/link"), 0);
	for (int i = 0; i < 700; i++) {
		snprintf(name, sizeof(name), "dir/a-file-with-a-long-name-%d", i);
		assert_int_equal(fd_create_text(fd, name, 0644, ""), 0);
	}
	assert_int_equal(tree_remove(fd), 0);
	assert_int_equal(fstatat(outside, "precious", &st, 0), 0);
	assert_int_equal(unlinkat(d->fd, "tree", AT_REMOVEDIR), 0);
	fd_close(outside);
	fd_close(fd);
}

static void removes_however_deep(void **state)
{
	const struct directory *d = *state;
	int fd = directory_open(d, "tree");
	int other = directory_open(d, "tree/other");

	/* what any app can make in its scratch directory, and gc must get rid of */
	assert_int_equal(make_deep(fd, 3 * DEEP + 7), 0);
	assert_int_equal(make_deep(other, 2 * DEEP), 0);
	fd_close(other);
	assert_int_equal(tree_remove(fd), 0);
	fd_close(fd);
	assert_int_equal(unlinkat(d->fd, "tree", AT_REMOVEDIR), 0);
}

static void copy_of_one_file(void **state)
{
	const struct directory *d = *state;
	char path[96], text[8];
	struct stat st;

	assert_int_equal(fd_create_text(d->fd, "file", 0640, "text"), 0);
	assert_int_equal(symlinkat("file", d->fd, "link"), 0);
	snprintf(path, sizeof(path), "%s/link", d->path);
	assert_int_equal(tree_copy_file(path, d->fd, "copy"), 0);
	assert_int_equal(fstatat(d->fd, "copy", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(fd_read_text(d->fd, "copy", text, sizeof(text)), 4);
	assert_int_equal(tree_copy_file(path, d->fd, "copy"), -EEXIST);
	assert_int_equal(tree_copy_file("/no/such/file", d->fd, "copy2"), -ENOENT);
	assert_int_equal(tree_copy_file(d->path, d->fd, "copy2"), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(copies_modes_times_and_links),
		DIRECTORY_TEST(special_files_are_left_out),
		DIRECTORY_TEST(large_files_and_directories),
		DIRECTORY_TEST(owner_is_given),
		DIRECTORY_TEST(existing_target_is_kept),
		DIRECTORY_TEST(deep_copy_ends_with_a_loop_error),
		DIRECTORY_TEST(removes_all_below_and_nothing_else),
		DIRECTORY_TEST(removes_however_deep),
		DIRECTORY_TEST(copy_of_one_file),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
