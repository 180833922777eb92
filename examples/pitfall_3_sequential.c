/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 3: sequential instead of concurrent.
 * Tutorial: Mastering Asyncio, "Pitfall 3: Sequential Instead of Concurrent".
 *
 *     # Looks async, but runs sequentially
 *     result1 = await fetch_data(1)
 *     result2 = await fetch_data(2)
 *     result3 = await fetch_data(3)
 *
 *     # Actually concurrent
 *     results = await asyncio.gather(fetch_data(1), fetch_data(2), fetch_data(3))
 */
#include <stdio.h>
#include <eddy.h>

struct fetch_data {
    int number;
};

static EDDY_ASYNC int fetch_data(struct fetch_data *a)
{
    int r = eddy_sleep(1.0);
    return r < 0 ? r : a->number;
}

static EDDY_ASYNC int sequential(struct fetch_data jobs[3], int results[3])
{
    for (int i = 0; i < 3; i++) {
        results[i] = fetch_data(&jobs[i]);
        if (results[i] < 0)
            return results[i];
    }
    return 0;
}

static EDDY_ASYNC int concurrent(struct fetch_data jobs[3], int results[3])
{
    return eddy_map(3, fetch_data, jobs, 3, results);
}

static EDDY_ASYNC int measure(const char *name, int (*function)(struct fetch_data[3], int[3]))
{
    struct fetch_data jobs[3] = {{1}, {2}, {3}};
    int results[3];
    double start = eddy_time();
    int r = function(jobs, results);
    if (r == 0)
        printf("%s: [%d, %d, %d] in %.1f s\n", name, results[0], results[1], results[2],
               eddy_time() - start);
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    int r = measure("looks async", sequential);
    return r < 0 ? r : measure("actually concurrent", concurrent);
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
