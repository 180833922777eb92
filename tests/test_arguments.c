/* SPDX-License-Identifier: MIT */
/*
 * A task's arguments: typed, named, copied. What compiles and what doesn't is
 * test_arguments_compile.
 */
#include "support/test.h"

/* ---- what arrives ---- */

struct three {
    int first, second;
    const char *text;
    int *out;
};

static int three(struct three *a)
{
    *a->out = a->first * 100 + a->second * 10 + (a->text == NULL);
    return 0;
}

TEST(fields_not_named_are_zero)
{
    int out[3], err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, three, .second = 7, .out = &out[0]);
        eddy_spawn(g, three, .out = &out[1], .text = "");
        eddy_spawn(g, three, 3, 2, "", &out[2]); /* names can be left out, too */
    }
    CHECK_INT(out[0], 71);
    CHECK_INT(out[1], 0);
    CHECK_INT(out[2], 320);
    return err;
}

struct whole {
    struct three inner;
    int array[4];
    double number;
    bool flag;
};

static int whole(struct whole *a)
{
    return a->inner.first + a->array[0] + a->array[3] + (int)a->number + a->flag;
}

TEST(structs_and_arrays_are_fields_like_others)
{
    struct three inner = {.first = 1000};
    eddy_task *task = eddy_create_task(whole, .inner = inner, .array = {100, [3] = 20}, .number = 3,
                                       .flag = true);
    CHECK_INT(eddy_await(task), 1124);
    return eddy_task_release(task);
}

__attribute__((__noinline__)) static eddy_task *from_a_deeper_frame(int *out)
{
    int here = 4;
    struct three arguments = {.first = here, .second = here + 1, .out = out};
    return eddy_create_task(three, arguments.first, arguments.second, .out = arguments.out);
}

__attribute__((__noinline__)) static void overwrite_the_frame(void)
{
    volatile char bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0x55;
}

TEST(copies_survive_the_frame_they_were_made_in)
{
    int out = 0;
    eddy_task *task = from_a_deeper_frame(&out);
    overwrite_the_frame();
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(out, 451);
    return eddy_task_release(task);
}

struct cell {
    int n;
    int **seen;
};

static int cell(struct cell *a)
{
    *a->seen = &a->n;
    int r = eddy_sleep(1); /* others run meanwhile, each on its own copy */
    return r < 0 ? r : a->n;
}

TEST(each_task_has_a_copy_of_its_own)
{
    eddy_task *tasks[3];
    int *seen[3], results[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(cell, .n = i, .seen = &seen[i]);
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(results[i], i);
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    CHECK(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    return 0;
}

TEST(expressions_are_evaluated_once)
{
    int n = 5, *seen, calls = 0;
    eddy_task *task = eddy_create_task(cell, .n = n++, .seen = (calls++, &seen));
    CHECK_INT(n, 6);
    CHECK_INT(calls, 1);
    CHECK_INT(eddy_await(task), 5);
    CHECK_INT(eddy_task_release(task), 0);
    struct cell cells[2] = {{1, &seen}, {2, &seen}}, *next = cells;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_on(g, cell, next++);
    }
    CHECK(next == &cells[1]);
    calls = 0;
    CHECK_INT(eddy_wait_for((calls++, eddy_sleep(1)), (calls++, 2.0)), 0);
    CHECK_INT(calls, 2);
    return err;
}

struct aligned_32 {
    char before;
    _Alignas(32) char bytes[32];
    uintptr_t *address;
};
static int aligned_32(struct aligned_32 *a)
{
    *a->address = (uintptr_t)a;
    return a->bytes[31];
}

struct aligned_64 {
    _Alignas(64) char bytes[64];
    uintptr_t *address;
};
static int aligned_64(struct aligned_64 *a)
{
    *a->address = (uintptr_t)a;
    return a->bytes[63];
}

TEST(alignment_is_honoured)
{
    uintptr_t address_32 = 1, address_64 = 1;
    for (int i = 0; i < 20; i++) { /* on fresh stacks and on recycled ones */
        eddy_task *first = eddy_create_task(aligned_32, .bytes = {[31] = 5},
                                            .address = &address_32);
        eddy_task *second = eddy_create_task(aligned_64, .bytes = {[63] = 6},
                                             .address = &address_64);
        CHECK_INT(eddy_await(first), 5);
        CHECK_INT(eddy_await(second), 6);
        CHECK_INT(address_32 % 32, 0);
        CHECK_INT(address_64 % 64, 0);
        CHECK_INT(eddy_task_release(first), 0);
        CHECK_INT(eddy_task_release(second), 0);
    }
    return 0;
}

struct large {
    unsigned char bytes[1024];
};
static int large(struct large *a)
{
    int sum = 0;
    for (size_t i = 0; i < sizeof a->bytes; i++)
        sum += a->bytes[i];
    int r = eddy_sleep(1); /* a frame below it must not touch it */
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof a->bytes; i++)
        sum -= a->bytes[i];
    return sum == 0 ? a->bytes[0] + a->bytes[1023] : -EBADMSG;
}

TEST(a_struct_may_have_1024_bytes)
{
    eddy_task *task = eddy_create_task(large, .bytes = {[0] = 3, [500] = 200, [1023] = 4});
    overwrite_the_frame();
    CHECK_INT(eddy_await(task), 7);
    return eddy_task_release(task);
}

static int nothing(void)
{
    return 12;
}

TEST(a_function_may_take_nothing)
{
    eddy_task *task = eddy_create_task(nothing);
    CHECK_INT(eddy_await(task), 12);
    return eddy_task_release(task);
}

struct job {
    int in, out;
};
static int twice(struct job *a)
{
    a->out = a->in * 2;
    return a->out;
}
static int thrice(struct job *a)
{
    a->out = a->in * 3;
    return a->out;
}

TEST(several_functions_share_a_struct)
{
    int err;
    eddy_task *task = eddy_create_task_as(thrice, struct job, .in = 5);
    CHECK_INT(eddy_await(task), 15);
    CHECK_INT(eddy_task_release(task), 0);
    eddy_with_group (g, &err) {
        eddy_task *two = eddy_spawn_as(g, twice, struct job, .in = 5);
        eddy_task *three = eddy_spawn_as(g, thrice, struct job, 5);
        CHECK_INT(eddy_await(two), 10);
        CHECK_INT(eddy_await(three), 15);
    }
    return err;
}

TEST(a_struct_of_the_callers_goes_in_and_out)
{
    struct job jobs[3] = {{.in = 1}, {.in = 2}, {.in = 3}};
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn_on(g, twice, &jobs[i]);
    }
    CHECK_INT(jobs[0].out, 2);
    CHECK_INT(jobs[1].out, 4);
    CHECK_INT(jobs[2].out, 6);
    return err;
}

struct many {
    int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20,
        a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31;
};
static int many(struct many *a)
{
    int sum = 0;
    for (int i = 0; i < 31; i++)
        sum += (&a->a1)[i] == i + 1;
    return sum;
}

TEST(up_to_31_fields_can_be_named)
{
    eddy_task *task = eddy_create_task(
        many, .a1 = 1, .a2 = 2, .a3 = 3, .a4 = 4, .a5 = 5, .a6 = 6, .a7 = 7, .a8 = 8, .a9 = 9,
        .a10 = 10, .a11 = 11, .a12 = 12, .a13 = 13, .a14 = 14, .a15 = 15, .a16 = 16, .a17 = 17,
        .a18 = 18, .a19 = 19, .a20 = 20, .a21 = 21, .a22 = 22, .a23 = 23, .a24 = 24, .a25 = 25,
        .a26 = 26, .a27 = 27, .a28 = 28, .a29 = 29, .a30 = 30, .a31 = 31);
    CHECK_INT(eddy_await(task), 31);
    return eddy_task_release(task);
}

struct sum {
    int left, right;
};
static int sum(struct sum *a)
{
    return a->left + a->right;
}

PLAIN_TEST(the_main_task_takes_arguments_too)
{
    struct eddy_options options = {.virtual_clock = true};
    EXPECT_INT(eddy_run_with(&options, sum, .left = 3), 3);
    EXPECT_INT(eddy_run(sum, 3, .right = 4), 7);
}
