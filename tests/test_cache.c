/* SPDX-License-Identifier: MIT */
/* Cache: one computation for all who ask at the same time, and who is left alone by whose
 * cancel. */
#include "support/test.h"

struct page {
    int version;
    char title[20];
};

static int fetched, alive; /* computations begun; copies that own something */
static double takes = 1;
static int fails;

static int fetch(const char *url, struct page *page, void *context)
{
    int version = ++fetched;
    note("%s(%s)", context ? (const char *)context : "fetch", url);
    int r = eddy_sleep(takes);
    if (r < 0) {
        note("!fetch(%s)", url);
        return r;
    }
    if (fails)
        return eddy_fail(fails, "no %s", url);
    page->version = version;
    (void)snprintf(page->title, sizeof page->title, "<%s>", url);
    alive++;
    return 12345; /* any result that isn't negative is a success */
}

static void keep(void *page)
{
    (void)page;
    alive++;
}

static void release(void *page)
{
    (void)page;
    alive--;
}

static void forget_all(void)
{
    fetched = alive = fails = 0;
    takes = 1;
}

struct reader {
    eddy_cache *cache;
    const char *url;
    const char *name;
    int *version;
};

static int reader(struct reader *a)
{
    struct page page;
    int r = eddy_cache_get(a->cache, a->url, &page);
    if (r < 0)
        note("!%s", a->name);
    else
        note("%s%d%s", a->name, page.version, page.title);
    if (r == 0 && a->version)
        *a->version = page.version;
    return r;
}

TEST(a_value_is_computed_once)
{
    eddy_cache *cache;
    struct page page;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .context = "get"), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_TEXT(page.title, "<a>");
    CHECK_TIME(1);
    CHECK_INT(eddy_cache_get(cache, "b", &page), 0);
    CHECK_TIME(2);
    CHECK_NOTES("get(a) get(b)");
    eddy_task *other = eddy_create_task(nap, .name = "other");
    char key[] = "a"; /* another address */
    CHECK_INT(eddy_cache_get(cache, key, &page), 0);
    CHECK_TEXT(page.title, "<a>");
    CHECK_INT(page.version, 1);
    CHECK_NOTES(""); /* no trip through the loop */
    CHECK_INT(eddy_cache_size(cache), 2);
    CHECK_INT(eddy_await(other), 0);
    eddy_cache_close(cache);
    return eddy_task_release(other);
}

ORDERED_TEST(all_who_ask_meanwhile_share_one_computation)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
        EXPECT_INT(eddy_sleep(0.5), 0);
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "z");
    }
    CHECK_NOTES("fetch(a) x1<a> y1<a> z1<a>");
    CHECK_TIME(1);
    eddy_cache_close(cache);
    return err;
}

ORDERED_TEST(a_failure_goes_to_all_who_wait_and_is_not_kept)
{
    eddy_cache *cache;
    int err;
    struct page page = {.version = 5};
    forget_all();
    fails = -EIO;
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
    }
    CHECK_INT(err, -EIO);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_count(failure), 2);
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, 1)), "no a");
    CHECK_NOTES("fetch(a) !x !y");
    CHECK_INT(eddy_cache_size(cache), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), -EIO);
    CHECK_INT(page.version, 5); /* untouched */
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "no a");
    fails = 0;
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(page.version, 3);
    eddy_cache_close(cache);
    CHECK_NOTES("fetch(a) fetch(a)");
    return 0;
}

TEST(a_cancel_of_one_leaves_the_computation_to_the_others)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err) {
        eddy_task *x = eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
        EXPECT_INT(eddy_sleep(0.5), 0);
        EXPECT(eddy_task_cancel(x)); /* it was the first to ask */
    }
    CHECK_NOTES("fetch(a) !x y1<a>");
    CHECK_TIME(1);
    eddy_cache_close(cache);
    return err;
}

ORDERED_TEST(the_last_one_to_leave_cancels_it_and_the_next_begins_anew)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err) {
        eddy_task *x = eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_task *y = eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
        EXPECT_INT(eddy_sleep(0.5), 0);
        eddy_spawn(g, reader, .cache = cache, .url = "a",
                   .name = "z"); /* asks before that has ended */
        EXPECT(eddy_task_cancel(x));
        EXPECT(eddy_task_cancel(y));
        turns(1);
        EXPECT_NOTES("fetch(a) !x !fetch(a) !y");
    }
    CHECK_NOTES("fetch(a) z2<a>");
    CHECK_TIME(1.5);
    eddy_cache_close(cache);
    return err;
}

ORDERED_TEST(a_value_that_came_before_the_cancel_is_handed_out)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err) {
        eddy_task *x = eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        EXPECT_INT(eddy_sleep(0.5), 0);
        takes = 0;
        EXPECT_INT(eddy_sleep(0.5), 0);
        EXPECT(eddy_task_cancel(x));
    }
    CHECK_NOTES("fetch(a) x1<a>");
    eddy_cache_close(cache);
    return err;
}

TEST(a_cancelled_scope_gets_what_is_kept_and_begins_nothing)
{
    eddy_cache *cache;
    struct page page;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_cache_get(cache, "a", &page), 0);
        EXPECT_INT(eddy_cache_get(cache, "b", &page), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("fetch(a)");
    eddy_cache_close(cache);
    return 0;
}

TEST(the_least_recently_used_goes_first)
{
    eddy_cache *cache;
    struct page page;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .capacity = 2), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(eddy_cache_get(cache, "b", &page), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(eddy_cache_get(cache, "c", &page), 0); /* b goes */
    CHECK_INT(eddy_cache_size(cache), 2);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_NOTES("fetch(a) fetch(b) fetch(c)");
    CHECK_INT(eddy_cache_get(cache, "b", &page), 0);
    CHECK_NOTES("fetch(b)");
    eddy_cache_close(cache);
    return 0;
}

TEST(a_value_is_good_for_so_many_seconds)
{
    eddy_cache *cache;
    struct page page;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .ttl = 10), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(eddy_sleep(9.5), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0); /* doesn't make it younger */
    CHECK_INT(page.version, 1);
    CHECK_INT(eddy_sleep(0.5), 0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(page.version, 2);
    CHECK_INT(eddy_cache_size(cache), 1);
    CHECK_NOTES("fetch(a) fetch(a)");
    eddy_cache_close(cache);
    return 0;
}

TEST(forget_and_clear)
{
    eddy_cache *cache;
    struct page page;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .keep = keep, .release = release),
              0);
    CHECK_INT(eddy_cache_get(cache, "a", &page), 0);
    CHECK_INT(eddy_cache_get(cache, "b", &page), 0);
    CHECK(eddy_cache_forget(cache, "a"));
    CHECK(!eddy_cache_forget(cache, "a"));
    CHECK_INT(eddy_cache_size(cache), 1);
    eddy_cache_clear(cache);
    CHECK_INT(eddy_cache_size(cache), 0);
    CHECK_INT(alive, 2); /* the copies in `page` that were never given back */
    CHECK_NOTES("fetch(a) fetch(b)");
    eddy_with_group (g, &err) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        EXPECT_INT(eddy_sleep(0.5), 0);
        EXPECT(!eddy_cache_forget(cache, "a")); /* it goes on, for who waits */
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
    }
    CHECK_NOTES("fetch(a) fetch(a) x3<a> y4<a>");
    CHECK_INT(eddy_cache_size(cache), 1);
    CHECK_INT(alive, 5); /* four copies handed out, and the one kept */
    eddy_cache_close(cache);
    CHECK_INT(alive, 4);
    return err;
}

ORDERED_TEST(values_are_kept_and_released_in_pairs)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .capacity = 1, .keep = keep,
                              .release = release),
              0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "y");
        eddy_spawn(g, reader, .cache = cache, .url = "b", .name = "z");
    }
    CHECK_INT(alive, 3 + 1);
    eddy_cache_close(cache);
    CHECK_INT(alive, 3);
    CHECK_NOTES("fetch(a) fetch(b) x1<a> y1<a> z2<b>");
    return err;
}

ORDERED_TEST(close_ends_what_is_computed_and_wakes_who_waits)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        eddy_spawn(g, reader, .cache = cache, .url = "b", .name = "y");
        EXPECT_INT(eddy_sleep(0.5), 0);
        eddy_cache_close(cache);
        note("closed");
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("fetch(a) fetch(b) !x !fetch(a) !y !fetch(b) closed");
    eddy_cache_close(NULL);
    return 0;
}

static void close_in_callback(void *cache)
{
    eddy_cache_close(cache);
    note("closed");
}

ORDERED_TEST(closed_by_a_callback_it_goes_with_the_last_computation)
{
    eddy_cache *cache;
    int err;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, reader, .cache = cache, .url = "a", .name = "x");
        turns(2);
        EXPECT(eddy_call_soon(close_in_callback, cache));
    }
    CHECK_INT(err, -EPIPE);
    turns(2);
    CHECK_NOTES("fetch(a) closed !x !fetch(a)");
    return 0;
}

static eddy_cache *own;

static int ask_for_itself(const char *key, struct page *page, void *context)
{
    (void)context;
    return eddy_cache_get(own, key, page);
}

TEST(a_function_that_asks_for_its_own_key_is_told)
{
    struct page page;
    CHECK_INT(eddy_cache_open(&own, ask_for_itself, char, struct page), 0);
    CHECK_INT(eddy_cache_get(own, "a", &page), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "asks for the key that it is computing");
    eddy_cache_close(own);
    return 0;
}

struct point {
    int x, y;
};

static int add(const struct point *point, long *sum, void *context)
{
    (void)context;
    *sum = point->x + point->y;
    ++fetched;
    return eddy_sleep(0);
}

TEST(keys_may_be_structs_and_many)
{
    enum { SIDE = 40 };
    eddy_cache *cache;
    long sum;
    forget_all();
    CHECK_INT(eddy_cache_open(&cache, add, struct point, long, .capacity = EDDY_UNBOUNDED), 0);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < SIDE * SIDE; i++) {
            struct point point = {i % SIDE, i / SIDE};
            CHECK_INT(eddy_cache_get(cache, &point, &sum), 0);
            CHECK_INT(sum, i % SIDE + i / SIDE);
        }
    CHECK_INT(fetched, SIDE * SIDE);
    CHECK_INT(eddy_cache_size(cache), SIDE * SIDE);
    eddy_cache_close(cache);
    return 0;
}

TEST(bad_input)
{
    eddy_cache *cache;
    struct page page;
    struct point point = {0};
    char small;
    const double ttl[] = {-1, NAN};
    forget_all();
    for (int i = 0; i < 2; i++) {
        CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .ttl = ttl[i]), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_cache_open");
    }
    CHECK_INT(eddy_cache_open(NULL, fetch, char, struct page), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the cache is NULL");
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page), 0);
    CHECK_INT(eddy_cache_get(NULL, "a", &page), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the cache is NULL");
    CHECK_INT(eddy_cache_get(cache, (const char *)NULL, &page), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the key is NULL");
    CHECK_INT(eddy_cache_get(cache, &point, &page), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a key of 8 bytes for a cache of keys of 1 bytes");
    CHECK_INT(eddy_cache_get(cache, "a", &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "1 bytes for a value of a cache of values of 24 bytes");
    CHECK_INT(eddy_cache_get(cache, "a", (struct page *)NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_cache_get");
    CHECK(!eddy_cache_forget(NULL, "a"));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_cache_forget");
    eddy_cache_clear(NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_cache_clear");
    CHECK_INT(eddy_cache_size(NULL), 0);
    eddy_cache_close(cache);
    return 0;
}

static eddy_cache *lasting;

static int get_once(void)
{
    struct page page;
    return eddy_cache_get(lasting, "a", &page);
}

PLAIN_TEST(a_cache_may_outlive_a_run)
{
    forget_all();
    EXPECT_INT(eddy_cache_open(&lasting, fetch, char, struct page, .ttl = 100), 0);
    EXPECT_INT(test_run(get_once), 0);
    EXPECT_INT(test_run(get_once), 0);
    eddy_cache_close(lasting);
}

static int leave_waiting(void)
{
    eddy_task *task = eddy_create_task(reader, .cache = lasting, .url = "a", .name = "x");
    turns(2);
    eddy_test_allow_leftovers(2);
    return eddy_detach(task);
}

PLAIN_TEST(the_end_of_a_run_ends_its_computations)
{
    forget_all();
    takes = 1000;
    EXPECT_INT(eddy_cache_open(&lasting, fetch, char, struct page), 0);
    EXPECT_INT(test_run(leave_waiting), 0);
    eddy_cache_close(lasting);
}

TEST(a_storm_of_cancels_serves_everybody_else)
{
    enum { TASKS = 60 };
    static const char *const urls[] = {"a", "b", "c"};
    eddy_cache *cache;
    unsigned random = 3;
    forget_all();
    takes = 0;
    CHECK_INT(eddy_cache_open(&cache, fetch, char, struct page, .capacity = 1, .ttl = 0.5,
                              .keep = keep, .release = release),
              0);
    for (int round = 0; round < 30; round++) {
        int err, version[TASKS];
        eddy_with_group (g, &err) {
            eddy_task *tasks[TASKS];
            for (int i = 0; i < TASKS; i++) {
                random = random * 1103515245 + 12345;
                version[i] = -1;
                tasks[i] = eddy_spawn(g, reader, .cache = cache, .url = urls[(random >> 24) % 3],
                                      .name = "", .version = &version[i]);
                if (random >> 16 & 1)
                    (void)eddy_task_cancel(tasks[(random >> 18) % (unsigned)(i + 1)]);
                if (random >> 17 & 1)
                    turns(1);
            }
        }
        CHECK_INT(err, 0);
        for (int i = 0; i < TASKS; i++)
            alive -= version[i] >= 0;
        CHECK_INT(alive, eddy_cache_size(cache));
    }
    eddy_cache_close(cache);
    CHECK_INT(alive, 0);
    return 0;
}
