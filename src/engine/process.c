/* SPDX-License-Identifier: MIT */
/*
 * Processes of a real system: clone, pidfds, the thread that stands in for them, signals, reaping.
 */
#define _GNU_SOURCE
#include "engine/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine/engine.h"
#include "feature.h"
#include "memory.h"
#include "sanitizer.h"

/* clang's thread sanitizer takes each clone(2) for a fork, whose parent it then finds changed. */
#if EDDY_TSAN
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424 /* the same on every architecture */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#define P_PIDFD_ ((idtype_t)3) /* glibc before 2.36 has no name for it */

enum { CHILD_STACK = 16 << 10, WATCHER_STACK = 64 << 10 };

int engine_process_pipe(struct engine *engine, int ends[2])
{
    (void)engine;
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

/* ---- without pidfds ---- */

struct watcher {
    pid_t pid;
    int end;
};

static void *watcher_run(void *memory)
{
    struct watcher watcher = *(struct watcher *)memory;
    memory_free(memory);
    siginfo_t info;
    while (waitid(P_PID, (id_t)watcher.pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    (void)close(watcher.end);
    return NULL;
}

static int watcher_begin(struct watcher *watcher)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error)
        return -error;
    (void)pthread_attr_setstacksize(&attributes, WATCHER_STACK); /* else it has a larger one */
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, watcher_run, watcher);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return -error;
}

/* A descriptor that becomes readable when the child has ended. */
static int watch_by_thread(pid_t pid)
{
    int ends[2];
    struct watcher *watcher = memory_allocate(sizeof *watcher);
    if (!watcher)
        return -ENOMEM;
    int r = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
    if (r < 0) {
        memory_free(watcher);
        return r;
    }
    *watcher = (struct watcher){pid, ends[1]};
    r = watcher_begin(watcher);
    if (r == 0)
        return ends[0];
    (void)close(ends[0]);
    (void)close(ends[1]);
    memory_free(watcher);
    return r;
}

/* ---- start ---- */

static int wait_for(const struct process_child *child, int flags, siginfo_t *info)
{
    info->si_pid = 0;
    idtype_t type = child->is_pidfd ? P_PIDFD_ : P_PID;
    id_t id = (id_t)(child->is_pidfd ? child->descriptor : child->pid);
    while (waitid(type, id, info, WEXITED | flags) < 0)
        if (errno != EINTR)
            return -errno;
    return info->si_pid ? 1 : 0;
}

/* Blocks every signal, libc's own too: no handler may run on the memory that is shared. */
static void mask_signals(const uint64_t *mask, uint64_t *ret_before)
{
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, ret_before, sizeof *mask);
}

/* The child's number; a descriptor for it, too, where the kernel gives it at once. */
static pid_t clone_child(struct process_launch *launch, char *stack, int *ret_pidfd)
{
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    const uint64_t all = ~UINT64_C(0);
    uint64_t before;
    char *top = stack + CHILD_STACK;
    *ret_pidfd = -1;
    mask_signals(&all, &before);
    pid_t pid = -1;
    errno = EINVAL;
    if (feature_allowed(FEATURE_PIDFD))
        pid = clone(process_child_run, top, flags | CLONE_PIDFD, launch, ret_pidfd);
    if (pid < 0 && errno == EINVAL) {
        *ret_pidfd = -1;
        pid = clone(process_child_run, top, flags, launch);
    }
    int error = errno;
    mask_signals(&before, NULL);
    errno = error;
    return pid;
}

static int watch_child(struct process_child *child)
{
    child->is_pidfd = true;
    if (child->descriptor < 0 && feature_allowed(FEATURE_PIDFD))
        child->descriptor = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->descriptor >= 0)
        return 0;
    if (feature_allowed(FEATURE_PIDFD) && errno != ENOSYS && errno != EPERM)
        return -errno;
    child->is_pidfd = false;
    child->descriptor = watch_by_thread(child->pid);
    return child->descriptor < 0 ? child->descriptor : 0;
}

/* What the child told through the pipe: it closes without a word when the child executes. */
static void read_report(struct process_launch *launch, int pipe)
{
    struct process_report report;
    ssize_t size;
    while ((size = read(pipe, &report, sizeof report)) < 0 && errno == EINTR)
        continue;
    if (size != sizeof report)
        return;
    launch->error = report.error;
    launch->order->failed = (enum process_step)report.failed;
    launch->order->which = report.which;
}

static int launch_child(struct process_launch *launch, int pipe, char *stack,
                        struct process_child *child)
{
    child->pid = clone_child(launch, stack, &child->descriptor);
    int r = child->pid < 0 ? -errno : 0;
    if (launch->report >= 0)
        (void)close(launch->report);
    launch->order->failed = r < 0 ? PROCESS_CLONE : launch->order->failed;
    if (r < 0)
        return r;
    if (pipe >= 0 && !launch->began)
        read_report(launch, pipe);
    if (launch->error < 0) {
        r = launch->error;
    } else {
        r = watch_child(child);
        if (r == 0)
            return 0;
        launch->order->failed = PROCESS_PIDFD;
        (void)kill(child->pid, SIGKILL); /* not reaped: the number is its own */
    }
    siginfo_t info;
    struct process_child by_number = {.pid = child->pid};
    (void)wait_for(&by_number, 0, &info);
    if (child->descriptor >= 0)
        (void)close(child->descriptor);
    return r;
}

int engine_process_start(struct engine *engine, struct process_order *order,
                         struct process_child *ret_child)
{
    (void)engine;
    static atomic_bool memory_is_shared; /* seen once, so it is always */
    struct process_launch launch = {
        .order = order, .report = -1, .close_range = feature_allowed(FEATURE_CLOSE_RANGE)};
    struct process_child child = {.descriptor = -1,
                                  .has_group = order->session || order->group < 0};
    order->failed = PROCESS_CLONE;
    int ends[2] = {-1, -1};
    char *stack = memory_allocate_aligned(64, CHILD_STACK);
    if (!stack)
        return -ENOMEM;
    int r = 0;
    if (!atomic_load(&memory_is_shared))
        r = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
    if (r == 0) {
        launch.report = ends[1];
        r = launch_child(&launch, ends[0], stack, &child);
        if (launch.began)
            atomic_store(&memory_is_shared, true);
    }
    if (ends[0] >= 0)
        (void)close(ends[0]);
    memory_free(stack);
    if (r == 0)
        *ret_child = child;
    return r;
}

/* ---- signals and the end ---- */

static int signal_one(const struct process_child *child, int number)
{
    if (child->is_pidfd && syscall(SYS_pidfd_send_signal, child->descriptor, number, NULL, 0) == 0)
        return 0;
    if (child->is_pidfd && errno != ENOSYS) /* valgrind knows pidfds, but not this call */
        return -errno;
    return kill(child->pid, number) < 0 ? -errno : 0; /* not reaped: nobody else's number */
}

/* It may have left its group: then what is to end it mustn't miss it. */
int engine_process_signal(struct engine *engine, const struct process_child *child, int number)
{
    (void)engine;
    if (!child->has_group)
        return signal_one(child, number);
    int r = kill(-child->pid, number) < 0 ? -errno : 0;
    if (r == -ESRCH)
        return signal_one(child, number);
    if (r == 0 && number == SIGKILL)
        (void)signal_one(child, number);
    return r;
}

int engine_process_reap(struct engine *engine, const struct process_child *child, int how,
                        int *ret_code)
{
    (void)engine;
    siginfo_t info;
    int r = wait_for(child, how, &info);
    if (r > 0)
        *ret_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return r;
}
