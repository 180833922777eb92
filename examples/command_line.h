/* SPDX-License-Identifier: MIT */
/* What the examples that take arguments share: --help, and ports. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* If --help was asked for, or the arguments are wrong, says how the program is called; *status is
 * what main returns then. */
static inline bool says_usage(const char *text, int argc, char **argv, bool right, int *status)
{
    bool asked = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (right && !asked)
        return false;
    fputs(text, asked ? stdout : stderr);
    *status = asked ? 0 : 2;
    return true;
}

/* 0 to 65535, or -1. */
static inline int port_of(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (strspn(text, "0123456789") > 0 && !*end && port <= 65535)
        return (int)port;
    fprintf(stderr, "'%s' is no port: they are 0 (any that is free) to 65535\n", text);
    return -1;
}

#endif
