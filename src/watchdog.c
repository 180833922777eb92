/* SPDX-License-Identifier: MIT */
/*
 * The watchdog thread: samples the step counters of loops, and looks closer where one stands still.
 *
 * Starting a thread and seeing it end takes longer than a short run: so when there are no loops
 * left it lingers for a sample or two, for the next one, and nobody waits for its end but a fork
 * and the program's own.
 *
 * What the loop's thread does it asks the kernel (/proc/self/task/TID), which disturbs nobody.
 */
#include "watchdog.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "log.h"
#include "task.h"

#define SAMPLE_NS 25000000
#define REST_NS (5 * (int64_t)NANOSECONDS) /* a wake-up missed by a hair costs no more than this */

enum { QUIET_SAMPLES = 40, LINGER_SAMPLES = 2, STACK_SIZE = 256 << 10 };

static const double default_seconds = 0.1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct list loops; /* of struct watched_loop */
static size_t users;      /* loops that entered and aren't gone */
static pthread_t thread;
static pid_t thread_id;
static bool runs;  /* it does; when it ends: */
static bool ended; /* it only has to be joined */
static bool hurry; /* without loops it is to end at once */

atomic_bool watchdog_rests;

/* ---- looking closer ---- */

/* Copies memory that may be gone by now. */
static bool peek(const void *from, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)from, size};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) > 0;
}

static struct eddy_loop *loop_of(struct watched_loop *watched)
{
    return container_of(watched, struct eddy_loop, watchdog);
}

static bool moved_on(struct eddy_loop *loop)
{
    return atomic_load(&loop->steps) != loop->watchdog.seen || atomic_load(&loop->sleeping);
}

/* Who runs; false if the step is over. */
static bool describe_runner(struct eddy_loop *loop, char *text, size_t size)
{
    const struct task *running = __atomic_load_n(&loop->current, __ATOMIC_RELAXED);
    struct task task;
    struct task_slot slot;
    char name[TASK_NAME_SIZE] = "";
    if (!running) {
        const struct eddy_site_ *site = __atomic_load_n(&loop->calling, __ATOMIC_RELAXED);
        if (site)
            (void)snprintf(text, size, "a callback (asked for at %s:%d)", site_file(site),
                           site->line);
        else
            (void)snprintf(text, size, "a callback");
        return !moved_on(loop);
    }
    if (!peek(running, &task, sizeof task) || !peek(task.slot, &slot, sizeof slot) ||
        moved_on(loop)) {
        (void)snprintf(text, size, "a task");
        return !moved_on(loop);
    }
    if (slot.name)
        (void)peek(slot.name, name, sizeof name - 1);
    else
        (void)snprintf(name, sizeof name, "Task-%llu", (unsigned long long)slot.sequence);
    (void)snprintf(text, size, "task '%s' (%s at %s:%d)", name, slot.site->function,
                   site_file(slot.site), slot.site->line);
    return !moved_on(loop);
}

void watchdog_read(int id, const char *file, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/%s", id, file);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = descriptor < 0 ? 0 : read(descriptor, text, size - 1);
    if (descriptor >= 0)
        (void)close(descriptor);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static const char *system_call_name(long number)
{
    static const struct {
        long number;
        const char *name;
    } known[] = {
        {SYS_read, "read"},
        {SYS_write, "write"},
        {SYS_openat, "openat"},
        {SYS_fsync, "fsync"},
        {SYS_connect, "connect"},
        {SYS_accept, "accept"},
        {SYS_accept4, "accept4"},
        {SYS_recvfrom, "recvfrom"},
        {SYS_recvmsg, "recvmsg"},
        {SYS_sendto, "sendto"},
        {SYS_sendmsg, "sendmsg"},
        {SYS_nanosleep, "nanosleep"},
        {SYS_wait4, "wait4"},
        {SYS_waitid, "waitid"},
        {SYS_clock_nanosleep, "clock_nanosleep"},
        {SYS_futex, "futex"},
        {SYS_flock, "flock"},
        {SYS_pselect6, "pselect6"},
        {SYS_ppoll, "ppoll"},
        {SYS_fcntl, "fcntl"},
        {SYS_epoll_pwait, "epoll_pwait"},
        {SYS_pread64, "pread64"},
        {SYS_pwrite64, "pwrite64"},
        {SYS_getdents64, "getdents64"},
#ifdef SYS_poll
        {SYS_poll, "poll"},
        {SYS_select, "select"},
        {SYS_epoll_wait, "epoll_wait"},
        {SYS_open, "open"},
#endif
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].number == number)
            return known[i].name;
    return NULL;
}

/* What the thread does; false if it was hardly let do anything: the machine is busy, not the
 * step. */
static bool describe_doing(const struct watched_loop *watched, char *text, size_t size)
{
    char call[256], place[64];
    struct timespec used;
    watchdog_read(watched->thread, "syscall", call, sizeof call);
    watchdog_read(watched->thread, "wchan", place, sizeof place);
    if (call[0] && strncmp(call, "running", 7) != 0) {
        long number = strtol(call, NULL, 10);
        const char *name = system_call_name(number);
        bool known = place[0] && strcmp(place, "0") != 0;
        if (name)
            (void)snprintf(text, size, "blocked in %s(2)", name);
        else if (number == SYS_restart_syscall)
            (void)snprintf(text, size, "blocked in a system call that a signal interrupted");
        else if (number >= 0)
            (void)snprintf(text, size, "blocked in system call %ld", number);
        else
            (void)snprintf(text, size, "blocked");
        size_t length = strlen(text);
        if (known)
            (void)snprintf(text + length, size - length, ", %s", place);
        return true;
    }
    if (clock_gettime(watched->processor, &used) < 0) {
        (void)snprintf(text, size, "busy");
        return true;
    }
    int64_t computed = (int64_t)used.tv_sec * NANOSECONDS + used.tv_nsec - watched->processor_since;
    (void)snprintf(text, size, "computing");
    return computed >= watched->threshold;
}

/* ---- sampling ---- */

static void look_closer(struct watched_loop *watched, int64_t now)
{
    char who[192], doing[96], line[512];
    if (!describe_runner(loop_of(watched), who, sizeof who) ||
        !describe_doing(watched, doing, sizeof doing))
        return;
    int length = snprintf(line, sizeof line,
                          "eddy: warning: %s has kept its loop for %.2f s and still does: %s; use "
                          "eddy's own calls, or eddy_to_thread for what blocks or computes\n",
                          who, (double)(now - watched->since) / NANOSECONDS, doing);
    if (moved_on(loop_of(watched)))
        return;
    (void)!write(STDERR_FILENO, line, (size_t)length < sizeof line ? (size_t)length : sizeof line);
    watched->said = true;
    unsigned told = atomic_load(&watched->told);
    if (told == SLOW_STEPS)
        return;
    struct slow_step *step = &watched->slow[told];
    step->since = watched->since;
    step->until = 0;
    (void)snprintf(step->text, sizeof step->text, "%s|%s", who, doing);
    atomic_store(&watched->told, told + 1);
}

/* The step that was sampled so far is over. */
static void step_ended(struct watched_loop *watched, int64_t now)
{
    struct timespec used;
    unsigned told = atomic_load(&watched->told);
    if (watched->said && told && !watched->slow[told - 1].until)
        watched->slow[told - 1].until = now;
    watched->said = false;
    watched->since = now;
    watched->samples = 0;
    if (clock_gettime(watched->processor, &used) == 0)
        watched->processor_since = (int64_t)used.tv_sec * NANOSECONDS + used.tv_nsec;
}

/* Whether the loop is awake. */
static bool sample(struct watched_loop *watched)
{
    struct eddy_loop *loop = loop_of(watched);
    int64_t now = clock_monotonic();
    if (moved_on(loop)) {
        bool sleeping = atomic_load(&loop->sleeping) && atomic_load(&loop->steps) == watched->seen;
        step_ended(watched, now);
        watched->seen = atomic_load(&loop->steps);
        return !sleeping;
    }
    watched->samples++;
    if (!watched->said && now - watched->since >= watched->threshold &&
        (int64_t)watched->samples * SAMPLE_NS >= watched->threshold)
        look_closer(watched, now);
    return true;
}

static bool sample_all(void)
{
    bool awake = false;
    for (struct link *link = loops.first; link; link = link->next)
        awake |= sample(container_of(link, struct watched_loop, link));
    return awake;
}

/* With the lock held. */
static void wait_for_wake(int64_t nanoseconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at = (int64_t)until.tv_sec * NANOSECONDS + until.tv_nsec + nanoseconds;
    until = (struct timespec){.tv_sec = at / NANOSECONDS, .tv_nsec = at % NANOSECONDS};
    (void)pthread_cond_clockwait(&wake, &lock, CLOCK_MONOTONIC, &until);
}

static void *watch(void *unused)
{
    unsigned quiet = 0, idle = 0;
    (void)pthread_setname_np(pthread_self(), "eddy-watchdog");
    (void)pthread_mutex_lock(&lock);
    thread_id = gettid();
    while (users || (idle < LINGER_SAMPLES && !hurry)) {
        idle = users ? 0 : idle + 1;
        quiet = sample_all() ? 0 : quiet + 1;
        if (quiet < QUIET_SAMPLES || !users) {
            wait_for_wake(SAMPLE_NS);
            continue;
        }
        atomic_store(&watchdog_rests, true);
        if (!sample_all())
            wait_for_wake(REST_NS);
        atomic_store(&watchdog_rests, false);
    }
    runs = false;
    ended = true;
    (void)pthread_cond_broadcast(&wake);
    (void)pthread_mutex_unlock(&lock);
    return unused;
}

void watchdog_rouse(void)
{
    (void)pthread_mutex_lock(&lock);
    (void)pthread_cond_broadcast(&wake);
    (void)pthread_mutex_unlock(&lock);
}

/* ---- life ---- */

/* With the lock held: a thread that has ended is gone altogether. The system still counts it for a
 * moment after its join, which those who count threads (deadlock.c) would take for somebody
 * else. */
static void join(void)
{
    if (ended) {
        (void)pthread_join(thread, NULL);
        while (syscall(SYS_tgkill, getpid(), thread_id, 0) == 0)
            (void)sched_yield();
    }
    ended = false;
}

/* With the lock held: one that only lingers ends now. */
static void end_lingering(void)
{
    while (runs && !users) {
        hurry = true;
        (void)pthread_cond_broadcast(&wake);
        (void)pthread_cond_wait(&wake, &lock);
    }
    hurry = false;
    join();
}

bool watchdog_runs(void)
{
    (void)pthread_mutex_lock(&lock);
    end_lingering();
    bool there = runs;
    (void)pthread_mutex_unlock(&lock);
    return there;
}

/* Before a fork, which is simpler with one thread; and before the code may be unloaded. */
__attribute__((__destructor__)) static void watchdog_forget(void)
{
    (void)watchdog_runs();
}

/* After fork there is no thread, and the loops are the parent's. */
static void child_has_no_watchdog(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    loops = (struct list){NULL, NULL};
    users = 0;
    runs = ended = hurry = false;
    atomic_store(&watchdog_rests, false);
}

__attribute__((__constructor__)) static void watchdog_prepare(void)
{
    (void)pthread_atfork(watchdog_forget, NULL, child_has_no_watchdog);
}

/* With the lock held. Without a thread nobody watches, which nobody notices. */
static void start(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    join();
    if (runs || pthread_attr_init(&attributes) != 0)
        return;
    if (!EDDY_ASAN && !EDDY_TSAN)
        (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    runs = pthread_create(&thread, &attributes, watch, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
}

void watchdog_init(struct watched_loop *watched, double seconds, bool virtual_clock)
{
    if (seconds == 0 && !virtual_clock)
        seconds = EDDY_ASAN || EDDY_TSAN ? 10 * default_seconds : default_seconds;
    watched->threshold = seconds > 0 ? seconds_to_nanoseconds(seconds) : 0;
}

void watchdog_enter(struct eddy_loop *loop)
{
    struct watched_loop *watched = &loop->watchdog;
    if (!watched->threshold || watched->entered)
        return;
    watched->entered = true;
    watched->thread = (int)syscall(SYS_gettid);
    watched->seen = atomic_load(&loop->steps) - 1;
    if (pthread_getcpuclockid(pthread_self(), &watched->processor) != 0)
        watched->processor = CLOCK_MONOTONIC;
    (void)pthread_mutex_lock(&lock);
    users += !watched->known;
    watched->known = true;
    list_append(&loops, &watched->link);
    start();
    if (atomic_load(&watchdog_rests))
        (void)pthread_cond_broadcast(&wake);
    (void)pthread_mutex_unlock(&lock);
}

void watchdog_leave(struct eddy_loop *loop)
{
    if (!loop->watchdog.entered)
        return;
    (void)pthread_mutex_lock(&lock);
    list_remove(&loops, &loop->watchdog.link);
    (void)pthread_mutex_unlock(&lock);
    loop->watchdog.entered = false;
    if (atomic_load(&loop->watchdog.told))
        watchdog_tell(loop);
}

void watchdog_end(struct eddy_loop *loop)
{
    if (!loop->watchdog.known)
        return;
    (void)pthread_mutex_lock(&lock);
    users--;
    if (!users && EDDY_TSAN) /* which looks for threads that nobody joined before destructors run */
        end_lingering();
    else if (!users && atomic_load(&watchdog_rests))
        (void)pthread_cond_broadcast(&wake);
    (void)pthread_mutex_unlock(&lock);
}

static void tell_one(struct eddy_loop *loop, struct slow_step *step)
{
    char *doing = strchr(step->text, '|'), message[448];
    double seconds = (double)(step->until - step->since) / NANOSECONDS;
    if (doing)
        *doing++ = '\0';
    (void)snprintf(message, sizeof message, "%s kept its loop for %.2f s: %s", step->text, seconds,
                   doing ? doing : "");
    log_record(loop, &(struct eddy_log_record){.level = EDDY_LOG_WARNING,
                                               .event = EDDY_LOG_SLOW_STEP,
                                               .message = message,
                                               .task = "",
                                               .seconds = seconds});
}

void watchdog_tell(struct eddy_loop *loop)
{
    struct watched_loop *watched = &loop->watchdog;
    struct slow_step slow[SLOW_STEPS];
    (void)pthread_mutex_lock(&lock);
    unsigned count = atomic_load(&watched->told);
    memcpy(slow, watched->slow, count * sizeof slow[0]);
    if (count && !slow[count - 1].until)
        slow[count - 1].until = clock_monotonic();
    atomic_store(&watched->told, 0);
    watched->said = false;
    watched->seen = atomic_load(&loop->steps) - 1;
    (void)pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < count; i++)
        tell_one(loop, &slow[i]);
}
