/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 5: one object for all calls.
 * Tutorial: Mastering Asyncio, "Pitfall 5: Mutable Default Arguments".
 *
 *     # DANGER - mutable default argument
 *     async def process_items(items=[]):
 *         items.append("processed")
 *         return items
 *
 *     result1 = await process_items()
 *     result2 = await process_items()
 *     print(result2)                        # ['processed', 'processed'] - WRONG!
 *
 * A task's arguments are a copy of its own, and those not named are zero: that is the way to give
 * one a default. A static variable as the default is Python's trap in C: there is only one of it.
 */
#include <stdio.h>
#include <eddy.h>

struct items {
    int count;
    const char *text[8];
};

static void print(const char *name, const struct items *items)
{
    printf("%s: [", name);
    for (int i = 0; i < items->count; i++)
        printf("%s'%s'", i ? ", " : "", items->text[i]);
    printf("]\n");
}

struct process_items {
    const char *name;
    struct items *items;
};

static EDDY_ASYNC int process_items(struct process_items *a)
{
    static struct items shared; /* WRONG */
    struct items *items = a->items ? a->items : &shared;
    items->text[items->count++] = "processed";
    int r = eddy_sleep(1.0);
    if (r == 0)
        print(a->name, items);
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    struct items own[2] = {{0}};
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, process_items, .name = "wrong");
        eddy_spawn(group, process_items, .name = "wrong");
        eddy_spawn(group, process_items, .name = "correct", .items = &own[0]);
        eddy_spawn(group, process_items, .name = "correct", .items = &own[1]);
    }
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
