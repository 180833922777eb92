/* SPDX-License-Identifier: MIT */
/*
 * The zygote at work: forks workers, kills them on request, reaps them and reports how they ended.
 *
 * It never blocks but in poll: a report that doesn't fit into a channel waits in the worker's
 * record. So that none is ever lost, a channel has the records of all its workers from its
 * beginning. It alone kills workers, because only their parent can be sure that a pid still means
 * the process it meant: until it is reaped.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "list.h"
#include "memory.h"
#include "pool.h"
#include "zygote.h"

struct record {
    struct link link; /* in its channel's workers, or unused */
    pid_t pid;
    bool ended; /* its report isn't sent yet */
    struct zygote_report report;
};

struct channel {
    struct link link;
    int socket; /* -1 once closed; the record stays until the last worker is reaped */
    struct list workers, unused;
    struct record records[];
};

static struct {
    int control, children; /* the latter a signalfd for SIGCHLD */
    struct list channels;
    size_t channel_count;
    const sigset_t *mask; /* the workers' */
} zygote;

/* One message of exactly `size` bytes: 1; none at hand: 0; closed or nonsense: negative. A
 * descriptor that came with it, else -1, is the caller's. */
static int message_receive(int socket, void *buffer, size_t size, int *ret_descriptor)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {buffer, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    *ret_descriptor = -1;
    ssize_t received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (received < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_descriptor, CMSG_DATA(header), sizeof(int));
    return (size_t)received == size ? 1 : -EPIPE;
}

/* ---- reports ---- */

/* Sends what is to be said on the channel, as far as it takes it. */
static void channel_report(struct channel *channel)
{
    for (struct link *link = channel->workers.first, *next; link; link = next) {
        next = link->next;
        struct record *record = container_of(link, struct record, link);
        if (!record->ended)
            continue;
        if (channel->socket >= 0) {
            struct iovec part = {&record->report, sizeof record->report};
            int r = message_send(channel->socket, &part, 1, -1, MSG_DONTWAIT);
            if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM)
                return; /* again later: somebody waits for it */
        }
        list_remove(&channel->workers, link);
        list_append(&channel->unused, link);
    }
}

static bool channel_has_reports(const struct channel *channel)
{
    for (struct link *link = channel->workers.first; link; link = link->next)
        if (container_of(link, struct record, link)->ended)
            return true;
    return false;
}

static struct record *record_of_pid(pid_t pid)
{
    for (struct link *link = zygote.channels.first; link; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        for (struct link *one = channel->workers.first; one; one = one->next) {
            struct record *record = container_of(one, struct record, link);
            if (!record->ended && record->pid == pid)
                return record;
        }
    }
    return NULL;
}

static void reap(int flags)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, flags)) > 0) {
        struct record *record = record_of_pid(pid);
        if (!record)
            continue;
        record->ended = true;
        record->report.pid = pid;
        record->report.status = status;
    }
}

/* ---- workers ---- */

static _Noreturn void worker_begin(pid_t parent, int socket)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before we asked to be told */
    close(zygote.control);
    close(zygote.children);
    for (struct link *link = zygote.channels.first; link; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        if (channel->socket >= 0)
            close(channel->socket);
    }
    (void)sigprocmask(SIG_SETMASK, zygote.mask, NULL);
    worker_serve(socket);
}

/* False: there are more already than a pool of that size can have. */
static bool worker_start(struct channel *channel, uint32_t number, int socket)
{
    struct link *link = list_take_first(&channel->unused);
    if (!link)
        return false;
    struct record *record = container_of(link, struct record, link);
    *record = (struct record){.report.worker = number};
    pid_t self = getpid();
    if (socket < 0) /* it came with one, which didn't fit among our descriptors any more */
        record->report.error = -EMFILE;
    else if ((record->pid = fork()) == 0)
        worker_begin(self, socket);
    else if (record->pid < 0)
        record->report.error = -errno;
    record->ended = record->report.error < 0;
    list_append(&channel->workers, &record->link);
    return true;
}

/* ---- channels ---- */

static void channel_kill(struct channel *channel, bool all, uint32_t number)
{
    for (struct link *link = channel->workers.first; link; link = link->next) {
        struct record *record = container_of(link, struct record, link);
        if (!record->ended && (all || record->report.worker == number))
            (void)kill(record->pid, SIGKILL);
    }
}

static void channel_close(struct channel *channel)
{
    close(channel->socket);
    channel->socket = -1;
    channel_kill(channel, true, 0);
}

static void channel_read(struct channel *channel)
{
    for (;;) {
        struct zygote_request request;
        int socket, r = message_receive(channel->socket, &request, sizeof request, &socket);
        if (r > 0 && request.kind == ZYGOTE_START)
            r = worker_start(channel, request.worker, socket) ? 1 : -EPROTO;
        else if (r > 0 && request.kind == ZYGOTE_KILL)
            channel_kill(channel, false, request.worker);
        if (socket >= 0)
            close(socket);
        if (r < 0)
            channel_close(channel);
        if (r <= 0)
            return;
    }
}

/* For a pool of so many workers; without memory it is closed, which tells the pool. */
static void channel_begin(int socket, uint32_t workers)
{
    struct channel *channel = NULL;
    if (workers <= POOL_PROCESSES_MAX)
        channel = memory_allocate_zeroed(1, sizeof *channel + workers * sizeof(struct record));
    if (!channel) {
        close(socket);
        return;
    }
    channel->socket = socket;
    for (uint32_t i = 0; i < workers; i++)
        list_append(&channel->unused, &channel->records[i].link);
    list_append(&zygote.channels, &channel->link);
    zygote.channel_count++;
}

/* False when the program is gone. */
static bool control_read(void)
{
    for (;;) {
        uint32_t workers;
        int socket, r = message_receive(zygote.control, &workers, sizeof workers, &socket);
        if (r <= 0)
            return r == 0;
        if (socket >= 0)
            channel_begin(socket, workers);
    }
}

/* ---- the loop ---- */

static _Noreturn void quit(void)
{
    for (struct link *link = zygote.channels.first; link; link = link->next)
        channel_kill(container_of(link, struct channel, link), true, 0);
    reap(0);
    _exit(0);
}

static void forget_closed_channels(void)
{
    for (struct link *link = zygote.channels.first, *next; link; link = next) {
        next = link->next;
        struct channel *channel = container_of(link, struct channel, link);
        if (channel->socket >= 0 || channel->workers.first)
            continue;
        list_remove(&zygote.channels, link);
        zygote.channel_count--;
        memory_free(channel);
    }
}

static void serve_once(struct pollfd *polled)
{
    size_t count = 0;
    polled[count++] = (struct pollfd){.fd = zygote.control, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = zygote.children, .events = POLLIN};
    for (struct link *link = zygote.channels.first; link; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        short events = channel_has_reports(channel) ? POLLIN | POLLOUT : POLLIN;
        polled[count++] = (struct pollfd){.fd = channel->socket, .events = events};
    }
    if (poll(polled, count, -1) < 0) {
        if (errno != EINTR && errno != EAGAIN)
            quit(); /* which the program notices; it would wait for ever for one that hears nothing */
        return;
    }
    if (polled[1].revents) {
        struct signalfd_siginfo info;
        while (read(zygote.children, &info, sizeof info) > 0)
            continue;
        reap(WNOHANG);
    }
    size_t i = 2;
    for (struct link *link = zygote.channels.first; link; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        if (channel->socket >= 0 && polled[i].revents & (POLLIN | POLLHUP | POLLERR))
            channel_read(channel);
        channel_report(channel);
        i++;
    }
    forget_closed_channels();
    if (polled[0].revents && !control_read())
        quit();
}

_Noreturn void zygote_serve(int control, const void *mask)
{
    sigset_t children;
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    sigset_t blocked = *(const sigset_t *)mask;
    (void)sigaddset(&blocked, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    zygote.mask = mask;
    zygote.control = control;
    zygote.children = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
    struct pollfd *polled = NULL;
    size_t capacity = 0;
    if (zygote.children < 0)
        _exit(1);
    for (;;) {
        if (zygote.channel_count + 2 > capacity) {
            capacity = 2 * (zygote.channel_count + 2);
            memory_free(polled);
            if (!(polled = memory_allocate(capacity * sizeof *polled)))
                quit();
        }
        serve_once(polled);
    }
}
