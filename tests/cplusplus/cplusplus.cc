// SPDX-License-Identifier: MIT
// eddy from C++11 on: arguments deduced by a template, blocks, exceptions through blocks.
// Prints what went wrong; run.sh builds it with each compiler and standard.
#include <eddy.h>
#include <cstdio>
#include <stdexcept>
#include <string>

static int failed;

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (void)(failed++, std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,          \
                                                 __LINE__, #condition)))

static eddy_lock lock = EDDY_LOCK_INIT;
static eddy_semaphore permits = EDDY_SEMAPHORE_INIT(1);

// ---- arguments ----

struct add {
    int left;
    int right;
    int *sum;
};

static int add(struct add *a) // a struct of the function's name, as in C
{
    int r = eddy_sleep(1);
    if (r < 0)
        return r;
    if (a->sum)
        *a->sum = a->left + a->right;
    return a->left + a->right;
}

struct job {
    int in;
    int out;
};

static int twice(job *a) // or any other
{
    return a->out = 2 * a->in;
}

static int calm(job *a) noexcept
{
    return a->in;
}

static int tick()
{
    return eddy_sleep(1);
}

struct alignas(64) wide {
    unsigned char bytes[1024];
};

static int wide_sum(wide *a)
{
    CHECK(reinterpret_cast<uintptr_t>(a) % 64 == 0);
    return a->bytes[0] + a->bytes[1023];
}

static eddy_task *from_a_deeper_frame()
{
    wide here = {};
    here.bytes[1023] = 7;
    return eddy_create_task(wide_sum, here);
}

template <class Arguments> static int generic(Arguments *a)
{
    return static_cast<int>(sizeof *a);
}

static int arguments()
{
    int sum = 0;
    int r = -1;
    eddy_task *task = eddy_create_task(add, 40, 2, &sum);
    CHECK(eddy_await(task) == 42 && sum == 42);
    eddy_task_release(task);

    task = eddy_create_task(add, 40); // not given: zero
    CHECK(eddy_await(task) == 40);
    eddy_task_release(task);

    task = eddy_create_task(add, {});
    CHECK(eddy_await(task) == 0);
    eddy_task_release(task);

    task = from_a_deeper_frame();
    CHECK(eddy_await(task) == 7);
    eddy_task_release(task);

#if __cplusplus >= 202002L
    task = eddy_create_task(add, .left = 1, .right = 2);
    CHECK(eddy_await(task) == 3);
    eddy_task_release(task);
#endif

    int error;
    job in_out = {21, 0};
    eddy_with_group (group, &error) {
        eddy_spawn(group, tick);
        eddy_spawn(group, add, 1, 2);
        eddy_spawn(group, twice, 3);
        eddy_spawn_as(group, calm, job, 4);
        eddy_spawn_as(group, calm, struct job, 4);
        eddy_spawn_on(group, twice, &in_out);
        eddy_spawn(group, generic<job>, 1, 2);
        eddy_spawn(group, []() -> int { return eddy_sleep(0); });
        eddy_task *nested = eddy_spawn(group, calm, eddy_wait_for(eddy_wait_for(tick(), 2), 2.0));
        CHECK(eddy_await(nested) == 0);
    }
    CHECK(error == 0 && in_out.out == 42);

    job jobs[3] = {{1, 0}, {2, 0}, {3, 0}};
    int results[3];
    r = eddy_map(2, twice, jobs, 3, results);
    CHECK(r == 0 && results[2] == 6 && jobs[0].out == 2);
    r = eddy_to_thread(twice, &in_out);
    CHECK(r == 42);
    r = eddy_to_thread_abandon(twice, &in_out);
    CHECK(r == 42);
    return 0;
}

// ---- blocks ----

static int blocks()
{
    int error = 1, inner = 1, ran = 0, r;
    eddy_with_timeout (1.0, &error)
        r = eddy_sleep(10);
    CHECK(error == -ETIMEDOUT && r == -ECANCELED);
    eddy_with_timeout_at (eddy_time() + 1, &error)
        r = eddy_sleep(10);
    CHECK(error == -ETIMEDOUT);
    r = eddy_wait_for(eddy_sleep(10), 1.0);
    CHECK(r == -ETIMEDOUT);
    eddy_with_timeout (0, &error) {
        r = eddy_sleep(1);
        eddy_with_shield (2.0)
            CHECK(eddy_sleep(1) == 0);
    }
    CHECK(error == -ETIMEDOUT);
    eddy_with_lock (&lock, &error)
        eddy_with_semaphore (&permits, &inner)
            ran += eddy_lock_locked(&lock) && eddy_semaphore_locked(&permits);
    CHECK(ran == 1 && error == 0 && inner == 0);
    CHECK(!eddy_lock_locked(&lock) && !eddy_semaphore_locked(&permits));

    eddy_with_group (group, &error, .policy = EDDY_RUN_ALL)
        eddy_spawn(group, tick);
    CHECK(error == 0);
    eddy_with_group (group, &error) {
        eddy_spawn(group, calm, -EIO);
        eddy_spawn(group, tick);
    }
    CHECK(error == -EIO && eddy_failure_count(eddy_last_failure()) == 1);

    eddy_queue queue;
    int item = 7;
    r = eddy_queue_open(&queue, sizeof item, 1);
    CHECK(r == 0 && eddy_queue_put(&queue, &item) == 0);
    item = 0;
    CHECK(eddy_queue_get(&queue, &item) == 0 && item == 7);
    eddy_queue_close(&queue);
    return eddy_fail(-EDOM, "said in %s", "C++") == -EDOM ? 0 : -EBADMSG;
}

// ---- exceptions ----

static int cancelled_children;

static int waits()
{
    int r = eddy_sleep(100);
    cancelled_children += r == -ECANCELED;
    return r;
}

struct says_goodbye {
    bool *said;

    ~says_goodbye() // clean-up that awaits, while an exception is on its way
    {
        eddy_with_shield (5.0)
            *said = eddy_sleep(1) == 0;
    }
};

static void throws_in_all_blocks(bool *said)
{
    int error;
    eddy_with_group (group, &error) {
        eddy_spawn(group, waits);
        eddy_spawn(group, waits);
        eddy_with_timeout (50.0, &error) {
            eddy_with_lock (&lock, &error) {
                eddy_with_semaphore (&permits, &error) {
                    eddy_with_shield (1.0) {
                        says_goodbye guest = {said};
                        CHECK(eddy_sleep(1) == 0);
                        throw std::runtime_error("over the edge");
                    }
                }
            }
        }
    }
}

static int throws_through_blocks()
{
    bool said = false;
    std::string what;
    cancelled_children = 0;
    double start = eddy_time();
    try {
        throws_in_all_blocks(&said);
    } catch (const std::runtime_error &error) {
        what = error.what();
    }
    CHECK(what == "over the edge");
    CHECK(said);
    CHECK(!eddy_lock_locked(&lock) && !eddy_semaphore_locked(&permits));
    CHECK(cancelled_children == 2);                                // cancelled
    CHECK(eddy_all_tasks(nullptr, 0) == 1);                        // and joined
    CHECK(eddy_time() > start + 1.5 && eddy_time() < start + 2.5); // without waiting for them
    CHECK(!eddy_cancelled());
    CHECK(eddy_sleep(100) == 0); // nor does the timeout's timer fire any more
    return 0;
}

static int throws_in_wait_for()
{
    int caught = 0, r = 0;
    try {
        r = eddy_wait_for(([]() -> int { throw 5; }()), 1.0);
    } catch (int number) {
        caught = number;
    }
    CHECK(caught == 5 && r == 0);
    CHECK(eddy_sleep(2) == 0);
    return 0;
}

struct catches {
    int number;
    double seconds;
};

static int catches(struct catches *a)
{
    int caught = 0;
    try {
        bool said = false;
        says_goodbye guest = {&said};
        CHECK(eddy_sleep(a->seconds) == 0);
        throw a->number;
    } catch (int number) {
        caught = number;
    }
    return caught == a->number ? eddy_sleep(1) : -EBADMSG;
}

static int many_tasks_throw_at_once()
{
    int error;
    eddy_with_group (group, &error)
        for (int i = 0; i < 50; i++)
            eddy_spawn(group, catches, i, i % 3 * 0.5);
    return error;
}

struct holds {
    int number;
    double before, inside;
};

static int holds(struct holds *a)
{
    std::string expected = "exception number " + std::to_string(a->number), said;
    int r = eddy_sleep(a->before);
    try {
        throw std::runtime_error(expected);
    } catch (const std::runtime_error &) {
        r = eddy_sleep(a->inside); // others come and go in their own catch blocks
        try {
            throw;
        } catch (const std::runtime_error &error) {
            said = error.what();
        }
    }
    CHECK(said == expected);
    return r;
}

static int a_task_suspends_while_it_handles_an_exception()
{
    int error;
    eddy_with_group (group, &error) { // not last in, first out
        eddy_spawn(group, holds, 1, 0, 2);
        eddy_spawn(group, holds, 2, 1, 2);
        eddy_spawn(group, holds, 3, 1.5, 1);
    }
    return error;
}

static int run(const char *name, int (*body)())
{
    eddy_options options = {};
    options.virtual_clock = true;
    int r = eddy_run_with(&options, body);
    if (r < 0)
        std::fprintf(stderr, "%s ended with %s\n", name, eddy_error_name(r));
    return r < 0;
}
#define RUN(body) run(#body, body)

int main()
{
    failed += RUN(arguments) + RUN(blocks) + RUN(throws_through_blocks) + RUN(throws_in_wait_for) +
              RUN(many_tasks_throw_at_once) + RUN(a_task_suspends_while_it_handles_an_exception);
    return failed != 0;
}
