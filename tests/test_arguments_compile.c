/* SPDX-License-Identifier: MIT */
/* A task's arguments, to the compiler: what it takes without a word, what it refuses and says. */
#include <glob.h>
#define TEST_DEFAULTS .real_system = true
#include "support/process.h"

/* ---- what compiles without a word ---- */

#define CLEAN "-Wall -Wextra -Wshadow -Wpedantic -Werror "

static void expect_clean(const char *name, const char *text, const char *options)
{
    struct mistake none = {name, text, ACCEPTED, NULL, NULL};
    mistakes_check(&none, 1, options, "", "");
}

PLAIN_TEST(each_public_header_compiles_alone)
{
    static char pattern[512], texts[64][256];
    static struct mistake none[64];
    const char *root = getenv("EDDY_SOURCE_ROOT");
    (void)snprintf(pattern, sizeof pattern, "%s/include/eddy/*.h", root ? root : ".");
    glob_t headers;
    EXPECT_INT(glob(pattern, 0, NULL, &headers), 0);
    EXPECT(headers.gl_pathc >= 17 && headers.gl_pathc <= 64);
    for (size_t i = 0; i < headers.gl_pathc && i < 64; i++) {
        const char *name = strrchr(headers.gl_pathv[i], '/') + 1;
        (void)snprintf(texts[i], sizeof texts[i],
                       "#include <eddy/%s>\n#include <eddy/%s>\nextern int x;", name, name);
        none[i] = (struct mistake){name, texts[i], ACCEPTED, NULL, NULL};
    }
    mistakes_check(none, headers.gl_pathc, CLEAN "-std=c11", "", "");
    none[0] = (struct mistake){"eddy.h", "#include <eddy.h>\nextern int x;", ACCEPTED, NULL, NULL};
    mistakes_check(none, 1, CLEAN "-std=gnu11", "", "");
    globfree(&headers);
}

PLAIN_TEST(all_macros_nest_in_silence)
{
    static const char text[] =
        "#include <eddy.h>\n"
        "struct fetch { int n; eddy_task *task; };\n"
        "static int fetch(struct fetch *a) { return a->n; }\n"
        "static int fetch_job(struct fetch *a) { return a->n; }\n"
        "static int tick(void) { return eddy_sleep(0); }\n"
        "static eddy_lock lock = EDDY_LOCK_INIT;\n"
        "static eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT(3);\n"
        "static int everything(void)\n"
        "{\n"
        "    int err, again, r = 0, results[2];\n"
        "    int error = 0, memory = 0, once = 1, copy = 2, name = 3;\n"
        "    struct fetch jobs[2] = {{0}, {0}};\n"
        "    eddy_with_group (group, &err) {\n"
        "        eddy_spawn(group, tick);\n"
        "        eddy_spawn(group, fetch, .n = error + memory + once + copy + name);\n"
        "        eddy_with_group (g, &again, .policy = EDDY_RUN_ALL) {\n"
        "            eddy_with_group (h, NULL) {\n"
        "                eddy_spawn_as(h, fetch_job, struct fetch, .n = 1);\n"
        "                eddy_spawn_on(g, fetch, &jobs[0]);\n"
        "                eddy_spawn(h, fetch, .n = eddy_wait_for(eddy_sleep(1), 2.0),\n"
        "                           .task = eddy_create_task(\n"
        "                               fetch, .task = eddy_create_task(tick)));\n"
        "            }\n"
        "        }\n"
        "        eddy_with_timeout (2.0, &again)\n"
        "            eddy_with_timeout_at (eddy_time() + 1, &again)\n"
        "                eddy_with_shield (1.0)\n"
        "                    eddy_with_shield (2.0)\n"
        "                        eddy_with_lock (&lock, &again)\n"
        "                            eddy_with_lock (&lock, &again)\n"
        "                                eddy_with_semaphore (&semaphore, &again)\n"
        "                                    eddy_with_semaphore (&semaphore, &again)\n"
        "                                        eddy_with_timeout (EDDY_FOREVER, NULL)\n"
        "                                            r = eddy_wait_for(\n"
        "                                                eddy_wait_for(tick(), 1), 2);\n"
        "    }\n"
        "    for (int i = 0; i < 3; i++)\n"
        "        eddy_with_timeout (1.0, &err) {\n"
        "            if (r)\n"
        "                goto out;\n"
        "            if (i)\n"
        "                return i;\n"
        "        }\n"
        "    r = eddy_map(2, fetch, jobs, 2, results);\n"
        "    if (r < 0)\n"
        "        return r;\n"
        "    r = eddy_to_thread(fetch, &jobs[0]);\n"
        "    if (r < 0)\n"
        "        return r;\n"
        "    r = eddy_to_thread_abandon(fetch, &jobs[0]);\n"
        "    if (r < 0)\n"
        "        return r;\n"
        "    r = eddy_run_in(NULL, fetch, &jobs[0]);\n"
        "out:\n"
        "    return r < 0 ? eddy_fail(r, \"%d\", err) : 0;\n"
        "}\n"
        "int main(void)\n"
        "{\n"
        "    struct eddy_options options = {.debug = true};\n"
        "    int r = eddy_run_with(&options, everything);\n"
        "    return r < 0 ? r : eddy_run(fetch, .n = 1);\n"
        "}\n";
    static const char *const options[] = {CLEAN "-std=gnu11 -O0", CLEAN "-std=gnu11 -O2",
                                          CLEAN "-std=c11 -O0", CLEAN "-std=c11 -O2"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        expect_clean("nested", text, options[i]);
}

#define LETTERS                                                                                    \
    "#define a 1+\n#define b 1+\n#define c 1+\n#define d 1+\n#define e 1+\n#define f 1+\n"         \
    "#define g 1+\n#define h 1+\n#define i 1+\n#define j 1+\n#define k 1+\n#define l 1+\n"         \
    "#define m 1+\n#define n 1+\n#define o 1+\n#define p 1+\n#define q 1+\n#define r 1+\n"         \
    "#define s 1+\n#define t 1+\n#define u 1+\n#define v 1+\n#define w 1+\n#define x 1+\n"         \
    "#define y 1+\n#define z 1+\n#define A 1+\n#define B 1+\n#define C 1+\n#define D 1+\n"         \
    "#define E 1+\n#define F 1+\n#define G 1+\n#define H 1+\n#define I 1+\n#define J 1+\n"         \
    "#define K 1+\n#define L 1+\n#define M 1+\n#define N 10\n#define O 1+\n#define P 1+\n"         \
    "#define Q 1+\n#define R 1+\n#define S 1+\n#define T 1+\n#define U 1+\n#define V 1+\n"         \
    "#define W 1+\n#define X 1+\n#define Y 1+\n#define Z 1+\n"
#define LETTERS_BODY                                                                               \
    "struct fetch { int number; int *out; };\n"                                                    \
    "static int fetch(struct fetch *arguments) { return arguments->number; }\n"                    \
    "static int tick(void) { return eddy_wait_for(eddy_sleep(N), N); }\n"                          \
    "static eddy_lock lock = EDDY_LOCK_INIT;\n"                                                    \
    "static eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT(N);\n"                                  \
    "int everything(void);\n"                                                                      \
    "int everything(void)\n"                                                                       \
    "{\n"                                                                                          \
    "    struct fetch jobs[N] = {{0}};\n"                                                          \
    "    int err, item = N;\n"                                                                     \
    "    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {\n"                                \
    "        eddy_spawn(group, tick);\n"                                                           \
    "        eddy_spawn(group, fetch, .number = N);\n"                                             \
    "        eddy_spawn(group, fetch, N, &item);\n"                                                \
    "        eddy_spawn_as(group, fetch, struct fetch, N);\n"                                      \
    "        eddy_spawn_on(group, fetch, &jobs[0]);\n"                                             \
    "        eddy_with_timeout (N, &err)\n"                                                        \
    "            eddy_with_timeout_at (N, &err)\n"                                                 \
    "                eddy_with_shield (N)\n"                                                       \
    "                    eddy_with_lock (&lock, &err)\n"                                           \
    "                        eddy_with_semaphore (&semaphore, &err) {\n"                           \
    "                            return eddy_fail(-N, \"%d\", N);\n"                               \
    "                        }\n"                                                                  \
    "    }\n"                                                                                      \
    "    eddy_detach(eddy_create_task(fetch, .number = N));\n"                                     \
    "    err = eddy_to_thread(fetch, &jobs[0]);\n"                                                 \
    "    if (err < 0)\n"                                                                           \
    "        return err;\n"                                                                        \
    "    eddy_queue queue;\n"                                                                      \
    "    err = eddy_queue_open(&queue, sizeof item, N);\n"                                         \
    "    if (err < 0)\n"                                                                           \
    "        return err;\n"                                                                        \
    "    err = eddy_queue_put(&queue, &item);\n"                                                   \
    "    return err < 0 ? err : eddy_map(N, fetch, jobs, N, NULL);\n"                              \
    "}\n"                                                                                          \
    "int main(void) { return eddy_run(fetch, .number = N); }\n"

PLAIN_TEST(one_letter_macros_of_the_user_do_no_harm)
{
    expect_clean("letters after eddy.h", "#include <eddy.h>\n" LETTERS LETTERS_BODY,
                 CLEAN "-std=gnu11");
    expect_clean("letters before eddy.h", LETTERS "#include <eddy.h>\n" LETTERS_BODY,
                 CLEAN "-std=c11");
}

PLAIN_TEST(keywords_are_there_when_asked_for)
{
    expect_clean("keywords",
                 "#include <stdio.h>\n"
                 "#define EDDY_KEYWORDS\n"
                 "#include <eddy.h>\n"
                 "static async int slow(void) { return await eddy_sleep(1.0); }\n"
                 "static int whole(void)\n"
                 "{\n"
                 "    int r = await slow();\n"
                 "    return r < 0 ? r : await eddy_wait_for(slow(), 2.0);\n"
                 "}\n"
                 "int main(void) { return eddy_run(whole) < 0; }\n",
                 CLEAN "-std=c11");
    expect_clean("no keywords",
                 "#include <eddy.h>\n"
                 "int async(int await);\n"
                 "int async(int await) { return await; }\n",
                 CLEAN "-std=c11");
    static const struct mistake dropped = {
        "own_async",
        "#define EDDY_KEYWORDS\n#include <eddy.h>\n"
        "static async int slow(void) { return await eddy_sleep(1.0); }\n"
        "void whole(void);\n"
        "void whole(void) { await slow(); }\n",
        WARNED, "unused-result", NULL};
    mistakes_check(&dropped, 1, "-std=gnu11", "", "");
}

/* ---- what doesn't compile, and what is said ---- */

static const char before[] = "#include <eddy.h>\n"
                             "struct fetch { int n; const char *url; int *out; };\n"
                             "int fetch(struct fetch *a);\n"
                             "struct job { int n; };\n"
                             "int work(struct job *j);\n"
                             "int tick(void);\n"
                             "struct number { int n; };\n"
                             "int number(int n);\n"
                             "struct nothing { int n; };\n"
                             "void nothing(struct nothing *j);\n"
                             "struct big { char bytes[1025]; };\n"
                             "int big(struct big *b);\n"
                             "struct wide { _Alignas(128) int n; };\n"
                             "int wide(struct wide *w);\n"
                             "struct item { int n; };\n"
                             "int item(struct job *j);\n"
                             "int use(eddy_group *g, struct job *jobs, eddy_pool *pool);\n"
                             "int use(eddy_group *g, struct job *jobs, eddy_pool *pool)\n"
                             "{\n"
                             "    int err = 0, r = 0;\n";
static const char after[] = "    (void)g, (void)jobs, (void)pool, (void)err;\n"
                            "    return r;\n"
                            "}\n";

static void expect_messages(const struct mistake *mistakes, size_t count)
{
    mistakes_check(mistakes, count, "-std=gnu11", before, after); /* without any -W */
}
#define EXPECT_MESSAGES(mistakes) expect_messages(mistakes, sizeof(mistakes) / sizeof(mistakes)[0])

PLAIN_TEST(wrong_fields_and_types_are_errors)
{
    static const struct mistake mistakes[] = {
        {"no_such_field", "eddy_spawn(g, fetch, .m = 1);", REFUSED,
         "'const struct fetch' has no member named 'm'",
         "field designator 'm' does not refer to any field in type 'const struct fetch'"},
        {"int_for_a_pointer", "eddy_spawn(g, fetch, .url = 5);", REFUSED,
         "initialization of 'const char *' from 'int' makes pointer from integer without a cast",
         "incompatible integer to pointer conversion initializing 'const char *'"},
        {"pointer_for_an_int", "eddy_spawn(g, fetch, .n = \"one\");", REFUSED,
         "initialization of 'int' from 'char *' makes integer from pointer without a cast",
         "incompatible pointer to integer conversion initializing 'int'"},
        {"wrong_pointer", "double d; eddy_spawn(g, fetch, .out = &d);", REFUSED,
         "initialization of 'int *' from incompatible pointer type 'double *'",
         "incompatible pointer types initializing 'int *' with an expression of type 'double *'"},
        {"struct_for_an_int", "eddy_spawn(g, fetch, .n = *jobs);", REFUSED,
         "incompatible types when initializing type 'int' using type 'struct job'",
         "initializing 'int' with an expression of incompatible type 'struct job'"},
        {"const_lost", "const int c = 1; eddy_spawn(g, fetch, .out = &c);", REFUSED,
         "initialization discards 'const' qualifier", "discards qualifiers"},
        {"field_twice", "eddy_spawn(g, fetch, .n = 1, .n = 2);", REFUSED,
         "initialized field overwritten", "initializer overrides prior initialization"},
        {"too_many_values", "eddy_spawn_as(g, work, struct job, 1, 2);", WARNED,
         "excess elements in struct initializer", NULL},
        {"wrong_type_in_create_task", "eddy_task *t = eddy_create_task(fetch, .url = 5); (void)t;",
         REFUSED, "makes pointer from integer", "incompatible integer to pointer conversion"},
        {"wrong_type_in_as", "eddy_spawn_as(g, work, struct job, .n = \"one\");", REFUSED,
         "makes integer from pointer", "incompatible pointer to integer conversion"},
        {"wrong_type_in_run", "r = eddy_run(fetch, .url = 5);", REFUSED,
         "makes pointer from integer", "incompatible integer to pointer conversion"},
    };
    EXPECT_MESSAGES(mistakes);
}

PLAIN_TEST(wrong_functions_and_structs_are_errors)
{
    static const struct mistake mistakes[] = {
        {"takes_a_number", "eddy_spawn(g, number, .n = 1);", REFUSED,
         "eddy: number was given arguments, so it must be: int number(struct number *)", NULL},
        {"returns_nothing", "eddy_spawn(g, nothing, .n = 1);", REFUSED,
         "eddy: nothing was given arguments, so it must be: int nothing(struct nothing *)", NULL},
        {"takes_another_struct", "eddy_spawn(g, item, .n = 1);", REFUSED,
         "eddy: item was given arguments, so it must be: int item(struct item *); for a struct of "
         "another name there are eddy_spawn_as, eddy_create_task_as",
         NULL},
        {"no_struct_of_its_name", "eddy_spawn(g, work, .n = 1);", REFUSED,
         "eddy: work was given arguments, so it must be: int work(struct work *)", NULL},
        {"takes_none", "eddy_spawn(g, tick, .n = 1);", REFUSED,
         "eddy: tick was given arguments, so it must be: int tick(struct tick *)", NULL},
        {"arguments_forgotten", "eddy_spawn(g, fetch);", REFUSED,
         "eddy: fetch was given no arguments, so it must be: int fetch(void); to zero every field "
         "write .first_field = 0",
         NULL},
        {"arguments_forgotten_in_run", "r = eddy_run(fetch);", REFUSED,
         "eddy: fetch was given no arguments", NULL},
        {"called_as_in_python", "eddy_spawn(g, tick());", REFUSED,
         "eddy: tick() is a call or a number; name the function alone", NULL},
        {"called_with_arguments", "eddy_task *t = eddy_create_task(work(jobs)); (void)t;", REFUSED,
         "eddy: work(jobs) is a call or a number; name the function alone", NULL},
        {"not_declared", "eddy_spawn(g, fetsch, .n = 1);", REFUSED,
         "'fetsch' undeclared (first use in this function); did you mean 'fetch'?",
         "use of undeclared identifier 'fetsch'; did you mean 'fetch'?"},
        {"too_large", "eddy_spawn(g, big, .bytes = \"x\");", REFUSED,
         "eddy: struct big is too large to copy; pass a pointer to it", NULL},
        {"too_aligned", "eddy_spawn(g, wide, .n = 1);", REFUSED,
         "eddy: struct wide wants more alignment than 64", NULL},
        {"another_struct_in_as", "eddy_spawn_as(g, fetch, struct job, .n = 1);", REFUSED,
         "eddy: fetch was given arguments, so it must be: int fetch(struct job *)", NULL},
        {"another_struct_in_on", "eddy_spawn_on(g, fetch, &jobs[0]);", REFUSED,
         "eddy: fetch must take what &jobs[0] is", NULL},
        {"a_value_in_on", "eddy_spawn_on(g, work, jobs[0]);", REFUSED,
         "eddy: work must take what jobs[0] is", NULL},
        {"another_struct_in_map", "r = eddy_map(2, fetch, jobs, 3, NULL);", REFUSED,
         "eddy_map: fetch must take a pointer to an element of jobs", NULL},
        {"another_struct_in_thread", "r = eddy_to_thread(fetch, &jobs[0]);", REFUSED,
         "eddy: fetch must take what &jobs[0] is", NULL},
        {"another_struct_in_pool", "r = eddy_run_in(pool, fetch, &jobs[0]);", REFUSED,
         "eddy: fetch must take what &jobs[0] is", NULL},
        {"no_group", "eddy_spawn(fetch, .n = 1);", REFUSED, "expected expression", NULL},
    };
    EXPECT_MESSAGES(mistakes);
}

PLAIN_TEST(wrong_blocks_are_told)
{
    static const struct mistake mistakes[] = {
        {"no_such_option", "eddy_with_group (h, &err, .polcy = EDDY_RUN_ALL) { }", REFUSED,
         "'struct eddy_group_options' has no member named 'polcy'; did you mean 'policy'?",
         "field designator 'polcy' does not refer to any field"},
        {"group_without_error", "eddy_with_group (h) { }", REFUSED,
         "too few arguments to function 'eddy_error_variable_'",
         "too few arguments to function call, single argument 'error' was not specified"},
        {"timeout_without_error", "eddy_with_timeout (2.0) { }", REFUSED,
         "macro \"eddy_with_timeout\" requires 2 arguments, but only 1 given",
         "too few arguments provided to function-like macro"},
        {"error_by_value_in_group", "eddy_with_group (h, err) { }", WARNED,
         "makes pointer from integer without a cast", "take the address with &"},
        {"error_by_value_in_timeout", "eddy_with_timeout (2.0, err) { }", WARNED,
         "makes pointer from integer without a cast", "take the address with &"},
        {"not_a_lock", "eddy_semaphore s; eddy_with_lock (&s, &err) { }", WARNED,
         "from incompatible pointer type", "incompatible pointer types"},
        {"not_a_group", "eddy_lock l; eddy_spawn(&l, tick);", WARNED,
         "from incompatible pointer type", "incompatible pointer types"},
    };
    EXPECT_MESSAGES(mistakes);
}

PLAIN_TEST(dropped_results_give_a_warning)
{
    /* All in one text: each line has a file name of its own, which the warning then has. */
    static const struct {
        const char *name, *text;
    } lines[] = {
        {"sleep", "eddy_sleep(1.0);"},
        {"await", "eddy_await(NULL);"},
        {"wait", "eddy_task_wait(NULL);"},
        {"wait_for", "eddy_wait_for(eddy_sleep(1), 2.0);"},
        {"create_task", "eddy_create_task(tick);"},
        {"create_task_with", "eddy_create_task(fetch, .n = 1);"},
        {"create_task_as", "eddy_create_task_as(work, struct job, .n = 1);"},
        {"gather", "eddy_gather(NULL, 0, NULL, EDDY_RAISE_FIRST);"},
        {"map", "eddy_map(2, work, jobs, 3, NULL);"},
        {"to_thread", "eddy_to_thread(work, jobs);"},
        {"to_thread_abandon", "eddy_to_thread_abandon(work, jobs);"},
        {"run_in", "eddy_run_in(pool, work, jobs);"},
        {"put", "eddy_queue_put(&queue, jobs);"},
        {"get", "eddy_queue_get(&queue, jobs);"},
        {"get_nowait", "eddy_queue_get_nowait(&queue, jobs);"},
        {"lock", "eddy_lock_acquire(&lock);"},
        {"semaphore", "eddy_semaphore_acquire(&semaphore);"},
        {"event", "eddy_event_wait(&event);"},
        {"future", "eddy_future_await(NULL, NULL);"},
        {"readable", "eddy_wait_readable(0);"},
        {"connect", "eddy_connect(\"localhost\", 80, NULL);"},
        {"open", "eddy_file_open(\"f\", 0, 0, NULL);"},
        {"in_a_timeout", "eddy_with_timeout (1.0, &err) eddy_sleep(1);"},
        {"of_spawn", "eddy_spawn(g, tick); eddy_spawn(g, fetch, .n = 1);"}, /* may be dropped */
    };
    enum { COUNT = sizeof lines / sizeof lines[0] };
    static char text[16 << 10];
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "%seddy_queue queue; eddy_lock lock; eddy_semaphore semaphore; "
                                   "eddy_event event;\n",
                                   before);
    for (size_t i = 0; i < COUNT; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "#line 1 \"in:%s\"\n%s\n",
                                 lines[i].name, lines[i].text);
    (void)snprintf(text + used, sizeof text - used, "%s", after);
    compilers_find();
    for (int compiler = 0; compiler < COMPILERS; compiler++) {
        if (!compilers[compiler][0])
            continue;
        EXPECT_INT(compile_end(compile_start((enum compiler)compiler, "-std=gnu11", text)), WARNED);
        for (size_t i = 0; i < COUNT; i++) {
            char place[64];
            (void)snprintf(place, sizeof place, "in:%s:1:", lines[i].name);
            if (!strstr(process.text, place) != (i == COUNT - 1))
                test_failure(__FILE__, __LINE__, "%s: wrong about a dropped result of %s",
                             compilers[compiler], lines[i].name);
        }
        size_t warnings = 0;
        for (const char *at = process.text; (at = strstr(at, "unused-result")); at++)
            warnings++;
        EXPECT_INT(warnings, COUNT - 1);
    }
}
