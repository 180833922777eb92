/* SPDX-License-Identifier: MIT */
/*
 * A future by hand: a result that somebody else will bring.
 * Tutorial: Corey Schafer's, "Futures".
 *
 *     future = asyncio.Future()
 *     print(future)                                # <Future pending>
 *     future.set_result("future result test")
 *     result = await future
 *     print(result)                                # future result test
 *
 * Programs rarely need one: tasks do. It is the way from a callback to a task: the task awaits the
 * future, and the callback of some driver or library sets its result.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int main_task(void)
{
    eddy_future *future = eddy_future_new();
    char description[64];
    eddy_future_describe(future, description, sizeof description);
    printf("%s\n", description);

    static char text[] = "future result test";
    eddy_future_set_result(future, text);
    void *result;
    int r = eddy_future_await(future, &result);
    if (r == 0)
        printf("%s\n", (const char *)result);
    eddy_future_release(future);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
