/* SPDX-License-Identifier: MIT */
/* A file system that is mounted read-only, in a mount namespace of a child's own: what reads works,
 * what would write is EROFS, and says of which path. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "support/file_test.h"

#define MOUNTED "/tmp" /* for the child alone */

/* ---- what would write ---- */

static int opens(const char *path, int flags)
{
    eddy_file *file;
    int r = eddy_file_open(path, flags | O_CLOEXEC, 0600, &file);
    return r < 0 ? r : eddy_file_close(file);
}

static int opens_to_write(void)
{
    return opens(MOUNTED "/file", O_WRONLY);
}
static int opens_to_cut_off(void)
{
    return opens(MOUNTED "/file", O_RDWR | O_TRUNC);
}
static int opens_a_lock_file(void)
{
    return opens(MOUNTED "/lock", O_RDWR | O_CREAT);
}
static int makes_a_directory(void)
{
    return eddy_make_directory(MOUNTED "/new", 0700);
}
static int makes_directories(void)
{
    return eddy_make_directories(MOUNTED "/folder/new/deeper", 0700);
}
static int renames(void)
{
    return eddy_rename(MOUNTED "/file", MOUNTED "/other");
}
static int unlinks(void)
{
    return eddy_unlink(MOUNTED "/file");
}
static int removes_a_directory(void)
{
    return eddy_remove_directory(MOUNTED "/folder");
}
static int removes_a_tree(void)
{
    return eddy_remove_tree(MOUNTED "/folder");
}
static int replaces(void)
{
    return eddy_replace_file(MOUNTED "/file", "new", 3, 0600);
}
static int copies(void)
{
    return eddy_copy_file(MOUNTED "/file", MOUNTED "/copy");
}
static int opens_a_temporary_file(void)
{
    eddy_temporary *temporary;
    return eddy_temporary_file_open(MOUNTED, 0600, &temporary);
}
static int opens_a_temporary_directory(void)
{
    eddy_temporary *temporary;
    return eddy_temporary_directory_open(NULL, &temporary);
}

static const struct {
    int (*call)(void);
    const char *path;
} writers[] = {{opens_to_write, MOUNTED "/file"},
               {opens_to_cut_off, MOUNTED "/file"},
               {opens_a_lock_file, MOUNTED "/lock"},
               {makes_a_directory, MOUNTED "/new"},
               {makes_directories, MOUNTED "/folder/new"},
               {renames, MOUNTED "/file"},
               {unlinks, MOUNTED "/file"},
               {removes_a_directory, MOUNTED "/folder"},
               {removes_a_tree, MOUNTED "/folder"},
               {replaces, MOUNTED "/file"},
               {copies, MOUNTED "/copy"},
               {opens_a_temporary_file, MOUNTED "/"},
               {opens_a_temporary_directory, MOUNTED "/"}};

static int write_in_all_ways(void)
{
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        int r = writers[i].call();
        const char *message = eddy_failure_message(eddy_last_failure());
        if (r != -EROFS || !strstr(message, writers[i].path))
            return eddy_fail(-EBADE, "call %zu gave %d and the failure '%s', which isn't of '%s'",
                             i, r, message, writers[i].path);
    }
    return 0;
}

/* ---- what doesn't ---- */

/* A lock is nothing that a file system stores. */
static int lock_to_read(void)
{
    eddy_file *file;
    int r = eddy_file_open(MOUNTED "/file", O_RDONLY | O_CLOEXEC, 0, &file);
    if (r < 0)
        return r;
    r = eddy_file_lock(file, EDDY_FILE_EXCLUSIVE, false);
    int closed = eddy_file_close(file);
    return r < 0 ? r : closed;
}

static int read_only(void)
{
    int r = write_in_all_ways();
    if (r == 0 && !file_holds(MOUNTED "/file", "old"))
        r = eddy_fail(-EBADE, "the file can't be read, or isn't as it was");
    if (r == 0)
        r = lock_to_read();
    return r < 0 ? r : eddy_make_directories(MOUNTED "/folder", 0700); /* exists */
}

/* ---- the child ---- */

static bool write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    return file >= 0 && close(file) == 0 && done;
}

/* NULL, or what isn't allowed here. */
static const char *mount_read_only(void)
{
    char user[32], group[32];
    (void)snprintf(user, sizeof user, "0 %u 1", (unsigned)getuid());
    (void)snprintf(group, sizeof group, "0 %u 1", (unsigned)getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return "a user and a mount namespace";
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", user) ||
        !write_text("/proc/self/gid_map", group))
        return "maps of users and groups";
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", MOUNTED, "tmpfs", 0, NULL) < 0)
        return "mounting in a namespace";
    if (!write_text(MOUNTED "/file", "old") || mkdir(MOUNTED "/folder", 0700) < 0 ||
        !write_text(MOUNTED "/folder/file", "old"))
        return "writing into a file system of one's own";
    return mount("none", MOUNTED, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) < 0
               ? "mounting anew in a namespace"
               : NULL;
}

static _Noreturn void child(void)
{
    const char *refused = mount_read_only();
    if (refused) {
        printf("SKIP: the system refuses %s (%s)\n", refused, strerror(errno));
        (void)fflush(stdout);
        _exit(77);
    }
    (void)unsetenv("TMPDIR");
    _exit(eddy_run(read_only) == 0 ? 0 : 1); /* which says why */
}

REAL_PLAIN_TEST(on_a_read_only_file_system_what_would_write_is_EROFS_and_names_the_path)
{
    int status = -1;
    (void)fflush(stdout);
    pid_t process = fork();
    EXPECT(process >= 0);
    if (process == 0)
        child();
    EXPECT_INT(waitpid(process, &status, 0), process);
    EXPECT(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    EXPECT_INT(WEXITSTATUS(status), 0);
}
