/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow. The task's stack is full when its guard is hit, so the handler
 * needs one of its own: sigaltstack is per thread, the handler per process, and so are the two
 * halves of the state below.
 */
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "overflow.h"
#include "sanitizer.h"

enum {
    HANDLER_STACK = 64 << 10, /* beside what the kernel puts there: the unwinder is hungry */
    FRAMES = 64,
    DESCRIPTION = 256,
};

static const int faults[] = {SIGSEGV, SIGBUS};
enum { FAULTS = sizeof faults / sizeof faults[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t threads;        /* that have it installed */
static bool handling[FAULTS]; /* our handler is in place, or below one put on top of it */
static struct sigaction previous[FAULTS];

static _Thread_local struct {
    size_t depth;
    overflow_describe *describe;
    void *stack;
    size_t size;
    stack_t previous;
} own;

size_t overflow_put_text(char *buffer, size_t size, size_t used, const char *text)
{
    while (*text && used + 1 < size)
        buffer[used++] = *text++;
    if (used < size)
        buffer[used] = '\0';
    return used;
}

size_t overflow_put_number(char *buffer, size_t size, size_t used, size_t number)
{
    char digits[24], *first = &digits[sizeof digits - 1];
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return overflow_put_text(buffer, size, used, first);
}

static void report(const char *whose)
{
    char line[DESCRIPTION + 32];
    size_t used = overflow_put_text(line, sizeof line, 0, "stack overflow in ");
    used = overflow_put_text(line, sizeof line, used, whose);
    used = overflow_put_text(line, sizeof line, used, "\n");
    (void)!write(STDERR_FILENO, line, used);

    void *frames[FRAMES];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
}

/* A fault is met again when the handler returns, and then kills, with a core dump of that very
 * place. A signal that somebody sent (code <= 0) has to be sent again. */
static void die_of(int number, const siginfo_t *info)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(number, &action, NULL);
    if (info->si_code <= 0)
        (void)raise(number);
}

static void pass_on(int number, siginfo_t *info, void *context)
{
    const struct sigaction *action = &previous[number == faults[0] ? 0 : 1];
    if (action->sa_flags & SA_SIGINFO)
        action->sa_sigaction(number, info, context);
    else if (action->sa_handler == SIG_DFL || (action->sa_handler == SIG_IGN && info->si_code > 0))
        die_of(number, info); /* the kernel doesn't let a fault be ignored either */
    else if (action->sa_handler != SIG_IGN)
        action->sa_handler(number);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    char whose[DESCRIPTION];
    if (info->si_code > 0 && own.describe && own.describe(info->si_addr, whose, sizeof whose)) {
        report(whose);
        die_of(number, info);
    } else {
        pass_on(number, info, context);
    }
    errno = saved;
}

static int handler_install(void)
{
    void *frame;
    (void)backtrace(&frame, 1); /* loads the unwinder, which mustn't happen in the handler */

    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (size_t i = 0; i < FAULTS; i++) {
        if (handling[i])
            continue;
        /* In two steps, so that the handler never runs without knowing the previous one. */
        if (sigaction(faults[i], NULL, &previous[i]) < 0 || sigaction(faults[i], &ours, NULL) < 0)
            return -errno;
        handling[i] = true;
    }
    return 0;
}

/* A handler that was put on top of ours may call it still: then it stays where it is. */
static void handler_uninstall(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        struct sigaction current;
        if (handling[i] && sigaction(faults[i], NULL, &current) == 0 &&
            (current.sa_flags & SA_SIGINFO) && current.sa_sigaction == on_fault)
            handling[i] = sigaction(faults[i], &previous[i], NULL) < 0;
    }
}

static int stack_install(void)
{
    long kernel = sysconf(_SC_MINSIGSTKSZ); /* grows with the processor's vector registers */
    own.size = HANDLER_STACK + (kernel > 0 ? (size_t)kernel : MINSIGSTKSZ);
    own.stack = mmap(NULL, own.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own.stack == MAP_FAILED)
        return -ENOMEM;
    stack_t stack = {.ss_sp = own.stack, .ss_size = own.size};
    if (sigaltstack(&stack, &own.previous) < 0) {
        int code = -errno;
        (void)munmap(own.stack, own.size);
        return code;
    }
    return 0;
}

static void stack_uninstall(void)
{
    stack_t current;
    if (sigaltstack(NULL, &current) == 0 && current.ss_sp == own.stack)
        (void)sigaltstack(&own.previous, NULL);
    sanitizer_unpoison(own.stack, own.size); /* a handler may have left it by longjmp */
    (void)munmap(own.stack, own.size);
}

int overflow_install(overflow_describe *describe)
{
    if (own.depth == 0) {
        int code = stack_install();
        if (code < 0)
            return code;
        (void)pthread_mutex_lock(&lock);
        code = handler_install();
        if (code == 0)
            threads++;
        else if (threads == 0)
            handler_uninstall();
        (void)pthread_mutex_unlock(&lock);
        if (code < 0) {
            stack_uninstall();
            return code;
        }
    }
    own.describe = describe;
    own.depth++;
    return 0;
}

void overflow_uninstall(void)
{
    if (own.depth == 0 || --own.depth > 0)
        return;
    own.describe = NULL;
    (void)pthread_mutex_lock(&lock);
    if (--threads == 0)
        handler_uninstall();
    (void)pthread_mutex_unlock(&lock);
    stack_uninstall();
}
