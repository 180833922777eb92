/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <eddy.h>

struct tick {
    const char *name;
    double every;
};
static int tick(struct tick *a)
{
    for (int i = 1; i <= 3; i++) {
        int r = eddy_sleep(a->every);
        if (r < 0)
            return r;
        printf("%s %d\n", a->name, i);
    }
    return 0;
}

/* The program's own loop, which has other things to wait for. */
int main(void)
{
    eddy_embed embed;
    if (eddy_embed_open(&embed, NULL) < 0)
        return 1;
    int r = eddy_detach(eddy_create_task(tick, .name = "tick", .every = 0.2));
    if (r == 0)
        r = eddy_detach(eddy_create_task(tick, .name = "tock", .every = 0.25));
    while (r == 0 && eddy_embed_turn(&embed) > 0) {
        struct pollfd all[] = {
            {.fd = eddy_embed_descriptor(&embed), .events = POLLIN},
            /* ... and the program's own descriptors */
        };
        if (poll(all, 1, eddy_embed_poll_timeout(&embed)) < 0)
            r = -errno;
    }
    printf("no tasks are left\n");
    eddy_embed_close(&embed);
    return r < 0;
}
