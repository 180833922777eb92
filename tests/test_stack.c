/* SPDX-License-Identifier: MIT */
/*
 * Stacks and guards: all of it once a kind of guard. The report of an overflow is
 * test_stack_overflow.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "eddy/failure.h"
#include "feature.h"
#include "support/stack_test.h"

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

/* What was in use at any of the calls of a second stays. */
static void test_trim_keeps_what_bursts_need(void **state)
{
    (void)state;
    const size_t burst = (MANY - STACK_KEEP_WARM) / 2;
    take(MANY);
    put(MANY);
    assert_int_equal(stack_pool_trim(&pool, 0), STACK_TRIM_AFTER_NS);
    take(burst);
    assert_int_equal(stack_pool_trim(&pool, 1), STACK_TRIM_AFTER_NS - 1);
    put(burst);
    for (int64_t now = STACK_TRIM_AFTER_NS; stack_pool_trim(&pool, now) == 0;)
        assert_in_range(pool.warm_count, STACK_KEEP_WARM + burst, MANY);
    assert_int_equal(pool.warm_count, STACK_KEEP_WARM + burst);

    /* Then all of it is taken, so nothing is surplus any more. */
    take(MANY);
    assert_int_equal(stack_pool_trim(&pool, 3 * (int64_t)STACK_TRIM_AFTER_NS), -1);
    put(MANY);
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
    assert_int_equal(stack_pool_trim(&pool, 0), -1);
    put(MANY); /* the last ones get the bottom of the LIFO */
    const size_t surplus = MANY - STACK_KEEP_WARM;
    assert_int_equal(stack_pool_trim(&pool, 7), STACK_TRIM_AFTER_NS);
    assert_int_equal(stack_pool_trim(&pool, 7 + STACK_TRIM_AFTER_NS - 1), 1);
    assert_int_equal(pool.warm_count, MANY);
    size_t calls = 0;
    while (stack_pool_trim(&pool, 7 + STACK_TRIM_AFTER_NS) == 0)
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
        cmocka_unit_test_setup_teardown(test_trim_keeps_what_bursts_need, setup, teardown),
        cmocka_unit_test_setup_teardown(test_find_guard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_address_space, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_mappings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_locked_later, setup, teardown),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    return run_once_a_guard(run_group);
}
