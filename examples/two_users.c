/* SPDX-License-Identifier: MIT */
/*
 * Two users fetched at once: a second, not two.
 * Tutorial: Mastering Asyncio, "Coroutines and Tasks".
 *
 *     async def fetch_user(user_id):
 *         await asyncio.sleep(1)            # Simulate API call
 *         return {"id": user_id, "name": f"User {user_id}"}
 *
 *     results = await asyncio.gather(fetch_user(1), fetch_user(2))
 *     print(results)                        # Takes ~1 second, not 2
 *
 * A result that is more than an int is written where the arguments point to. Here that is an array
 * of the task that waits for both, so it is there for as long as they need it.
 */
#include <stdio.h>
#include <eddy.h>

struct user {
    int id;
    char name[32];
};

struct fetch_user {
    int id;
    struct user *user; /* the result */
};

static EDDY_ASYNC int fetch_user(struct fetch_user *a)
{
    int r = eddy_sleep(1.0); /* stands for an API call */
    if (r < 0)
        return r;
    a->user->id = a->id;
    snprintf(a->user->name, sizeof a->user->name, "User %d", a->id);
    return 0;
}

static EDDY_ASYNC int main_task(void)
{
    struct user users[2];
    eddy_task *tasks[] = {
        eddy_create_task(fetch_user, .id = 1, .user = &users[0]),
        eddy_create_task(fetch_user, .id = 2, .user = &users[1]),
    };
    int r = eddy_gather(tasks, 2, NULL, EDDY_RAISE_FIRST);
    eddy_task_release(tasks[0]);
    eddy_task_release(tasks[1]);
    if (r < 0)
        return r;
    printf("[{'id': %d, 'name': '%s'}, {'id': %d, 'name': '%s'}]\n", users[0].id, users[0].name,
           users[1].id, users[1].name);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
