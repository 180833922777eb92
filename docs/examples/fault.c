/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>
#include <eddy/fault.h>

static int work(void)
{
    return eddy_sleep(1.0);
}

static int program(void)
{
    eddy_queue queue;
    int err = eddy_queue_open(&queue, sizeof(int), 4);
    if (err < 0)
        return err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, work);
        eddy_spawn(g, work);
        int item = 7;
        err = eddy_queue_put(&queue, &item);
    }
    eddy_queue_close(&queue);
    return err;
}

int main(void)
{
    int r = eddy_fault_memory(program, .simulated = true, .quiet = true);
    printf("each allocation failed once: %s\n",
           r == 0 ? "an error each time, and nothing left behind" : "not survived");
    return r < 0;
}
