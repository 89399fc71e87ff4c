/* SPDX-License-Identifier: Apache-2.0 */
/* test_runtimes.c - what people run: the interpreters of the stack start and work within the defaults of a dyno */
#include "tests/sandbox/support.h"

#include <unistd.h>

/** find_program() - where the host stack has @name, which a dyno sees as it is; or skip the test */
static const char *find_program(const struct fixture *f, const char *name)
{
	const char *path = support_format("/usr/bin/%s", name);

	if (access(path, X_OK) != 0)
		support_skip(f, support_format("%s is missing", path));
	return path;
}

static void test_shell(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--",
	     "echo one | cat > /tmp/x && read line < /tmp/x && test \"$line\" = one && (sleep 0 & wait) && echo worked $HOME");
	assert_exit(&p, 0);
	assert_string_equal(p.out, "worked /app\n");
}

static void test_python(struct fixture *f)
{
	static const char program[] = "import threading, subprocess, socket, ssl, tempfile, multiprocessing, os\n"
				      "threads = [threading.Thread(target=lambda: None) for i in range(40)]\n"
				      "[t.start() for t in threads]; [t.join() for t in threads]\n"
				      "s = socket.socket(); s.bind((\"0.0.0.0\", 0)); s.listen()\n"
				      "c = socket.create_connection((\"127.0.0.1\", s.getsockname()[1]))\n"
				      "t = tempfile.NamedTemporaryFile(); t.write(b\"x\" * 100000); t.flush()\n"
				      "multiprocessing.Lock()\n"
				      "print(subprocess.check_output([\"echo\", \"worked\"]).decode(), end=\"\")\n";
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", find_program(f, "python3"), "-c", program);
	assert_exit(&p, 0);
	assert_string_equal(p.out, "worked\n");
}

/* It reserves gigabytes of address space that it never touches: a limit of memory must not be one of addresses */
static void test_node(struct fixture *f)
{
	static const char program[] = "const s = require('http').createServer((q, r) => r.end('worked'));"
				      "s.listen(0, '127.0.0.1', () => require('http').get({port: s.address().port},"
				      " r => r.on('data', d => { console.log(String(d)); process.exit(0); })));";
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", find_program(f, "node"), "-e", program);
	assert_exit(&p, 0);
	assert_string_equal(p.out, "worked\n");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_shell, AS_BOTH),
	SANDBOX_TEST(test_python, AS_BOTH),
	SANDBOX_TEST(test_node, AS_BOTH),
};

SANDBOX_MAIN("runtimes", tests)
