/* SPDX-License-Identifier: MIT */
/*
 * A last line when the process dies of a run: its handlers only write what was prepared, and give
 * the signal back to whoever had it before. A sanitizer that ends the process tells us by itself.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "test/search.h"

static const int fatal[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
enum { FATAL = sizeof fatal / sizeof *fatal };

extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((__weak__));

static char line[2 * EDDY_SEARCH_REPLAY_SIZE];
static _Atomic size_t length; /* 0: there is nothing to say */
static int depth;

static struct handlers {
    bool installed[FATAL];
    struct sigaction previous[FATAL];
} outside, inside;

static void say(void)
{
    size_t size = atomic_exchange(&length, 0);
    if (size)
        (void)!write(STDERR_FILENO, line, size);
}

static void restore(struct handlers *handlers, int number)
{
    for (int i = 0; i < FATAL; i++)
        if (fatal[i] == number && handlers->installed[i]) {
            handlers->installed[i] = false;
            (void)sigaction(number, &handlers->previous[i], NULL);
        }
}

/* A fault is met again when a handler returns, and is the previous one's then. */
static void die(struct handlers *handlers, int number, const siginfo_t *info)
{
    say();
    restore(handlers, number);
    if (info->si_code <= 0 || number == SIGALRM)
        (void)raise(number); /* takes effect when this handler returns */
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    (void)context;
    die(&outside, number, info);
}

static void on_fatal_inside(int number, siginfo_t *info, void *context)
{
    (void)context;
    die(&inside, number, info);
}

static void install(struct handlers *handlers, int i,
                    void (*handler)(int number, siginfo_t *info, void *context))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction *previous = &handlers->previous[i];
    if (sigaction(fatal[i], NULL, previous) < 0)
        return;
    if (fatal[i] == SIGALRM && previous->sa_handler != SIG_DFL)
        return; /* not fatal */
    handlers->installed[i] = sigaction(fatal[i], &action, NULL) == 0;
}

void crash_line_begin(void)
{
    if (depth++)
        return;
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say);
    for (int i = 0; i < FATAL; i++)
        install(&outside, i, on_fatal);
}

void crash_line_end(void)
{
    atomic_store(&length, 0);
    if (--depth)
        return;
    for (int i = 0; i < FATAL; i++)
        restore(&outside, fatal[i]);
}

void crash_line_inside_begin(void)
{
    for (int i = 0; i < FATAL; i++)
        if (fatal[i] == SIGSEGV || fatal[i] == SIGBUS)
            install(&inside, i, on_fatal_inside);
}

void crash_line_inside_end(void)
{
    for (int i = 0; i < FATAL; i++)
        restore(&inside, fatal[i]);
}

void crash_line_set(const char *text)
{
    atomic_store(&length, 0);
    int size = snprintf(line, sizeof line,
                        "eddy: the process dies of a run that this repeats:\n%s\n", text);
    atomic_store(&length, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
}
