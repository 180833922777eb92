/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses: getaddrinfo blocks, so it runs in the loop's thread pool. A wait for it that
 * is cancelled leaves the thread to finish alone, on a copy of the job: which therefore holds host
 * and results itself, and points nowhere.
 */
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "eddy/pool.h"
#include "failure.h"
#include "loop.h"

struct lookup {
    char host[256]; /* a name has at most 253 characters */
    int port;
    int error; /* EAI_...; with EAI_SYSTEM the errno is the job's result */
    struct address_list list;
};

static void address_list_add(struct address_list *list, const struct address *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (address_equal(&list->addresses[i], address))
            return;
    if (list->count < RESOLVE_MAX)
        list->addresses[list->count++] = *address;
}

bool address_is_localhost(const char *host, bool below)
{
    static const char name[] = "localhost";
    size_t size = strlen(host), length = sizeof name - 1;
    if (size > 0 && host[size - 1] == '.')
        size--;
    if (size < length || strncasecmp(host + size - length, name, length) != 0)
        return false;
    return below ? size > length + 1 && host[size - length - 1] == '.' : size == length;
}

static void add_loopback(struct address_list *list, int port)
{
    static const char *const addresses[] = {"::1", "127.0.0.1"};
    struct address address;
    for (size_t i = 0; i < 2; i++)
        if (address_parse(addresses[i], port, &address))
            address_list_add(list, &address);
}

/* Where it isn't known, name servers would be asked: for seconds, if there are none. */
static bool is_localhost_known(void)
{
    char line[512];
    bool known = false;
    FILE *file = fopen(_PATH_HOSTS, "re");
    while (file && !known && fgets(line, sizeof line, file)) {
        char *rest;
        line[strcspn(line, "#\n")] = '\0';
        const char *word = strtok_r(line, " \t", &rest); /* an address; its names follow */
        while (!known && word && (word = strtok_r(NULL, " \t", &rest)))
            known = address_is_localhost(word, false);
    }
    if (file)
        (void)fclose(file);
    return known;
}

/* In a thread. */
static int lookup_run(struct lookup *lookup)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool local = address_is_localhost(lookup->host, false);
    lookup->error = EAI_NONAME;
    if (!local || is_localhost_known())
        lookup->error = getaddrinfo(lookup->host, NULL, &hints, &found);
    if (local && lookup->error) {
        lookup->error = 0;
        add_loopback(&lookup->list, lookup->port);
        return 0;
    }
    if (lookup->error)
        return lookup->error == EAI_SYSTEM ? -errno : 0;
    for (const struct addrinfo *one = found; one; one = one->ai_next) {
        struct address address;
        if (!address_from(one->ai_addr, one->ai_addrlen, &address))
            continue;
        address_set_port(&address, lookup->port);
        address_list_add(&lookup->list, &address);
    }
    freeaddrinfo(found);
    return 0;
}

static int code_of_resolver_error(int error)
{
    switch (error) {
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_FAIL:
        return -EIO;
    default: /* EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, ... */
        return -ENOENT;
    }
}

int resolve(const char *host, int port, struct address_list *ret_list)
{
    struct harness *harness = loop_self->harness;
    struct lookup lookup = {.port = port};
    if (address_parse(host, port, &ret_list->addresses[0])) {
        ret_list->count = 1;
        return 0;
    }
    if (strlen(host) >= sizeof(lookup.host) || host[0] == '\0')
        return eddy_fail(-ENOENT, "can't resolve '%.64s%s': not a name", host,
                         strlen(host) > 64 ? "..." : "");
    if (harness && harness->resolve)
        return harness->resolve(harness, host, port, ret_list);
    if (address_is_localhost(host, true)) {
        ret_list->count = 0;
        add_loopback(ret_list, port);
        return 0;
    }
    (void)snprintf(lookup.host, sizeof(lookup.host), "%s", host);
    int r = eddy_to_thread_abandon(lookup_run, &lookup);
    if (r == -ECANCELED)
        return r;
    if (r < 0)
        return eddy_fail_from(r, "can't resolve '%s': %s", host, strerror(-r));
    if (lookup.error)
        return eddy_fail(code_of_resolver_error(lookup.error), "can't resolve '%s': %s", host,
                         gai_strerror(lookup.error));
    if (!lookup.list.count)
        return eddy_fail(-ENOENT, "can't resolve '%s': it has no Internet address", host);
    *ret_list = lookup.list;
    return 0;
}
