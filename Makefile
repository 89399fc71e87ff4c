# SPDX-License-Identifier: Apache-2.0
#
# One Makefile for the whole house: explicit source lists, no recursion, everything made lands under build/.
#
#   make                    the command, the library and its pkg-config file
#   make SANITIZE=address,undefined check-root
#   make WERROR= CC=clang   for packagers and other compilers
#
# Two sets of objects, because they are two products: build/obj/ (not position-independent) makes the static `dyno`
# command, whose start-up time is the product; build/pic/ makes libdyno.a and libdyno.so and the tests.

VERSION   := 0.1.0
SOVERSION := 0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
# `dyno` looks there from BINDIR: ../libexec/dyno
LIBEXECDIR := $(dir $(patsubst %/,%,$(BINDIR)))libexec/dyno
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
UNITDIR    ?= $(PREFIX)/lib/systemd
DESTDIR    ?=

CC         ?= cc
OBJCOPY    ?= objcopy
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
WERROR     ?= -Werror
SANITIZE   ?=

ifeq ($(SANITIZE),)
B := build
else
comma := ,
B := build/sanitize-$(subst $(comma),-,$(SANITIZE))
endif

# one short line a step; `make V=1` shows the commands
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$@')

.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- sources: one list a room, from the ground floor up -------------------------------------------------------------

BASE := error fd text thread visitor cpu units clock claim fault options options_print
ISOLATION := attach namespaces identity mounts template stack skeleton scratch devices procfs capabilities syscalls landlock cgroup cgroup_file \
	cgroup_host cgroup_mounts cgroup_v1 cgroup_v2 rlimits tree
NETNS := address admit ahead conntrack foreign link listen manner netlink network nft nft_parse owner policy private publish range relay \
	relay_carry resolver rootless rootless_pasta rootless_walls route rule table table_elements table_guard table_rules uplink
CONFIG := command dotenv environment mistakes sizes sizes_file
RUNTIME := host spec app prepare parts nest spare sandbox late child runner channel init dyno events discarded reason timeline watch watcher watcher_threads registry gc control control_client demand nursery pool shed
# the launcher's client is in libdyno, its server in the command alone
LAUNCHER_CLIENT := address answers client packet protocol request
LAUNCHER := histogram launcher peer place pools pools_print reaper resident start stats stats_export tell verbs
CLI := main start guard verb verbs elsewhere app/options app/config_options app/export_options app/start_options message signals terminal run run_own run_options app_options network_options net_default plan report run_app exec ps stop gc \
	doctor doctor_gather doctor_network doctor_probe doctor_checks manual completion \
	run_remote group launcher launcher_options launcher_pool
PROBE := attempts facts files hostile listening network probe processes sockets
UNIT_TESTS := test_address test_app test_app_json test_bench_stats test_capabilities test_cgroup test_cgroup_layouts \
	test_cgroup_processes test_channel test_claim test_cli_doctor test_cli_launcher test_cli_report \
	test_cli_run_options test_cli_terminal test_command test_config_vars test_config_verbs test_conntrack test_demand \
	test_detect test_dotenv test_environment test_fd test_formation_clock test_formation_log test_gc test_identity test_landlock test_library \
	test_listen test_mounts test_netlink test_network test_network_tenants test_network_walls test_nft test_options \
	test_plan test_policy test_pool test_procfile test_protocol test_publish test_registry test_relay test_releases \
	test_resolver test_rlimits test_nest test_rootless test_scale test_scratch test_shed test_sizes test_skeleton test_spare test_spec test_states \
	test_store test_syscalls test_syscalls_kernel test_table test_table_guard test_table_wire test_template test_text test_tree \
	test_units test_uplink test_watch test_watcher
# what the sandbox tests share, linked into each
SANDBOX_SUPPORT := app_support births launch launcher_support lifecycle_support machine support world run_launcher_support
SANDBOX_TESTS := test_bench test_contract_config test_contract_files test_contract_life test_contract_limits test_contract_log test_contract_one_off test_cve test_cve_files test_drains test_environment test_ephemeral test_export test_faults test_init test_input \
	test_isolation test_kill test_launcher test_launcher_faults test_limits test_listen test_neighbours test_publish test_reach test_reach_launcher test_rootless_network test_runtimes test_servers test_slugs test_soak test_start test_start_rough \
	test_terminal test_thousand test_verbs \
	test_launcher_verb test_learned test_run_launcher
FUZZ := fuzz_app_json fuzz_dotenv fuzz_netlink fuzz_nft fuzz_procfile fuzz_protocol fuzz_sizes fuzz_spec fuzz_units

LIB_SRC := $(BASE:%=base/%.c) $(ISOLATION:%=isolation/%.c) $(NETNS:%=netns/%.c) $(CONFIG:%=config/%.c) \
	$(RUNTIME:%=runtime/%.c) $(LAUNCHER_CLIENT:%=launcher/%.c)
CLI_SRC := $(LAUNCHER:%=launcher/%.c) $(CLI:%=cli/%.c)
# what only the second program and the tests link: no launch needs it, and it may use libraries that libdyno must not
CONFIG_APP := app_json app_name detect file json_place procfile profile quote release setting store store_sql vars
FORMATION := backoff body curl drain drain_https formation frame link log logfile logline loop measure plan requests ring scale serve sink states wire
APP_LIB_SRC := $(CONFIG_APP:%=config/%.c) $(FORMATION:%=formation/%.c)
# the second program; what it shares with the command is in CLI
APP := main app app_choice bench bench_dyno bench_html bench_json bench_judge bench_keeper bench_machine \
	bench_peer bench_plan bench_ready bench_report bench_root bench_spawn bench_stats bench_svg bench_words \
	check config config_edit config_set console detect directory export export_systemd export_others live live_list live_rows logs operands recipe \
	releases run_app scale self settings start top vars_print
APP_SRC := $(APP:%=cli/app/%.c)
PROBE_SRC := $(PROBE:%=tests/probe/%.c)
TEST_SRC := $(UNIT_TESTS:%=tests/unit/%.c) $(SANDBOX_TESTS:%=tests/sandbox/%.c) \
	$(SANDBOX_SUPPORT:%=tests/sandbox/%.c)
FUZZ_SRC := $(FUZZ:%=tests/fuzz/%.c)
BENCH_SRC := $(addprefix benchmarks/,births.c density.c first.c launch.c launcher.c spawn.c support.c throughput.c)
EXAMPLE_SRC := examples/library/launch.c examples/scheduler/scheduler.c

# ---- flags ----------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wformat-signedness -Wimplicit-fallthrough -Wvla -Wcast-qual
# gcc has it, clang does not
WARNINGS += $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),,-Wlogical-op)

DEFINES := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Iinclude -I$(B)/isolation
NL_CFLAGS := $(shell $(PKG_CONFIG) --cflags libnl-route-3.0 2>/dev/null)
NL_LIBS := $(shell $(PKG_CONFIG) --libs libnl-route-3.0 2>/dev/null)
NL_STATIC := $(shell $(PKG_CONFIG) --static --libs libnl-route-3.0 2>/dev/null)
JANSSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags jansson 2>/dev/null)
JANSSON_LIBS = $(shell $(PKG_CONFIG) --libs jansson)
SQLITE_CFLAGS := $(shell $(PKG_CONFIG) --cflags sqlite3 2>/dev/null)
# its headers only: formation/curl.h
CURL_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null)
SQLITE_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3)
SECCOMP_LIBS = $(shell $(PKG_CONFIG) --libs libseccomp)
CMOCKA_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

COMPILE = $(CC) -std=gnu17 $(WARNINGS) $(WERROR) -fno-common $(DEFINES) $(NL_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS) $(CURL_CFLAGS) -MMD -MP

# Hardening. The library: position-independent, read-only relocations bound at load, fortified, stack protector.
# The static command: fortify, stack protector and RELRO cost nothing at start-up (331 to 332 us, of 500 interleaved
# launches of a static program); a static PIE costs 14 us, because it relocates itself before main, and the page-aligned
# code segment of -z separate-code 5 us, so these two are given up. What is lost is the randomised address of the code
# of one short-lived process that parses its own command line and is never set-user-id; stack, heap and vdso stay random.
ifeq ($(SANITIZE),)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OBJ_FLAGS := $(HARDEN) -fno-pie -ffunction-sections -fdata-sections
PIC_FLAGS := $(HARDEN) -fPIC
DYNO_LDFLAGS := -static -no-pie -Wl,--gc-sections -Wl,-z,relro -Wl,-z,noseparate-code -Wl,-z,noexecstack
DYNO_LIBS := $(NL_STATIC)
else
# a sanitizer needs its shared runtime: everything is linked dynamically
OBJ_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all -fPIE
PIC_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all -fPIC
DYNO_LDFLAGS := -fsanitize=$(SANITIZE) -pie
DYNO_LIBS := $(NL_LIBS)
SAN_LDFLAGS := -fsanitize=$(SANITIZE)
WHERE := --where asan
endif
SO_LDFLAGS := -shared -Wl,-soname,libdyno.so.$(SOVERSION) -Wl,--version-script=libdyno.map -Wl,-z,relro,-z,now \
	-Wl,-z,noexecstack $(if $(SANITIZE),,-Wl,-z,defs)
TEST_LDFLAGS := $(SAN_LDFLAGS) -pie -Wl,-z,relro,-z,now

# ---- products -------------------------------------------------------------------------------------------------------

LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
LIB_PIC := $(LIB_SRC:%.c=$(B)/pic/%.o)
APP_LIB_PIC := $(APP_LIB_SRC:%.c=$(B)/pic/%.o)
APP_PIC := $(APP_SRC:%.c=$(B)/pic/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/obj/%.o)
# for the unit tests: all of the command but main() and what comes before
CLI_PIC := $(filter-out %/cli/main.o %/cli/start.o,$(CLI_SRC:%.c=$(B)/pic/%.o))
FAULT_OBJ := $(LIB_SRC:%.c=$(B)/faults/%.o) $(CLI_SRC:%.c=$(B)/faults/%.o)
PROBE_OBJ := $(PROBE_SRC:%.c=$(B)/obj/%.o)
# linked with libdyno, as its users do: once with libdyno.so, once with libdyno.a
LIBRARY_BIN := $(B)/tests/unit/test_library $(B)/tests/unit/test_library_static
UNIT_BIN := $(filter-out $(LIBRARY_BIN),$(UNIT_TESTS:%=$(B)/tests/unit/%)) $(LIBRARY_BIN)
SANDBOX_BIN := $(SANDBOX_TESTS:%=$(B)/tests/sandbox/%)
# emulation and the sanitizers make a thousand launches, and other people's servers, long and no different; who waits for R14 waits 20 s
SHORT_BIN := $(filter-out %/test_contract_limits %/test_servers %/test_soak %/test_thousand,$(SANDBOX_BIN))
# Signals, terminals, apps and worlds of several machines are the same on any kernel, and their tests mind emulation's pace. What
# of the network depends on the kernel is in the unit tests named here, as are cgroups and project quotas.
VM_BIN := $(filter $(B)/tests/unit/test_cgroup% \
	$(addprefix $(B)/tests/unit/test_,conntrack listen nft scratch table table_wire watch),$(UNIT_BIN)) \
	$(filter-out $(B)/tests/sandbox/test_contract_% $(addprefix $(B)/tests/sandbox/test_,bench drains init launcher_verb learned listen publish reach reach_launcher rootless_network run_launcher servers terminal),$(SHORT_BIN))
# what must hold of a dyno however it was born (tests/sandbox/births.c)
BIRTH_BIN := $(addprefix $(B)/tests/sandbox/test_,cve environment ephemeral isolation limits neighbours)
# on a kernel that makes ready parts the other way (runtime/nest.h), those that look at what such a dyno writes, and at who else sees it
VM_BIRTH_BIN := $(addprefix $(B)/tests/sandbox/test_,ephemeral neighbours)
# as root the sandbox tests play the ordinary user, too: what is left are those to whom it matters who runs them
VM_USER_BIN := $(filter $(B)/tests/unit/% %/test_isolation %/test_limits,$(VM_BIN))
FILTER := $(B)/isolation/syscalls_filter.h
# the probe is linked as soon as it has sources
PROBE_BIN := $(if $(PROBE_SRC),$(B)/tests/probe)
# where `dyno` looks for it, from its own place: here and installed
APP_BIN := $(B)/libexec/dyno/dyno-app
# what `dyno bench` puts in a command's place
STAMP_BIN := $(B)/libexec/dyno/dyno-stamp
PRODUCTS := $(B)/dyno $(APP_BIN) $(STAMP_BIN) $(B)/libdyno.a $(B)/libdyno.so.$(SOVERSION) $(B)/libdyno.so $(B)/dyno.pc
DOCS := $(B)/man/dyno.1 $(B)/completions/dyno.bash $(B)/completions/_dyno $(B)/completions/dyno.fish

.PHONY: FORCE all demo demo-apps check check-unit check-root check-births check-user check-asan check-docker check-foreman check-kills check-terminal check-vm tests bench bench-formation bench-gate bench-tools fuzz lint format install clean help \
	compile_commands.json docs

EXAMPLES := $(B)/examples/launch $(B)/examples/scheduler

all: $(PRODUCTS) $(EXAMPLES) ## the `dyno` command (static), dyno-app, libdyno.a, libdyno.so and dyno.pc, under build/

# link_dyno OUTPUT - the linker warns of getaddrinfo and friends, which libnl's text functions name and we never call
link_dyno = $(Q)$(CC) $(CFLAGS) $(DYNO_LDFLAGS) $(LDFLAGS) -o $(1) $^ $(DYNO_LIBS) 2>$@.log || { cat $@.log >&2; exit 1; }; \
	grep -v -e 'in function .nl_' -e 'in statically linked applications' $@.log >&2 || true; rm -f $@.log

# the symbols stay beside it, where gdb finds them
$(B)/dyno: $(CLI_OBJ) $(LIB_OBJ)
	$(call say,LINK)
	$(call link_dyno,$@.debug)
	$(Q)$(OBJCOPY) --strip-all --add-gnu-debuglink=$@.debug $@.debug $@

# dynamic: no launch waits for it, and its libraries are its distribution's to mend. internal.a gives what it needs
$(APP_BIN): $(APP_PIC) $(B)/internal.a
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SAN_LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed $(LDFLAGS) -o $@ \
		$(APP_PIC) $(B)/internal.a $(JANSSON_LIBS) $(SQLITE_LIBS) $(NL_LIBS) -lm

# no C library, no start-up code, and nothing of ours to be sanitized: its first instruction is what is timed
$(STAMP_BIN): cli/app/stamp.c base/raw.h Makefile
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 $(WARNINGS) $(WERROR) $(DEFINES) -O2 -ffreestanding -fno-stack-protector -fno-tree-loop-distribute-patterns \
		-fcf-protection=none -fno-pie -no-pie -static -nostdlib -Wl,-z,noseparate-code -Wl,-z,noexecstack \
		-Wl,--build-id=none -o $@ $<

# the command with failure injection (base/fault.h), for the tests that fail each step of a boot
$(B)/tests/dyno-faults: $(FAULT_OBJ)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(call link_dyno,$@)

$(B)/faults/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) $(OBJ_FLAGS) -DDYNO_FAULTS $(CPPFLAGS) -c -o $@ $<

# what the tests link: every function of every room
$(B)/internal.a: $(LIB_PIC) $(APP_LIB_PIC) $(CLI_PIC)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# what users link: one object in which only the public names are left, so that ours cannot collide with theirs
$(B)/libdyno.a: $(LIB_PIC) libdyno.map
	$(call say,AR)
	$(Q)$(LD) -r -o $(B)/libdyno.o $(LIB_PIC)
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='dyno_*' $(B)/libdyno.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/libdyno.o

$(B)/libdyno.so.$(SOVERSION): $(LIB_PIC) libdyno.map
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(SAN_LDFLAGS) $(SO_LDFLAGS) $(LDFLAGS) -o $@ $(LIB_PIC) $(NL_LIBS)

$(B)/libdyno.so: $(B)/libdyno.so.$(SOVERSION)
	$(Q)ln -sf $(<F) $@

# made anew each time: it holds PREFIX, which `make install` may be told and `make` was not
$(B)/dyno.pc: dyno.pc.in FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

$(B)/obj/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) $(OBJ_FLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/pic/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) $(PIC_FLAGS) $(CPPFLAGS) -c -o $@ $<

# finds the library beside it, so that it runs without being installed
$(B)/examples/launch: $(B)/pic/examples/library/launch.o $(B)/libdyno.so
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SAN_LDFLAGS) -pie -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) -o $@ $^

# the whole library in the program, for those who want one file
$(B)/examples/scheduler: $(B)/pic/examples/scheduler/scheduler.o $(B)/libdyno.a
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SAN_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(NL_LIBS)

# the seccomp filter is compiled at build time, so that neither libseccomp nor its work is in the command
$(B)/gen_syscalls: isolation/gen_syscalls.c isolation/syscalls.def
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $< $(SECCOMP_LIBS)

$(FILTER): $(B)/gen_syscalls
	$(call say,GEN)
	@mkdir -p $(@D)
	$(Q)$< > $@

$(B)/obj/isolation/syscalls.o $(B)/pic/isolation/syscalls.o $(B)/faults/isolation/syscalls.o: $(FILTER)

# ---- tests ----------------------------------------------------------------------------------------------------------

tests: $(PRODUCTS) $(EXAMPLES) $(PROBE_BIN) $(if $(SANDBOX_TESTS),$(B)/tests/dyno-faults) $(UNIT_BIN) $(SANDBOX_BIN)

# static and small: it runs inside a dyno on any stack. It stands for the app and is no code of ours to be sanitized:
# a sanitizer wants terabytes of address space, which a dyno's limits rightly refuse
$(PROBE_OBJ): OBJ_FLAGS := -fno-pie
$(B)/tests/probe: $(PROBE_OBJ)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -no-pie $(LDFLAGS) -o $@ $^

$(filter-out $(LIBRARY_BIN),$(UNIT_BIN)) $(SANDBOX_BIN): $(B)/tests/%: $(B)/pic/tests/%.o $(B)/internal.a
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(TEST_LIBS) $(NL_LIBS)

$(SANDBOX_BIN): $(SANDBOX_SUPPORT:%=$(B)/pic/tests/sandbox/%.o)

$(B)/tests/unit/test_library: $(B)/pic/tests/unit/test_library.o $(B)/libdyno.so | $(EXAMPLES)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../..' $(LDFLAGS) -o $@ $^ $(CMOCKA_LIBS)

$(B)/tests/unit/test_library_static: $(B)/pic/tests/unit/test_library.o $(B)/libdyno.a | $(EXAMPLES)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(NL_LIBS)

$(B)/tests/unit/test_app $(B)/tests/unit/test_config_verbs: | $(B)/dyno $(APP_BIN)
$(B)/tests/unit/test_app_json: TEST_LIBS = $(JANSSON_LIBS)
# a part of the second program that needs nothing of it
$(B)/tests/unit/test_bench_stats: $(B)/pic/cli/app/bench_stats.o
$(B)/tests/unit/test_bench_stats: TEST_LIBS = -lm
$(B)/tests/sandbox/test_bench: TEST_LIBS = $(JANSSON_LIBS)
$(B)/tests/unit/test_releases $(B)/tests/unit/test_scale $(B)/tests/unit/test_store: TEST_LIBS = $(SQLITE_LIBS)
# it compares our filter with the one that libseccomp would make
$(B)/tests/unit/test_syscalls: TEST_LIBS = $(SECCOMP_LIBS)

check: ## every test: root, ordinary user, sanitizers, virtual machine, fuzz, lint (installs what is missing)
	scripts/install-deps.sh build check lint vm
	$(MAKE) lint
	$(MAKE) bench-gate
	$(MAKE) check-root
	$(MAKE) check-births
	$(MAKE) check-user
	$(MAKE) check-asan
	$(MAKE) check-vm
	$(MAKE) fuzz

check-unit: $(UNIT_BIN) ## the tests that need no privilege, as whoever you are
	tests/run.sh --as self --build $(B) $(UNIT_BIN)

check-root: tests ## unit and sandbox tests as root
	tests/run.sh --as root $(WHERE) --build $(B) $(UNIT_BIN) $(if $(SANITIZE),$(SHORT_BIN),$(SANDBOX_BIN))

check-births: tests ## the tests of isolation, as root, on dynos from parked sandboxes, from ready parts, and of a launcher's that are not its first
	DYNO_BIRTH=warm tests/run.sh --as root --build $(B) $(BIRTH_BIN)
	DYNO_BIRTH=pooled tests/run.sh --as root --build $(B) $(BIRTH_BIN)
	DYNO_BIRTH=again tests/run.sh --as root --build $(B) $(BIRTH_BIN)

check-user: tests ## unit and sandbox tests as an ordinary user
	tests/run.sh --as user $(WHERE) --build $(B) $(UNIT_BIN) $(if $(SANITIZE),,$(SANDBOX_BIN))

check-kills: tests ## kill -9 `dyno start` 100 times, at any moment (1 min)
	DYNO_KILLS=100 tests/run.sh --as root --build $(B) $(B)/tests/sandbox/test_start_rough

check-asan: ## unit and sandbox tests under AddressSanitizer and UBSan; sandbox tests as root, where they play the user, too
	$(MAKE) SANITIZE=address,undefined check-root check-user

check-vm: tests ## cgroup and sandbox tests on pure cgroup v2 and another kernel, in QEMU
	tests/vm/run-in-vm.sh -t 1500 'tests/run.sh --as root --where vm --build $(B) $(VM_BIN); root=$$?; \
		DYNO_BIRTH=pooled tests/run.sh --as root --where vm --build $(B) $(VM_BIRTH_BIN) || root=1; \
		tests/run.sh --as user --where vm --build $(B) $(VM_USER_BIN) && exit $$root'

check-docker: $(B)/dyno $(B)/tests/probe ## Docker Engine and dyno beside each other (fetches 60 MB; as root)
	scripts/install-deps.sh check
	tests/docker.sh $(CURDIR)/$(B)

check-foreman: $(B)/dyno $(APP_BIN) ## foreman and dyno start on the same apps: the same but for what docs/foreman.md names (half a minute)
	scripts/install-deps.sh foreman
	tests/foreman.sh --build $(B)

check-terminal: all ## colours, ^C, ^Z, window size and job control in a real terminal (needs tmux)
	tests/terminal.sh $(B)

fuzz: $(FILTER) ## a short run of every fuzz target (FUZZ_SECONDS each, 5 by default)
	$(Q)scripts/fuzz.sh $(FUZZ_SRC) -- $(LIB_SRC) $(APP_LIB_SRC)

# ---- for people -----------------------------------------------------------------------------------------------------

demo-apps: ## a Django app with a worker and a Rack app, with PostgreSQL, as formations of dynos
	scripts/demo-apps.sh

demo: ## install what is missing, build, and boot the example web app in a dyno
	scripts/demo.sh

$(B)/bench/spawn: $(B)/obj/benchmarks/spawn.o $(B)/obj/benchmarks/support.o $(B)/obj/base/fd.o $(B)/obj/base/clock.o
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -no-pie $(LDFLAGS) -o $@ $^

# what the library launches by itself
BENCH_LIBRARY := $(addprefix $(B)/bench/,density launch launcher throughput)
$(BENCH_LIBRARY): $(B)/bench/%: $(B)/obj/benchmarks/%.o $(addprefix $(B)/obj/,benchmarks/births.o benchmarks/support.o tests/sandbox/machine.o) $(LIB_OBJ)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(call link_dyno,$@)

# no C library, no start-up code: "first instruction" is the kernel's work and nothing else
$(B)/bench/first: benchmarks/first.c Makefile
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -O2 -DFIRST_NOLIBC -ffreestanding -fno-stack-protector -fcf-protection=none -fno-pie -no-pie \
		-static -nostdlib -Wl,-z,noseparate-code -Wl,--build-id=none -o $@ $<

$(B)/bench/first-glibc: benchmarks/first.c Makefile
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -O2 -fno-pie -no-pie -static -o $@ $<

BENCH_GATE := $(B)/dyno $(addprefix $(B)/bench/,spawn launch first first-glibc)

bench-tools: all $(BENCH_GATE) $(BENCH_LIBRARY)

bench: ## measure every claim, beside posix_spawn, bubblewrap, crun and runc; report in build/bench/report.md (FULL=1 takes minutes)
	scripts/install-deps.sh build bench
	$(MAKE) bench-tools $(B)/tests/probe $(B)/tests/sandbox/test_thousand
	benchmarks/run.sh

bench-formation: all ## what `dyno start` costs and withstands: 100 idle dynos, one that crashes, one that floods the log (1 min)
	benchmarks/formation.py

bench-gate: $(BENCH_GATE) ## fail if boots became 1.5 times slower than benchmarks/gate.json says (as root; 20 s at most)
	benchmarks/gate.sh $(B)/bench $(RECORD)

SOURCES = $(LIB_SRC) $(APP_LIB_SRC) $(CLI_SRC) $(APP_SRC) cli/app/stamp.c $(PROBE_SRC) $(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(EXAMPLE_SRC) isolation/gen_syscalls.c

lint: $(FILTER) $(DOCS) compile_commands.json ## format, clang-tidy, cppcheck, shellcheck, size budget, floors, comments, completions, units
	$(Q)build=$(B) scripts/lint.sh $(SOURCES)

format: ## rewrite the sources as .clang-format says
	clang-format -i $(SOURCES) $(wildcard $(addsuffix *.h,$(sort $(dir $(SOURCES) include/dyno.h))))

# make writes it itself: one entry for each source, with the flags of its rule
define NEWLINE


endef
entry = {"directory": "$(CURDIR)", "file": "$(1)", "arguments": [$(subst $(eval ) ,$(comma_space),$(patsubst %,"%",$(strip $(CC) -std=gnu17 $(WARNINGS) $(DEFINES) $(NL_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS) $(CURL_CFLAGS) $(CFLAGS) -c $(1))))]}
comma_space := , #
compile_commands.json: ## the compilation database for editors and clang-tidy
	$(file >$@,[$(foreach s,$(SOURCES),$(NEWLINE)$(call entry,$(s))$(if $(filter $(s),$(lastword $(SOURCES))),,$(comma_space)))$(NEWLINE)])
	@echo "wrote $@"

# the manual and the completions come out of the same option table as --help
docs: $(DOCS) ## manual page and shell completions, from the command itself

$(B)/man/dyno.1: $(B)/dyno
	$(call say,GEN)
	@mkdir -p $(@D)
	$(Q)$< man > $@

$(B)/completions/dyno.bash: $(B)/dyno
	$(call say,GEN)
	@mkdir -p $(@D)
	$(Q)$< completion bash > $@

$(B)/completions/_dyno: $(B)/dyno
	$(call say,GEN)
	@mkdir -p $(@D)
	$(Q)$< completion zsh > $@

$(B)/completions/dyno.fish: $(B)/dyno
	$(call say,GEN)
	@mkdir -p $(@D)
	$(Q)$< completion fish > $@

install: all docs ## to DESTDIR/PREFIX: commands, library, headers, pkg-config, manual, completions, systemd units
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBEXECDIR) $(LIBDIR)/pkgconfig $(INCLUDEDIR) $(MANDIR)/man1 \
		$(DATADIR)/bash-completion/completions $(DATADIR)/zsh/site-functions $(DATADIR)/fish/vendor_completions.d \
		$(UNITDIR)/system $(UNITDIR)/user)
	install -m 755 $(B)/dyno $(DESTDIR)$(BINDIR)/dyno
	install -m 755 $(APP_BIN) $(DESTDIR)$(LIBEXECDIR)/dyno-app
	install -m 755 $(STAMP_BIN) $(DESTDIR)$(LIBEXECDIR)/dyno-stamp
	install -m 644 $(B)/libdyno.a $(DESTDIR)$(LIBDIR)/libdyno.a
	install -m 755 $(B)/libdyno.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libdyno.so.$(SOVERSION)
	ln -sf libdyno.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libdyno.so
	install -m 644 include/dyno.h include/dyno-launcher.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(B)/dyno.pc $(DESTDIR)$(LIBDIR)/pkgconfig/dyno.pc
	install -m 644 $(B)/man/dyno.1 $(DESTDIR)$(MANDIR)/man1/dyno.1
	install -m 644 $(B)/completions/dyno.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/dyno
	install -m 644 $(B)/completions/_dyno $(DESTDIR)$(DATADIR)/zsh/site-functions/_dyno
	install -m 644 $(B)/completions/dyno.fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/dyno.fish
	install -m 644 systemd/dyno-launcher.socket $(DESTDIR)$(UNITDIR)/system/dyno-launcher.socket
	install -m 644 systemd/dyno-launcher.socket $(DESTDIR)$(UNITDIR)/user/dyno-launcher.socket
	sed -e 's|@BINDIR@|$(BINDIR)|' systemd/dyno-launcher.service > $(DESTDIR)$(UNITDIR)/system/dyno-launcher.service
	# a user manager has no capability that it could take away
	sed -e 's|@BINDIR@|$(BINDIR)|' -e '/^CapabilityBoundingSet/d' -e '/^# A launcher makes/d' systemd/dyno-launcher.service \
		> $(DESTDIR)$(UNITDIR)/user/dyno-launcher.service
	chmod 644 $(DESTDIR)$(UNITDIR)/system/dyno-launcher.service $(DESTDIR)$(UNITDIR)/user/dyno-launcher.service

clean: ## remove everything that make made
	rm -rf build compile_commands.json

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 26

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(LIB_PIC) $(APP_LIB_PIC) $(APP_PIC) $(CLI_PIC) $(CLI_OBJ) $(FAULT_OBJ) $(PROBE_OBJ) $(TEST_SRC:%.c=$(B)/pic/%.o))
