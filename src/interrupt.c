/* SPDX-License-Identifier: MIT */
/*
 * SIGINT: the first one cancels the main task, through the loop; the second one ends the process
 * at once, as if nobody had caught it.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "interrupt.h"
#include "signals.h"

static _Atomic(struct eddy_loop *) interrupted_loop;
static atomic_int interrupt_count;

static void interrupt_handler(int number)
{
    signal_context_enter();
    struct eddy_loop *loop = atomic_load(&interrupted_loop);
    if (!loop || atomic_fetch_add(&interrupt_count, 1) > 0) {
        (void)signal(number, SIG_DFL);
        (void)raise(number); /* takes effect when this handler returns */
    } else {
        atomic_fetch_or(&loop->interrupts, LOOP_INTERRUPTED);
        loop->engine->call->wake(loop->engine);
    }
    signal_context_leave();
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

/* A handler of the program's, asked for meanwhile, stays. */
static void interrupt_restore(void)
{
    struct sigaction now;
    if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == interrupt_handler)
        (void)signal(SIGINT, SIG_DFL);
    atomic_store(&interrupted_loop, NULL);
}

void interrupt_remove(struct eddy_loop *loop)
{
    if (atomic_load(&interrupted_loop) != loop)
        return;
    interrupt_restore();
    signal_context_wait();
}

void interrupt_forget(void)
{
    if (atomic_load(&interrupted_loop))
        interrupt_restore();
}

bool interrupt_is_over(const struct sigaction *action)
{
    return action->sa_handler == interrupt_handler && !atomic_load(&interrupted_loop);
}

bool interrupt_seen(const struct eddy_loop *loop)
{
    return atomic_load(&interrupted_loop) == loop && atomic_load(&interrupt_count) > 0;
}
