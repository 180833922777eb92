/* SPDX-License-Identifier: MIT */
/*
 * The program's hold on its zygote: forks it, opens channels to it, ends it at exit.
 *
 * The zygote is cloned without an exit signal: the program never gets a SIGCHLD for it, and a
 * wait(2) for any child doesn't find it. It dies with the program in any case: by the control
 * socket, which is shut down at exit and closed by a crash, and by PR_SET_PDEATHSIG.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "pool.h"
#include "zygote.h"

/* Memory that held code when the zygote was forked. */
struct range {
    uintptr_t start, end;
};

static struct {
    pid_t owner; /* the process that forked it; 0: none */
    pid_t pid;
    int control;
    struct range *code;
    size_t code_count;
} zygote = {.control = -1};

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

int zygote_check(const char *call)
{
    if (zygote.owner == getpid())
        return 0;
    return eddy_fail(-ENOTSUP, "%s: %s", call,
                     zygote.owner ? "process pools belong to the process that called "
                                    "eddy_process_pool_init, and this is a fork of it"
                                  : "call eddy_process_pool_init first thing in main");
}

bool zygote_knows(eddy_function_ *function)
{
    uintptr_t address = (uintptr_t)function;
    for (size_t i = 0; i < zygote.code_count; i++)
        if (address >= zygote.code[i].start && address < zygote.code[i].end)
            return true;
    return false;
}

int message_send(int socket, const struct iovec *parts, size_t count, int descriptor, int flags)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    while (sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int zygote_channel_open(uint32_t workers, int *ret_channel)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    struct iovec part = {&workers, sizeof workers};
    int r = message_send(zygote.control, &part, 1, pair[1], 0);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    *ret_channel = pair[0];
    return 0;
}

/* ---- the fork ---- */

static int read_code_ranges(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return -errno;
    size_t capacity = 0;
    char line[512];
    bool line_begins = true;
    while (fgets(line, sizeof line, maps)) {
        bool begins = line_begins;
        line_begins = strchr(line, '\n') != NULL;
        unsigned long long start, end;
        char executable;
        if (!begins || sscanf(line, "%llx-%llx %*c%*c%c", &start, &end, &executable) != 3 ||
            executable != 'x')
            continue;
        if (zygote.code_count == capacity) {
            capacity = capacity ? 2 * capacity : 32;
            struct range *grown = memory_reallocate(zygote.code, capacity * sizeof *grown);
            if (!grown) {
                fclose(maps);
                return -ENOMEM;
            }
            zygote.code = grown;
        }
        zygote.code[zygote.code_count++] = (struct range){(uintptr_t)start, (uintptr_t)end};
    }
    fclose(maps);
    return 0;
}

/* /proc knows of threads that libc doesn't, but under an emulator it tells of the emulator's
 * too. */
static bool process_has_threads(void)
{
    struct stat tasks;
    return !__libc_single_threaded && (stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink > 3);
}

/* A fork without SIGCHLD at the child's end, where the system knows that (qemu-user doesn't). */
static pid_t fork_silently(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
    return pid < 0 && errno == EINVAL ? fork() : pid;
}

/* Handlers of the program are not for its workers; those for faults may be a sanitizer's and stay.
 * Ctrl-C goes to the whole process group: what becomes of the jobs then, the program decides. */
static void reset_signals(void)
{
    sigset_t others;
    pool_other_signals(&others);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&others, number) == 1)
            (void)signal(number, number == SIGINT || number == SIGQUIT ? SIG_IGN : SIG_DFL);
}

static _Noreturn void zygote_begin(pid_t parent, int control, const sigset_t *mask)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before we asked to be told */
    (void)prctl(PR_SET_NAME, "eddy-zygote");
    zygote.owner = parent; /* a job that asks for process pools of its own is refused */
    (void)pthread_mutex_unlock(&init_lock);
    reset_signals();
    zygote_serve(control, mask);
}

static void zygote_end(void)
{
    if (zygote.owner != getpid())
        return;
    (void)shutdown(zygote.control, SHUT_RDWR); /* forked children may hold it, too */
    close(zygote.control);
    while (waitpid(zygote.pid, NULL, __WALL) < 0 && errno == EINTR)
        continue;
    memory_free(zygote.code);
    zygote.owner = 0;
}

static int zygote_start(void)
{
    static sigset_t mask; /* the program's: for the workers, in the zygote's copy of this memory */
    int pair[2], r = read_code_ranges();
    if (r < 0)
        return eddy_fail(r, "eddy_process_pool_init: can't read /proc/self/maps");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return eddy_fail(-errno, "eddy_process_pool_init: no socket pair");
    (void)fflush(NULL); /* or both processes would write what is in the buffers */
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask);
    pid_t parent = getpid(), pid = fork_silently();
    if (pid == 0) {
        close(pair[0]);
        zygote_begin(parent, pair[1], &mask);
    }
    r = -errno;
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return eddy_fail(r, "eddy_process_pool_init: can't fork");
    }
    zygote.owner = parent;
    zygote.pid = pid;
    zygote.control = pair[0];
    (void)atexit(zygote_end);
    return 0;
}

int eddy_process_pool_init(void)
{
    (void)pthread_mutex_lock(&init_lock);
    int r = 0;
    if (zygote.owner)
        r = zygote_check("eddy_process_pool_init");
    else if (loop_self || process_has_threads())
        r = log_misuse(-EBUSY, "eddy_process_pool_init",
                       "%s: call it first thing in main, before any thread exists",
                       loop_self ? "a loop runs" : "this process has several threads");
    else
        r = zygote_start();
    if (r < 0 && !zygote.owner) {
        memory_free(zygote.code);
        zygote.code = NULL;
        zygote.code_count = 0;
    }
    (void)pthread_mutex_unlock(&init_lock);
    return r;
}
