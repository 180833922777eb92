/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 7: computing in a task.
 * Tutorial: TechPulse guide, "Overusing asyncio for CPU-bound work".
 *
 *     If your bottleneck is computation, not waiting, asyncio adds complexity without adding speed.
 *
 * Tasks take turns, and one that computes doesn't end its turn. In a thread (or, with
 * eddy_process_pool_open, a process) it computes beside the loop. What catches it: the watchdog,
 * which tells "computing" from "blocked".
 */
#include <stdint.h>
#include <stdio.h>
#include <eddy.h>

struct sum {
    uint64_t *result;
    int in_thread;
};

static int compute(struct sum *a)
{
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= 2000000; i++)
        sum += i;
    *a->result = sum;
    return 0;
}

static EDDY_ASYNC int sum(struct sum *a)
{
    printf("  sum begins\n");
    int r = a->in_thread ? eddy_to_thread(compute, a) : compute(a);
    printf("  sum ends: %llu\n", (unsigned long long)*a->result);
    return r;
}

static EDDY_ASYNC int heartbeat(void)
{
    printf("  heartbeat\n");
    return 0;
}

static EDDY_ASYNC int main_task(void)
{
    uint64_t result = 0;
    int err = 0;
    for (int correct = 0; correct < 2 && err == 0; correct++) {
        printf("%s:\n", correct ? "correct" : "wrong");
        eddy_with_group (group, &err) {
            eddy_spawn(group, sum, .result = &result, .in_thread = correct);
            eddy_spawn(group, heartbeat);
        }
    }
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
