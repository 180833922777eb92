/* SPDX-License-Identifier: MIT */
/*
 * Internet addresses: numbers to bytes, bytes to text. No names here: see resolve.c.
 */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool address_parse(const char *host, int port, struct address *ret_address)
{
    struct address address = {.size = 0};
    if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.size = sizeof(address.v4);
    } else if (inet_pton(AF_INET6, host, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.size = sizeof(address.v6);
    } else {
        return false;
    }
    address_set_port(&address, port);
    *ret_address = address;
    return true;
}

bool address_from(const struct sockaddr *from, socklen_t size, struct address *ret_address)
{
    struct address address = {.size = size};
    bool fits = (from->sa_family == AF_INET && size == sizeof(address.v4)) ||
                (from->sa_family == AF_INET6 && size == sizeof(address.v6));
    if (!fits)
        return false;
    memcpy(&address.any, from, size);
    *ret_address = address;
    return true;
}

int address_port(const struct address *address)
{
    /* At the same place in both. */
    return ntohs(address->v4.sin_port);
}

void address_set_port(struct address *address, int port)
{
    address->v4.sin_port = htons((uint16_t)port);
}

bool address_equal(const struct address *one, const struct address *other)
{
    if (one->any.sa_family != other->any.sa_family || one->v4.sin_port != other->v4.sin_port)
        return false;
    if (one->any.sa_family == AF_INET)
        return one->v4.sin_addr.s_addr == other->v4.sin_addr.s_addr;
    return one->v6.sin6_scope_id == other->v6.sin6_scope_id &&
           memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, sizeof(one->v6.sin6_addr)) == 0;
}

int address_text(const struct address *address, char *buffer, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "", scope[16] = "";
    if (address->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        return snprintf(buffer, size, "%s:%d", host, address_port(address));
    }
    (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    if (address->v6.sin6_scope_id)
        (void)snprintf(scope, sizeof scope, "%%%u", address->v6.sin6_scope_id);
    return snprintf(buffer, size, "[%s%s]:%d", host, scope, address_port(address));
}
