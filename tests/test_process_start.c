/* SPDX-License-Identifier: MIT */
/* How child processes start: what they get, what they don't, and every way in which it fails. */
#include "support/process_test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <eddy/sim.h>
#include "sanitizer.h"
#include "support/folder.h"

/* Runs a command with these options and stdout to a pipe; its output is noted, with its code. */
static int note_output(const char *command, struct eddy_process_options options)
{
    eddy_process *process;
    options.stdout_to = EDDY_PIPE;
    int r = eddy_process_shell(command, &options, &process), code;
    if (r < 0)
        return r;
    eddy_defer(eddy_process_close, process);
    r = eddy_process_communicate(process, NULL, 0, &code);
    if (r < 0)
        return r;
    char text[512];
    (void)snprintf(text, sizeof text, "%s", eddy_process_output(process, NULL));
    for (char *at = text; (at = strchr(at, '\n')); *at = at[1] ? ' ' : '\0')
        continue;
    note("%s", text);
    return code;
}

static int exec_alone(const char *name, struct eddy_process_options options)
{
    eddy_process *process;
    options.stdin_from = options.stdout_to = options.stderr_to = EDDY_PIPE;
    int r = eddy_process_exec(ARGUMENTS(name), &options, &process);
    if (r == 0)
        eddy_process_close(process);
    return r;
}

/* ---- failures ---- */

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0)
        abort();
}

TEST(rule_231_a_failed_exec_says_why_and_leaves_nothing)
{
    char folder[TEST_PATH], script[TEST_PATH + 8], plain[TEST_PATH + 8], empty[TEST_PATH + 8];
    CHECK(mkdtemp(test_path(folder, test_folder(), "eddy-process-XXXXXX")));
    (void)snprintf(script, sizeof script, "%s/script", folder);
    (void)snprintf(plain, sizeof plain, "%s/plain", folder);
    (void)snprintf(empty, sizeof empty, "%s/empty", folder);
    write_file(script, "#!/no/such/interpreter\n", 0700);
    write_file(plain, "echo no first line\n", 0700);
    write_file(empty, "", 0600);
    const struct {
        const char *name;
        int code;
        const char *message;
    } failures[] = {
        {"/no/such/program", -ENOENT, "can't execute '/no/such/program': No such file"},
        {"no-such-program", -ENOENT, "can't execute 'no-such-program': not found in $PATH"},
        {"", -ENOENT, "can't execute '': not found in $PATH"},
        {script, -ENOENT, "/script': its interpreter is missing"},
        {plain, -ENOEXEC, "/plain': neither a binary nor a script with '#!'"},
        {empty, -EACCES, "/empty': Permission denied"},
        {folder, -EACCES, "': Permission denied"},
        {"/dev/null/x", -ENOTDIR, "can't execute '/dev/null/x'"}};
    size_t before = test_count_descriptors();
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        EXPECT_INT(exec_alone(failures[i].name, (struct eddy_process_options){.stdin_from = 0}),
                   failures[i].code);
        EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), failures[i].message);
    }
    (void)unlink(script);
    (void)unlink(plain);
    (void)unlink(empty);
    (void)rmdir(folder);
    CHECK_INT(test_count_descriptors(), before);
    CHECK(no_children());
    return 0;
}

TEST(rule_231_the_step_that_failed_is_named)
{
    const struct eddy_process_limit limits[] = {{RLIMIT_CORE, 0, 0}, {12345, 1, 1}};
    const struct eddy_process_options directory = {.directory = "/no/such/folder"},
                                      group = {.group = 1 << 30},
                                      limit = {.limits = limits, .limit_count = 2};
    CHECK_INT(exec_alone("true", directory), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                   "can't start 'true' in directory '/no/such/folder'");
    CHECK_INT(exec_alone("true", group), -EPERM);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "in process group 1073741824");
    CHECK_INT(exec_alone("true", limit), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "with limit 1 of resource 12345");
    CHECK(no_children());
    return 0;
}

TEST(a_program_is_found_as_execvp_finds_it)
{
    char folder[TEST_PATH], forbidden[TEST_PATH + 8], path[TEST_PATH + 64];
    CHECK(mkdtemp(test_path(folder, test_folder(), "eddy-process-XXXXXX")));
    (void)snprintf(forbidden, sizeof forbidden, "%s/echo", folder);
    write_file(forbidden, "", 0600);
    (void)snprintf(path, sizeof path, "PATH=/no/such/folder:%s:/usr/bin:/bin", folder);
    struct eddy_process_options options = {.environment = ARGUMENTS(path)};
    EXPECT_INT(exec_alone("echo", options), 0); /* behind the one that can't be executed */
    path[strlen("PATH=/no/such/folder:") + strlen(folder)] = '\0';
    EXPECT_INT(exec_alone("echo", options), -EACCES); /* there is only that */
    options = (struct eddy_process_options){.environment = ARGUMENTS("PATH="), .directory = "/bin"};
    EXPECT_INT(exec_alone("echo", options), 0); /* an empty part is the child's folder */
    options.environment = ARGUMENTS("NONE=1");
    EXPECT_INT(exec_alone("echo", options), 0); /* without any the usual two */
    (void)unlink(forbidden);
    (void)rmdir(folder);
    return 0;
}

TEST(what_can_not_be_is_refused)
{
    eddy_process *process, *all[2];
    const gid_t *const no_groups = NULL;
    const struct eddy_process_identity identity = {.groups = no_groups, .group_count = 1};
    const int low[] = {2}, closed[] = {12345};
    const struct {
        struct eddy_process_options options;
        int code;
    } bad[] = {{{.stdin_from = EDDY_STDOUT}, -EINVAL},
               {{.stdout_to = EDDY_STDOUT}, -EINVAL},
               {{.stderr_to = -4}, -EINVAL},
               {{.stdin_from = 12345}, -EBADF},
               {{.descriptor_count = 1}, -EINVAL},
               {{.descriptors = low, .descriptor_count = 1}, -EINVAL},
               {{.descriptors = closed, .descriptor_count = 1}, -EBADF},
               {{.grace = -1}, -EINVAL},
               {{.grace = NAN}, -EINVAL},
               {{.group = -2}, -EINVAL},
               {{.group = EDDY_OWN_GROUP, .session = true}, -EINVAL},
               {{.limit_count = 1}, -EINVAL},
               {{.identity = &identity}, -EINVAL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(eddy_process_exec(ARGUMENTS("true"), &bad[i].options, &process), bad[i].code);
        if (bad[i].code == -EINVAL)
            CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_process_exec");
    }
    CHECK_INT(eddy_process_exec(NULL, NULL, &process), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the arguments are NULL");
    CHECK_INT(eddy_process_exec((const char *const[]){NULL}, NULL, &process), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "not even the program's name");
    CHECK_INT(eddy_process_exec(ARGUMENTS("true"), NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "nowhere to put the process");
    CHECK_INT(eddy_process_shell(NULL, NULL, &process), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the command is NULL");
    CHECK_INT(eddy_process_pipeline(NULL, 1, NULL, all), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_process_pipeline(&(const char *const *){ARGUMENTS("true")}, 0, NULL, all),
              -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "0 programs");
    CHECK_INT(eddy_process_wait(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the process is NULL");
    CHECK_INT(eddy_process_exec(ARGUMENTS("true"), NULL, &process), 0);
    CHECK_INT(eddy_process_communicate(process, "x", 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "whose stdin isn't a pipe");
    CHECK_INT(eddy_process_send_signal(process, 1000), -EINVAL);
    eddy_process_close(process);
    return 0;
}

PLAIN_TEST(outside_a_loop_it_is_refused)
{
    eddy_process *process;
    test_stderr_begin();
    EXPECT_INT(eddy_process_exec(ARGUMENTS("true"), NULL, &process), -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(), "called outside a loop");
}

static int start_simulated(void)
{
    eddy_process *process;
    EXPECT_INT(eddy_process_exec(ARGUMENTS("true"), NULL, &process), -ENOTSUP);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()),
                    "can't start 'true': the simulated system has no processes");
    EXPECT_INT(eddy_process_pipeline(&(const char *const *){ARGUMENTS("true")}, 1, NULL, &process),
               -ENOTSUP);
    return 0;
}

PLAIN_TEST(the_simulated_system_says_that_it_has_none)
{
    EXPECT_INT(eddy_sim_run(1, NULL, start_simulated), 0);
}

/* ---- what a child gets ---- */

TEST(rule_232_children_inherit_only_the_descriptors_given)
{
    int kept[2] = {fcntl(2, F_DUPFD, 100), fcntl(2, F_DUPFD_CLOEXEC, 200)};
    int other = fcntl(2, F_DUPFD, 300); /* not close-on-exec, and not given */
    CHECK(kept[0] >= 100 && kept[1] >= 200 && other >= 300);
    CHECK_INT(note_output("ls /proc/self/fd", (struct eddy_process_options){.directory = NULL}), 0);
    CHECK_NOTES("0 1 2 3"); /* the last is the folder that is listed */
    char expected[64];
    (void)snprintf(expected, sizeof expected, "0 1 %d 2 %d 3", kept[0], kept[1]);
    CHECK_INT(
        note_output("ls /proc/self/fd | sort",
                    (struct eddy_process_options){.descriptors = kept, .descriptor_count = 2}),
        0);
    CHECK_NOTES(expected);
    CHECK_INT(fcntl(kept[1], F_GETFD), FD_CLOEXEC); /* here it is as it was */
    (void)close(kept[0]);
    (void)close(kept[1]);
    (void)close(other);
    return 0;
}

TEST(rule_232_the_stdin_of_one_is_not_inherited_by_another)
{
    eddy_process *first = shell_with_pipes("exec cat"), *second = shell_with_pipes("exec cat");
    CHECK_INT(eddy_process_close_stream(first, eddy_process_stdin(first)), 0);
    CHECK_INT(eddy_process_wait(first, NULL), 0); /* would wait for ever */
    eddy_process_close(second);
    eddy_process_close(first);
    return 0;
}

TEST(descriptors_cross_and_stand_in_for_each_other)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    eddy_process *process;
    const struct eddy_process_options options = {
        .stdin_from = EDDY_DEVNULL, .stdout_to = ends[1], .stderr_to = ends[1]};
    CHECK_INT(eddy_process_shell("echo a; echo b >&2", &options, &process), 0);
    (void)close(ends[1]);
    CHECK_INT(eddy_process_wait(process, NULL), 0);
    eddy_process_close(process);
    char text[16] = "";
    CHECK_INT(read(ends[0], text, sizeof text), 4);
    CHECK_TEXT(text, "a\nb\n");
    (void)close(ends[0]);
    /* stdout to what is stderr here, and the other way round */
    char here[2][64] = {"", ""}, command[300];
    for (int i = 0; i < 2; i++) {
        char path[] = "/proc/self/fd/1";
        path[strlen(path) - 1] = (char)('1' + i);
        CHECK(readlink(path, here[i], sizeof here[i] - 1) > 0);
    }
    (void)snprintf(command, sizeof command,
                   "test $(readlink /proc/$$/fd/1) = '%s' && test $(readlink /proc/$$/fd/2) = '%s'",
                   here[1], here[0]);
    const struct eddy_process_options crossed = {.stdout_to = 2, .stderr_to = 1};
    int code = -1;
    CHECK_INT(eddy_process_shell(command, &crossed, &process), 0);
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 0);
    eddy_process_close(process);
    return 0;
}

static int echo_without_standard(void)
{
    const struct eddy_process_options options = {
        .stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE, .stderr_to = EDDY_STDOUT};
    eddy_process *process;
    int code = -1, r = eddy_process_shell("cat; ls /proc/self/fd; echo e >&2", &options, &process);
    if (r < 0)
        return r;
    r = eddy_process_communicate(process, "in ", 3, &code);
    bool right = strcmp(eddy_process_output(process, NULL), "in 0\n1\n2\n3\ne\n") == 0;
    eddy_process_close(process);
    return r < 0 ? r : code == 0 && right ? 42 : 1;
}

/* The pipes get the numbers 0, 1 and 2 here. */
PLAIN_TEST(a_program_without_stdin_stdout_and_stderr_has_children_that_have_them)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 3; i++)
            (void)close(i);
        _exit(eddy_run(echo_without_standard));
    }
    int status = 0;
    EXPECT_INT(waitpid(pid, &status, 0), pid);
    EXPECT(WIFEXITED(status));
    EXPECT_INT(WEXITSTATUS(status), 42);
}

TEST(directory_environment_session_and_group)
{
    struct eddy_process_options options = {.directory = "/usr"};
    CHECK_INT(note_output("pwd", options), 0);
    CHECK_NOTES("/usr");
    options = (struct eddy_process_options){.environment = ARGUMENTS("A=1", "B=two words")};
    CHECK_INT(note_output("echo $A $B $HOME", options), 0);
    CHECK_NOTES("1 two words");
    static const char command[] =
        "set -- $(cat /proc/$$/stat); echo $(($1 == $5)) $(($1 == $6))"; /* its group, session */
    CHECK_INT(note_output(command, (struct eddy_process_options){.directory = NULL}), 0);
    CHECK_NOTES("0 0");
    CHECK_INT(note_output(command, (struct eddy_process_options){.group = EDDY_OWN_GROUP}), 0);
    CHECK_NOTES("1 0");
    CHECK_INT(note_output(command, (struct eddy_process_options){.session = true}), 0);
    CHECK_NOTES("1 1");
    return 0;
}

TEST(identity_and_limits)
{
    const struct eddy_process_limit limits[] = {{RLIMIT_NOFILE, 33, 44}, {RLIMIT_CORE, 0, 0}};
    CHECK_INT(note_output("ulimit -n; ulimit -Hn; ulimit -c",
                          (struct eddy_process_options){.limits = limits, .limit_count = 2}),
              0);
    CHECK_NOTES("33 44 0");
    const gid_t groups[] = {65533};
    const struct eddy_process_identity nobody = {
        .user = 65534, .group = 65534, .groups = groups, .group_count = 1};
    const struct eddy_process_options options = {.identity = &nobody};
    if (geteuid() != 0) {
        CHECK_INT(note_output("true", options), -EPERM);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "as user 65534, group 65534");
        return 0;
    }
    struct stat root;
    if (stat("/", &root) < 0 || !(root.st_mode & S_IXOTH)) {
        printf("SKIP: nobody but root may use this system\n");
        return 0;
    }
    CHECK_INT(note_output("id -u; id -g; id -G | tr ' ' '\\n' | sort", options), 0);
    CHECK_NOTES("65534 65534 65533 65534");
    return 0;
}

TEST(signals_are_at_their_defaults_and_none_is_blocked)
{
    sigset_t some, before;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGUSR1);
    (void)sigaddset(&some, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &some, &before);
    void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
    EXPECT_INT(note_output("cat /proc/self/status | grep -E '^Sig(Blk|Ign|Cgt)' | tr -d '\\t'",
                           (struct eddy_process_options){.directory = NULL}),
               0);
    EXPECT_NOTES("SigBlk:0000000000000000 SigIgn:0000000000000000 SigCgt:0000000000000000");
    sigset_t now;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &now);
    EXPECT_INT(sigismember(&now, SIGUSR1), 1); /* ours are as they were */
    EXPECT(signal(SIGPIPE, pipe_before) == SIG_IGN);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* ---- threads, foreign reapers, forks ---- */

static int run_true(void)
{
    eddy_process *process;
    int code = -1, r = eddy_process_exec(ARGUMENTS("sh", "-c", "exit 42"), NULL, &process);
    if (r < 0)
        return r;
    r = eddy_process_wait(process, &code);
    eddy_process_close(process);
    return r < 0 ? r : code;
}

static void *run_in_thread(void *ret_result)
{
    for (int i = 0; i < 20; i++)
        *(int *)ret_result = eddy_run(run_true);
    return NULL;
}

PLAIN_TEST(rule_233_it_works_in_the_loop_of_any_thread)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int results[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        EXPECT_INT(pthread_create(&threads[i], NULL, run_in_thread, &results[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        EXPECT_INT(pthread_join(threads[i], NULL), 0);
        EXPECT_INT(results[i], 42);
    }
    EXPECT(no_children());
}

TEST(rule_233_what_a_foreign_reaper_takes_is_255_with_a_warning)
{
    eddy_process *process = shell_with_pipes("exit 3");
    int code = -1, status;
    CHECK_INT(waitpid(-1, &status, 0), eddy_process_pid(process));
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 255);
    CHECK_REPORT(EDDY_LOG_NOTE, "the exit code of process");
    CHECK_INT(eddy_process_kill(process), -ESRCH);
    eddy_process_close(process);
    return 0;
}

PLAIN_TEST(rule_024_a_fork_can_run_its_own_loop_and_processes)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(eddy_run(run_true) == 42 && eddy_run(run_true) == 42 ? 7 : 1);
    int status = 0;
    EXPECT_INT(waitpid(pid, &status, 0), pid);
    EXPECT_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
}

TEST(rule_024_a_fork_inside_a_task_has_no_loop_and_leaves_the_processes_alone)
{
    eddy_process *process = shell_with_pipes("read line; exit 8");
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(STDERR_FILENO); /* it says that the handle belongs to another loop */
        bool nothing = !eddy_current_loop() && !eddy_current_task();
        eddy_process_close(process);
        if (!EDDY_TSAN) /* which allows no new thread, the watchdog's, after a fork of several */
            nothing = nothing && eddy_run(run_true) == 42;
        _exit(nothing ? 7 : 1);
    }
    int status = 0, code = -1;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
    CHECK(!eddy_process_ended(process, NULL));
    CHECK_INT(eddy_stream_write(eddy_process_stdin(process), "\n", 1), 1);
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 8);
    eddy_process_close(process);
    return 0;
}
