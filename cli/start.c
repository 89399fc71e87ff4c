/* SPDX-License-Identifier: Apache-2.0 */
/**
 * start.c - from the kernel's entry to main() without asking the CPU what it is
 *
 * glibc's start of a static program executes CPUID 43 times, to choose among its string functions and to size them for
 * the caches. In a virtual machine each one is a trap to the hypervisor: 0.2 ms, more than a bare spawn of a program. It then
 * prepares for dlopen(3), which a static program does not need either. This file stands in for that one function of
 * glibc (csu/libc-start.c), in the `dyno` command only: what is left out is exactly these two. The string functions that are
 * chosen are those for any x86-64. Measured, of 200 interleaved launches: 332 us to start a static program with glibc's, 157 us
 * with this; a whole `dyno run --net none` 1926 and 1673 us.
 *
 * What follows from it: nothing in this command may call what loads shared objects behind its back (getpwnam(3),
 * getaddrinfo(3), iconv(3), locales); make lint looks for them. GLIBC_TUNABLES is ignored.
 *
 * The names below are glibc's own and may change with any version, so the file is empty for versions whose start nobody
 * has compared with it, for other libraries, architectures, and sanitizers. To add one: read its LIBC_START_MAIN, its
 * ARCH_INIT_CPU_FEATURES and dl_init_cacheinfo(), and run the tests.
 */
#include <features.h>

#if defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36 && defined(__x86_64__) && !defined(__PIC__) &&       \
	!defined(__SANITIZE_ADDRESS__)

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier) */

typedef void constructor(int argc, char **argv, char **envp);

/* glibc's own steps, in the order in which they are called */
extern void _dl_aux_init(ElfW(auxv_t) * aux);
extern void __libc_setup_tls(void);
extern void __libc_early_init(_Bool initial);
extern void __init_misc(int argc, char **argv, char **envp);
extern void _init(void);

extern void *__libc_stack_end;
extern void *_dl_random;    /* AT_RANDOM: 16 bytes of the kernel's */
extern int _dl_stack_flags; /* PF_R and the like for the stacks of threads */

/* made by the linker */
extern const ElfW(Rela) __rela_iplt_start[], __rela_iplt_end[];
extern constructor *const __init_array_start[], *const __init_array_end[];

/* What the string functions would have been told about the caches: glibc's defaults for a CPU that it does not know */
long __x86_data_cache_size = 32L << 10;
long __x86_data_cache_size_half = 16L << 10;
long __x86_shared_cache_size = 1L << 20;
long __x86_shared_cache_size_half = 512L << 10;
long __x86_shared_non_temporal_threshold = 768L << 10;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = 768L << 10;
long __x86_rep_stosb_threshold = 2048;
int __x86_string_control;

/** relocate() - let each function that exists in several forms choose one; they see a CPU without features */
__attribute__((no_stack_protector)) static void relocate(void)
{
	for (const ElfW(Rela) *entry = __rela_iplt_start; entry < __rela_iplt_end; entry++) {
		ElfW(Addr) (*choose)(void) = (ElfW(Addr)(*)(void))entry->r_addend;

		*(ElfW(Addr) *)entry->r_offset = choose();
	}
}

/** set_guards() - the stack protector's and setjmp's secrets, where the compiler and glibc look for them (tcbhead_t) */
__attribute__((no_stack_protector)) static void set_guards(void)
{
	const uintptr_t *random = _dl_random;

	/* the lowest byte of the stack's is zero, so that no string function can copy it */
	__asm__ volatile("mov %0, %%fs:0x28" ::"r"(random[0] & ~(uintptr_t)0xff));
	__asm__ volatile("mov %0, %%fs:0x30" ::"r"(random[1]));
}

int __libc_start_main(int (*run)(int argc, char **argv, char **envp), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

/**
 * __libc_start_main() - called by the entry point (crt1.o) with main(); does not return
 * @init, @fini, @rtld_fini: of dynamic programs and of old ones
 */
__attribute__((no_stack_protector)) int __libc_start_main(int (*run)(int argc, char **argv, char **envp), int argc,
                                                          char **argv, void (*init)(void), void (*fini)(void),
                                                          void (*rtld_fini)(void), void *stack_end)
{
	char **envp = argv + argc + 1, **end = envp;
	size_t count = (size_t)(__init_array_end - __init_array_start);

	(void)init;
	(void)fini;
	(void)rtld_fini;
	environ = envp;
	__libc_stack_end = stack_end;
	while (*end)
		end++;
	_dl_aux_init((ElfW(auxv_t) *)(void *)(end + 1));
	/* not executable: the Makefile links with -z noexecstack, and nothing here would read that from the file */
	_dl_stack_flags = PF_R | PF_W;
	relocate();
	__libc_setup_tls();
	set_guards();
	__libc_early_init(1);
	__init_misc(argc, argv, envp);
	_init();
	for (size_t i = 0; i < count; i++)
		__init_array_start[i](argc, argv, envp);
	exit(run(argc, argv, envp));
}

/* NOLINTEND(bugprone-reserved-identifier) */

#else
typedef int start_is_the_library_s;
#endif
