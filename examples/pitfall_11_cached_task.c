/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 11: caching what is awaited instead of its result.
 * Tutorial: Mastering Asyncio, which has "lru_cache works with async too". It doesn't:
 *
 *     @lru_cache(maxsize=128)
 *     async def fetch(key): ...
 *
 *     await fetch("a")
 *     await fetch("a")                 # RuntimeError: cannot reuse already awaited coroutine
 *
 * It keeps the coroutine. The same in C is to keep a task's handle, which is good until it is given
 * back. What catches it: handles carry a generation, so a stale one gives -ESRCH and a report on
 * stderr, never another task. eddy_cache keeps results, and shares one computation under way.
 */
#include <stdio.h>
#include <eddy.h>

static int computations;

static int fetch(void)
{
    computations++;
    int r = eddy_sleep(1.0);
    return r < 0 ? r : 42;
}

static eddy_task *cached;

static int fetch_cached(void)
{
    if (!cached)
        cached = eddy_create_task(fetch);
    int result = eddy_await(cached);
    eddy_task_release(cached); /* WRONG: it is still in the cache */
    return result;
}

static int compute(const char *key, int *value, void *unused)
{
    (void)key;
    (void)unused;
    *value = fetch();
    return *value < 0 ? *value : 0;
}

static void print(const char *name, int result)
{
    if (result < 0)
        printf("%s: %s\n", name, eddy_error_name(result));
    else
        printf("%s: %d\n", name, result);
}

static EDDY_ASYNC int main_task(void)
{
    print("wrong", fetch_cached());
    print("wrong", fetch_cached());

    eddy_cache *cache;
    computations = 0;
    int value, r = eddy_cache_open(&cache, compute, char, int);
    for (int i = 0; i < 2 && r == 0; i++) {
        r = eddy_cache_get(cache, "a", &value);
        print("correct", r < 0 ? r : value);
    }
    if (r == 0)
        printf("computed %d time\n", computations);
    eddy_cache_close(cache);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
