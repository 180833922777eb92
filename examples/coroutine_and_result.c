/* SPDX-License-Identifier: MIT */
/*
 * Creating isn't running: a task that was created and hasn't begun yet, then its result.
 * Tutorial: Corey Schafer's, "Coroutines".
 *
 *     async def async_function(test_param: str) -> str:
 *         print("This is an asynchronous coroutine function.")
 *         await asyncio.sleep(0.1)
 *         return f"Async Result: {test_param}"
 *
 *     async def main():
 *         coroutine_obj = async_function("Test")
 *         print(coroutine_obj)
 *         coroutine_result = await coroutine_obj
 *         print(coroutine_result)
 *
 * C has no coroutine objects: calling a function runs it. What comes nearest is a task before its
 * first turn. It also shows how a task hands back more than an int: it writes where its arguments
 * point to, which has to live longer than the task does.
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
    int r = eddy_sleep(0.1);
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
    int r = eddy_await(task);
    if (r == 0)
        printf("%s\n", result.text);
    eddy_task_release(task);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
