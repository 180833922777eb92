/* SPDX-License-Identifier: MIT */
/*
 * Addresses: numbers and paths to bytes, bytes to text. No names here: see resolve.c.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
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

/* ---- Unix sockets ---- */

static const size_t unix_header = offsetof(struct sockaddr_un, sun_path);

/* A path ends at its NUL, if it has one; an abstract name begins with one and ends with the
 * address. */
static int unix_text(const struct sockaddr_un *address, socklen_t size, char *buffer,
                     size_t buffer_size)
{
    size_t length = size > unix_header ? size - unix_header : 0;
    if (length && !address->sun_path[0])
        return snprintf(buffer, buffer_size, "unix:@%.*s", (int)length - 1, address->sun_path + 1);
    length = strnlen(address->sun_path, length);
    return snprintf(buffer, buffer_size, "unix:%.*s", (int)length, address->sun_path);
}

int address_text_any(const struct sockaddr *any, socklen_t size, char *buffer, size_t buffer_size)
{
    struct address address;
    if (size >= sizeof(any->sa_family) && any->sa_family == AF_UNIX)
        return unix_text((const struct sockaddr_un *)(const void *)any, size, buffer, buffer_size);
    if (size < sizeof(any->sa_family) || !address_from(any, size, &address))
        return -EAFNOSUPPORT;
    return address_text(&address, buffer, buffer_size);
}

int address_unix(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    bool abstract = path[0] == '@';
    if (!length)
        return -EINVAL;
    if (length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    if (abstract)
        address.sun_path[0] = '\0';
    *ret_address = address;
    *ret_size = (socklen_t)(unix_header + length + !abstract);
    return 0;
}
