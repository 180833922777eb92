/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_local user = EDDY_LOCAL_INIT;

static int audit(void) /* deep inside: nobody passed the user down here */
{
    const char *who = eddy_local_get(&user);
    printf("done for %s\n", who ? who : "nobody");
    return 0;
}

struct request {
    const char *name;
};
static int request(struct request *a)
{
    int r = eddy_local_set(&user, a->name, NULL);
    if (r == 0)
        r = eddy_sleep(1.0);
    return r < 0 ? r : audit();
}

static int server(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, request, .name = "Ann");
        eddy_spawn(g, request, .name = "Bob");
    }
    audit(); /* what a task sets, its creator doesn't see */
    return err;
}

int main(void)
{
    return eddy_run(server) < 0;
}
