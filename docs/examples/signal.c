/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static void print_statistics(void *argument)
{
    printf("%d jobs done\n", *(int *)argument);
}

static int operator(void)
{
    int r = eddy_sleep(1.0);
    if (r < 0)
        return r;
    raise(SIGUSR1);
    raise(SIGHUP);
    raise(SIGHUP);
    r = eddy_sleep(1.0);
    return r < 0 ? r : raise(SIGTERM);
}

static int program(void)
{
    int jobs = 7, number, err;
    size_t count;
    eddy_signals *signals;
    err = eddy_add_signal_handler(SIGUSR1, print_statistics, &jobs);
    if (err < 0)
        return err;
    err = eddy_signals_open(&signals, SIGTERM, SIGHUP);
    if (err < 0)
        return err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, operator);
        while ((number = eddy_signals_next(signals, &count)) == SIGHUP)
            printf("reading the configuration (asked %zu times)\n", count);
        printf("%s\n", number == SIGTERM ? "good bye" : eddy_error_name(number));
    }
    eddy_signals_close(signals);
    return err;
}

int main(void)
{
    return eddy_run(program) < 0;
}
