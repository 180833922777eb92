/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 1: forgetting to await.
 * Tutorial: Mastering Asyncio, "Pitfall 1: Forgetting to Await".
 *
 *     # WRONG - creates coroutine but doesn't run it
 *     async def main():
 *         fetch_data()                      # Nothing happens!
 *
 *     # CORRECT
 *     async def main():
 *         await fetch_data()                # This runs the function
 *
 * In C a call runs its function, so there is no await to forget. What can be forgotten is to wait
 * for a task: it begins, and is cancelled when the main task ends. What catches it: the compiler,
 * if the handle is dropped; a report on stderr, if it is never given back; a group, always.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int fetch_data(void)
{
    printf("fetching\n");
    int r = eddy_sleep(1.0);
    if (r < 0) {
        printf("gave up: %s\n", eddy_error_name(r));
        return r;
    }
    printf("got the data\n");
    return 0;
}

static EDDY_ASYNC int wrong(void)
{
    eddy_detach(eddy_create_task(fetch_data)); /* without eddy_detach(): a compiler warning */
    return 0;
}

static EDDY_ASYNC int correct(void)
{
    return fetch_data();
}

int main(void)
{
    printf("wrong:\n");
    int r = eddy_run(wrong);
    printf("correct:\n");
    return r < 0 || eddy_run(correct) < 0;
}
