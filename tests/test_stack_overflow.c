/* SPDX-License-Identifier: MIT */
/* The report of a stack overflow, and other faults: all of it once a kind of guard. */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "overflow.h"
#include "support/stack_test.h"

static bool describe(const void *address, char *buffer, size_t size)
{
    const struct stack *stack = stack_pool_find_guard(&pool, address);
    if (!stack)
        return false;
    size_t used = overflow_put_text(buffer, size, 0, "task 'conn-");
    used = overflow_put_number(buffer, size, used, stack->index);
    used = overflow_put_text(buffer, size, used, "' (");
    used = overflow_put_number(buffer, size, used, pool.size / KIB);
    overflow_put_text(buffer, size, used, " KiB, spawned at server.c:88)");
    return true;
}

static volatile size_t depth_limit = SIZE_MAX; /* or the compilers warn of what is meant */

__attribute__((__noinline__)) static size_t recurse(size_t depth)
{
    volatile char frame[500];
    frame[depth % sizeof frame] = (char)depth;
    return depth < depth_limit ? recurse(depth + 1) + (size_t)frame[depth % sizeof frame] : 0;
}

static void recurse_for_ever(void)
{
    recurse(0);
}

/* Overflows the third stack. */
static void overflow(void)
{
    check(stack_pool_init(&pool, 256 * KIB, 0) == 0);
    take(3);
    static ucontext_t here, there;
    check(getcontext(&there) == 0);
    there.uc_stack.ss_sp = stacks[2]->bottom;
    there.uc_stack.ss_size = (size_t)(stacks[2]->top - stacks[2]->bottom);
    makecontext(&there, recurse_for_ever, 0);
    if (EDDY_TSAN)
        sanitizer_switch_fiber(stacks[2]->tsan_fiber);
    (void)swapcontext(&here, &there);
}

static void install_and_overflow(void)
{
    check(overflow_install(describe) == 0);
    overflow();
}

static void assert_reported(void)
{
    const char *first = "stack overflow in task 'conn-2' (256 KiB, spawned at server.c:88)\n";
    if (!strstr(output, first)) /* behind a remark of ASan's, say */
        fail_msg("output: %s", output);
    size_t lines = 0; /* "./test_stack_overflow(+0x3a4e)[0x55d0c7a51a4e]" */
    for (const char *line = output; (line = strchr(line, '\n')); line++)
        lines += line[-1] == ']';
    assert_true(lines >= 10);
}

static void test_overflow_report(void **state)
{
    (void)state;
    assert_killed(in_child(install_and_overflow), SIGSEGV);
    assert_reported();
}

static void *overflow_in_thread(void *argument)
{
    install_and_overflow();
    return argument;
}

static void overflow_in_second_thread(void)
{
    check(overflow_install(describe) == 0);
    pthread_t thread;
    check(pthread_create(&thread, NULL, overflow_in_thread, NULL) == 0);
    (void)pthread_join(thread, NULL);
}

static void test_overflow_in_thread(void **state)
{
    (void)state;
    assert_killed(in_child(overflow_in_second_thread), SIGSEGV);
    assert_reported();
}

/* A write past the end of a file: SIGBUS, which neither ASan nor valgrind sees coming. */
static void fault(void)
{
    int file = memfd_create("empty", MFD_CLOEXEC);
    check(file >= 0);
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    check(memory != MAP_FAILED);
    *(volatile char *)memory = 1;
}

static void fault_without_handler(void)
{
    check(overflow_install(describe) == 0);
    fault();
}

static void fault_ignored(void)
{
    (void)signal(SIGBUS, SIG_IGN);
    check(overflow_install(describe) == 0);
    check(raise(SIGBUS) == 0); /* can be ignored, a fault can't */
    dprintf(2, "alive");
    fault();
}

static void sent_without_handler(void)
{
    check(overflow_install(describe) == 0);
    (void)kill(getpid(), SIGSEGV);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    _exit(number == SIGBUS && info->si_code > 0 ? 7 : 8);
}

static void on_fault_simple(int number)
{
    _exit(number == SIGBUS ? 9 : 8);
}

static void catch (int number)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    check(sigaction(number, &action, NULL) == 0);
}

static void fault_with_handler(void)
{
    catch (SIGBUS);
    check(overflow_install(describe) == 0);
    fault();
}

static void fault_with_simple_handler(void)
{
    (void)signal(SIGBUS, on_fault_simple);
    check(overflow_install(describe) == 0);
    fault();
}

static void overflow_with_handler(void)
{
    catch (SIGSEGV);
    check(overflow_install(describe) == 0);
    overflow();
}

static void test_other_faults(void **state)
{
    (void)state;
    if (getenv("EDDY_EMULATOR")) {
        printf("SKIP: the emulator has its own words for a fault\n");
        skip();
    }
    assert_killed(in_child(fault_without_handler), SIGBUS);
    assert_string_equal(output, "");
    assert_killed(in_child(fault_ignored), SIGBUS);
    assert_string_equal(output, "alive");
    assert_killed(in_child(sent_without_handler), SIGSEGV);
    assert_string_equal(output, "");
    assert_exited(in_child(fault_with_handler), 7);
    assert_exited(in_child(fault_with_simple_handler), 9);
    assert_killed(in_child(overflow_with_handler), SIGSEGV);
    assert_reported();
}

static void uninstall(void)
{
    static char memory[64 * KIB];
    stack_t own = {.ss_sp = memory, .ss_size = sizeof memory}, current;
    check(sigaltstack(&own, NULL) == 0);
    struct sigaction action = {.sa_handler = on_fault_simple}, found;
    check(sigaction(SIGSEGV, &action, NULL) == 0);
    overflow_uninstall(); /* without an install: nothing */
    check(overflow_install(describe) == 0);
    check(overflow_install(describe) == 0);
    overflow_uninstall();
    check(sigaltstack(NULL, &current) == 0 && current.ss_sp != memory);
    check(sigaction(SIGSEGV, NULL, &found) == 0 && found.sa_handler != on_fault_simple);
    overflow_uninstall();
    check(sigaltstack(NULL, &current) == 0 && current.ss_sp == memory);
    check(sigaction(SIGSEGV, NULL, &found) == 0 && found.sa_handler == on_fault_simple);

    /* Somebody's handler on top of ours stays there. */
    check(overflow_install(describe) == 0);
    check(sigaction(SIGSEGV, &action, NULL) == 0);
    overflow_uninstall();
    check(sigaction(SIGSEGV, NULL, &found) == 0 && found.sa_handler == on_fault_simple);
    check(overflow_install(describe) == 0);
    check(sigaction(SIGSEGV, NULL, &found) == 0 && found.sa_handler == on_fault_simple);
}

static void test_uninstall(void **state)
{
    (void)state;
    assert_exited(in_child(uninstall), 0);
}

static void test_put(void **state)
{
    (void)state;
    char buffer[8];
    assert_int_equal(overflow_put_text(buffer, sizeof buffer, 0, "ab"), 2);
    assert_int_equal(overflow_put_number(buffer, sizeof buffer, 2, 0), 3);
    assert_string_equal(buffer, "ab0");
    assert_int_equal(overflow_put_number(buffer, sizeof buffer, 3, 1234567), 7);
    assert_string_equal(buffer, "ab01234");
    assert_int_equal(overflow_put_text(buffer, sizeof buffer, 7, "x"), 7);
    assert_string_equal(buffer, "ab01234");
    assert_int_equal(overflow_put_number(buffer, sizeof buffer, 0, 18446), 5);
    assert_string_equal(buffer, "18446");
}

static int run_group(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_overflow_report, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow_in_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstall, setup, teardown),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    return run_once_a_guard(run_group);
}
