/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow: a handler that tells it from other faults.
 *
 *     stack overflow in task 'conn-42' (256 KiB, spawned at server.c:88)
 *     ./server(+0x1b2c)[0x55d0c7a51b2c]
 *     ...
 *
 * Then the process dies of the fault as it would have done, with a core dump of the place. A fault
 * that is none of ours goes to whatever handled it before.
 */
#ifndef EDDY_SRC_OVERFLOW_H
#define EDDY_SRC_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the address lies in a guard of this thread's stacks; if so, it describes whose: "task
 * 'conn-42' (256 KiB, spawned at server.c:88)". Runs in the signal handler: async-signal-safe. */
typedef bool overflow_describe(const void *address, char *buffer, size_t size);

/* Gives the thread an alternate stack for signals, and the process the handler if it is the first
 * thread to ask. Calls nest. 0, -ENOMEM or what sigaltstack and sigaction give. */
int overflow_install(overflow_describe *describe);

/* Undoes one overflow_install of this thread, on the thread itself. */
void overflow_uninstall(void);

/* For describe, where snprintf isn't safe: puts text, a number, at buffer[used] and returns the new
 * length. What doesn't fit is cut off; the result is always terminated. */
size_t overflow_put_text(char *buffer, size_t size, size_t used, const char *text);
size_t overflow_put_number(char *buffer, size_t size, size_t used, size_t number);

#endif
