/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct dial {
    const char *address;
    double seconds;
    int error;
};
static int dial(struct dial *a)
{
    printf("dialling %s\n", a->address);
    int r = eddy_sleep(a->seconds);
    return r < 0 ? r : a->error;
}

static int connect_somehow(void)
{
    struct dial ways[] = {
        {.address = "2001:db8::1", .seconds = 30},
        {.address = "192.0.2.1", .seconds = 0.1, .error = -ECONNREFUSED},
        {.address = "192.0.2.2", .seconds = 0.1},
    };
    int results[3];
    double start = eddy_time();
    int winner = eddy_race(0.25, dial, ways, 3, results);
    if (winner < 0)
        return winner;
    printf("%s after %.2f s\n", ways[winner].address, eddy_time() - start);
    for (int i = 0; i < 3; i++)
        printf("  %s: %s\n", ways[i].address, results[i] < 0 ? eddy_error_name(results[i]) : "won");
    return 0;
}

int main(void)
{
    return eddy_run(connect_somehow) < 0;
}
