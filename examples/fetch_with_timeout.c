/* SPDX-License-Identifier: MIT */
/*
 * A fetch that gives up after 5 seconds and falls back to nothing.
 * Tutorial: Mastering Asyncio, "Not Setting Timeouts".
 *
 *     async def fetch_with_timeout():
 *         try:
 *             async with asyncio.timeout(5):        # 5 second timeout
 *                 return await slow_operation()
 *         except asyncio.TimeoutError:
 *             return None                           # Handle timeout
 *
 * A timeout is an answer here, so it is turned into one. Every other error goes on to the caller.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int slow_operation(const char **answer)
{
    int r = eddy_sleep(60.0);
    if (r < 0)
        return r;
    *answer = "at last";
    return 0;
}

/* Gives the answer, or NULL if there was none in time. */
static EDDY_ASYNC int fetch_with_timeout(const char **answer)
{
    int r = eddy_wait_for(slow_operation(answer), 5.0);
    if (r == -ETIMEDOUT) {
        *answer = NULL;
        return 0;
    }
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    const char *answer;
    int r = fetch_with_timeout(&answer);
    if (r < 0)
        return r;
    printf("%s after %.1f s\n", answer ? answer : "None", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
