/* SPDX-License-Identifier: Apache-2.0 */
/* test_slugs.c - slugs on every kind of filesystem, of every owner: all give the same dyno, none is changed */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/** struct kind - a filesystem; @mkfs: program that makes one, NULL when none is needed; @bytes: smallest that it makes */
struct kind {
	const char *name;
	const char *const *mkfs;
	off_t bytes;
};

static const struct kind ext4 = { "ext4", ARGV("-q", "-F"), 32 << 20 };
static const struct kind xfs = { "xfs", ARGV("-q", "-f"), 400 << 20 };
static const struct kind btrfs = { "btrfs", ARGV("-q", "-f"), 160 << 20 };

/** as_root() - run a program as we are, whoever launches dynos. Return: exit code */
static int as_root(struct fixture *f, const char *program, const char *const *argv)
{
	static struct process p;
	struct fixture root = *f;

	root.rootless = false;
	return launch_program(&root, &p, program, argv);
}

/** mount_image() - make a filesystem in a sparse file and mount it, or skip the test. Return: where */
static const char *mount_image(struct fixture *f, const struct kind *kind)
{
	const char *image = support_path(f, "image"), *place = support_path(f, "mnt");
	const char *options[8] = { 0 };
	size_t count = 0;

	support_write(image, "", 0600);
	assert_int_equal(truncate(image, kind->bytes), 0);
	for (; kind->mkfs[count]; count++)
		options[count] = kind->mkfs[count];
	options[count] = image;
	if (as_root(f, support_format("mkfs.%s", kind->name), options) != 0)
		support_skip(f, support_format("mkfs.%s is missing or fails", kind->name));
	support_mkdir(f, place, 0755);
	if (as_root(f, "mount", ARGV("-o", "loop", "-t", kind->name, image, place)) != 0)
		support_skip(f, support_format("no loop device, or a kernel without %s", kind->name));
	return place;
}

/** own_entry() - root's files become those of a user that this machine does not have */
static int own_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return lchown(path, st->st_uid == 0 ? 4242 : st->st_uid, st->st_gid == 0 ? 4242 : st->st_gid);
}

/** assert_slug_works() - read, change, delete, add, and nothing of it in the slug afterwards */
static void assert_slug_works(struct fixture *f, const char *slug)
{
	static struct process p;
	uint64_t before = machine_digest(slug);

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", slug, "--", "/app/probe", "read", "/app/lib/code", "--",
	     "append", "/app/lib/code", "more", "--", "unlink", "/app/Procfile", "--", "write", "/app/lib/deep/new",
	     "x", "--", "chmod", "/app/lib", "700", "--", "rename", "/app/link", "/app/lib/link", "--", "read",
	     "/app/lib/code");
	assert_exit(&p, 0);
	assert_string_equal(p.out, "the code\nresult=OK\nresult=OK\nresult=OK\nresult=OK\nresult=OK\nresult=OK\n"
	                           "the code\nmore\nresult=OK\n");
	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", slug, "--", "/app/probe", "read", "/app/lib/code", "--",
	     "exists", "/app/Procfile", "/app/lib/deep/new", "/app/link", "--", "stat", "/app/lib/code");
	assert_exit(&p, 0);
	assert_says(&p, "the code\nresult=OK");
	assert_value(&p, "exists./app/Procfile", "yes");
	assert_value(&p, "exists./app/lib/deep/new", "no");
	assert_value(&p, "exists./app/link", "yes");
	assert_value(&p, "uid", "1000");
	assert_value(&p, "gid", "1000");
	assert_true(before == machine_digest(slug));
}

/** on_image() - a slug on a filesystem of this kind */
static void on_image(struct fixture *f, const struct kind *kind)
{
	const char *place = mount_image(f, kind);
	const char *slug = support_format("%s/slug", place);
	bool mine = geteuid() == 0;

	support_slug(f, slug);
	assert_slug_works(f, slug);
	assert_true(mine && umount2(place, 0) == 0);
}

static void test_slug_on_ext4(struct fixture *f)
{
	on_image(f, &ext4);
}

static void test_slug_on_xfs(struct fixture *f)
{
	on_image(f, &xfs);
}

static void test_slug_on_btrfs(struct fixture *f)
{
	on_image(f, &btrfs);
}

static void test_slug_on_tmpfs(struct fixture *f)
{
	const char *place = support_path(f, "mnt"), *slug = support_path(f, "mnt/slug");

	support_mkdir(f, place, 0755);
	assert_int_equal(mount("test", place, "tmpfs", 0, "mode=755"), 0);
	support_slug(f, slug);
	assert_slug_works(f, slug);
	assert_int_equal(umount2(place, 0), 0);
}

/* As in a container: no idmapped mounts there, so that a copy has to serve */
static void test_slug_on_overlay(struct fixture *f)
{
	const char *place = support_path(f, "mnt"), *slug = support_path(f, "mnt/slug");

	support_mkdir(f, support_path(f, "layers"), 0755);
	assert_int_equal(mount("test", support_path(f, "layers"), "tmpfs", 0, "mode=755"), 0);
	support_mkdir(f, support_path(f, "layers/lower"), 0755);
	support_mkdir(f, support_path(f, "layers/upper"), 0755);
	support_mkdir(f, support_path(f, "layers/work"), 0755);
	support_mkdir(f, place, 0755);
	support_slug(f, support_path(f, "layers/lower/slug"));
	if (mount("test", place, "overlay", 0,
	          support_format("lowerdir=%s/layers/lower,upperdir=%s/layers/upper,workdir=%s/layers/work", f->dir,
	                         f->dir, f->dir)) < 0)
		support_skip(f, "no overlay here");
	assert_slug_works(f, slug);
	assert_int_equal(umount2(place, 0), 0);
	assert_int_equal(umount2(support_path(f, "layers"), 0), 0);
}

static void test_slug_of_another_user(struct fixture *f)
{
	assert_int_equal(nftw(f->slug, own_entry, 16, FTW_PHYS), 0);
	assert_slug_works(f, f->slug);
}

static void test_slug_of_another_user_rootless(struct fixture *f)
{
	static struct process p;
	uint64_t before;

	assert_int_equal(lchown(f->slug, 4242, 4242), 0);
	assert_int_equal(lchown(support_format("%s/Procfile", f->slug), 4242, 4242), 0);
	before = machine_digest(f->slug);
	/* No id of the caller's stands for that user: what others may read can be read, and scratch is still there */
	PROBE(f, &p, "read", "/app/Procfile", "--", "write", "/tmp/x", "x", "--", "append", "/app/Procfile", "x", "--",
	      "say", "ran");
	assert_exit(&p, 0);
	assert_says(&p, "web: ./probe listen\nresult=OK\nresult=OK\nresult=E");
	assert_says(&p, "ran");
	assert_true(before == machine_digest(f->slug));
}

static void test_slug_of_several_owners(struct fixture *f)
{
	static struct process p;
	uint64_t before;

	assert_int_equal(nftw(f->slug, own_entry, 16, FTW_PHYS), 0);
	support_write(support_format("%s/root-file", f->slug), "root's\n", 0644);
	support_write(support_format("%s/root-secret", f->slug), "root's secret\n", 0600);
	support_write(support_format("%s/third-file", f->slug), "third's\n", 0666);
	assert_int_equal(chown(support_format("%s/third-file", f->slug), 5555, 5555), 0);
	before = machine_digest(f->slug);
	PROBE(f, &p, "read", "/app/root-file", "--", "read", "/app/third-file", "--", "append", "/app/lib/code", "x");
	assert_string_equal(p.out, "root's\nresult=OK\nthird's\nresult=OK\nresult=OK\n");
	PROBE(f, &p, "read", "/app/root-secret", "--", "chmod", "/app/root-file", "777", "--", "stat",
	      "/app/root-file");
	assert_silent_on(&p, "root's secret");
	assert_says(&p, "result=EACCES\nresult=EPERM\n");
	assert_value(&p, "uid", "0");
	/* The directory is the app's: it may delete what is in it, and change what all may change */
	PROBE(f, &p, "append", "/app/third-file", "x", "--", "unlink", "/app/third-file", "--", "exists",
	      "/app/third-file");
	assert_string_equal(p.out, "result=OK\nresult=OK\nexists./app/third-file=no\n");
	assert_true(before == machine_digest(f->slug));
}

static void test_a_submount_is_refused_or_works(struct fixture *f)
{
	static struct process p;
	const char *place = support_format("%s/sub", f->slug);

	support_mkdir(f, place, 0755);
	assert_int_equal(mount("test", place, "tmpfs", 0, "mode=755"), 0);
	support_write(support_format("%s/file", place), "below\n", 0644);
	PROBE(f, &p, "read", "/app/sub/file");
	if (p.code == 125 || p.code == 2)
		assert_says(&p, "mounted");
	else
		assert_says(&p, "below\nresult=OK");
	assert_int_equal(umount2(place, 0), 0);
}

static void test_slug_path_may_hold_any_character(struct fixture *f)
{
	static const char *const names[] = { "with space", "com,ma",   "co:lon", "back\\slash",
		                             "new\nline",  "\xc3\xa9", "-x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *slug = support_path(f, names[i]);

		support_mkdir(f, slug, 0755);
		support_slug(f, slug);
		assert_slug_works(f, slug);
	}
}

static void test_slug_by_symlink_and_relative(struct fixture *f)
{
	static struct process p;

	assert_int_equal(symlink("slug", support_path(f, "current")), 0);
	assert_slug_works(f, "current");
	assert_slug_works(f, "./slug/../slug");
	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", "slug/lib/code", "--", "/app/probe", "say", "ran");
	assert_exit(&p, 2);
	assert_silent_on(&p, "ran");
	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", "/", "--", "/app/probe", "say", "ran");
	assert_exit(&p, 2);
}

static void test_read_only_slug(struct fixture *f)
{
	const char *place = support_path(f, "mnt");

	support_mkdir(f, place, 0755);
	assert_int_equal(mount(f->slug, place, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_slug_works(f, place);
	assert_int_equal(umount2(place, 0), 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_slug_on_ext4, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_on_xfs, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_on_btrfs, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_on_tmpfs, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_on_overlay, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_of_another_user, AS_ROOT),
	SANDBOX_TEST(test_slug_of_another_user_rootless, AS_USER | BY_ROOT),
	SANDBOX_TEST(test_slug_of_several_owners, AS_ROOT),
	SANDBOX_TEST(test_a_submount_is_refused_or_works, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_slug_path_may_hold_any_character, AS_BOTH),
	SANDBOX_TEST(test_slug_by_symlink_and_relative, AS_BOTH),
	SANDBOX_TEST(test_read_only_slug, AS_BOTH | BY_ROOT),
};

SANDBOX_MAIN("slugs", tests)
