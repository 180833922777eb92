/* SPDX-License-Identifier: MIT */
/*
 * Work for the processor goes to other processes, and its results come back.
 * Tutorial: Corey Schafer's, "Using Processes for CPU-Bound Work".
 *
 *     with ProcessPoolExecutor(max_workers=os.cpu_count()) as executor:
 *         task1 = loop.run_in_executor(executor, process_single_item, data1)
 *         task2 = loop.run_in_executor(executor, process_single_item, data2)
 *         result1 = await task1
 *         result2 = await task2
 *
 * The struct is copied to the process and back, so pointers in it would be of no use there. Instead
 * of Python's `if __name__ == '__main__'` there is one call to make first thing in main().
 */
#include <stdio.h>
#include <eddy.h>

struct process_single_item {
    int below;
    int primes; /* the result */
};

/* Counts the prime numbers below `below`, the slow way: computes, and never waits. */
static int process_single_item(struct process_single_item *a)
{
    for (int n = 2; n < a->below; n++) {
        bool prime = true;
        for (int divisor = 2; prime && divisor * divisor <= n; divisor++)
            prime = n % divisor != 0;
        a->primes += prime;
    }
    return 0;
}

struct in_process {
    eddy_pool *pool;
    struct process_single_item *job;
};

static EDDY_ASYNC int in_process(struct in_process *a)
{
    return eddy_run_in(a->pool, process_single_item, a->job);
}

static EDDY_ASYNC int main_task(void)
{
    eddy_pool *pool;
    int err = eddy_process_pool_open(&pool, NULL); /* as many workers as there are processors */
    if (err < 0)
        return err;
    struct process_single_item job1 = {.below = 100000}, job2 = {.below = 200000};
    eddy_with_group (group, &err) {
        eddy_spawn(group, in_process, .pool = pool, .job = &job1);
        eddy_spawn(group, in_process, .pool = pool, .job = &job2);
    }
    eddy_pool_close(pool);
    if (err < 0)
        return err;
    printf("[%d, %d]\n", job1.primes, job2.primes);
    return 0;
}

int main(void)
{
    if (eddy_process_pool_init() < 0) {
        eddy_failure_print(eddy_last_failure(), stderr);
        return 1;
    }
    return eddy_run(main_task) < 0;
}
