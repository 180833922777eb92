/* SPDX-License-Identifier: MIT */
/*
 * Defer. The macro has checked that the argument fits the function, whose type it erased.
 */
#include "eddy/defer.h"
#include <errno.h>
#include "failure.h"
#include "task.h"

/* Why the task was cancelled is put into words now: by the end of this it is told no more. */
eddy_failure *eddy_deferred_begin_(void)
{
    return failure_keep((eddy_failure *)(uintptr_t)eddy_last_failure());
}

void eddy_deferred_end_(eddy_failure *before)
{
    failure_set(before);
}

static CALLS_ERASED void deferred_call(const struct eddy_deferred_ *deferred)
{
    if (deferred->pointer)
        ((void (*)(void *))deferred->function)((void *)deferred->argument);
    else
        ((void (*)(int))deferred->function)((int)deferred->argument);
}

void eddy_deferred_run_(struct eddy_deferred_ *deferred)
{
    struct eddy_failure *before = eddy_deferred_begin_();
    int saved = errno;
    deferred_call(deferred);
    errno = saved;
    eddy_deferred_end_(before);
}
