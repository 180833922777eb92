/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 1: the synchronous baseline. Two calls, one after the other: 3 seconds.
 * Tutorial: Corey Schafer's, "Synchronous Baseline".
 *
 *     def fetch_data(param):
 *         print(f"Do something with {param}")
 *         time.sleep(param)
 *         print(f"Done with {param}")
 *         return f"Result of {param}"
 *
 *     def main():
 *         result1 = fetch_data(1)
 *         print("Fetch 1 fully complete")
 *         result2 = fetch_data(2)
 *         print("Fetch 2 fully complete")
 *         return [result1, result2]
 *
 * Nothing here is asynchronous. It runs in eddy_run() all the same, to be on the same clock as the
 * examples that follow; each differs from the one before in a line or two.
 */
#include <stdio.h>
#include <eddy.h>

static int fetch_data(int param)
{
    printf("Do something with %d\n", param);
    int r = eddy_blocking_sleep(param); /* time.sleep() */
    if (r < 0)
        return r;
    printf("Done with %d\n", param);
    return param;
}

static int main_task(void)
{
    double start = eddy_time();
    int result1 = fetch_data(1);
    if (result1 < 0)
        return result1;
    printf("Fetch 1 fully complete\n");
    int result2 = fetch_data(2);
    if (result2 < 0)
        return result2;
    printf("Fetch 2 fully complete\n");
    printf("['Result of %d', 'Result of %d']\n", result1, result2);
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
