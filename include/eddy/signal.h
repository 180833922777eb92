/* SPDX-License-Identifier: MIT */
/*
 * Signals of the system, handled in the loop: loop.add_signal_handler(), and streams of signals.
 *
 *     eddy_signals *signals;                                  // in a task
 *     int r = eddy_signals_open(&signals, SIGTERM, SIGHUP);
 *     while ((r = eddy_signals_next(signals, NULL)) == SIGHUP)
 *         read_configuration();
 *     eddy_signals_close(signals);                            // r is SIGTERM
 *
 *     r = eddy_add_signal_handler(SIGUSR1, print_statistics, &server);    // or a callback
 *
 * Nothing of this runs in signal context: what is called may do all that a callback may. Whichever
 * thread the system interrupts, the signal is handed to the loop that asked for it, and wakes it.
 *
 * Who owns a signal: the first loop of the process that asks for it, on whatever thread, until its
 * last handler and stream of this signal are gone; then what the process did before at this signal
 * is put back. Another loop gets -EBUSY meanwhile. The end of the loop removes all. SIGINT belongs
 * to the main task of eddy_run (run.h) until somebody asks for it here, and again afterwards. A
 * child of fork inherits nothing: it begins with what was there before.
 *
 * Signals are counted, not queued: a thousand that come before the loop gets to them call a handler
 * once, and are one item of a stream, with the count 1000 (fewer if the system itself made one of
 * several). So no storm of them takes memory. raise() works in simulated runs, too.
 */
#ifndef EDDY_SIGNAL_H
#define EDDY_SIGNAL_H

#include <signal.h>
#include <eddy/loop.h>

EDDY_BEGIN_DECLS

/* Calls callback(argument) in one of the loop's next turns after the signal came. Another call for
 * the same signal replaces the callback. 0; -EINVAL outside a loop, for a null callback, and for
 * what can't be handled so, by the system's rules (SIGKILL, SIGSTOP, numbers that aren't signals)
 * or because it tells of a fault of the program itself (SIGSEGV, SIGBUS, SIGFPE, SIGILL); -EBUSY if
 * another loop owns the signal; -ENOMEM. */
EDDY_API int eddy_add_signal_handler(int number, eddy_callback *callback, void *argument);

/* True if there was one. After it returns the callback doesn't run any more. */
EDDY_API bool eddy_remove_signal_handler(int number);

/* One listener to some signals. Any number of streams may listen to the same signal, and each is
 * told of each; handlers are called as well. */
typedef struct eddy_signals eddy_signals;

/* eddy_signals_open(&signals, SIGTERM, SIGINT, ...): listens from now on. To be closed; what is
 * still open at the loop's end is closed by it, and the pointer dead. 0, or as
 * eddy_add_signal_handler. */
#define eddy_signals_open(signals, ...) EDDY_SIGNALS_OPEN_(signals, __VA_ARGS__)

/* The same for an array of signals. */
EDDY_API EDDY_MUST_USE int eddy_signals_open_all(eddy_signals **signals, const int *numbers,
                                                 size_t count);

/* Suspends until one of the signals has come, and returns its number, and in *count (may be NULL)
 * how often it came since it was last told. What has come already is told without suspending, also
 * in a cancelled scope; of several the numbers take turns. -ECANCELED: nothing was taken. -EPIPE if
 * the stream is closed meanwhile; -EINVAL outside a task, for NULL, or in another loop. Of several
 * tasks that wait in one stream, the first gets it. */
EDDY_API EDDY_ASYNC int eddy_signals_next(eddy_signals *signals, size_t *count);

/* Ends it: tasks that wait in it are woken with -EPIPE. NULL is harmless. Doesn't suspend. */
EDDY_API void eddy_signals_close(eddy_signals *signals);

EDDY_END_DECLS

#ifndef __cplusplus
#define EDDY_SIGNALS_OPEN_(signals, ...)                                                           \
    eddy_signals_open_all(signals, (const int[]){__VA_ARGS__},                                     \
                          sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#else
#define EDDY_SIGNALS_OPEN_(signals, ...) eddy_cxx_::signals_open(signals, __VA_ARGS__)

namespace eddy_cxx_ {
template <class... Numbers>
EDDY_MUST_USE int signals_open(eddy_signals **signals, Numbers... numbers)
{
    const int all[] = {numbers...};
    return eddy_signals_open_all(signals, all, sizeof...(numbers));
}
} // namespace eddy_cxx_
#endif

#endif
