/* SPDX-License-Identifier: MIT */
/*
 * A call that would take 10 seconds gets 2.
 * Tutorial: TechPulse guide, "Timeouts and Cancellation".
 *
 *     try:
 *         async with asyncio.timeout(2):
 *             await slow_call()
 *     except TimeoutError:
 *         print("operation timed out after 2s")
 *
 * When the time is up, the wait inside slow_call() returns -ECANCELED, the function returns, and
 * the block turns the cancellation it caused into -ETIMEDOUT. For a single call there is a shorter
 * way: see wait_for.c.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int slow_call(void)
{
    return eddy_sleep(10.0);
}

static EDDY_ASYNC int main_task(void)
{
    int err;
    eddy_with_timeout (2.0, &err) {
        err = slow_call();
    }
    if (err == -ETIMEDOUT) {
        printf("operation timed out after 2s\n");
        return 0;
    }
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
