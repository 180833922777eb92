/* SPDX-License-Identifier: MIT */
/*
 * What a task says about itself: before it begins, while it waits, when it is done.
 * Tutorial: Corey Schafer's, "Tasks".
 *
 *     async def main():
 *         task = asyncio.create_task(async_function("Test"))
 *         print(task)
 *         task_result = await task
 *         print(task_result)
 *
 * Printed are the state, the name, the function, where it was spawned, and what it waits for. The
 * main task is Task-1. Two lines are added to the tutorial's: a second later, and at the end.
 */
#include <stdio.h>
#include <eddy.h>

struct result {
    char text[64];
};

struct async_function {
    const char *test_param;
    struct result *result;
};

static EDDY_ASYNC int async_function(struct async_function *a)
{
    printf("This is an asynchronous coroutine function.\n");
    int r = eddy_sleep(3.0);
    if (r < 0)
        return r;
    snprintf(a->result->text, sizeof a->result->text, "Async Result: %s", a->test_param);
    return 0;
}

static void print_task(const eddy_task *task)
{
    char text[256];
    eddy_task_describe(task, text, sizeof text);
    printf("%s\n", text);
}

static EDDY_ASYNC int main_task(void)
{
    struct result result;
    eddy_task *task = eddy_create_task(async_function, .test_param = "Test", .result = &result);
    print_task(task);
    int r = eddy_sleep(1.0);
    print_task(task);
    if (r == 0)
        r = eddy_await(task);
    if (r == 0)
        printf("%s\n", result.text);
    print_task(task);
    eddy_task_release(task);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
