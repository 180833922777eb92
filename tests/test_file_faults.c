/* SPDX-License-Identifier: MIT */
/*
 * Programs of files with a cancel at each suspension, with each allocation failing once, with each
 * call to the system giving each error that its manual documents, and on a disk that does all that
 * a disk may do.
 */
#include <eddy/fault.h>
#include <eddy/sweep.h>
#include "support/scenarios_task.h"
#include "support/file_test.h"

/* Whatever fails, fails; what came before is given back. */
static int lines_and_locks(eddy_file *file)
{
    char line[16];
    struct stat status;
    ssize_t r = eddy_file_lock(file, EDDY_FILE_EXCLUSIVE, true);
    if (r >= 0)
        r = eddy_file_write(file, "one\ntwo\n", 8);
    if (r >= 0)
        r = eddy_file_truncate(file, 6);
    if (r >= 0)
        r = eddy_file_seek(file, -6, SEEK_END);
    if (r >= 0)
        r = eddy_file_read_line(file, line, sizeof line);
    if (r >= 0 && strcmp(line, "one\n") != 0)
        wrong("the first line is '%s'", line);
    if (r >= 0)
        r = eddy_file_read_line(file, line, sizeof line);
    if (r >= 0 && strcmp(line, "tw") != 0)
        wrong("the second line is '%s'", line);
    if (r >= 0)
        r = eddy_file_status(file, &status);
    if (r >= 0 && status.st_size != 6)
        wrong("the file has %lld bytes", (long long)status.st_size);
    return first_of((int)r, eddy_file_unlock(file));
}

static int scenario_position(void)
{
    eddy_file *file;
    struct stat status;
    int r = scratch_make();
    if (r == 0)
        r = eddy_file_open(in_scratch("file"), O_RDWR | O_CREAT | O_TRUNC, 0600, &file);
    if (r < 0)
        return r;
    r = lines_and_locks(file);
    r = first_of(r, eddy_file_close(file));
    if (r >= 0)
        r = eddy_path_status(in_scratch("file"), &status, true);
    if (r >= 0)
        r = eddy_unlink(in_scratch("file"));
    if (r >= 0)
        r = eddy_remove_directory(scratch);
    return r;
}

static int tree_make(void)
{
    int r = scratch_make();
    if (r == 0)
        r = eddy_make_directories(in_scratch("tree/a/b"), 0700);
    if (r == 0)
        r = file_make(in_scratch("tree/a/b/file"), "x");
    if (r == 0)
        r = file_make(in_scratch("tree/a/other"), "y");
    return r;
}

static int tree_walk(void)
{
    int err, count = 0;
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = in_scratch("tree")) {
        EXPECT(entry->depth <= 3);
        count++;
    }
    if (err == 0 && count > 4) /* fewer if one has vanished */
        wrong("a walk has seen %d of 4 names", count);
    return err;
}

static int tree_list(void)
{
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    int count = 0, r = eddy_directory_open(in_scratch("tree/a"), &directory);
    if (r < 0)
        return r;
    while ((r = eddy_directory_next(directory, &entry)) > 0)
        count++;
    eddy_directory_close(directory);
    if (r == 0 && count != 2)
        wrong("a directory of 2 names has %d", count);
    return r;
}

static int scenario_tree(void)
{
    int r = tree_make();
    if (r == 0)
        r = tree_walk();
    if (r == 0)
        r = tree_list();
    if (r == 0)
        r = eddy_remove_tree(in_scratch("tree"));
    return r;
}

static bool may_leave; /* what can't be deleted stays */

static int whole_check(const char *name)
{
    eddy_file *file;
    char text[16];
    int r = eddy_file_open(in_scratch(name), O_RDONLY, 0, &file);
    if (r < 0)
        return r;
    ssize_t n = 0;
    size_t have = 0;
    while ((n = eddy_file_read(file, text + have, sizeof text - have)) > 0)
        have += (size_t)n;
    if (n == 0 && (have != 8 || memcmp(text, "bbbbbbbb", 8) != 0))
        wrong("a file that is written whole has %zu bytes", have);
    r = eddy_file_close(file);
    return n < 0 ? (int)n : r;
}

/* Where copy_file_range can't, reading and writing can. */
static int copy_whole(void)
{
    int r = eddy_copy_file(in_scratch("whole"), in_scratch("copy"));
    bool cannot = r == -EPERM || r == -ETXTBSY || r == -EXDEV || r == -EOPNOTSUPP;
    if (cannot && strncmp(eddy_failure_message(eddy_last_failure()), "copying", 7) == 0)
        wrong("copying gave up at %s", eddy_error_name(r));
    return r;
}

static int scenario_whole(void)
{
    eddy_temporary *folder = NULL;
    int r = scratch_make();
    if (r == 0)
        r = eddy_replace_file(in_scratch("whole"), "aaaaaaaa", 8, 0600);
    if (r == 0)
        r = eddy_temporary_directory_open(scratch, &folder);
    if (r < 0)
        return r;
    r = eddy_replace_file(in_scratch("whole"), "bbbbbbbb", 8, 0600);
    if (r == 0)
        r = whole_check("whole");
    if (r == 0)
        r = copy_whole();
    if (r == 0)
        r = whole_check("copy");
    return first_of(r, eddy_temporary_close(folder));
}

enum { SPARSE_SIZE = 70000 };

static int sparse_make(void)
{
    eddy_file *file;
    int r = eddy_file_open(in_scratch("sparse"), O_WRONLY | O_CREAT | O_TRUNC, 0600, &file);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_pwrite(file, "island", 6, 40000);
    if (n >= 0)
        n = eddy_file_truncate(file, SPARSE_SIZE);
    return first_of(n < 0 ? (int)n : 0, eddy_file_close(file));
}

static int sparse_check(void)
{
    eddy_file *file;
    struct stat status;
    char text[6] = "";
    int r = eddy_file_open(in_scratch("copy"), O_RDONLY, 0, &file);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_pread(file, text, sizeof text, 40000);
    if (n == sizeof text && memcmp(text, "island", sizeof text) != 0)
        wrong("what is between the holes wasn't copied");
    if (n >= 0)
        n = eddy_file_status(file, &status);
    if (n >= 0 && status.st_size != SPARSE_SIZE)
        wrong("the copy has %lld bytes", (long long)status.st_size);
    return first_of(n < 0 ? (int)n : 0, eddy_file_close(file));
}

static int scenario_holes(void)
{
    int r = scratch_make();
    if (r == 0)
        r = sparse_make();
    if (r == 0)
        r = eddy_copy_file(in_scratch("sparse"), in_scratch("copy"));
    if (r == 0)
        r = sparse_check();
    if (r == 0)
        r = eddy_unlink(in_scratch("sparse"));
    if (r == 0)
        r = eddy_unlink(in_scratch("copy"));
    return r;
}

static int check_holes(void)
{
    struct stat status;
    DIR *folder = scenario_simulated() ? NULL : opendir(scratch);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, "copy") == 0 && stat(in_scratch("copy"), &status) == 0 &&
            status.st_size != SPARSE_SIZE)
            wrong("'copy' has %lld bytes", (long long)status.st_size);
        if (strncmp(entry->d_name, ".eddy-", 6) == 0 && !may_leave)
            wrong("'%s' is left", entry->d_name);
    }
    if (folder)
        (void)closedir(folder);
    return scenario_check();
}

/* What is at the paths is whole, whatever failed or was cancelled, and nothing else is there. */
static int check_whole(void)
{
    DIR *folder = scenario_simulated() ? NULL : opendir(scratch);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct stat status;
        bool known = strcmp(entry->d_name, "whole") == 0 || strcmp(entry->d_name, "copy") == 0;
        if (known && stat(in_scratch(entry->d_name), &status) == 0 && status.st_size != 8)
            wrong("'%s' has %lld bytes", entry->d_name, (long long)status.st_size);
        if (strncmp(entry->d_name, ".eddy-", 6) == 0 && !may_leave)
            wrong("'%s' is left", entry->d_name);
    }
    if (folder)
        (void)closedir(folder);
    return scenario_check();
}

static int watch_one(eddy_file_watch *watch)
{
    struct eddy_file_event event;
    int number = eddy_file_watch_add(watch, scratch, IN_CLOSE_WRITE);
    int r = number < 0 ? number : file_make(in_scratch("watched"), "x");
    if (r >= 0)
        r = eddy_file_watch_next(watch, &event);
    if (r == 0 && (event.number != number || strcmp(event.name, "watched") != 0))
        wrong("an event of %d tells '%s'", event.number, event.name);
    return number < 0 ? number : first_of(r, eddy_file_watch_remove(watch, number));
}

static int scenario_watch_files(void)
{
    eddy_file_watch *watch;
    int r = scratch_make();
    if (r == 0)
        r = eddy_file_watch_open(&watch);
    if (r < 0)
        return r == -ENOTSUP ? 0 : r;
    r = watch_one(watch);
    eddy_file_watch_close(watch);
    return r;
}

/* ---- all of them, in every way ---- */

static int (*check)(void) = check_whole;

static void survive_faults(const char *name, int (*scenario)(void), enum eddy_fault_kind kind)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {.scenario = scenario,
                                             .check = check,
                                             .kind = kind,
                                             .simulated = scenario_simulated(),
                                             .seed = 1};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    EXPECT(result.sites >= 4);
    printf("%s: %zu sites, %zu runs, %zu failed, %zu missed\n", name, result.sites, result.runs,
           result.failed, result.missed);
}

static void survive(const char *name, int (*scenario)(void))
{
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options sweep = {
        .scenario = scenario, .check = check, .real = !scenario_simulated(), .seed = 1};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points > 0);
    printf("%s: %zu points, %zu runs, %zu failed, %zu missed\n", name, result.points, result.runs,
           result.failed, result.missed);
    survive_faults(name, scenario, EDDY_FAULT_STORM);
    may_leave = true;
    survive_faults(name, scenario, EDDY_FAULT_MEMORY);
    survive_faults(name, scenario, EDDY_FAULT_ENGINE);
    may_leave = false;
    scratch_remove();
}

#define SURVIVES(name)                                                                             \
    PLAIN_TEST(survives_##name)                                                                    \
    {                                                                                              \
        survive(#name, scenario_##name);                                                           \
    }

SURVIVES(position)
SURVIVES(tree)
SURVIVES(whole)
SURVIVES(watch_files)

PLAIN_TEST(survives_holes)
{
    check = check_holes;
    survive("holes", scenario_holes);
    check = check_whole;
}

/* ---- a bad disk ---- */

static void any_error(int (*scenario)(void), struct eddy_sim_disk disk)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        const struct eddy_sim_options options = {
            .order = EDDY_SIM_SHUFFLED, .disk = disk, .loop.log = test_log, .loop.quiet = true};
        int r = eddy_sim_run_(eddy_sim_start_at_(seed, &options), EDDY_ERASE_(scenario), NULL, 0,
                              EDDY_NO_ARGUMENTS_, EDDY_SITE_("scenario"));
        EXPECT(r >= 0 || r == -EIO || r == -ENOSPC);
        EXPECT_INT(scenario_check(), 0);
        if (eddy_test_failed()) {
            printf("seed %llu: %d\n", (unsigned long long)seed, r);
            break;
        }
    }
}

REAL_PLAIN_TEST(a_disk_that_is_slow_short_failing_and_full)
{
    any_error(scenario_position, (struct eddy_sim_disk){.delay_max = 1, .short_io = 0.5});
    any_error(scenario_whole, (struct eddy_sim_disk){.delay_max = 1, .short_io = 0.5});
    any_error(scenario_whole, (struct eddy_sim_disk){.failure = 0.1});
    any_error(scenario_whole, (struct eddy_sim_disk){.capacity = 12});
    any_error(scenario_tree, (struct eddy_sim_disk){.delay_max = 1, .capacity = 2});
    any_error(scenario_position, (struct eddy_sim_disk){.failure = 0.1});
    any_error(scenario_position, (struct eddy_sim_disk){.capacity = 5});
}

int main(int argc, char **argv)
{
    return eddy_test_main(argc, argv);
}
