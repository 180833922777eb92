/* SPDX-License-Identifier: MIT */
/* Stacks, guards and the report of an overflow: all of it once a kind of guard. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>
#include "eddy/failure.h"
#include "feature.h"
#include "overflow.h"
#include "stack.h"

enum { KIB = 1024, MANY = 300 };

static struct stack_pool pool;
static struct stack *stacks[MANY];
static size_t page;
static bool guard_install_masked; /* this run is the one with mprotect */

static int setup(void **state)
{
    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    return stack_pool_init(&pool, 64 * KIB, 0);
}

static int teardown(void **state)
{
    (void)state;
    stack_pool_destroy(&pool);
    return 0;
}

static void take(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        stacks[i] = stack_take(&pool);
        assert_non_null(stacks[i]);
    }
}

static void put(size_t count)
{
    while (count-- > 0)
        stack_put(&pool, stacks[count]);
}

/* Asks the kernel to write there: an errno instead of a signal. */
static bool writable(char *address)
{
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(zero >= 0);
    ssize_t size = read(zero, address, 1);
    int error = errno;
    (void)close(zero);
    assert_true(size == 1 || error == EFAULT);
    return size == 1;
}

static void check_guard(const struct stack *stack)
{
    char *guard = stack->bottom - pool.guard;
    for (size_t offset = 0; offset < pool.guard; offset += page)
        assert_false(writable(guard + offset));
    assert_false(writable(stack->bottom - 1));
    assert_true(writable(stack->bottom));
    assert_true(writable(stack->top - 1));
}

static void test_sizes(void **state)
{
    (void)state;
    struct stack_pool other;
    assert_int_equal(stack_pool_init(&other, 0, 0), -EINVAL);
    assert_int_equal(stack_pool_init(&other, 28 * KIB - 1, 0), -EINVAL);
    assert_int_equal(stack_pool_init(&other, (1 << 30) + 1, 0), -EINVAL);
    assert_int_equal(stack_pool_init(&other, SIZE_MAX, 0), -EINVAL);
    assert_int_equal(stack_pool_init(&other, 64 * KIB, SIZE_MAX), -EINVAL);

    const struct {
        size_t size, guard, want_size, want_guard;
    } cases[] = {
        {28 * KIB, 0, 28 * KIB, 1},          {28 * KIB + 1, 0, 32 * KIB, 1},
        {64 * KIB, 0, 64 * KIB, 1},          {64 * KIB + 1, 0, 68 * KIB, 64 * KIB},
        {256 * KIB, 0, 256 * KIB, 64 * KIB}, {256 * KIB, 5 * KIB, 256 * KIB, 8 * KIB},
        {1 << 30, 0, 1 << 30, 64 * KIB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(stack_pool_init(&other, cases[i].size, cases[i].guard), 0);
        assert_int_equal(other.size, (cases[i].want_size + page - 1) / page * page);
        assert_int_equal(other.guard, (cases[i].want_guard + page - 1) / page * page);
        struct stack *stack = stack_take(&other);
        assert_non_null(stack);
        assert_true((size_t)(stack->top - stack->bottom) <= other.size);
        assert_true((size_t)(stack->top - stack->bottom) > other.size - KIB);
        stack_put(&other, stack);
        stack_pool_destroy(&other);
    }
}

static void test_guard_kind(void **state)
{
    (void)state;
    if (guard_install_masked) {
        assert_int_equal(pool.guard_kind, STACK_GUARD_MPROTECT);
        return;
    }
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    bool works = madvise(memory, page, 102) == 0 && !writable(memory);
    (void)munmap(memory, page);
    assert_int_equal(pool.guard_kind, works && feature_allowed(FEATURE_GUARD_INSTALL)
                                          ? STACK_GUARD_INSTALL
                                          : STACK_GUARD_MPROTECT);
    if (!works) {
        printf("SKIP: this kernel has no MADV_GUARD_INSTALL\n");
        skip();
    }
}

static void test_guards_fault(void **state)
{
    (void)state;
    take(3);
    for (size_t i = 0; i < 3; i++)
        check_guard(stacks[i]);
    put(3);
}

static void test_reuse_is_lifo(void **state)
{
    (void)state;
    take(3);
    assert_int_equal(pool.live, 3);
    assert_int_equal(pool.made, 3);
    stack_put(&pool, stacks[1]);
    stack_put(&pool, stacks[0]);
    stack_put(&pool, stacks[2]);
    assert_int_equal(pool.live, 0);
    assert_int_equal(pool.warm_count, 3);
    assert_ptr_equal(stack_take(&pool), stacks[2]);
    assert_ptr_equal(stack_take(&pool), stacks[0]);
    assert_ptr_equal(stack_take(&pool), stacks[1]);
    assert_int_equal(pool.made, 3);
    assert_int_equal(pool.live, 3);
    assert_int_equal(pool.warm_count, 0);
    put(3);
}

static void test_colours(void **state)
{
    (void)state;
    take(32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(stacks[i]->index, i);
        assert_int_equal((uintptr_t)stacks[i]->top % 64, 0);
        assert_int_equal((uintptr_t)stacks[i]->bottom % page, 0);
        assert_int_equal(stacks[i]->top, stacks[i]->bottom + pool.size - i % 16 * 64);
    }
    put(32);
}

static void test_smallest_hundred(void **state)
{
    (void)state;
    stack_pool_destroy(&pool);
    assert_int_equal(stack_pool_init(&pool, 28 * KIB, 0), 0);
    take(100);
    for (size_t i = 0; i < 100; i++)
        memset(stacks[i]->bottom, (int)i + 1, (size_t)(stacks[i]->top - stacks[i]->bottom));
    for (size_t i = 0; i < 100; i++) {
        for (const char *byte = stacks[i]->bottom; byte < stacks[i]->top; byte++)
            assert_int_equal(*byte, i + 1); /* nobody else's */
        assert_false(writable(stacks[i]->bottom - 1));
    }
    put(100);
}

static void test_largest(void **state)
{
    (void)state;
    stack_pool_destroy(&pool);
    assert_int_equal(stack_pool_init(&pool, STACK_SIZE_MAX, 0), 0);
    take(3);
    for (size_t i = 0; i < 3; i++)
        check_guard(stacks[i]);
    put(3);
}

static void test_trim(void **state)
{
    (void)state;
    take(MANY);
    for (size_t i = 0; i < MANY; i++)
        memset(stacks[i]->bottom, 1, (size_t)(stacks[i]->top - stacks[i]->bottom));
    assert_false(stack_pool_trim(&pool));
    put(MANY); /* the last ones get the bottom of the LIFO */
    const size_t surplus = MANY - STACK_KEEP_WARM;
    size_t calls = 1;
    while (stack_pool_trim(&pool))
        calls++;
    assert_int_equal(calls, (surplus + STACK_TRIM_BATCH - 1) / STACK_TRIM_BATCH);
    assert_int_equal(pool.warm_count, STACK_KEEP_WARM);
    for (size_t i = 0; i < MANY; i++) {
        const struct stack *stack = stacks[i];
        assert_int_equal(*stack->bottom, i < STACK_KEEP_WARM);
        assert_int_equal(stack->top[-1], i < STACK_KEEP_WARM);
        check_guard(stack);
    }

    take(MANY); /* all of them again, and no new ones */
    assert_int_equal(pool.made, MANY);
    assert_int_equal(pool.live, MANY);
    for (size_t i = 0; i < MANY; i++)
        stacks[i]->bottom[1] = 2;
    size_t distinct = 0;
    for (size_t i = 0; i < MANY; i++) {
        distinct += stacks[i]->bottom[1] == 2;
        stacks[i]->bottom[1] = 3;
    }
    assert_int_equal(distinct, MANY);
    put(MANY);
}

static void test_find_guard(void **state)
{
    (void)state;
    int local = 0;
    assert_null(stack_pool_find_guard(&pool, &local));
    take(100); /* two slabs */
    for (size_t i = 0; i < 100; i++) {
        const char *bottom = stacks[i]->bottom;
        assert_ptr_equal(stack_pool_find_guard(&pool, bottom - 1), stacks[i]);
        assert_ptr_equal(stack_pool_find_guard(&pool, bottom - pool.guard), stacks[i]);
        assert_null(stack_pool_find_guard(&pool, bottom));
        assert_null(stack_pool_find_guard(&pool, bottom + pool.size - 1));
    }
    assert_null(stack_pool_find_guard(&pool, stacks[99]->bottom + pool.size)); /* not made */
    assert_null(stack_pool_find_guard(&pool, NULL));
    assert_null(stack_pool_find_guard(&pool, &local));
    put(100);
}

/* ---- in a child, for what can't be undone ---- */

static char output[16 * KIB]; /* what the child wrote to stderr */

/* Runs function in a child: its wait status. */
static int in_child(void (*function)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[1]);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's and ASan's */
        (void)signal(SIGBUS, SIG_DFL);
        function();
        exit(0);
    }
    (void)close(ends[1]);
    size_t used = 0;
    for (ssize_t size = 1; size > 0; used += (size_t)size) {
        size = read(ends[0], output + used, sizeof output - 1 - used);
        assert_true(size >= 0);
    }
    output[used] = '\0';
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void assert_exited(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

static void assert_killed(int status, int number)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != number)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

static void exhaust_address_space(void)
{
    (void)setrlimit(RLIMIT_AS, &(struct rlimit){256 << 20, 256 << 20});
    check(stack_pool_init(&pool, 1 << 20, 0) == 0);
    struct stack *stack, *list = NULL;
    while (errno = 0, (stack = stack_take(&pool))) {
        check(writable(stack->bottom) && !writable(stack->bottom - 1));
        stack->next = list;
        list = stack;
    }
    check(errno == ENOMEM);
    check(pool.live == pool.made && pool.live < 256);
    check(eddy_failure_code(eddy_last_failure()) == -ENOMEM);
    stack = list;
    list = list->next;
    stack_put(&pool, stack);
    check(stack_take(&pool) == stack); /* the rest goes on working */
    check(!stack_take(&pool));
}

static void test_no_address_space(void **state)
{
    (void)state;
    if (EDDY_ASAN || EDDY_TSAN) {
        printf("SKIP: a sanitizer needs more address space than the test allows\n");
        skip();
    }
    if (getenv("EDDY_EMULATOR")) {
        printf("SKIP: the emulator limits no address space\n");
        skip();
    }
    assert_exited(in_child(exhaust_address_space), 0);
}

static long max_map_count(void)
{
    long count = -1;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file) {
        if (fscanf(file, "%ld", &count) != 1)
            count = -1;
        (void)fclose(file);
    }
    return count;
}

static void exhaust_mappings(void)
{
    check(stack_pool_init(&pool, 28 * KIB, 0) == 0);
    check(pool.guard_kind == STACK_GUARD_MPROTECT);
    while (errno = 0, stack_take(&pool))
        continue;
    check(errno == ENOMEM);
    check(pool.made > 1000);
    check(strstr(eddy_failure_message(eddy_last_failure()), "vm.max_map_count"));
    check(!stack_take(&pool));
}

static void test_no_mappings(void **state)
{
    (void)state;
    long count = max_map_count();
    bool slow = EDDY_ASAN || EDDY_TSAN;
#ifdef EDDY_HAVE_VALGRIND
    slow = slow || RUNNING_ON_VALGRIND;
#endif
    if (slow || !guard_install_masked || count < 0 || count > 100000) {
        printf("SKIP: %s\n", slow                    ? "too slow under sanitizers"
                             : !guard_install_masked ? "only guards by mprotect run out of mappings"
                                                     : "the system allows too many mappings");
        skip();
    }
    assert_exited(in_child(exhaust_mappings), 0);
}

static void lock_memory(void)
{
    check(stack_pool_init(&pool, 28 * KIB, 0) == 0);
    if (mlockall(MCL_FUTURE) < 0)
        return; /* not allowed */
    struct stack *stack = stack_take(&pool);
    if (!stack)
        return; /* RLIMIT_MEMLOCK */
    check(!writable(stack->bottom - 1));
    check(writable(stack->bottom));
}

static void test_memory_locked_later(void **state)
{
    (void)state;
    assert_exited(in_child(lock_memory), 0);
}

/* ---- the report of an overflow ---- */

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
    size_t lines = 0; /* "./test_stack(+0x3a4e)[0x55d0c7a51a4e]" */
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
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guards_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reuse_is_lifo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smallest_hundred, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trim, setup, teardown),
        cmocka_unit_test_setup_teardown(test_find_guard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_address_space, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_mappings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_locked_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow_report, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow_in_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uninstall, setup, teardown),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* The mask is read once a process, so each kind of guard gets a process of its own. */
int main(void)
{
    bool failed = false;
    for (int masked = 0; masked < 2; masked++) {
        pid_t child = fork();
        if (child == 0) {
            guard_install_masked = masked;
            if (masked)
                (void)setenv("EDDY_MASK", "guard-install", 1);
            exit(run_group(masked ? "guards by mprotect" : "the best guards there are"));
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            failed = true;
    }
    return failed;
}
