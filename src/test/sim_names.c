/* SPDX-License-Identifier: MIT */
/*
 * The simulated resolver: a table of names, an error and a delay on virtual time.
 */
#include <math.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "failure.h"
#include "log.h"
#include "resolve.h"
#include "test/sim.h"

struct sim_name {
    struct sim_name *next;
    struct address_list list; /* port 0 */
    char name[256];           /* as in resolve.c */
};

struct sim_names {
    struct sim_name *first;
    double delay;
    int error;
};

/* ---- the table ---- */

static struct sim_names *names_of(struct sim *sim)
{
    if (!sim->names)
        sim->names = calloc(1, sizeof *sim->names);
    if (!sim->names)
        (void)eddy_fail(-ENOMEM, "no memory for simulated names");
    return sim->names;
}

static struct sim_name *find(const struct sim_names *names, const char *name)
{
    struct sim_name *one = names ? names->first : NULL;
    while (one && strcasecmp(one->name, name) != 0)
        one = one->next;
    return one;
}

void sim_names_free(struct sim_names *names)
{
    if (!names)
        return;
    for (struct sim_name *one = names->first, *next; one; one = next) {
        next = one->next;
        free(one);
    }
    free(names);
}

int eddy_sim_set_name(const char *name, const char *address)
{
    int code = 0;
    struct address parsed;
    struct sim *sim = sim_here("eddy_sim_set_name", &code);
    if (!sim)
        return code;
    if (!name || !*name || strlen(name) >= sizeof(((struct sim_name *)NULL)->name))
        return log_misuse(-EINVAL, "eddy_sim_set_name", "not a name: '%.64s'", name ? name : "");
    if (!address || !address_parse(address, 0, &parsed))
        return log_misuse(-EINVAL, "eddy_sim_set_name", "'%.64s' isn't an address",
                          address ? address : "");
    struct sim_names *names = names_of(sim);
    if (!names)
        return -ENOMEM;
    struct sim_name *one = find(names, name);
    if (!one) {
        one = calloc(1, sizeof *one);
        if (!one)
            return eddy_fail(-ENOMEM, "no memory for simulated names");
        memcpy(one->name, name, strlen(name));
        one->next = names->first;
        names->first = one;
    }
    for (size_t i = 0; i < one->list.count; i++)
        if (address_equal(&one->list.addresses[i], &parsed))
            return 0;
    if (one->list.count == RESOLVE_MAX)
        return log_misuse(-EINVAL, "eddy_sim_set_name", "%.64s has %d addresses, the most", name,
                          RESOLVE_MAX);
    one->list.addresses[one->list.count++] = parsed;
    return 0;
}

int eddy_sim_set_resolver(double delay, int error)
{
    int code = 0;
    struct sim *sim = sim_here("eddy_sim_set_resolver", &code);
    if (!sim)
        return code;
    if (isnan(delay) || delay < 0 || error > 0)
        return log_misuse(-EINVAL, "eddy_sim_set_resolver", "a delay of %g s and the error %d",
                          delay, error);
    struct sim_names *names = names_of(sim);
    if (!names)
        return -ENOMEM;
    names->delay = delay;
    names->error = error;
    return 0;
}

/* ---- looking up ---- */

struct lookup_wait {
    struct wait wait;
    struct timer timer;
};

static void lookup_over(struct timer *timer)
{
    wait_finish(&container_of(timer, struct lookup_wait, timer)->wait, 0);
}

static bool lookup_abort(struct wait *wait)
{
    timer_cancel(&loop_self->timers, &container_of(wait, struct lookup_wait, wait)->timer);
    return true;
}

/* Always suspends, as the real resolver does: its thread takes a while. */
static int wait_for_answer(struct eddy_loop *loop, double delay)
{
    struct lookup_wait lookup;
    int r = wait_begin(&lookup.wait, "a thread", lookup_abort);
    if (r < 0)
        return r;
    timer_init(&lookup.timer, lookup_over);
    if (delay < EDDY_FOREVER)
        timer_set(&loop->timers, &lookup.timer, loop_deadline(loop, delay));
    return wait_park(&lookup.wait);
}

static int find_addresses(const struct sim_names *names, const char *host,
                          struct address_list *ret_list)
{
    const struct sim_name *found = find(names, host);
    if (found) {
        *ret_list = found->list;
        return 0;
    }
    if (!address_is_localhost(host, false) && !address_is_localhost(host, true))
        return eddy_fail(-ENOENT, "can't resolve '%s': %s", host, gai_strerror(EAI_NONAME));
    ret_list->count = 2;
    (void)address_parse("127.0.0.1", 0, &ret_list->addresses[0]);
    (void)address_parse("::1", 0, &ret_list->addresses[1]);
    return 0;
}

int sim_resolve(struct sim *sim, const char *host, int port, struct address_list *ret_list)
{
    const struct sim_names *names = sim->names;
    int r = wait_for_answer(sim->loop, names ? names->delay : 0);
    if (r < 0)
        return r;
    names = sim->names; /* of now: they may have changed meanwhile */
    if (names && names->error)
        return eddy_fail(names->error, "can't resolve '%s': %s", host, strerror(-names->error));
    r = find_addresses(names, host, ret_list);
    for (size_t i = 0; r == 0 && i < ret_list->count; i++)
        address_set_port(&ret_list->addresses[i], port);
    choices_note(&sim->choices, SIM_EVENT(SIM_EVENT_NAME), r == 0 ? ret_list->count : 0);
    return r;
}
