/* SPDX-License-Identifier: MIT
 *
 * Posts of another thread to a loop that is awake: its main task yields until the burst has come.
 *
 *     loop_post                     what futures, submissions and channels are delivered by
 *     eddy_call_soon_threadsafe     the same with a callback, which is allocated
 */
#include "eddy_contenders.h"
#include "loop.h"
#include "post_load.h"

struct node {
    struct post post;
    struct post_load *load;
};

static struct node nodes[POST_BURST];

static void node_run(struct post *post)
{
    ((struct node *)(void *)post)->load->taken++;
}

static int post_node(struct post_load *load, unsigned n)
{
    struct node *node = &nodes[n];
    node->post.run = node_run;
    node->load = load;
    loop_post(load->context, &node->post);
    return 0;
}

static void call_back(void *load)
{
    ((struct post_load *)load)->taken++;
}

static int post_call(struct post_load *load, unsigned n)
{
    (void)n;
    return eddy_call_soon_threadsafe(load->context, call_back, load);
}

static int deliver(struct post_load *load)
{
    int error = 0;
    while (load->taken < POST_BURST && error == 0)
        error = eddy_sleep(0);
    return error;
}

struct post_main {
    struct post_load *load;
    uint64_t operations;
    struct sample *ret_sample;
};

static int post_main(struct post_main *a)
{
    a->load->context = eddy_current_loop();
    return post_load_run(a->load, a->operations, a->ret_sample);
}

static int run_posts(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    struct post_load load = {.post = self->parameter ? post_call : post_node, .deliver = deliver};
    return eddy_run_with(&options, post_main, .load = &load, .operations = operations,
                         .ret_sample = ret_sample);
}

const struct contender eddy_post_contenders[] = {
    {.group = "post", .name = "loop_post", .run = run_posts},
    {.group = "post", .name = "eddy_call_soon_threadsafe", .run = run_posts, .parameter = 1},
    {.name = NULL},
};
