/* SPDX-License-Identifier: MIT */
/*
 * A function that blocks runs in a thread, and the loop stays free.
 * Tutorial: the short guide, "Converting blocking code".
 *
 *     def blocking_io(n: int) -> int:
 *         time.sleep(2)                     # blocks
 *         return n * n
 *
 *     async def main():
 *         loop = asyncio.get_running_loop()
 *         result = await loop.run_in_executor(None, blocking_io, 10)
 *         print(result)
 *
 * The struct travels to the thread and back, so that a function with more to tell than an int can
 * write it into its arguments: see process_pool.c.
 */
#include <stdio.h>
#include <eddy.h>

struct blocking_io {
    int n;
};

static int blocking_io(struct blocking_io *a)
{
    int r = eddy_blocking_sleep(2.0); /* stands for any call that blocks */
    return r < 0 ? r : a->n * a->n;
}

static EDDY_ASYNC int main_task(void)
{
    struct blocking_io job = {.n = 10};
    int result = eddy_to_thread(blocking_io, &job);
    if (result < 0)
        return result;
    printf("%d\n", result);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
