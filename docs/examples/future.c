/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

/* A driver that knows callbacks only. */
static void driver_done(void *argument)
{
    eddy_future_set_result(argument, "data");
}

static int read_driver(const char **data)
{
    eddy_future *future = eddy_future_new();
    if (!future)
        return -ENOMEM;
    void *value;
    int r = eddy_call_later(1.0, driver_done, future) ? eddy_future_await(future, &value) : -ENOMEM;
    if (r == 0)
        *data = value;
    eddy_future_release(future);
    return r;
}

static int program(void)
{
    const char *data;
    int r = read_driver(&data);
    if (r == 0)
        printf("%s\n", data);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
