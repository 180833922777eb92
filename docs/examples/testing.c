/* SPDX-License-Identifier: MIT */
/*
 * A ticket shop, and its test. The shop sells the last seat twice, if two customers come at the
 * wrong moments; and a customer who gives up takes a place at the counter along.
 */
#include <stdio.h>
#include <eddy.h>
#include <eddy/search.h>
#include <eddy/sweep.h>

/* ---- the program ---- */

static struct shop {
    int seats, sold, counters;
    eddy_event counter_is_free;
} shop;

static int take_counter(void)
{
    while (shop.counters == 0) {
        eddy_event_clear(&shop.counter_is_free);
        int r = eddy_event_wait(&shop.counter_is_free);
        if (r < 0)
            return r;
    }
    shop.counters--;
    return 0;
}

static void leave_counter(void)
{
    shop.counters++;
    eddy_event_set(&shop.counter_is_free);
}

static int buy(void)
{
    int r = take_counter();
    if (r < 0)
        return r;
    if (shop.seats > shop.sold) {
        r = eddy_sleep(0.01); /* the card is read; another counter is at work */
        if (r < 0)
            return r; /* and the counter? */
        shop.sold++;
    }
    leave_counter();
    return 0;
}

/* ---- its test ---- */

static int customer(void)
{
    int r = eddy_sleep(0.01 * eddy_sim_choose(20)); /* comes at some time */
    return r < 0 ? r : buy();
}

static int three_customers(void)
{
    shop = (struct shop){.seats = 1, .counters = 2, .counter_is_free = EDDY_EVENT_INIT};
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, customer);
    }
    if (err == 0 && shop.sold != 1)
        return eddy_fail(-EBADE, "%d tickets for 1 seat", shop.sold);
    return err;
}

static int counters_are_free(void)
{
    return shop.counters == 2 ? 0 : eddy_fail(-EBADE, "%d counters of 2", shop.counters);
}

int main(void)
{
    struct eddy_search_options search = {.name = "three_customers", .scenario = three_customers};
    struct eddy_search_result found;
    int r = eddy_search(&search, &found); /* 1000 seeds */
    printf("by seed: %s\n", r < 0 ? found.why : "nothing");

    r = eddy_sweep_cancel(three_customers, .check = counters_are_free);
    printf("by sweep: %s\n", r < 0 ? "a cancelled customer breaks it" : "nothing");
    return 0;
}
