/* SPDX-License-Identifier: MIT */
/*
 * The network as a whole: its hosts, and what a test does to them.
 */
#include "test/sim_network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "test/sim_datagram.h"

/* Where Linux begins with ports for those who don't mind which. */
#define PORT_FIRST 32768

/* ---- hosts ---- */

/* Made with the treatment that hosts have without one of their own. */
struct sim_host *sim_host_get(struct sim_network *network, const struct address *address)
{
    struct address wanted = *address;
    address_set_port(&wanted, 0);
    for (struct link *link = network->hosts.first; link; link = link->next) {
        struct sim_host *host = container_of(link, struct sim_host, link);
        if (address_equal(&host->address, &wanted))
            return host;
    }
    struct sim_host *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    host->address = wanted;
    const struct eddy_sim_link *link = &network->engine->sim->options.link;
    host->treatment = *link;
    if (wanted.any.sa_family == AF_UNSPEC) /* nothing in a pipe is on its way */
        host->treatment = (struct eddy_sim_link){.short_io = link->short_io,
                                                 .buffer = link->buffer};
    list_append(&network->hosts, &host->link);
    return host;
}

struct sim_network *sim_network_create(struct sim_engine *engine)
{
    struct sim_network *network = calloc(1, sizeof *network);
    if (!network)
        return NULL;
    network->engine = engine;
    network->next_port = PORT_FIRST;
    return network;
}

void sim_network_free(struct sim_network *network)
{
    struct link *link;
    if (network)
        sim_datagrams_free(&network->datagrams, network->engine->sim);
    while (network && (link = list_take_first(&network->hosts)))
        free(container_of(link, struct sim_host, link));
    free(network);
}

/* ---- what a test does ---- */

/* The host that a call is about, or NULL with *code and a report. */
static struct sim_host *host_here(const char *call, const char *host, int *code)
{
    struct address address;
    struct sim *sim = sim_here(call, code);
    if (!sim)
        return NULL;
    if (host && strcmp(host, "unix") == 0)
        address = (struct address){.any.sa_family = AF_UNIX};
    else if (!host || !address_parse(host, 0, &address)) {
        *code = log_misuse(-EINVAL, call, host ? "'%s' is no address" : "the %s is NULL",
                           host ? host : "host");
        return NULL;
    }
    struct sim_host *found = sim_host_get(sim->network, &address);
    if (!found)
        *code = eddy_fail(-ENOMEM, "%s: no memory for a host", call);
    return found;
}

int eddy_sim_set_link(const char *host, const struct eddy_sim_link *link)
{
    const char *call = "eddy_sim_set_link";
    int r = 0;
    if (!link)
        return log_misuse(-EINVAL, call, "the link is NULL");
    struct sim_host *found = host_here(call, host, &r);
    if (!found)
        return r;
    r = sim_link_check(call, link);
    if (r < 0)
        return r;
    found->treatment = *link;
    for (struct link *at = found->connections.first; at; at = at->next)
        sim_connection_reconsider(container_of(at, struct sim_connection, link));
    return 0;
}

/* Does it to each connection that was made: how many. */
static int to_connections(struct sim_host *host, void (*function)(struct sim_connection *))
{
    int count = 0;
    struct link *next;
    for (struct link *at = host->connections.first; at; at = next) {
        next = at->next;
        struct sim_connection *connection = container_of(at, struct sim_connection, link);
        if (!sim_connection_is_made(connection))
            continue;
        function(connection);
        count++;
    }
    return count;
}

int eddy_sim_reset(const char *host)
{
    int r = 0;
    struct sim_host *found = host_here("eddy_sim_reset", host, &r);
    return found ? to_connections(found, sim_connection_break) : r;
}

int eddy_sim_half_open(const char *host)
{
    int r = 0;
    struct sim_host *found = host_here("eddy_sim_half_open", host, &r);
    if (found && found->address.any.sa_family == AF_UNIX)
        return log_misuse(-EINVAL, "eddy_sim_half_open",
                          "no connection within a system is half open");
    return found ? to_connections(found, sim_connection_lose_listener) : r;
}
