/* SPDX-License-Identifier: MIT */
/*
 * Fan out, fan in: start a task for each user, wait for all, keep their order.
 * Tutorial: Mastering Asyncio, "Fan-Out, Fan-In".
 *
 *     async def fetch_all_users(user_ids):
 *         tasks = [fetch_user(uid) for uid in user_ids]     # fan-out: launch all tasks
 *         results = await asyncio.gather(*tasks)            # fan-in: wait for all to complete
 *         return results
 *
 * eddy_map() does both, over an array whose elements are arguments and results in one. The users
 * answer in reverse, and still stand where they were asked for.
 */
#include <stdio.h>
#include <eddy.h>

enum { USERS = 5 };

struct fetch_user {
    int id;
    char name[32]; /* the result */
};

static EDDY_ASYNC int fetch_user(struct fetch_user *user)
{
    int r = eddy_sleep(1.0 - 0.1 * user->id);
    if (r < 0)
        return r;
    printf("answered: %d\n", user->id);
    snprintf(user->name, sizeof user->name, "User %d", user->id);
    return 0;
}

static EDDY_ASYNC int fetch_all_users(struct fetch_user users[], size_t count)
{
    return eddy_map(count, fetch_user, users, count, NULL); /* all at once */
}

static EDDY_ASYNC int main_task(void)
{
    struct fetch_user users[USERS];
    for (int i = 0; i < USERS; i++)
        users[i].id = i + 1;
    int r = fetch_all_users(users, USERS);
    if (r < 0)
        return r;
    for (int i = 0; i < USERS; i++)
        printf("%s\n", users[i].name);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
