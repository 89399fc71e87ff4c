/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_reach.c - who reaches whom: every line of the table in docs/network.md, as root and rootless
 *
 * The expectation is read from the document, so the two cannot differ; a line there without a target here fails, and the
 * other way round. An attempt is a round trip with a server. One that must fail counts only beside a control: somebody who may asks the same
 * address and port at the same time and is answered.
 */
#include "tests/sandbox/lifecycle_support.h"
#include "tests/sandbox/world.h"

#include <arpa/inet.h>
#include <ctype.h>

#define MACHINE6 "fd64:796e:6f00:ffff::1"
#define PORT_HERE "7000"
#define PORT_LOOPBACK "7001" /* a database, say: on 127.0.0.1 only, and allowed to our dynos */
#define PORT_OTHER "9000"
#define PORT_APP "5000"
#define PORT_PUBLISHED "8080"
#define PORT_OPEN "8081" /* published on an address */
/* PROTOCOL,ADDRESS,PORT for the probe */
#define UDP_OTHER4 "udp," WORLD_OTHER4 "," PORT_OTHER
#define UDP_OTHER6 "udp," WORLD_OTHER6 "," PORT_OTHER
#define NAME_HERE "host.dyno.internal"
#define EGRESS_LIST "203.0.113.0/24,2001:db8::/64,169.254.0.0/16,fd00:ec2::/64"

enum actor {
	ACTOR_HERE,
	ACTOR_OTHER,
	ACTOR_DYNO,
	ACTOR_DENY,
	ACTOR_LIST,
	ACTORS,
	NOBODY,
};

static const char *const actor_names[ACTORS] = {
	[ACTOR_HERE] = "this machine",
	[ACTOR_OTHER] = "another machine",
	[ACTOR_DYNO] = "a dyno",
	[ACTOR_DENY] = "a dyno with `--egress deny`",
	[ACTOR_LIST] = "a dyno with `--egress CIDR`",
};

/* addresses that are known only when dynos run */
enum known {
	KNOWN_PEER = 1, /* the own address of the dyno that others try to reach */
	KNOWN_SELF,     /* of the dyno that tries */
	KNOWN_LINK,     /* this machine's end of its link */
	KNOWN_INTERNAL, /* host.dyno.internal */
};

/**
 * struct target - the second column of the table
 * @address: IPv4 and IPv6, NULL where there is none; or @known
 * @ping:    it is an address and not a port of one
 * @control: who is answered there
 */
struct target {
	const char *to;
	const char *address[2];
	enum known known;
	const char *port;
	bool ping;
	enum actor control;
};

static const struct target targets[] = {
	{ "a dyno's own address", { 0 }, KNOWN_PEER, PORT_APP, true, ACTOR_HERE },
	{ "another dyno's own address", { 0 }, KNOWN_PEER, PORT_APP, true, ACTOR_HERE },
	{ "a port published without an address, by loopback",
	  { "127.0.0.1", "::1" },
	  0,
	  PORT_PUBLISHED,
	  false,
	  ACTOR_HERE },
	{ "a port published without an address, by another of its addresses",
	  { WORLD_HOST4, WORLD_HOST6 },
	  0,
	  PORT_PUBLISHED,
	  false,
	  NOBODY },
	{ "a port published without an address", { WORLD_HOST4, WORLD_HOST6 }, 0, PORT_PUBLISHED, false, NOBODY },
	{ "a port published on an address, by that address",
	  { WORLD_HOST4, WORLD_HOST6 },
	  0,
	  PORT_OPEN,
	  false,
	  ACTOR_HERE },
	{ "a published port of another dyno", { WORLD_HOST4, WORLD_HOST6 }, 0, PORT_OPEN, false, ACTOR_OTHER },
	{ "itself, by loopback", { "127.0.0.1", "::1" }, 0, PORT_APP, false, NOBODY },
	{ "itself, by its own address", { 0 }, KNOWN_SELF, PORT_APP, false, NOBODY },
	{ "other machines", { WORLD_OTHER4, WORLD_OTHER6 }, 0, PORT_OTHER, true, ACTOR_HERE },
	{ "other machines inside of it", { WORLD_OTHER4, WORLD_OTHER6 }, 0, PORT_OTHER, true, ACTOR_HERE },
	{ "other machines outside of it", { WORLD_FAR4, WORLD_FAR6 }, 0, PORT_OTHER, true, ACTOR_HERE },
	{ "name servers of this machine", { WORLD_FAR4, WORLD_FAR6 }, 0, "53", false, ACTOR_HERE },
	{ "metadata addresses", { WORLD_METADATA4, WORLD_METADATA6 }, 0, "80", true, ACTOR_HERE },
	{ "metadata addresses, though inside of it", { WORLD_METADATA4, WORLD_METADATA6 }, 0, "80", true, ACTOR_HERE },
	{ "addresses of this machine", { WORLD_HOST4, WORLD_HOST6 }, 0, PORT_HERE, true, ACTOR_OTHER },
	{ "addresses of this machine, though inside of it",
	  { WORLD_HOST4, WORLD_HOST6 },
	  0,
	  PORT_HERE,
	  true,
	  ACTOR_OTHER },
	{ "this machine's end of its link", { 0 }, KNOWN_LINK, PORT_HERE, true, ACTOR_HERE },
	{ "loopback services of this machine", { "127.0.0.1", "::1" }, 0, PORT_HERE, false, ACTOR_HERE },
	/* pasta's own default is that the gateway is this machine, its loopback included */
	{ "loopback services of this machine, by the gateway's address",
	  { WORLD_OTHER4, WORLD_OTHER6 },
	  0,
	  PORT_LOOPBACK,
	  false,
	  NOBODY },
	{ "a service of `--allow-host`, at " NAME_HERE, { 0 }, KNOWN_INTERNAL, PORT_LOOPBACK, false, NOBODY },
	{ "other services, at " NAME_HERE, { 0 }, KNOWN_INTERNAL, PORT_HERE, false, NOBODY },
};

static const char *const protocols[] = { "tcp", "udp", "ping" };

/** struct line - one line of the document's table, and what of it is tried; @address: as they were found */
struct line {
	char cells[4][128];
	enum actor from;
	const struct target *to;
	const char *address[2];
};

static struct line lines[64];
static size_t line_count;

/** add_line() - "| a | b | c | d |" */
static void add_line(const char *text)
{
	struct line *line = &lines[line_count];

	*line = (struct line){ .from = NOBODY };
	if (sscanf(text, "| %127[^|] | %127[^|] | %127[^|] | %127[^|] |", line->cells[0], line->cells[1],
	           line->cells[2], line->cells[3]) != 4)
		FAIL("not a line of the table: %s\n", text);
	for (size_t i = 0; i < 4; i++) {
		size_t end = strlen(line->cells[i]);

		while (end > 0 && isspace((unsigned char)line->cells[i][end - 1]))
			line->cells[i][--end] = '\0';
	}
	for (enum actor actor = 0; actor < ACTORS; actor++) {
		if (strcmp(line->cells[0], actor_names[actor]) == 0)
			line->from = actor;
	}
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (strcmp(line->cells[1], targets[i].to) == 0)
			line->to = &targets[i];
	}
	if (line->from == NOBODY || !line->to)
		FAIL("docs/network.md: nothing here tests: %s\n", text);
	line_count++;
}

/** read_table() - the document's */
static void read_table(void)
{
	const char *source = getenv("DYNO_SOURCE") ? getenv("DYNO_SOURCE") : ".";
	const char *text = support_read(support_format("%s/docs/network.md", source));
	const char *at = text ? strstr(text, "| from | to | as root | rootless |\n|---|") : NULL;

	line_count = 0;
	if (!at)
		FAIL("no table in docs/network.md\n");
	at = strchr(strchr(at, '\n') + 1, '\n') + 1;
	for (; *at == '|' && line_count < sizeof(lines) / sizeof(lines[0]); at = strchr(at, '\n') + 1)
		add_line(support_format("%.*s", (int)strcspn(at, "\n"), at));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		bool used = false;

		for (size_t k = 0; k < line_count; k++)
			used = used || lines[k].to == &targets[i];
		if (!used)
			FAIL("docs/network.md says nothing of: %s\n", targets[i].to);
	}
}

/** expected() - the line's word for @protocol, NULL where it is not about that */
static const char *expected(const struct fixture *f, const struct line *line, const char *protocol)
{
	const char *cell = line->cells[f->rootless ? 3 : 2];

	if (strcmp(cell, "–") == 0 || (strcmp(protocol, "ping") == 0 && !line->to->ping))
		return NULL;
	return strstr(cell, protocol) ? "OK" : "refused";
}

/* ---- actors ------------------------------------------------------------------------------------------------------- */

/* Too large for a stack */
static struct process servers[4], peer, actor_process, answers;

/** start_servers() - what is there to be reached; they run as who launches */
static void start_servers(struct fixture *f)
{
	world_start(f, &servers[0], WORLD_OTHER, ARGV("echo", "::", PORT_OTHER, "80", "53"));
	world_start(f, &servers[1], WORLD_HERE, ARGV("echo", "::", PORT_HERE));
	world_start(f, &servers[2], WORLD_HERE, ARGV("echo", "127.0.0.1", PORT_LOOPBACK));
	for (size_t i = 0; i < 3; i++)
		assert_that(&servers[i], launch_expect(&servers[i], "echoing="));
	START(f, &peer, "run", "--net", "private", "--name", "web.1", "-p", PORT_APP, "--publish", PORT_PUBLISHED,
	      "--publish", support_format("%s:%s", WORLD_HOST4, PORT_OPEN), "--publish",
	      support_format("[%s]:%s", WORLD_HOST6, PORT_OPEN), "--slug", f->slug, "--", "/app/probe", "echo",
	      "::", PORT_APP);
	/* not what the app says: its addresses open a moment after that */
	assert_that(&peer, launch_expect(&peer, "listens on"));
}

/** start_actor() - a dyno that will try, and meanwhile serves itself */
static void start_actor(struct fixture *f, enum actor actor)
{
	const char *egress = actor == ACTOR_DENY ? "deny" : actor == ACTOR_LIST ? EGRESS_LIST : "allow";

	START(f, &actor_process, "run", "--net", "private", "--name", "actor.1", "--egress", egress, "--allow-host",
	      PORT_LOOPBACK, "--slug", f->slug, "--", "/app/probe", "echo", "::", PORT_APP);
	assert_that(&actor_process, launch_expect(&actor_process, "echoing="));
}

/** ask() - let @actor run commands of the probe; what they print is in answers */
static void ask(struct fixture *f, enum actor actor, const char *const *argv)
{
	const char *inside[256] = { "exec", "actor.1", "--", "/app/probe" };
	size_t count = 4;

	for (size_t i = 0; argv[i] && count < 255; i++)
		inside[count++] = argv[i];
	if (actor == ACTOR_HERE)
		world_run(f, &answers, WORLD_HERE, argv);
	else if (actor == ACTOR_OTHER)
		world_run(f, &answers, WORLD_OTHER, argv);
	else
		launch_run(f, &answers, inside);
	assert_exit(&answers, 0);
}

/** address_inside() - of dyno @name's end of its link, family 4 or 6; NULL when it has none */
static const char *address_inside(struct fixture *f, const char *name, const char *key)
{
	DYNO(f, &answers, "exec", name, "--", "/app/probe", "addresses");
	assert_exit(&answers, 0);
	return process_value(&answers, key);
}

/** link_address() - this machine's end of the link to @address in family 4, its address for all dynos in family 6; NULL when it has none */
static const char *link_address(struct fixture *f, const char *address, bool v6)
{
	struct in_addr network;
	char line[64] = MACHINE6;

	if (!address || inet_pton(AF_INET, address, &network) != 1)
		return NULL;
	network.s_addr = htonl(ntohl(network.s_addr) - 1);
	if (!v6)
		inet_ntop(AF_INET, &network, line, sizeof(line));
	world_run(f, &answers, WORLD_HERE, ARGV("addresses"));
	return strstr(answers.out, support_format("=%s\n", line)) ? support_format("%s", line) : NULL;
}

/** internal_address() - what the actor's /etc/hosts says of host.dyno.internal */
static const char *internal_address(struct fixture *f)
{
	const char *at;
	char address[64];

	DYNO(f, &answers, "exec", "actor.1", "--", "/app/probe", "read", "/etc/hosts");
	at = strstr(answers.out, NAME_HERE);
	assert_that(&answers, at != NULL);
	while (at > answers.out && at[-1] != '\n')
		at--;
	assert_that(&answers, sscanf(at, "%63s", address) == 1);
	return support_format("%s", address);
}

/** find_addresses() - of the target of @line */
static void find_addresses(struct fixture *f, struct line *line)
{
	const char *v4, *v6;

	memcpy(line->address, line->to->address, sizeof(line->address));
	switch (line->to->known) {
	case KNOWN_PEER:
	case KNOWN_SELF:
		line->address[0] = address_inside(f, line->to->known == KNOWN_PEER ? "web.1" : "actor.1",
		                                  "address4.eth0");
		line->address[1] = address_inside(f, line->to->known == KNOWN_PEER ? "web.1" : "actor.1",
		                                  "address6.eth0");
		assert_that(&answers, line->address[0] && line->address[1]);
		break;
	case KNOWN_LINK:
		v4 = address_inside(f, "actor.1", "address4.eth0");
		v6 = link_address(f, v4, true);
		line->address[0] = link_address(f, v4, false);
		line->address[1] = v6;
		assert_that(&answers, line->address[0] && line->address[1]);
		break;
	case KNOWN_INTERNAL: line->address[0] = internal_address(f); break;
	}
}

/* ---- the matrix --------------------------------------------------------------------------------------------------- */

/** wanted() - what @who is to be told by @protocol for a line: the document's word, "OK" for a control, NULL for no attempt */
static const char *wanted(const struct fixture *f, const struct line *line, enum actor who, const char *protocol)
{
	const char *word = expected(f, line, protocol);

	if (!word || who == line->from)
		return word;
	return who == line->to->control && strcmp(protocol, "tcp") == 0 ? "OK" : NULL;
}

/** key_of() - what names an attempt in the probe's output */
static const char *key_of(const struct line *line, size_t family, const char *protocol)
{
	return support_format("line%zu.ipv%d.%s", (size_t)(line - lines), family ? 6 : 4, protocol);
}

/** try_as() - @who makes the attempts of all lines of actor @from. Return: how many went other than wanted */
static size_t try_as(struct fixture *f, enum actor from, enum actor who)
{
	const char *argv[256] = { "reach" };
	size_t count = 1, wrong = 0;

	for (int judging = 0; judging < 2; judging++) {
		for (size_t i = 0; i < line_count * 6; i++) {
			const struct line *line = &lines[i / 6];
			const char *protocol = protocols[i % 6 / 2], *address = line->address[i % 2];
			const char *want = line->from == from ? wanted(f, line, who, protocol) : NULL, *got, *key;

			if (!want || !address || count >= 255)
				continue;
			key = key_of(line, i % 2, protocol);
			if (!judging) {
				argv[count++] = support_format("%s,%s,%s,%s", key, protocol, address, line->to->port);
				continue;
			}
			got = process_value(&answers, key);
			if (got && (strcmp(want, "OK") == 0) == (strcmp(got, "OK") == 0))
				continue;
			print_error("%s -> %s%s (%s port %s, %s): expected %s, got %s\n", actor_names[who],
			            line->to->to, who == from ? "" : ", as a control", address, line->to->port,
			            protocol, want, got ? got : "no answer");
			wrong++;
		}
		if (!judging && count > 1)
			ask(f, who, argv);
	}
	return wrong;
}

/** try_actor() - all lines that begin with @actor, and their controls. Return: how many differ from the document */
static size_t try_actor(struct fixture *f, enum actor actor)
{
	bool dyno = actor != ACTOR_HERE && actor != ACTOR_OTHER;
	size_t wrong;

	if (dyno)
		start_actor(f, actor);
	for (struct line *line = lines; line < lines + line_count; line++) {
		if (line->from == actor && strcmp(line->cells[f->rootless ? 3 : 2], "–") != 0)
			find_addresses(f, line);
	}
	wrong = try_as(f, actor, actor);
	for (enum actor control = ACTOR_HERE; control <= ACTOR_OTHER; control++) {
		if (control != actor)
			wrong += try_as(f, actor, control);
	}
	if (dyno)
		launch_stop(f, &actor_process);
	return wrong;
}

/** stop_servers() - and the dyno that is tried */
static void stop_servers(struct fixture *f)
{
	launch_stop(f, &peer);
	for (size_t i = 0; i < 3; i++)
		launch_stop(f, &servers[i]);
}

static void test_matrix(struct fixture *f)
{
	size_t wrong = 0;

	read_table();
	world_make(f);
	world_resolver("nameserver " WORLD_FAR4 "\nnameserver " WORLD_FAR6 "\n");
	world_shell(WORLD_OTHER, "ip route add 172.29.0.0/18 via " WORLD_HOST4);
	start_servers(f);
	for (enum actor actor = 0; actor < ACTORS; actor++)
		wrong += try_actor(f, actor);
	stop_servers(f);
	if (wrong > 0)
		FAIL("%zu answers are not as docs/network.md says\n", wrong);
	world_drop();
}

/* ---- beyond sockets of an app -------------------------------------------------------------------------------------- */

/** heard() - the other machine's server was told @text within a moment */
static bool heard(const char *text)
{
	/* what is behind it in the same stream came later: a server that works says so of every test's last word */
	return strstr(servers[0].out, support_format("udp.said=%s\n", text)) != NULL;
}

/* Whatever an app could do in its own network namespace if it had the right: the walls do not lean on its having none */
static void test_walls_hold_for_root_in_the_namespace(struct fixture *f)
{
	static const char *const refused[] = { "peer4", "peer6", "here4", "here6", "link", "meta4", "meta6" };
	static const char *const silent[] = { "peer", "far", "peer6.transparent", "far6.transparent" };
	const char *own, *peer4, *peer6, *link, *net;

	world_make(f);
	start_servers(f);
	start_actor(f, ACTOR_DYNO);
	own = address_inside(f, "actor.1", "address4.eth0");
	peer4 = address_inside(f, "web.1", "address4.eth0");
	peer6 = address_inside(f, "web.1", "address6.eth0");
	link = link_address(f, own, false);
	net = support_format("--net=/proc/%d/ns/net", life_pid(f, "actor.1"));
	launch_program(f, &answers, "nsenter",
	               ARGV(net, "sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"));
	assert_exit(&answers, 0);
	launch_program(f, &answers, "nsenter",
	               ARGV(net, support_probe(), "reach", support_format("other4,ping,%s", WORLD_OTHER4),
	                    support_format("other6,ping,%s", WORLD_OTHER6), support_format("peer4,ping,%s", peer4),
	                    support_format("peer6,ping,%s", peer6), support_format("here4,ping,%s", WORLD_HOST4),
	                    support_format("here6,ping,%s", WORLD_HOST6), support_format("link,ping,%s", link),
	                    support_format("meta4,ping,%s", WORLD_METADATA4),
	                    support_format("meta6,ping,%s", WORLD_METADATA6), "--", "forge", "peer", peer4,
	                    WORLD_OTHER4, PORT_OTHER, "--", "forge", "far", "198.51.100.99", WORLD_OTHER4, PORT_OTHER,
	                    "--", "bind-from", "peer6", peer6, WORLD_OTHER6, PORT_OTHER, "--", "bind-from", "far6",
	                    "2001:db8:f::99", WORLD_OTHER6, PORT_OTHER, "--", "bind-from", "own6", "::", WORLD_OTHER6,
	                    PORT_OTHER, "--", "forge", "own", own, WORLD_OTHER4, PORT_OTHER));
	assert_exit(&answers, 0);
	assert_value(&answers, "other4", "OK");
	assert_value(&answers, "other6", "OK");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(&answers, refused[i]);
	/* the last words, from the dyno's own addresses, arrive: the others before them would have */
	assert_that(&servers[0], launch_expect(&servers[0], "udp.said=own\n"));
	assert_that(&servers[0], heard("own6.plain"));
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		assert_that(&servers[0], !heard(silent[i]));
	launch_stop(f, &actor_process);
	stop_servers(f);
	world_drop();
}

/* The same attempts by an app, which has no right to any of them but one: IPv6 lets everybody send from what he likes */
static void test_app_cannot_send_from_another_address(struct fixture *f)
{
	world_make(f);
	start_servers(f);
	DYNO(f, &answers, "run", "-q", "--net", "private", "--slug", f->slug, "--", "/app/probe", "bind-from", "far4",
	     "198.51.100.99", WORLD_OTHER4, PORT_OTHER, "--", "bind-from", "far6", "2001:db8:f::99", WORLD_OTHER6,
	     PORT_OTHER, "--", "forge", "raw", "198.51.100.99", WORLD_OTHER4, PORT_OTHER, "--", "bind-from", "own6",
	     "::", WORLD_OTHER6, PORT_OTHER, "--", "reach", "own," UDP_OTHER4, "last6," UDP_OTHER6);
	assert_exit(&answers, 0);
	assert_value(&answers, "own", "OK");
	assert_value(&answers, "last6", "OK");
	assert_refused(&answers, "raw");
	assert_refused(&answers, "far4.plain");
	assert_refused(&answers, "far4.transparent");
	assert_refused(&answers, "far6.plain");
	assert_refused(&answers, "far6.transparent");
	assert_that(&servers[0], launch_expect(&servers[0], "udp.said=hello\n"));
	assert_that(&servers[0], heard("own6.plain"));
	assert_that(&servers[0], !heard("far4.freebind") && !heard("far6.freebind"));
	stop_servers(f);
	world_drop();
}

/** resolve() - whether a dyno finds the address of a name. @egress: as for --egress */
static bool resolve(struct fixture *f, const char *egress)
{
	DYNO(f, &answers, "run", "--net", "private", "--egress", egress, "--slug", f->slug, "--", "getent", "ahostsv4",
	     "world.test");
	return answers.code == 0 && strstr(answers.out, "192.0.2.77");
}

static void test_name_servers(struct fixture *f)
{
	/* on another machine; on this machine's loopback, as dnsmasq and systemd-resolved are */
	static const struct {
		enum world_place place;
		const char *address, *conf;
	} servers_of[] = {
		{ WORLD_OTHER, WORLD_OTHER4, "nameserver " WORLD_OTHER4 "\n" },
		{ WORLD_OTHER, WORLD_OTHER6, "nameserver " WORLD_OTHER6 "\n" },
		{ WORLD_HERE, "127.0.0.53", "nameserver 127.0.0.53\noptions edns0 trust-ad\n" },
		{ WORLD_HERE, "127.0.0.1", "nameserver 127.0.0.1\n" },
	};

	world_make(f);
	for (size_t i = 0; i < sizeof(servers_of) / sizeof(servers_of[0]); i++) {
		world_resolver(servers_of[i].conf);
		world_start(f, &servers[0], servers_of[i].place,
		            ARGV("dns", servers_of[i].address, "53", "192.0.2.77"));
		assert_that(&servers[0], launch_expect(&servers[0], "serving="));
		assert_that(&answers, resolve(f, "allow"));
		assert_that(&answers, !resolve(f, "deny"));
		assert_that(&answers, !resolve(f, "192.0.2.0/24"));
		launch_stop(f, &servers[0]);
	}
	world_drop();
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_matrix, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_walls_hold_for_root_in_the_namespace, AS_ROOT),
	SANDBOX_TEST(test_app_cannot_send_from_another_address, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_name_servers, AS_BOTH | BY_ROOT),
};

int main(void)
{
	return world_main("reach", tests, sizeof(tests) / sizeof(tests[0]));
}
