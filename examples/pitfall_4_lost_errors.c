/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 4: not handling errors.
 * Tutorial: Mastering Asyncio, "Pitfall 4: Not Handling Exceptions".
 *
 *     # RISKY - exceptions might be lost
 *     results = await asyncio.gather(risky_task(), another_task())
 *
 *     # BETTER - use return_exceptions
 *     results = await asyncio.gather(risky_task(), another_task(), return_exceptions=True)
 *     for result in results:
 *         if isinstance(result, Exception):
 *             print(f"Task failed: {result}")
 *
 * Here both fail. EDDY_RAISE_FIRST comes back with the first failure while the other task goes on,
 * and nobody asks for its outcome. EDDY_RETURN_EXCEPTIONS waits for all and gives each its place.
 * Best is a group: it cancels the rest, waits for it, and keeps every failure (task_group_error.c).
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int risky_task(void)
{
    int r = eddy_sleep(1.0);
    return r < 0 ? r : eddy_fail(-EIO, "the risky one broke");
}

static EDDY_ASYNC int another_task(void)
{
    int r = eddy_sleep(2.0);
    return r < 0 ? r : eddy_fail(-ENOENT, "the other one found nothing");
}

static EDDY_ASYNC int gather_both(enum eddy_gather_mode mode)
{
    eddy_task *tasks[] = {eddy_create_task(risky_task), eddy_create_task(another_task)};
    double start = eddy_time();
    int r = eddy_gather(tasks, 2, NULL, mode);
    printf("gather came back after %.1f s with %s\n", eddy_time() - start,
           r < 0 ? eddy_error_name(r) : "0");
    for (int i = 0; i < 2; i++) {
        int result = eddy_task_result(tasks[i]);
        if (result == -EINPROGRESS)
            printf("Task still running\n");
        else if (result < 0)
            printf("Task failed: %s\n", eddy_failure_message(eddy_last_failure()));
        eddy_task_release(tasks[i]);
    }
    return eddy_cancelled() ? -ECANCELED : 0;
}

static EDDY_ASYNC int main_task(void)
{
    printf("risky:\n");
    int r = gather_both(EDDY_RAISE_FIRST);
    if (r < 0)
        return r;
    printf("better:\n");
    return gather_both(EDDY_RETURN_EXCEPTIONS);
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
