/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_event ready = EDDY_EVENT_INIT;

struct guest {
    const char *name;
};
static int guest(struct guest *a)
{
    int r = eddy_event_wait(&ready);
    if (r == 0)
        printf("%s comes in\n", a->name);
    return r;
}

static int host(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, guest, .name = "Ann");
        eddy_spawn(g, guest, .name = "Bob");
        err = eddy_sleep(1.0);
        printf("the door opens\n");
        eddy_event_set(&ready);
    }
    return err;
}

int main(void)
{
    return eddy_run(host) < 0;
}
