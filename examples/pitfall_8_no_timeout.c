/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 8: no timeout.
 * Tutorials: TechPulse guide, "Not setting timeouts"; Mastering Asyncio, "Not Setting Timeouts".
 *
 *     try:
 *         async with asyncio.timeout(5):
 *             return await slow_operation()
 *     except asyncio.TimeoutError:
 *         return None
 *
 * The answer never comes. Without a timeout a request waits for ever; here until somebody loses
 * patience after an hour. What catches it: the deadlock report, but only once nothing at all is
 * left in the program that could wake anybody. A server that is silent is nobody's fault: set a
 * timeout.
 */
#include <stdio.h>
#include <eddy.h>

static eddy_event answer = EDDY_EVENT_INIT; /* nobody sets it */

static EDDY_ASYNC int request(void)
{
    return eddy_event_wait(&answer);
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    int r = eddy_wait_for(request(), 3600.0); /* or there would be no next line */
    printf("wrong: %s, and %g s have gone\n", r < 0 ? "no answer" : "answered",
           eddy_time() - start);
    if (r != -ETIMEDOUT)
        return r;

    start = eddy_time();
    r = eddy_wait_for(request(), 5.0);
    printf("correct: %s after %g s\n", r < 0 ? eddy_error_name(r) : "answered",
           eddy_time() - start);
    return r == -ETIMEDOUT ? 0 : r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
