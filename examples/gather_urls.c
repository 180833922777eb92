/* SPDX-License-Identifier: MIT */
/*
 * Gather of URLs of which one is dead: the others are fetched all the same.
 * Tutorial: Corey Schafer's, "Critical: gather() and Error Handling".
 *
 *     results = await asyncio.gather(*[fetch_url(url) for url in urls], return_exceptions=True)
 *     for i, result in enumerate(results):
 *         if isinstance(result, Exception):
 *             print(f"URL {i} failed: {result}")
 *         else:
 *             print(f"URL {i} succeeded: {result}")
 *
 * Each result is a number, or the negative code of a failure. The message that goes with the code
 * is the task's: eddy_task_result() brings it back as the last failure.
 */
#include <stdio.h>
#include <string.h>
#include <eddy.h>

enum { COUNT = 3 };

static const char *const urls[COUNT] = {"http://one.test", "http://dead.test", "http://three.test"};

struct fetch_url {
    const char *url;
};

/* Stands for an HTTP request: gives the status, or fails. */
static EDDY_ASYNC int fetch_url(struct fetch_url *a)
{
    int r = eddy_sleep(0.5);
    if (r < 0)
        return r;
    if (strstr(a->url, "dead"))
        return eddy_fail(-ECONNREFUSED, "%s: connection refused", a->url);
    return 200;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_task *tasks[COUNT];
    int results[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = eddy_create_task(fetch_url, .url = urls[i]);
    int r = eddy_gather(tasks, COUNT, results, EDDY_RETURN_EXCEPTIONS);
    for (int i = 0; i < COUNT; i++) {
        if (r == 0 && eddy_task_result(tasks[i]) < 0)
            printf("URL %d failed: %s\n", i, eddy_failure_message(eddy_last_failure()));
        else if (r == 0)
            printf("URL %d succeeded: %d\n", i, results[i]);
        eddy_task_release(tasks[i]);
    }
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
