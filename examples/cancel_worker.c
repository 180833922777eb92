/* SPDX-License-Identifier: MIT */
/*
 * A worker that would go on for ever is cancelled, and cleans up on its way out.
 * Tutorial: the short guide, "Cancellation and timeouts".
 *
 *     async def work():
 *         try:
 *             while True:
 *                 await asyncio.sleep(0.5)
 *         except asyncio.CancelledError:
 *             # cleanup here
 *             raise
 *
 *     task = asyncio.create_task(work())
 *     await asyncio.sleep(1.5)
 *     task.cancel()
 *     try:
 *         await task
 *     except asyncio.CancelledError:
 *         print("Cancelled")
 *
 * Cancelling makes every wait of the task return -ECANCELED, from now on: code that forgets to look
 * at one can't swallow it. `raise` is to return that code.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int work(void)
{
    int r;
    do {
        r = eddy_sleep(0.5);
    } while (r == 0);
    /* clean up here */
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_task *task = eddy_create_task(work);
    int r = eddy_sleep(1.5);
    if (r == 0) {
        eddy_task_cancel(task);
        r = eddy_await(task);
    }
    if (eddy_task_cancelled(task)) {
        printf("Cancelled\n");
        r = 0;
    }
    eddy_task_release(task);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
