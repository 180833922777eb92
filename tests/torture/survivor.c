/* SPDX-License-Identifier: MIT */
/*
 * A program for scripts/strace_inject.py to mistreat: a little of everything that makes system
 * calls. Whatever the system refuses it must end soon, with 0 or with a line that says why.
 *
 *     survivor echo | files | threads | processes | children    in a folder where it may write
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <eddy.h>

#define PATIENCE 3.0 /* seconds */

/* ---- echo: a server and clients ---- */

static int serve_echo(eddy_stream *stream, void *context)
{
    (void)context;
    char line[256];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
        if ((n = eddy_stream_write(stream, line, (size_t)n)) < 0)
            break;
    return (int)n;
}

static int talk(eddy_stream *stream)
{
    for (int i = 0; i < 3; i++) {
        char line[64], answer[64];
        int length = snprintf(line, sizeof line, "line %d\n", i);
        ssize_t n = eddy_stream_write(stream, line, (size_t)length);
        if (n >= 0)
            n = eddy_stream_read_line(stream, answer, sizeof answer);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return eddy_fail(-ECONNRESET, "the server closed the connection");
        if (strcmp(line, answer) != 0)
            return eddy_fail(-EBADMSG, "the echo is '%s'", answer);
    }
    return 0;
}

struct client {
    int port;
};
static int client(struct client *a)
{
    eddy_stream *stream;
    int r = eddy_connect("localhost", a->port, &stream);
    if (r < 0)
        return r;
    r = talk(stream);
    eddy_stream_close(stream);
    return r;
}

static int echo(void)
{
    eddy_server *server;
    int r = eddy_serve("localhost", 0, serve_echo, NULL, NULL, &server);
    if (r < 0)
        return r;
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, client, .port = eddy_server_port(server));
    }
    eddy_server_close(server);
    return err;
}

/* ---- files ---- */

static int write_and_read(eddy_file *file)
{
    static char out[100000], in[sizeof out];
    memset(out, 'e', sizeof out);
    ssize_t n = eddy_file_write(file, out, sizeof out);
    int r = n < 0 ? (int)n : eddy_file_sync(file);
    size_t done = 0;
    while (r == 0 && done < sizeof in) {
        n = eddy_file_pread(file, in + done, sizeof in - done, done);
        if (n <= 0)
            r = n < 0 ? (int)n : eddy_fail(-EIO, "the file ends after %zu bytes", done);
        else
            done += (size_t)n;
    }
    return r < 0 || memcmp(in, out, sizeof in) == 0
               ? r
               : eddy_fail(-EBADMSG, "read what wasn't written");
}

static int files(void)
{
    eddy_file *file;
    int r = eddy_make_directories("survivor-files/folder", 0755);
    if (r == 0)
        r = eddy_file_open("survivor-files/folder/file", O_RDWR | O_CREAT | O_TRUNC, 0644, &file);
    if (r < 0)
        return r;
    r = write_and_read(file);
    int closed = eddy_file_close(file);
    if (r == 0)
        r = closed < 0 ? closed
                       : eddy_rename("survivor-files/folder/file", "survivor-files/folder/other");
    return r < 0 ? r : eddy_unlink("survivor-files/folder/other");
}

/* ---- threads and processes ---- */

struct work {
    int in, out;
};
static int work(struct work *a)
{
    (void)usleep(1000);
    a->out = 2 * a->in;
    return 0;
}

struct job {
    eddy_pool *pool;
    int number;
};
static int job(struct job *a)
{
    struct work job = {.in = a->number};
    int r = a->pool ? eddy_run_in(a->pool, work, &job) : eddy_to_thread(work, &job);
    if (r == 0 && job.out != 2 * a->number)
        return eddy_fail(-EBADMSG, "job %d gave %d", a->number, job.out);
    return r;
}

static int jobs(eddy_pool *pool)
{
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 4; i++)
            eddy_spawn(g, job, .pool = pool, .number = i);
    }
    return err;
}

static int threads(void)
{
    return jobs(NULL);
}

static int processes(void)
{
    eddy_pool *pool;
    int r = eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 2});
    if (r < 0)
        return r;
    r = jobs(pool);
    eddy_pool_close(pool);
    return r;
}

/* ---- child processes: a pipeline, a talk, an end before its time ---- */

static int expect_code(const char *child, int code, int expected)
{
    return code == expected ? 0
                            : eddy_fail(-ECHILD, "%s ended with %d, not %d", child, code, expected);
}

static int counts(void)
{
    static const char *const echo[] = {"echo", "text", NULL}, *const cat[] = {"cat", NULL},
                             *const wc[] = {"wc", "-c", NULL};
    static const char *const *const programs[] = {echo, cat, wc};
    const struct eddy_process_options options = {.stdout_to = EDDY_PIPE};
    eddy_process *all[3];
    int codes[3] = {0};
    int r = eddy_process_pipeline(programs, 3, &options, all);
    if (r < 0)
        return r;
    r = eddy_process_communicate_all(all, 3, NULL, 0, codes);
    for (int i = 0; r == 0 && i < 3; i++)
        r = expect_code(programs[i][0], codes[i], 0);
    if (r == 0 && strtol(eddy_process_output(all[2], NULL), NULL, 10) != 5)
        r = eddy_fail(-EBADMSG, "the pipeline says '%s'", eddy_process_output(all[2], NULL));
    for (int i = 0; i < 3; i++)
        eddy_process_close(all[i]);
    return r;
}

static int answers(void)
{
    const struct eddy_process_options options = {.stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE};
    eddy_process *shell;
    int code = -1, r = eddy_process_shell("read line; echo $line; exit 3", &options, &shell);
    if (r < 0)
        return r;
    r = eddy_process_communicate(shell, "text\n", 5, &code);
    if (r == 0)
        r = expect_code("the shell", code, 3);
    if (r == 0 && strcmp(eddy_process_output(shell, NULL), "text\n") != 0)
        r = eddy_fail(-EBADMSG, "the shell says '%s'", eddy_process_output(shell, NULL));
    eddy_process_close(shell);
    return r;
}

/* It ends by itself, too, where no signal gets through. */
static int is_ended(void)
{
    static const char *const sleeps[] = {"sleep", "1", NULL};
    const struct eddy_process_options options = {.group = EDDY_OWN_GROUP, .grace = 0.2};
    eddy_process *asked, *closed;
    int code = 0, r = eddy_process_exec(sleeps, &options, &asked);
    if (r < 0)
        return r;
    r = eddy_process_exec(sleeps, &options, &closed);
    if (r == 0) {
        r = eddy_process_terminate(asked);
        eddy_process_close(closed);
    }
    if (r == 0)
        r = eddy_process_wait(asked, &code);
    eddy_process_close(asked);
    return r < 0 ? r : expect_code("sleep", code, -SIGTERM);
}

static int children(void)
{
    int r = counts();
    if (r == 0)
        r = answers();
    return r < 0 ? r : is_ended();
}

/* ---- */

static int (*chosen)(void);

/* Neither running nor a zombie. */
static bool no_child_is_left(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0;
}

static int with_patience(void)
{
    return eddy_wait_for(chosen(), PATIENCE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*function)(void);
    } parts[] = {{"echo", echo},
                 {"files", files},
                 {"threads", threads},
                 {"processes", processes},
                 {"children", children}};
    for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            chosen = parts[i].function;
    if (!chosen) {
        fprintf(stderr, "usage: %s echo | files | threads | processes | children\n", argv[0]);
        return 2;
    }
    int r = chosen == processes ? eddy_process_pool_init() : 0;
    if (r < 0) {
        fprintf(stderr, "survivor: no process pools: %s\n", eddy_error_name(r));
        return 1;
    }
    r = eddy_run(with_patience);
    if (chosen == children && !no_child_is_left()) {
        fprintf(stderr, "survivor: a child is left\n");
        return 1;
    }
    return r < 0;
}
