/* SPDX-License-Identifier: MIT */
/*
 * What a child does between clone and exec.
 *
 * It runs on the parent's memory, with a stack of its own and all signals blocked, while the
 * parent's thread stands still and its other threads go on. So it only makes system calls, none of
 * them through libc: a library's locks may be held, setuid(2) would tell the parent's threads to
 * follow, and a sanitizer's idea of calls would be that of the parent. Each failure is one step and
 * one errno.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "eddy/process.h"
#include "engine/process.h"

#if defined(__clang__)
#define CHILD_ONLY __attribute__((__no_sanitize__("address", "thread", "undefined")))
#else
#define CHILD_ONLY                                                                                 \
    __attribute__((__no_sanitize_address__, __no_sanitize_thread__, __no_sanitize_undefined__))
#endif

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every architecture */
#endif
#define CLOSE_RANGE_CLOEXEC_ 4u

#define KERNEL_SIGNALS 64
#define FIRST_OTHER 3 /* descriptor, behind stdin, stdout and stderr */

/* As the kernel has it, not as libc. */
struct kernel_signal_action {
    void (*handler)(int number);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

CHILD_ONLY static int fail(struct process_launch *launch, enum process_step step, int which)
{
    launch->error = -errno;
    launch->order->failed = step;
    launch->order->which = which;
    return -1;
}

/* ---- descriptors ---- */

/* What is to be 0, 1 or 2 and stands in the way of another goes out of it first. */
CHILD_ONLY static int lift_standard(struct process_launch *launch, int from[3])
{
    for (int i = 0; i < 3; i++) {
        from[i] = launch->order->standard[i];
        if (from[i] == PROCESS_INHERIT)
            continue;
        if (from[i] == PROCESS_NULL)
            from[i] = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
        if (from[i] < 0)
            return fail(launch, PROCESS_STANDARD, i);
        if (from[i] >= FIRST_OTHER || from[i] == i)
            continue;
        from[i] = (int)syscall(SYS_fcntl, from[i], F_DUPFD_CLOEXEC, FIRST_OTHER);
        if (from[i] < 0)
            return fail(launch, PROCESS_STANDARD, i);
    }
    return 0;
}

CHILD_ONLY static int place_standard(struct process_launch *launch)
{
    int from[3];
    if (lift_standard(launch, from) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        if (from[i] == PROCESS_INHERIT)
            continue;
        if ((from[i] == i ? syscall(SYS_fcntl, i, F_SETFD, 0) : syscall(SYS_dup3, from[i], i, 0)) <
            0)
            return fail(launch, PROCESS_STANDARD, i);
    }
    return 0;
}

/* Linux before 5.11: one by one, as /proc lists them. */
CHILD_ONLY static void mark_each(void)
{
    char entries[1024] __attribute__((__aligned__(8)));
    int folder = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long size = -1;
    while (folder >= 0 && (size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < size;) {
            struct dirent64 *entry = (struct dirent64 *)(void *)(entries + at);
            at += entry->d_reclen;
            int number = 0;
            const char *digit = entry->d_name;
            for (; *digit >= '0' && *digit <= '9'; digit++)
                number = 10 * number + (*digit - '0');
            if (digit != entry->d_name && number >= FIRST_OTHER)
                (void)syscall(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
        }
    }
    struct rlimit limit = {.rlim_cur = 0};
    if (size < 0 && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0)
        for (int number = FIRST_OTHER; (rlim_t)number < limit.rlim_cur && number < 1 << 20;
             number++)
            (void)syscall(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
}

/* Whatever this process has open without close-on-exec, other code's too, stays here. */
CHILD_ONLY static int keep_descriptors(struct process_launch *launch)
{
    const struct process_order *order = launch->order;
    if (!launch->close_range ||
        syscall(SYS_close_range, FIRST_OTHER, ~0u, CLOSE_RANGE_CLOEXEC_) < 0)
        mark_each();
    for (size_t i = 0; i < order->kept_count; i++)
        if (syscall(SYS_fcntl, order->kept[i], F_SETFD, 0) < 0)
            return fail(launch, PROCESS_STANDARD, order->kept[i]);
    return 0;
}

/* ---- what it is ---- */

CHILD_ONLY static int enter_group(struct process_launch *launch)
{
    const struct process_order *order = launch->order;
    if (order->session)
        return syscall(SYS_setsid) < 0 ? fail(launch, PROCESS_SESSION, 0) : 0;
    if (order->group && syscall(SYS_setpgid, 0, order->group < 0 ? 0 : order->group) < 0)
        return fail(launch, PROCESS_GROUP, order->group);
    return 0;
}

CHILD_ONLY static int set_limits(struct process_launch *launch)
{
    const struct process_order *order = launch->order;
    for (size_t i = 0; i < order->limit_count; i++) {
        const struct eddy_process_limit *limit = &order->limits[i];
        struct rlimit both = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        if (syscall(SYS_prlimit64, 0, limit->resource, &both, NULL) < 0)
            return fail(launch, PROCESS_LIMIT, (int)i);
    }
    return 0;
}

/* The user last: the others want his privileges. */
CHILD_ONLY static int take_identity(struct process_launch *launch)
{
    const struct eddy_process_identity *identity = launch->order->identity;
    if (!identity)
        return 0;
    if (syscall(SYS_setgroups, identity->group_count, identity->groups) < 0 ||
        syscall(SYS_setresgid, identity->group, identity->group, identity->group) < 0 ||
        syscall(SYS_setresuid, identity->user, identity->user, identity->user) < 0)
        return fail(launch, PROCESS_IDENTITY, 0);
    return 0;
}

/* Everything at its default, nothing blocked: nobody's business is the parent's. */
CHILD_ONLY static void reset_signals(void)
{
    const struct kernel_signal_action action = {.handler = SIG_DFL};
    const uint64_t nothing = 0;
    for (int number = 1; number <= KERNEL_SIGNALS; number++)
        if (number != SIGKILL && number != SIGSTOP)
            (void)syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, NULL, sizeof nothing);
}

/* ---- exec ---- */

/* As execvp(3): the error of a program that is there and can't be executed is worth more than that
 * another folder has none. */
CHILD_ONLY static int execute(struct process_launch *launch)
{
    const struct process_order *order = launch->order;
    int error = ENOENT, which = 0;
    bool present = false;
    for (int i = 0; order->paths[i]; i++) {
        (void)syscall(SYS_execve, order->paths[i], order->arguments, order->environment);
        bool missing = errno == ENOENT || errno == ENOTDIR;
        if (missing && present)
            continue;
        present = !missing;
        error = errno;
        which = i;
        if (!missing && error != EACCES)
            break;
    }
    errno = error;
    return fail(launch, PROCESS_EXECUTE, which);
}

CHILD_ONLY int process_child_run(void *memory)
{
    struct process_launch *launch = memory;
    const struct process_order *order = launch->order;
    launch->began = true;
    if (enter_group(launch) == 0 &&
        (!order->directory || syscall(SYS_chdir, order->directory) == 0 ||
         fail(launch, PROCESS_DIRECTORY, 0) == 0) &&
        place_standard(launch) == 0 && keep_descriptors(launch) == 0 && set_limits(launch) == 0 &&
        take_identity(launch) == 0) {
        reset_signals();
        (void)execute(launch);
    }
    if (launch->report >= 0) {
        const struct process_report report = {launch->error, (int)order->failed, order->which};
        (void)syscall(SYS_write, launch->report, &report, sizeof report);
    }
    for (;;)
        (void)syscall(SYS_exit_group, 127);
}
