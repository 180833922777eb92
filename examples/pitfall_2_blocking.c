/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 2: blocking the event loop.
 * Tutorial: Mastering Asyncio, "Pitfall 2: Blocking the Event Loop".
 *
 *     # WRONG - blocks the event loop
 *     response = requests.get(url)
 *
 *     # CORRECT - for code that has no async version, use thread pools
 *     executor = ThreadPoolExecutor()
 *     loop = asyncio.get_running_loop()
 *     result = await loop.run_in_executor(executor, blocking_function)
 *
 * Three tasks call a function that blocks for a second. In the tasks themselves that takes three
 * seconds; in a pool of threads, one.
 */
#include <stdio.h>
#include <eddy.h>

struct request {
    eddy_pool *executor; /* NULL: block */
};

static int blocking_function(struct request *a)
{
    (void)a;
    return eddy_blocking_sleep(1.0);
}

static EDDY_ASYNC int request(struct request *a)
{
    if (!a->executor)
        return blocking_function(a); /* WRONG */
    return eddy_run_in(a->executor, blocking_function, a);
}

static EDDY_ASYNC int three_requests(const char *name, eddy_pool *executor)
{
    double start = eddy_time();
    int err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(group, request, .executor = executor);
    }
    if (err == 0)
        printf("%s: %.1f s\n", name, eddy_time() - start);
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_pool *executor;
    int r = eddy_thread_pool_open(&executor, NULL);
    if (r < 0)
        return r;
    r = three_requests("wrong", NULL);
    if (r == 0)
        r = three_requests("correct", executor);
    eddy_pool_close(executor);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
