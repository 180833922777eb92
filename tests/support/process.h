/* SPDX-License-Identifier: MIT */
/*
 * What a test says about other processes: a compiler given a few lines of C, or a piece of this
 * program that is going to die.
 *
 *     static const struct mistake mistakes[] = {
 *         {"wrong_field", "eddy_spawn(g, fetch, .m = 1);", REFUSED, "no member named 'm'", NULL}};
 *     mistakes_check(mistakes, 1, "-std=gnu11", before, after);
 *
 *     run_child(jump);
 *     EXPECT_DEATH(SIGABRT, "was left across a block inside it");
 *
 * The compilers are $EDDY_CC and, where installed, the other one of gcc and clang.
 */
#ifndef EDDY_TESTS_SUPPORT_PROCESS_H
#define EDDY_TESTS_SUPPORT_PROCESS_H

#include "test.h"
#include <sys/wait.h>

static struct {
    int status; /* as waitpid gives it */
    char text[256 << 10];
} process;

TEST_HELPER void process_read(FILE *stream)
{
    size_t used = fread(process.text, 1, sizeof process.text - 1, stream);
    process.text[used] = '\0';
    while (fgetc(stream) != EOF) /* no more room: let the writer finish */
        ;
}

/* Forks; the child runs the function and exits with 0, its stderr goes to process.text. */
TEST_HELPER void run_child(void (*function)(void))
{
    int ends[2];
    if (pipe(ends) < 0)
        abort();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(20); /* a hang is a failure, not a hang */
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        function();
        _exit(0);
    }
    (void)close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    process_read(stream);
    (void)fclose(stream);
    if (waitpid(pid, &process.status, 0) != pid)
        abort();
}

/* The child died of the signal, having said so and so. */
#define EXPECT_DEATH(signal, part)                                                                 \
    do {                                                                                           \
        EXPECT(WIFSIGNALED(process.status));                                                       \
        EXPECT_INT(WTERMSIG(process.status), signal);                                              \
        EXPECT_CONTAINS(process.text, part);                                                       \
    } while (0)

/* ---- compilers ---- */

enum compiler { GCC, CLANG, COMPILERS };
static char compilers[COMPILERS][128]; /* the command, "" if there is none */

TEST_HELPER bool compiler_try(const char *command)
{
    char line[256];
    (void)snprintf(line, sizeof line, "%s --version 2>&1", command);
    FILE *stream = popen(line, "r");
    if (!stream)
        abort();
    process_read(stream);
    if (pclose(stream) != 0)
        return false;
    char *found = compilers[strstr(process.text, "clang") ? CLANG : GCC];
    if (!found[0])
        (void)snprintf(found, sizeof compilers[0], "%s", command);
    return true;
}

TEST_HELPER void compilers_find(void)
{
    static bool found;
    if (found)
        return;
    found = true;
    if (!getenv("EDDY_SOURCE_ROOT")) {
        printf("SKIP: EDDY_SOURCE_ROOT doesn't say where the headers are\n");
        return;
    }
    const char *own = getenv("EDDY_CC");
    (void)compiler_try(own && own[0] ? own : "cc");
    if (!compilers[GCC][0])
        (void)compiler_try("gcc");
    if (!compilers[CLANG][0])
        (void)compiler_try("clang");
    for (int i = 0; i < COMPILERS; i++)
        if (!compilers[i][0])
            printf("SKIP: no %s here\n", i == GCC ? "gcc" : "clang");
}

enum verdict { ACCEPTED, WARNED, REFUSED };

/* Starts a compiler on the text; child_compiled takes the outcome. */
TEST_HELPER FILE *compile_start(enum compiler compiler, const char *options, const char *text)
{
    static char command[64 << 10];
    const char *root = getenv("EDDY_SOURCE_ROOT");
    int length = snprintf(
        command, sizeof command,
        "LC_ALL=C %s %s -I'%s/include' -x c -c -o /dev/null - 2>&1 <<'END_OF_TEXT'\n"
        "%s\nEND_OF_TEXT\n",
        compilers[compiler], options, root, text);
    if (length < 0 || (size_t)length >= sizeof command)
        abort();
    FILE *stream = popen(command, "r");
    if (!stream)
        abort();
    return stream;
}

TEST_HELPER enum verdict compile_end(FILE *stream)
{
    process_read(stream);
    process.status = pclose(stream);
    if (process.status != 0)
        return REFUSED;
    return strstr(process.text, "warning:") ? WARNED : ACCEPTED;
}

/* A mistake and what is to be said about it; messages are parts of what the compiler prints. */
struct mistake {
    const char *name, *text;
    enum verdict verdict;
    const char *gcc, *clang; /* clang NULL: the same */
};

/* Compiles each mistake's text, in the middle of `before` and `after`, with each compiler. */
TEST_HELPER void mistakes_check(const struct mistake *mistakes, size_t count, const char *options,
                                const char *before, const char *after)
{
    enum { AT_ONCE = 8 };
    static const char *const verdicts[] = {"accepted", "warned about", "refused"};
    static char text[AT_ONCE][16 << 10];
    compilers_find();
    for (int compiler = 0; compiler < COMPILERS; compiler++) {
        if (!compilers[compiler][0])
            continue;
        for (size_t first = 0; first < count; first += AT_ONCE) {
            FILE *streams[AT_ONCE];
            size_t some = count - first < AT_ONCE ? count - first : AT_ONCE;
            for (size_t i = 0; i < some; i++) {
                (void)snprintf(text[i], sizeof text[i], "%s\n#line 1 \"%s\"\n%s\n%s", before,
                               mistakes[first + i].name, mistakes[first + i].text, after);
                streams[i] = compile_start((enum compiler)compiler, options, text[i]);
            }
            for (size_t i = 0; i < some; i++) {
                const struct mistake *mistake = &mistakes[first + i];
                enum verdict verdict = compile_end(streams[i]);
                const char *part = compiler == CLANG && mistake->clang ? mistake->clang
                                                                       : mistake->gcc;
                /* A newer compiler may refuse what an older one warned of. */
                bool fits = verdict == mistake->verdict ||
                            (mistake->verdict == WARNED && verdict == REFUSED);
                if (fits && (!part || strstr(process.text, part)))
                    continue;
                test_failure(__FILE__, __LINE__,
                             "%s: '%s' was %s, wanted: %s '%s'; it says:\n%.600s",
                             compilers[compiler], mistake->name, verdicts[verdict],
                             verdicts[mistake->verdict], part ? part : "", process.text);
            }
        }
    }
}

#endif
