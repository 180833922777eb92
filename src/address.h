/* SPDX-License-Identifier: MIT */
/*
 * Addresses: numbers and paths to bytes, bytes to text.
 */
#ifndef EDDY_SRC_ADDRESS_H
#define EDDY_SRC_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "private.h"

/* Holds "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295]:65535" and its NUL. */
#define ADDRESS_TEXT_SIZE 72

struct address {
    socklen_t size; /* 0: none */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* Numeric hosts only ("127.0.0.1", "::1"); false for anything else. */
EDDY_PRIVATE bool address_parse(const char *host, int port, struct address *ret_address);

/* Takes over what a system call filled in; false unless it is an Internet address. */
bool address_from(const struct sockaddr *from, socklen_t size, struct address *ret_address);

EDDY_PRIVATE int address_port(const struct address *address);
EDDY_PRIVATE void address_set_port(struct address *address, int port);
EDDY_PRIVATE bool address_equal(const struct address *one, const struct address *other);

/* "127.0.0.1:80" or "[::1]:80": the length as snprintf. */
int address_text(const struct address *address, char *buffer, size_t size);

/* The same for whatever a system call filled in, also "unix:/path", "unix:@abstract" and "unix:"
 * for one without a name; -EAFNOSUPPORT for other families. */
int address_text_any(const struct sockaddr *any, socklen_t size, char *buffer, size_t buffer_size);

/* Of a path, or of "@name" in the abstract name space: 0, or -EINVAL (empty), -ENAMETOOLONG. */
int address_unix(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_size);

#endif
