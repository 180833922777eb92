/* SPDX-License-Identifier: MIT */
/*
 * SIGINT: the first one cancels the main task, through the loop; the second one ends the process
 * at once, as if nobody had caught it.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "interrupt.h"

static _Atomic(struct eddy_loop *) interrupted_loop;
static atomic_int interrupt_count;

static void interrupt_handler(int number)
{
    struct eddy_loop *loop = atomic_load(&interrupted_loop);
    if (!loop || atomic_fetch_add(&interrupt_count, 1) > 0) {
        (void)signal(number, SIG_DFL);
        (void)raise(number); /* takes effect when this handler returns */
        return;
    }
    atomic_store(&loop->interrupts, 1);
    loop->engine->call->wake(loop->engine);
}

void interrupt_install(struct eddy_loop *loop)
{
    struct sigaction old;
    if (syscall(SYS_gettid) != getpid() || atomic_load(&interrupted_loop) ||
        sigaction(SIGINT, NULL, &old) < 0 || old.sa_handler != SIG_DFL)
        return;
    struct sigaction action = {.sa_handler = interrupt_handler, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    atomic_store(&interrupt_count, 0);
    atomic_store(&interrupted_loop, loop);
    (void)sigaction(SIGINT, &action, NULL);
}

void interrupt_remove(struct eddy_loop *loop)
{
    if (atomic_load(&interrupted_loop) != loop)
        return;
    (void)signal(SIGINT, SIG_DFL);
    atomic_store(&interrupted_loop, NULL);
}

void interrupt_forget(void)
{
    if (!atomic_load(&interrupted_loop))
        return;
    (void)signal(SIGINT, SIG_DFL);
    atomic_store(&interrupted_loop, NULL);
}

bool interrupt_seen(const struct eddy_loop *loop)
{
    return atomic_load(&interrupted_loop) == loop && atomic_load(&interrupt_count) > 0;
}
