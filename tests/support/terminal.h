/* SPDX-License-Identifier: MIT */
/* Terminals for tests. */
#ifndef EDDY_TESTS_SUPPORT_TERMINAL_H
#define EDDY_TESTS_SUPPORT_TERMINAL_H

#include <pty.h>
#include <stdio.h>
#include "support/test.h"

/* Both ends of a terminal; false, and a word about it, where there are none. */
TEST_HELPER bool terminal_open(int *master, int *slave)
{
    static bool told;
    if (openpty(master, slave, NULL, NULL, NULL) == 0)
        return true;
    if (!told)
        printf("SKIP: no terminals can be had here\n");
    told = true;
    return false;
}

#endif
