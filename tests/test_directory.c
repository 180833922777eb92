/* SPDX-License-Identifier: MIT */
/* Directories: names one by one, walks, removing whole trees. */
#include "support/file_test.h"

static int directory_make(const char *name)
{
    return eddy_make_directories(in_scratch(name), 0700);
}

/* a/ a/b/ a/b/deep a/one two, and c/ in the folder of that name. */
static int tree_make(const char *name)
{
    char path[128];
    int r = scratch_make();
    (void)snprintf(path, sizeof path, "%s/a/b", name);
    r = r < 0 ? r : directory_make(path);
    (void)snprintf(path, sizeof path, "%s/c", name);
    r = r < 0 ? r : directory_make(path);
    for (int i = 0; r >= 0 && i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", name,
                       (const char *[]){"a/b/deep", "a/one", "two"}[i]);
        r = file_make(in_scratch(path), "x");
    }
    return r;
}

static int count_names(const char *path)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    int count = 0, r = eddy_directory_open(path, &directory);
    if (r < 0)
        return r;
    while ((r = eddy_directory_next(directory, &entry)) > 0)
        count++;
    eddy_directory_close(directory);
    return r < 0 ? r : count;
}

/* ---- listing ---- */

TEST(names_and_kinds)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    int r, seen = 0;
    CHECK_INT(tree_make("names"), 0);
    CHECK_INT(eddy_directory_open(in_scratch("names"), &directory), 0);
    while ((r = eddy_directory_next(directory, &entry)) > 0) {
        int kind = strcmp(entry.name, "two") == 0 ? DT_REG : DT_DIR;
        EXPECT(entry.type == DT_UNKNOWN || entry.type == kind);
        EXPECT(entry.inode > 0);
        seen |= entry.name[0] == 'a' ? 1 : entry.name[0] == 'c' ? 2 : 4;
    }
    CHECK_INT(r, 0);
    CHECK_INT(seen, 7);
    CHECK_INT(eddy_directory_next(directory, &entry), 0);
    eddy_directory_close(directory);
    return eddy_remove_tree(in_scratch("names"));
}

/* Each byte that a name may have, and the longest one. */
TEST(a_name_has_any_byte)
{
    char name[256], longest[256];
    int count = 0, err;
    bool seen[256] = {false};
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(directory_make("bytes"), 0);
    for (int byte = 1; byte < 256; byte++) {
        if (byte == '/')
            continue;
        (void)snprintf(name, sizeof name, "bytes/-%c-", byte);
        CHECK_INT(file_make(in_scratch(name), "x"), 0);
    }
    memset(longest, '\xff', 255);
    longest[255] = '\0';
    char path[400];
    (void)snprintf(path, sizeof path, "%s/bytes/%s", scratch, longest);
    CHECK_INT(file_make(path, "x"), 0);
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("bytes")) {
        count++;
        if (strlen(entry->name) == 3)
            seen[(unsigned char)entry->name[1]] = true;
        EXPECT(file_holds(entry->path, "x"));
    }
    CHECK_INT(err, 0);
    CHECK_INT(count, 255);
    for (int byte = 1; byte < 256; byte++)
        CHECK(seen[byte] == (byte != '/'));
    return eddy_remove_tree(in_scratch("bytes"));
}

/* Names of a few files: a file each would take the disk several times as long. */
EDDY_TEST_WITH(a_hundred_thousand_names, .real_system = true, .patience = 600)
{
    enum { COUNT = 100000, LINKS = 20000 };
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(directory_make("many"), 0);
    int folder = open(in_scratch("many"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), made = 0;
    for (int i = 0; i < COUNT; i++) {
        char name[32], first[32];
        (void)snprintf(name, sizeof name, "a-name-as-any-%d", i);
        (void)snprintf(first, sizeof first, "a-name-as-any-%d", i - i % LINKS);
        made += (i % LINKS ? linkat(folder, first, folder, name, 0)
                           : mknodat(folder, name, S_IFREG | 0600, 0)) == 0;
    }
    (void)close(folder);
    CHECK_INT(made, COUNT);
    CHECK_INT(count_names(in_scratch("many")), COUNT);
    CHECK_INT(eddy_remove_tree(in_scratch("many")), 0);
    return 0;
}

TEST(a_directory_that_vanishes)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(directory_make("gone"), 0);
    CHECK_INT(eddy_directory_open(in_scratch("gone"), &directory), 0);
    CHECK_INT(eddy_remove_directory(in_scratch("gone")), 0);
    CHECK_INT(eddy_directory_next(directory, &entry), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "listing '/");
    eddy_directory_close(directory);
    CHECK_INT(eddy_directory_open(in_scratch("gone"), &directory), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't open the directory '/");
    CHECK_INT(file_make(in_scratch("file"), ""), 0);
    CHECK_INT(eddy_directory_open(in_scratch("file"), &directory), -ENOTDIR);
    return eddy_unlink(in_scratch("file"));
}

struct next_name {
    eddy_directory *directory;
    bool *begun;
};

static int next_name(struct next_name *a)
{
    struct eddy_directory_entry entry;
    *a->begun = true;
    int r = eddy_directory_next(a->directory, &entry);
    return r > 0 ? (int)strlen(entry.name) : r;
}

/* In other orders it may have its name by then. */
ORDERED_TEST(a_name_does_not_outlive_a_close_by_another_task)
{
    eddy_directory *directory;
    bool begun = false;
    CHECK_INT(tree_make("closed"), 0);
    CHECK_INT(eddy_directory_open(in_scratch("closed"), &directory), 0);
    eddy_task *task = eddy_create_task(next_name, .directory = directory, .begun = &begun);
    for (int i = 0; i < 100 && !begun; i++)
        turns(1);
    CHECK(begun);
    eddy_directory_close(directory);
    CHECK_INT(eddy_await(task), -ECONNABORTED);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "closed by another task");
    CHECK_INT(eddy_task_release(task), 0);
    return eddy_remove_tree(in_scratch("closed"));
}

/* ---- walking ---- */

TEST(a_walk_tells_a_directory_before_what_is_in_it)
{
    int err, count = 0;
    bool seen_a = false, seen_b = false;
    CHECK_INT(tree_make("walk"), 0);
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("walk")) {
        count++;
        const char *below = entry->path + strlen(scratch) + strlen("/walk/");
        EXPECT(strncmp(entry->path, scratch, strlen(scratch)) == 0);
        EXPECT_INT(entry->error, 0);
        if (strcmp(below, "a") == 0) {
            seen_a = true;
            EXPECT_INT(entry->depth, 1);
        } else if (strcmp(below, "a/b") == 0) {
            seen_b = true;
            EXPECT(seen_a);
            EXPECT_INT(entry->type, DT_DIR);
            EXPECT_TEXT(entry->name, "b");
        } else if (strcmp(below, "a/b/deep") == 0) {
            EXPECT(seen_b);
            EXPECT_INT(entry->depth, 3);
            EXPECT_INT(entry->type, DT_REG);
        }
    }
    CHECK_INT(err, 0);
    CHECK_INT(count, 6);
    return eddy_remove_tree(in_scratch("walk"));
}

static int count_walk(const char *path, size_t depth, const char *skip)
{
    int err, count = 0;
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = path, .depth = depth) {
        count++;
        entry->skip = skip && strcmp(entry->name, skip) == 0;
    }
    return err < 0 ? err : count;
}

TEST(a_walk_goes_as_far_as_it_is_told)
{
    int err, count = 0;
    CHECK_INT(tree_make("far"), 0);
    CHECK_INT(count_walk(in_scratch("far"), 0, NULL), 6);
    CHECK_INT(count_walk(in_scratch("far"), 1, NULL), 3);
    CHECK_INT(count_walk(in_scratch("far"), 2, NULL), 5);
    CHECK_INT(count_walk(in_scratch("far"), 0, "b"), 5);
    CHECK_INT(count_walk(in_scratch("far/"), 0, "a"), 3);
    CHECK_INT(count_walk(in_scratch("far/c"), 0, NULL), 0);
    CHECK_INT(count_walk(in_scratch("nothing"), 0, NULL), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "walking '/");
    CHECK_INT(count_walk(in_scratch("far/two"), 0, NULL), -ENOTDIR);
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("far"))
        if (entry->depth == 3 && ++count)
            break; /* with three directories open: the kit looks for what stays open */
    CHECK_INT(err, 0);
    CHECK_INT(count, 1);
    return eddy_remove_tree(in_scratch("far"));
}

TEST(directories_that_vanish_during_a_walk_are_told)
{
    int err, gone = 0, first = -1;
    CHECK_INT(scratch_make(), 0);
    for (int i = 0; i < 4; i++)
        CHECK_INT(directory_make((const char *[]){"van/0", "van/1", "van/2", "van/3"}[i]), 0);
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("van")) {
        if (first < 0) {
            first = entry->name[0] - '0';
            for (int i = 0; i < 4; i++)
                if (i != first)
                    EXPECT_INT(eddy_remove_directory(in_scratch(
                                   (const char *[]){"van/0", "van/1", "van/2", "van/3"}[i])),
                               0);
        } else if (entry->error == -ENOENT) {
            gone++;
        }
    }
    CHECK_INT(err, 0);
    CHECK_INT(gone, 3);
    return eddy_remove_tree(in_scratch("van"));
}

REAL_TEST(links_are_neither_followed_nor_is_anything_behind_them_removed)
{
    struct stat status;
    CHECK_INT(tree_make("target"), 0);
    CHECK_INT(directory_make("links"), 0);
    CHECK_INT(symlink(in_scratch("target"), in_scratch("links/one")), 0);
    CHECK_INT(symlink("nowhere", in_scratch("links/two")), 0);
    CHECK_INT(count_walk(in_scratch("links"), 0, NULL), 2);
    CHECK_INT(eddy_path_status(in_scratch("links/two"), &status, false), 0);
    CHECK(S_ISLNK(status.st_mode));
    CHECK_INT(eddy_path_status(in_scratch("links/two"), &status, true), -ENOENT);
    CHECK_INT(eddy_remove_tree(in_scratch("links")), 0);
    CHECK_INT(count_walk(in_scratch("target"), 0, NULL), 6);
    CHECK_INT(symlink(in_scratch("target"), in_scratch("link")), 0);
    CHECK_INT(eddy_remove_tree(in_scratch("link")), -ENOTDIR);
    CHECK_INT(unlink(in_scratch("link")), 0);
    return eddy_remove_tree(in_scratch("target"));
}

/* ---- removing ---- */

TEST(a_tree_is_removed)
{
    struct stat status;
    CHECK_INT(tree_make("tree"), 0);
    CHECK_INT(eddy_remove_tree(in_scratch("tree/two")), -ENOTDIR);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't delete '/");
    CHECK_INT(eddy_remove_tree(in_scratch("tree")), 0);
    CHECK_INT(eddy_path_status(in_scratch("tree"), &status, true), -ENOENT);
    CHECK_INT(eddy_remove_tree(in_scratch("tree")), 0); /* gone is gone */
    return 0;
}

HEAVY_TEST(a_tree_as_deep_as_a_path_can_be)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/deep", (scratch_make(), scratch)), levels = 0;
    for (; length < 1900; levels++) {
        CHECK_INT(eddy_make_directory(path, 0700), 0);
        length += snprintf(path + length, sizeof path - (size_t)length, "/d");
    }
    CHECK_INT(count_walk(in_scratch("deep"), 0, NULL), levels - 1);
    return eddy_remove_tree(in_scratch("deep"));
}

REAL_TEST(a_tree_deeper_than_a_path_can_be)
{
    enum { LEVELS = 40 };
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    CHECK_INT(scratch_make(), 0);
    CHECK_INT(directory_make("deeper"), 0);
    int at = open(in_scratch("deeper"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < LEVELS; i++) {
        CHECK(mkdirat(at, name, 0700) == 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(at);
        at = next;
    }
    (void)close(at);
    CHECK_INT(count_walk(in_scratch("deeper"), 0, NULL), LEVELS);
    return eddy_remove_tree(in_scratch("deeper"));
}

/* ---- somebody who puts a link in the place of a directory that is being gone through ---- */

/* swap/a/b/mine, and target/b/other. */
static int swap_make(void)
{
    int r = scratch_make();
    r = r < 0 ? r : directory_make("swap/a/b");
    r = r < 0 ? r : directory_make("target/b");
    r = r < 0 ? r : file_make(in_scratch("swap/a/b/mine"), "x");
    return r < 0 ? r : file_make(in_scratch("target/b/other"), "x");
}

static void swap(void)
{
    (void)rename(in_scratch("swap/a"), in_scratch("moved"));
    (void)symlink(in_scratch("target"), in_scratch("swap/a"));
}

REAL_TEST(a_walk_stays_in_a_directory_that_a_link_takes_the_place_of)
{
    bool mine = false, other = false;
    int err;
    CHECK_INT(swap_make(), 0);
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("swap")) {
        if (strcmp(entry->name, "a") == 0)
            swap();
        EXPECT_INT(entry->error, 0);
        mine |= strcmp(entry->name, "mine") == 0;
        other |= strcmp(entry->name, "other") == 0;
    }
    CHECK_INT(err, 0);
    CHECK(mine && !other);
    CHECK_INT(eddy_remove_tree(in_scratch("swap")), 0);
    CHECK_INT(eddy_remove_tree(in_scratch("moved")), 0);
    return eddy_remove_tree(in_scratch("target"));
}

struct remove_tree {
    const char *path;
};

static int remove_tree(struct remove_tree *a)
{
    return eddy_remove_tree(a->path);
}

/* How many of the fifty in that folder hold their file. */
static int count_fifty(const char *folder)
{
    int count = 0;
    for (int i = 0; i < 50; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%d/file", folder, i);
        count += access(in_scratch(path), F_OK) == 0;
    }
    return count;
}

static int fifty_make(const char *folder)
{
    int r = scratch_make();
    for (int i = 0; r >= 0 && i < 50; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%d", folder, i);
        r = directory_make(path);
        (void)snprintf(path, sizeof path, "%s/%d/file", folder, i);
        r = r < 0 ? r : file_make(in_scratch(path), "x");
    }
    return r;
}

REAL_TEST(nothing_is_removed_behind_a_link_that_comes_meanwhile)
{
    CHECK_INT(fifty_make("swap/a"), 0);
    CHECK_INT(fifty_make("target"), 0);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/swap", scratch);
    eddy_task *task = eddy_create_task(remove_tree, .path = path);
    while (count_fifty("swap/a") == 50 && !eddy_task_done(task))
        turns(1);
    swap();
    int r = eddy_await(task); /* "a" isn't a directory any more, unless it had gone already */
    CHECK(r == -ENOTDIR || r == -ENOTEMPTY || r == 0);
    (void)eddy_task_release(task);
    CHECK_INT(count_fifty("target"), 50);
    CHECK_INT(eddy_remove_tree(in_scratch("swap")), 0);
    CHECK_INT(eddy_remove_tree(in_scratch("moved")), 0);
    return eddy_remove_tree(in_scratch("target"));
}

/* ---- bad input, cancels ---- */

TEST(bad_arguments_of_directories_are_reported)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    CHECK_INT(eddy_directory_open(NULL, &directory), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_directory_open: the path is NULL");
    CHECK_INT(eddy_directory_open("/", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the directory is NULL");
    CHECK_INT(eddy_directory_next(NULL, &entry), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_directory_next");
    CHECK_INT(eddy_remove_tree(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_remove_tree");
    CHECK_INT(count_walk(NULL, 0, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_walk");
    eddy_directory_close(NULL);
    return 0;
}

TEST(in_a_cancelled_scope_nothing_is_listed_but_closing_works)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    int err;
    CHECK_INT(tree_make("cancelled"), 0);
    CHECK_INT(eddy_directory_open(in_scratch("cancelled"), &directory), 0);
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_directory_next(directory, &entry), -ECANCELED);
        CHECK_INT(eddy_remove_tree(in_scratch("cancelled")), -ECANCELED);
        CHECK_INT(count_walk(in_scratch("cancelled"), 0, NULL), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_directory_next(directory, &entry), 1); /* goes on */
    eddy_directory_close(directory);
    CHECK_INT(count_walk(in_scratch("cancelled"), 0, NULL), 6);
    return eddy_remove_tree(in_scratch("cancelled"));
}
