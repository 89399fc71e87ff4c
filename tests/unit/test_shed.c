/* SPDX-License-Identifier: Apache-2.0 */
/* test_shed.c - what is to be kept stays, the rest of a child's memory goes */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/shed.h"

#define PAGE 4096UL

/** is_mapped() - the page at @at is there */
static int is_mapped(char *at)
{
	unsigned char there;

	return mincore(at, PAGE, &there) == 0;
}

/** this_stack() - of the calling thread */
static struct shed_range this_stack(void)
{
	pthread_attr_t attr;
	void *at = NULL;
	size_t size = 0;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &at, &size);
	pthread_attr_destroy(&attr);
	return (struct shed_range){ (uintptr_t)at, (uintptr_t)at + size };
}

/** shed_one() - in a child: give back the middle one of three pages. Return: 0 if that is what happened */
static int shed_one(char *pages)
{
	volatile char mark[3 * PAGE];
	struct shed shed = { .count = 2, .stack = this_stack() };

	mark[0] = mark[sizeof(mark) - 1] = 'x';
	shed.keep[0] = (struct shed_range){ PAGE, (uintptr_t)pages + PAGE };
	shed.keep[1] = (struct shed_range){ (uintptr_t)pages + 2 * PAGE, UINTPTR_MAX - PAGE };
	shed_child(&shed);
	if (!is_mapped(pages) || is_mapped(pages + PAGE) || !is_mapped(pages + 2 * PAGE))
		return 1;
	return mark[0] == 'x' && mark[sizeof(mark) - 1] == 'x' && pages[0] == 'a' && pages[2 * PAGE] == 'c' ? 0 : 2;
}

static void keeps_what_is_listed(void **state)
{
	char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	(void)state;
	assert_true(pages != MAP_FAILED);
	pages[0] = 'a';
	pages[2 * PAGE] = 'c';
	pid = fork();
	if (pid == 0)
		_exit(shed_one(pages));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(pages, 3 * PAGE);
}

static void keeps_all_without_a_plan(void **state)
{
	const struct shed none = { 0 };
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		shed_child(&none);
		_exit(strlen(program_invocation_name) > 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/** plan_of_thread() - shed_plan() in a thread that is not the first. @data: struct shed */
static void *plan_of_thread(void *data)
{
	shed_plan(data);
	return NULL;
}

/* What the loader of a dynamic program keeps in the heap must stay */
static void dynamic_program_keeps_all(void **state)
{
	struct shed shed = { .count = 7 };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, plan_of_thread, &shed), 0);
	pthread_join(thread, NULL);
	assert_int_equal(shed.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_listed),
		cmocka_unit_test(keeps_all_without_a_plan),
		cmocka_unit_test(dynamic_program_keeps_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
