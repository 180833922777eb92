/* SPDX-License-Identifier: MIT */
/*
 * The first program: print, wait for a second without stopping anybody else, print again.
 * Tutorial: TechPulse guide, "The Event Loop, Explained".
 *
 *     async def say_hello():
 *         print("start")
 *         await asyncio.sleep(1)
 *         print("end")
 *
 *     asyncio.run(say_hello())
 *
 * A task runs a plain C function. EDDY_ASYNC is `async def`: this function may suspend, so look at
 * its result. There is no `await` to write: a call that has to wait suspends the task by itself.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int say_hello(void)
{
    printf("start\n");
    int r = eddy_sleep(1.0);
    if (r < 0) /* interrupted, by Ctrl-C for instance: an error is a negative errno code */
        return r;
    printf("end\n");
    return 0;
}

int main(void)
{
    return eddy_run(say_hello) < 0;
}
