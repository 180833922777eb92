/* SPDX-License-Identifier: MIT */
/*
 * A getaddrinfo for tests: the program's own definition goes before the C library's, in the static
 * library too. It answers as it was told last, in a test at first like the real one.
 */
#ifndef EDDY_TESTS_CONNECT_NAMES_H
#define EDDY_TESTS_CONNECT_NAMES_H

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct names {
    bool invented;
    int error, system_error;
    const char *hosts[4];
} names;
static int names_asked;

/* Where answers wait until they may be given. */
static sem_t *names_gate;

static inline void names_give(const char *a, const char *b, const char *c, const char *d)
{
    names = (struct names){.invented = true, .hosts = {a, b, c, d}};
}

static inline void names_fail(int error, int system_error)
{
    names = (struct names){.invented = true, .error = error, .system_error = system_error};
}

static inline void names_are_real(void)
{
    names = (struct names){.invented = false};
}

struct invented {
    struct addrinfo info;
    struct sockaddr_in address;
};

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    names_asked++;
    if (!names.invented) {
        int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
        return real(host, service, hints, ret_found);
    }
    while (names_gate && sem_wait(names_gate) < 0)
        continue; /* EINTR */
    errno = names.system_error;
    if (names.error)
        return names.error;
    *ret_found = NULL;
    for (int i = 3; i >= 0; i--) {
        if (!names.hosts[i])
            continue;
        struct invented *one = calloc(1, sizeof *one);
        one->address.sin_family = AF_INET;
        (void)inet_pton(AF_INET, names.hosts[i], &one->address.sin_addr);
        one->info.ai_addr = (struct sockaddr *)&one->address;
        one->info.ai_addrlen = sizeof one->address;
        one->info.ai_next = *ret_found;
        *ret_found = &one->info;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    if (!names.invented) {
        void (*real)(struct addrinfo *);
        *(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
        real(found);
        return;
    }
    while (found) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

#endif
