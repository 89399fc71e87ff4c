/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_servers.c - web servers that people run, unchanged, as web dynos: reached at their published port by IPv4 and IPv6 when they
 * listen where they were told; told what is wrong, and ended with R10, when they do not
 */
#include "tests/sandbox/world.h"

#include <stdlib.h>
#include <unistd.h>

#define PORT "5000"
#define PUBLISHED "8080"
#define HELLO "hello from a slug"

/**
 * struct server - one kind
 * @program: skipped where this is missing
 * @copied:  name in the slug to which it is copied, NULL for not
 * @good, @wrong, @loopback: lines of shell: on $PORT, on another port, on $PORT of 127.0.0.1
 */
struct server {
	const char *program;
	const char *good;
	const char *wrong;
	const char *loopback;
	const char *copied;
};

static const char node_server[] = "require('http').createServer((q, r) => r.end('" HELLO "\\n'))\n"
				  "    .listen(...process.argv.slice(2));\n";

static const char ruby_server[] = "require 'socket'\n"
				  "server = TCPServer.new(*ARGV)\n"
				  "loop do\n"
				  "  client = server.accept\n"
				  "  client.gets\n"
				  "  client.print \"HTTP/1.0 200 OK\\r\\n\\r\\n" HELLO "\\n\"\n"
				  "  client.close_write\n"
				  "  client.read\n"
				  "  client.close\n"
				  "end\n";

/** nginx_conf() - a configuration that needs no file outside of /tmp and the slug */
static void nginx_conf(const struct fixture *f, const char *name, const char *listen)
{
	support_write(support_format("%s/%s", f->slug, name),
	              support_format("daemon off; pid /tmp/nginx.pid; error_log stderr; events {}\n"
	                             "http { access_log off; client_body_temp_path /tmp/a; proxy_temp_path /tmp/b;\n"
	                             "fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;\n"
	                             "server { listen %s; root /app/public; } }\n",
	                             listen),
	              0644);
}

/** make_app() - the slug of all four */
static void make_app(const struct fixture *f)
{
	support_mkdir(f, support_format("%s/public", f->slug), 0755);
	support_write(support_format("%s/public/index.html", f->slug), HELLO "\n", 0644);
	support_write(support_format("%s/server.js", f->slug), node_server, 0644);
	support_write(support_format("%s/server.rb", f->slug), ruby_server, 0644);
	nginx_conf(f, "good.conf", PORT);
	nginx_conf(f, "wrong.conf", "3000");
	nginx_conf(f, "loopback.conf", "127.0.0.1:" PORT);
}

static struct process dyno, client;

/** start() - `web.1` with this line of shell */
static void start(struct fixture *f, const char *line, unsigned long boot_timeout_ms)
{
	START(f, &dyno, "run", "--net", "private", "--name", "web.1", "-p", PORT, "--publish", PUBLISHED,
	      "--boot-timeout", support_format("%lums", boot_timeout_ms), "--timeline=json", "--timeline-file",
	      support_path(f, "timeline"), "--slug", f->slug, "--", line);
}

/** boot_ms() - when it listened, by the timeline; waits for it */
static unsigned long boot_ms(const struct fixture *f)
{
	long long deadline = support_now_ms() + 20000;
	const char *text, *at = NULL;
	unsigned long long ns = 0;

	while (!at && support_now_ms() < deadline) {
		text = support_read(support_path(f, "timeline"));
		at = text ? strstr(text, "\"phase\":\"listening\"") : NULL;
		usleep(10000);
	}
	assert_that(&dyno, at && (at = strstr(at, "\"at_ns\":")) && sscanf(at, "\"at_ns\":%llu", &ns) == 1);
	return (unsigned long)(ns / 1000000);
}

/** assert_serves() - this machine reads the page at the published port, by both families */
static void assert_serves(struct fixture *f)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	for (size_t i = 0; i < 2; i++) {
		launch_program(f, &client, support_probe(), ARGV("fetch", addresses[i], PUBLISHED));
		assert_value(&client, "result", "OK");
		assert_says(&client, HELLO);
	}
}

/** assert_r10() - a server that listens elsewhere is told so (@hint), and ended */
static void assert_r10(struct fixture *f, const char *line, unsigned long boot_timeout_ms, const char *hint)
{
	start(f, line, boot_timeout_ms);
	launch_finish(f, &dyno);
	assert_says(&dyno, hint);
	assert_says(&dyno, "R10");
	assert_that(&dyno, dyno.code != 0);
}

/** try_server() - all four ways to start one */
static void try_server(struct fixture *f, const struct server *server)
{
	unsigned long boot, late;

	if (access(server->program, X_OK) != 0)
		support_skip(f, support_format("%s is missing", server->program));
	world_make(f);
	make_app(f);
	if (server->copied)
		support_copy(server->program, support_format("%s/%s", f->slug, server->copied), 0755);
	start(f, server->good, 30000);
	boot = boot_ms(f);
	assert_serves(f);
	launch_stop(f, &dyno);
	unlink(support_path(f, "timeline"));
	start(f, support_format("sleep 1; %s", server->good), boot * 2 + 5000);
	late = boot_ms(f);
	assert_that(&dyno, late >= 1000);
	assert_serves(f);
	launch_stop(f, &dyno);
	printf("%s %s: boot %lu ms, with a sleep of one second before it %lu ms\n", f->name, server->program, boot,
	       late);
	assert_r10(f, server->wrong, boot * 2 + 1000, ":3000");
	assert_r10(f, server->loopback, boot * 2 + 1000, "127.0.0.1:" PORT);
	/* the shell that runs it serves nobody */
	assert_r10(f, "sleep 60", 300, "R10");
	world_drop();
}

static void test_python(struct fixture *f)
{
	try_server(f, &(struct server){ "/usr/bin/python3", "exec /usr/bin/python3 -m http.server -d public $PORT",
	                                "exec /usr/bin/python3 -m http.server 3000",
	                                "exec /usr/bin/python3 -m http.server --bind 127.0.0.1 $PORT", NULL });
}

static void test_node(struct fixture *f)
{
	try_server(f, &(struct server){ "/usr/bin/node", "exec /usr/bin/node server.js $PORT",
	                                "exec /usr/bin/node server.js 3000",
	                                "exec /usr/bin/node server.js $PORT 127.0.0.1", NULL });
}

static void test_ruby(struct fixture *f)
{
	try_server(f, &(struct server){ "/usr/bin/ruby", "exec /usr/bin/ruby server.rb $PORT",
	                                "exec /usr/bin/ruby server.rb 3000",
	                                "exec /usr/bin/ruby server.rb 127.0.0.1 $PORT", NULL });
}

/* It listens on IPv4 only, and so is reached by IPv6 through a relay */
static void test_nginx(struct fixture *f)
{
	static const char installed[] = "/usr/sbin/nginx";
	const char *build = getenv("DYNO_BUILD") ? getenv("DYNO_BUILD") : "build";
	/* by scripts/install-deps.sh, where the package is not installed; it is put into the slug then */
	const char *unpacked = support_format("%s/servers/usr/sbin/nginx", build);
	bool is_installed = access(installed, X_OK) == 0;
	const char *command = support_format("exec %s -e stderr -c /app", is_installed ? installed : "/app/nginx");

	try_server(f, &(struct server){ .program = is_installed ? installed : unpacked,
	                                .copied = is_installed ? NULL : "nginx",
	                                .good = support_format("%s/good.conf", command),
	                                .wrong = support_format("%s/wrong.conf", command),
	                                .loopback = support_format("%s/loopback.conf", command) });
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_python, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_node, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_ruby, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_nginx, AS_BOTH | BY_ROOT),
};

int main(void)
{
	return world_main("servers", tests, sizeof(tests) / sizeof(tests[0]));
}
