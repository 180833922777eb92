/* SPDX-License-Identifier: MIT */
/*
 * Processes: other programs as children of this one. asyncio's create_subprocess_exec and _shell.
 *
 *     eddy_process *sort;
 *     r = eddy_process_exec((const char *const[]){"sort", "-n", NULL},
 *                           &(struct eddy_process_options){.stdin_from = EDDY_PIPE,
 *                                                          .stdout_to = EDDY_PIPE},
 *                           &sort);
 *     if (r < 0)
 *         return r;                            // "can't execute 'sort': No such file or directory"
 *     eddy_defer(eddy_process_close, sort);    // whatever happens, it ends with this block
 *
 *     int code;                                // 0, or what it exited with, or minus its signal
 *     r = eddy_process_communicate(sort, "3\n1\n2\n", 6, &code);
 *     puts(eddy_process_output(sort, NULL));
 *
 * A child gets stdin, stdout and stderr as asked, the descriptors named in the options, and no
 * other; all signals at their defaults and none blocked. It is started by the fastest way there is,
 * which keeps the loop until the program is being executed (half a millisecond, or what a slow disk
 * takes), and doesn't suspend: no cancel comes in between. Signals go through a pidfd, so that they
 * never hit another process that got the number since.
 *
 * No child outlives its handle: closing it ends and reaps the child, and so does the loop's end,
 * which reports a handle that was left open. A handle belongs to its loop, and not to a fork(2) of
 * the program. SIGCHLD is neither used nor touched; but a program that ignores it, or calls wait(2)
 * for any child, may take an exit code away: it is 255 then, with a warning in the log.
 *
 * By a virtual clock a child is like a socket: the clock gives it a millisecond before it moves on.
 * The simulated system of eddy-test has no processes: -ENOTSUP.
 */
#ifndef EDDY_PROCESS_H
#define EDDY_PROCESS_H

#include <sys/resource.h>
#include <sys/types.h>
#include <eddy/base.h>
#include <eddy/stream.h>

EDDY_BEGIN_DECLS

typedef struct eddy_process eddy_process;

/* What stdin_from, stdout_to and stderr_to may be, beside a descriptor from 1 on, which stays the
 * caller's. A stream's descriptor doesn't wait, which few programs expect. */
enum eddy_process_standard {
    EDDY_INHERIT = 0, /* ours */
    EDDY_PIPE = -1,   /* a stream: eddy_process_stdin and so on */
    EDDY_STDOUT = -2, /* stderr_to: the same as stdout */
    EDDY_DEVNULL = -3,
};

/* Who the child is; all three of user and group, without what came by set-user-ID, and of the
 * supplementary groups these only. */
struct eddy_process_identity {
    uid_t user;
    gid_t group;
    const gid_t *groups;
    size_t group_count;
};

/* As setrlimit(2): RLIMIT_CPU and so on. */
struct eddy_process_limit {
    int resource;
    rlim_t soft, hard;
};

/* A process group of the child's own, for `group`. */
#define EDDY_OWN_GROUP ((pid_t)-1)

/* How much of each output communicate keeps at most, unless the options say. */
#define EDDY_PROCESS_LIMIT ((size_t)16 << 20)

/* All may be left out. Nothing of it needs to last longer than the call. */
struct eddy_process_options {
    int stdin_from, stdout_to, stderr_to;
    const char *directory;          /* where it works; default: where we do */
    const char *const *environment; /* "NAME=value", NULL at the end; default: ours */
    const int *descriptors;         /* which it keeps under their numbers, from 3 on */
    size_t descriptor_count;
    /* Default ours; a group of this session; or EDDY_OWN_GROUP: then signals, and the end by
     * eddy_process_close, go to all processes of the group, also when the first has ended. */
    pid_t group;
    bool session; /* a session, and a group, of its own: setsid(2) */
    const struct eddy_process_identity *identity; /* default: ours */
    const struct eddy_process_limit *limits;
    size_t limit_count;
    double grace; /* seconds from SIGTERM to SIGKILL in eddy_process_close; default 0: SIGKILL
                          * at once */
    size_t output_limit; /* default EDDY_PROCESS_LIMIT */
};

/* Starts a program, found by $PATH of the environment it gets unless its name has a '/'; arguments
 * end with a NULL, and the first is the name. options may be NULL. On the loop's thread, also in
 * callbacks; doesn't suspend. 0; -EINVAL (outside a loop, NULL or no arguments, options that can't
 * be: the failure says which); -ENOENT, -EACCES, -ENOEXEC (neither a binary nor a script with
 * "#!"),
 * -E2BIG and others of execve(2), of chdir(2), setrlimit(2), setuid(2) and so on: the failure names
 * the step and the program; -EAGAIN (too many processes), -EMFILE, -ENOMEM; -ENOTSUP on a simulated
 * system. Nothing is left when it fails. */
EDDY_API EDDY_MUST_USE int eddy_process_exec(const char *const *arguments,
                                             const struct eddy_process_options *options,
                                             eddy_process **process);

/* The same for "/bin/sh -c command". What comes from outside has no place in a command. */
EDDY_API EDDY_MUST_USE int eddy_process_shell(const char *command,
                                              const struct eddy_process_options *options,
                                              eddy_process **process);

/* Starts `count` programs (at most 1,000), each one's stdout being the next one's stdin: a | b | c.
 * stdin_from is the first one's, stdout_to the last one's, stderr_to and the rest everyone's; with
 * EDDY_OWN_GROUP or a session they share the first one's group. `processes` has room for `count`
 * handles, each to be closed. Errors as eddy_process_exec; then those already started are
 * killed. */
EDDY_API EDDY_MUST_USE int eddy_process_pipeline(const char *const *const *programs, size_t count,
                                                 const struct eddy_process_options *options,
                                                 eddy_process **processes);

/* Ends it, if it runs, and waits for that: closes stdin, sends SIGTERM, after `grace` seconds
 * SIGKILL; then closes its streams and frees the handle. What is left of a group of its own when
 * the first one has ended is killed without further grace. Suspends; a cancel meanwhile doesn't
 * shorten it. In a callback it kills at once and leaves the rest to the loop. One that has ended
 * isn't touched. Tasks that wait for it meanwhile get its code. NULL is harmless. One that can't be
 * killed (by its permissions) is reported and let go. */
EDDY_API void eddy_process_close(eddy_process *process);

/* Suspends until it has ended: 0 and its code, from 0 to 255, or minus the number of the signal
 * that killed it. Any number of tasks may wait, at any time. -ECANCELED, which leaves the process
 * alone; -EINVAL. Output that nobody reads can keep a child from ending. code may be NULL. */
EDDY_API EDDY_ASYNC int eddy_process_wait(eddy_process *process, int *code);

/* Whether it has ended, and its code if it has: doesn't suspend. code may be NULL. */
EDDY_API bool eddy_process_ended(const eddy_process *process, int *code);

/* Its number; also afterwards, when it may be another's. */
EDDY_API pid_t eddy_process_pid(const eddy_process *process);

/* Sends a signal; to terminate is SIGTERM, to kill SIGKILL. 0, -ESRCH (it has ended), -EPERM,
 * -EINVAL (no such signal, NULL, another loop). */
EDDY_API int eddy_process_send_signal(eddy_process *process, int number);
EDDY_API int eddy_process_terminate(eddy_process *process);
EDDY_API int eddy_process_kill(eddy_process *process);

/* Our ends of its pipes; NULL without one or once closed. They are the process's, which closes
 * them: not eddy_stream_close but eddy_process_close_stream. */
EDDY_API eddy_stream *eddy_process_stdin(const eddy_process *process);
EDDY_API eddy_stream *eddy_process_stdout(const eddy_process *process);
EDDY_API eddy_stream *eddy_process_stderr(const eddy_process *process);

/* Closes one of these three early: of stdin that is the end of its input. 0, -EINVAL if the stream
 * isn't the process's (NULL is harmless). */
EDDY_API int eddy_process_close_stream(eddy_process *process, eddy_stream *stream);

/* Feeds stdin, reads stdout and stderr, all at the same time, up to their ends, and closes them;
 * then waits for its end: 0 and its code. What isn't a pipe is left out; input without a pipe for
 * stdin is -EINVAL. A child that doesn't read all of its input is no error. A grandchild that keeps
 * an output open is waited for: eddy_wait_for() limits that.
 * -ECANCELED: the same call again goes on where this one was, with nothing lost. -EMSGSIZE: an
 * output is longer than output_limit; so much of it is kept. -EBUSY: another task reads or writes
 * already, or communicates. -ENOMEM, and errors of the streams. The child runs on after all of
 * them. */
EDDY_API EDDY_ASYNC int eddy_process_communicate(eddy_process *process, const void *input,
                                                 size_t size, int *code);

/* The same for a pipeline: feeds the first one, reads the last one's stdout and everyone's stderr,
 * waits for all. codes has room for `count` codes, or is NULL. */
EDDY_API EDDY_ASYNC int eddy_process_communicate_all(eddy_process *const *processes, size_t count,
                                                     const void *input, size_t size, int *codes);

/* What communicate has read of stdout and stderr so far, with a NUL behind it: valid until the
 * process communicates again or is closed. Its size in *size, which may be NULL. */
EDDY_API const char *eddy_process_output(const eddy_process *process, size_t *size);
EDDY_API const char *eddy_process_errors(const eddy_process *process, size_t *size);

EDDY_END_DECLS
#endif
