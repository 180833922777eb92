/* SPDX-License-Identifier: MIT */
/*
 * Engines: which one one gets. A refusing kernel is played by a seccomp filter that makes
 * io_uring_setup fail, in a child: a filter can't be taken off again. Masks are read once a
 * process: every test has a child of its own, and the parent makes no engine.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "feature.h"
#include "engine_test.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* Makes a system call fail with this errno, or kill the process with errno 0. False where there is
 * no seccomp (qemu-user). */
static bool refuse(int number, int error)
{
    uint32_t verdict = error ? SECCOMP_RET_ERRNO | (uint32_t)error : SECCOMP_RET_KILL_PROCESS;
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = instructions};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum { CHILD_SKIPS = 77 };

static struct engine *create(const char *name, char why[128])
{
    struct engine *engine = NULL;
    assert_int_equal(engine_create(name, &engine, why, 128), 0);
    assert_non_null(engine);
    return engine;
}

/* It works: a wake comes through, and a timeout isn't early. */
static void check_alive(struct engine *engine)
{
    engine->call->wake(engine);
    assert_int_equal(engine->call->turn(engine, -1), 0);
    assert_int_equal(engine->call->turn(engine, 1000), 0);
}

/* Runs a test's body in a child. It must end by exit(0). A failed assertion there must not go on
 * with the parent's tests. */
static void in_child(void (*body)(int), int argument)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        body(argument);
        exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPS)
        skip();
    assert_int_equal(status, 0);
}

static void body_refused(int error)
{
    char why[128];
    if (!feature_allowed(FEATURE_URING)) {
        print_message("SKIP: the ring is masked: nobody asks the kernel for one\n");
        exit(CHILD_SKIPS);
    }
    if (!refuse(SYS_io_uring_setup, error)) {
        print_message("SKIP: no seccomp here\n");
        exit(CHILD_SKIPS);
    }
    const char *names[] = {NULL, "", "uring"};
    for (int i = 0; i < 3; i++) {
        struct engine *engine = create(names[i], why);
        assert_string_equal(engine->call->name, "epoll");
#ifdef EDDY_HAVE_URING
        assert_non_null(strstr(why, strerror(error)));
        assert_non_null(strstr(why, "io_uring_setup"));
#else
        assert_string_equal(why, "built without liburing");
#endif
        check_alive(engine);
        engine->call->destroy(engine);
    }
}

static void test_refused(void **state)
{
    (void)state;
    const int errors[] = {EPERM, ENOSYS, ENOMEM, EINVAL, EMFILE, EACCES};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        in_child(body_refused, errors[i]);
}

/* A ring that can be made, but can't tell what it does. */
static void body_no_probe(int unused)
{
    (void)unused;
    char why[128];
    struct engine *engine = create("uring", why);
    bool had = strcmp(engine->call->name, "uring") == 0;
    engine->call->destroy(engine);
    if (!had || !refuse(SYS_io_uring_register, EPERM)) {
        print_message("SKIP: no io_uring or no seccomp here\n");
        exit(CHILD_SKIPS);
    }
    engine = create("uring", why);
    assert_string_equal(engine->call->name, "epoll");
    assert_non_null(strstr(why, "lacks"));
    check_alive(engine);
    engine->call->destroy(engine);
}

static void test_no_probe(void **state)
{
    (void)state;
    in_child(body_no_probe, 0);
}

static void body_names(int unused)
{
    (void)unused;
    char why[128] = "left over";
    struct engine *engine = create("epoll", why);
    assert_string_equal(engine->call->name, "epoll");
    assert_string_equal(why, "");
    check_alive(engine);
    engine->call->destroy(engine);

    struct engine *untouched = NULL;
    assert_int_equal(engine_create("kqueue", &untouched, why, sizeof why), -EINVAL);
    assert_null(untouched);
    assert_non_null(strstr(why, "kqueue"));

    engine = create(NULL, why);
    assert_int_equal(why[0] == '\0', strcmp(engine->call->name, "uring") == 0);
    check_alive(engine);
    engine->call->destroy(engine);
}

static void test_names(void **state)
{
    (void)state;
    in_child(body_names, 0);
}

/* Linux 5.10: epoll, and by milliseconds. The newer call kills the process, if it is made. */
static void body_old_kernel(int unused)
{
    (void)unused;
    (void)setenv("EDDY_MASK", "linux-5.10", 1);
    bool guarded = refuse(SYS_epoll_pwait2, 0);
    char why[128];
    struct engine *engine = create(NULL, why);
    assert_string_equal(engine->call->name, "epoll");
#ifdef EDDY_HAVE_URING
    assert_non_null(strstr(why, "EDDY_MASK"));
#endif
    const int64_t timeouts[] = {1, 999999, 1000000, 1000001};
    for (size_t i = 0; i < 4; i++) {
        struct timespec before, after;
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        assert_int_equal(engine->call->turn(engine, timeouts[i]), 0);
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        int64_t took = (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec -
                       before.tv_nsec;
        assert_true(took >= timeouts[i]);
    }
    check_alive(engine);
    engine->call->destroy(engine);
    if (!guarded)
        print_message("SKIP: no seccomp here: that epoll_pwait2 isn't called went unseen\n");
}

static void test_old_kernel(void **state)
{
    (void)state;
    in_child(body_old_kernel, 0);
}

static const char *const mask_words[] = {
    "uring-defer-taskrun",
    "uring-single-issuer",
    "uring-coop-taskrun",
    "uring-defer-taskrun,uring-single-issuer",
    "uring-defer-taskrun,uring-single-issuer,uring-coop-taskrun",
};

static void body_masked(int which)
{
    (void)setenv("EDDY_MASK", mask_words[which], 1);
    char why[128];
    struct engine *engine = create("uring", why);
    if (strcmp(engine->call->name, "uring") != 0) {
        print_message("SKIP: no uring here: %s\n", why);
        exit(CHILD_SKIPS);
    }
    check_alive(engine);
    engine->call->destroy(engine);
}

/* Each set-up flag is done without. */
static void test_masked_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mask_words / sizeof *mask_words; i++)
        in_child(body_masked, (int)i);
}

static void body_wrong_size(int unused)
{
    (void)unused;
    const char *sizes[] = {"0", "-1", "70000", "8 ", "many"};
    char why[128];
    for (int i = 0; i < 5; i++) {
        (void)setenv("EDDY_URING_ENTRIES", sizes[i], 1);
        struct engine *engine = create("uring", why);
        assert_string_equal(engine->call->name, "epoll");
        assert_true(why[0] != '\0');
        engine->call->destroy(engine);
    }
}

static void test_wrong_size(void **state)
{
    (void)state;
    in_child(body_wrong_size, 0);
}

/* Descriptors run out in the middle: no engine, an errno, and nothing leaks. */
static void body_no_descriptors(int allowed)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)allowed;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = dup(0);
    (void)close(lowest);
    const char *names[] = {"epoll", "uring"};
    for (int i = 0; i < 2; i++) {
        struct engine *engine = NULL;
        char why[128];
        int r = engine_create(names[i], &engine, why, sizeof why);
        assert_true(r == 0 || r == -EMFILE);
        if (r == 0)
            engine->call->destroy(engine);
        int again = dup(0);
        assert_int_equal(again, lowest);
        (void)close(again);
    }
}

static void test_no_descriptors(void **state)
{
    (void)state;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    (void)close(lowest);
    for (int more = 1; more <= 3; more++)
        in_child(body_no_descriptors, lowest + more);
}

enum { AS_IT_SHOULD_BE = 40, AND_NOT = 41 };

/* What this program does under valgrind. */
static int choose_under_valgrind(void)
{
    char why[128];
    struct engine *engine = create(NULL, why);
    bool right = strcmp(engine->call->name, "epoll") == 0 && strstr(why, "valgrind");
    engine->call->destroy(engine);
    return right ? AS_IT_SHOULD_BE : AND_NOT;
}

/* Its threads would wait for the ring's waits: a name lookup under valgrind never ended. */
static void test_under_valgrind(void **state)
{
    (void)state;
    char path[4096] = "";
    int status;
    (void)fflush(NULL);
    assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("valgrind", "valgrind", "--quiet", path, "under-valgrind", (char *)NULL);
        _exit(CHILD_SKIPS);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) ||
        (WEXITSTATUS(status) != AS_IT_SHOULD_BE && WEXITSTATUS(status) != AND_NOT)) {
        print_message("SKIP: no valgrind that runs this program\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), AS_IT_SHOULD_BE);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "under-valgrind") == 0)
        return choose_under_valgrind();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),          cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_probe),       cmocka_unit_test(test_old_kernel),
        cmocka_unit_test(test_masked_flags),   cmocka_unit_test(test_wrong_size),
        cmocka_unit_test(test_no_descriptors), cmocka_unit_test(test_under_valgrind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
