/* SPDX-License-Identifier: MIT
 *
 * The floor of posting to another thread: a list that posters push to and the receiver takes as a
 * whole, by one atomic exchange, turns round, and walks through.
 */
#include <stdatomic.h>

#include "floors.h"
#include "post_load.h"

struct node {
    struct node *next;
    void (*run)(struct post_load *load);
};

static struct node nodes[POST_BURST];
static _Atomic(struct node *) newest;

static void take(struct post_load *load)
{
    load->taken++;
}

static int push(struct post_load *load, unsigned n)
{
    struct node *node = &nodes[n], *before = atomic_load_explicit(&newest, memory_order_relaxed);
    (void)load;
    node->run = take;
    do
        node->next = before;
    while (!atomic_compare_exchange_weak_explicit(&newest, &before, node, memory_order_release,
                                                  memory_order_relaxed));
    return 0;
}

static int deliver(struct post_load *load)
{
    while (load->taken < POST_BURST) {
        struct node *node = atomic_exchange_explicit(&newest, NULL, memory_order_acquire);
        struct node *oldest = NULL;
        while (node) {
            struct node *next = node->next;
            node->next = oldest;
            oldest = node;
            node = next;
        }
        for (; oldest; oldest = oldest->next)
            oldest->run(load);
    }
    return 0;
}

static int run_list(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct post_load load = {.post = push, .deliver = deliver};
    (void)self;
    return post_load_run(&load, operations, ret_sample);
}

const struct contender floor_post_contenders[] = {
    {.group = "post", .name = "raw list, atomic exchange", .is_floor = true, .run = run_list},
    {.name = NULL},
};
