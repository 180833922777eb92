/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 6: a synchronous library in asynchronous code.
 * Tutorials: TechPulse guide, "Mixing sync and async database drivers"; Mastering Asyncio, "Mixing
 * Sync and Async Code".
 *
 *     async def get_user(user_id):
 *         response = requests.get(f"/users/{user_id}")      # BAD
 *
 * The driver knows nothing of tasks: it waits for its server with poll(2), and everybody else waits
 * with it. With eddy_to_thread it waits in a thread. What catches it: the watchdog, which says on
 * stderr which task keeps the loop, and in which call, while it does so.
 */
#include <poll.h>
#include <stdio.h>
#include <eddy.h>

struct query {
    int in_thread;
};

static int driver_query(struct query *a)
{
    (void)a;
    return poll(NULL, 0, 20) < 0 ? -EIO : 0; /* the server takes its time */
}

static EDDY_ASYNC int query(struct query *a)
{
    printf("  query begins\n");
    int r = a->in_thread ? eddy_to_thread(driver_query, a) : driver_query(a);
    printf("  query ends\n");
    return r;
}

static EDDY_ASYNC int heartbeat(void)
{
    printf("  heartbeat\n");
    return 0;
}

static EDDY_ASYNC int main_task(void)
{
    int err = 0;
    for (int correct = 0; correct < 2 && err == 0; correct++) {
        printf("%s:\n", correct ? "correct" : "wrong");
        eddy_with_group (group, &err) {
            eddy_spawn(group, query, .in_thread = correct);
            eddy_spawn(group, heartbeat);
        }
    }
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
