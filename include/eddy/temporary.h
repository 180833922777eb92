/* SPDX-License-Identifier: MIT */
/*
 * Temporary files and directories, removed on every way out: Python's tempfile.
 *
 *     eddy_temporary *report;
 *     r = eddy_temporary_file_open("/var/reports", 0644, &report);
 *     if (r < 0)
 *         return r;
 *     eddy_defer(eddy_temporary_close, report);
 *     n = eddy_file_write(eddy_temporary_file(report), ...);
 *     ...
 *     return eddy_temporary_keep(report, "/var/reports/today");   // all of it, or nothing
 *
 * Names are not to be guessed and in nobody's way: ".eddy-" and twelve letters. A program that is
 * killed leaves them. Calls suspend and behave in cancels as those of eddy/file.h, but for closing.
 */
#ifndef EDDY_TEMPORARY_H
#define EDDY_TEMPORARY_H

#include <sys/types.h>
#include <eddy/base.h>
#include <eddy/file.h>

EDDY_BEGIN_DECLS

typedef struct eddy_temporary eddy_temporary;

/* A file that is open for reading and writing, or an empty directory (for its owner alone), in a
 * directory that exists; NULL: $TMPDIR, or /tmp. 0, -ECANCELED (nothing is left), -EINVAL, -ENOMEM,
 * errors of open(2) and mkdir(2): -ENOENT, -EACCES, -ENOSPC, -EROFS, ... */
EDDY_API EDDY_ASYNC int eddy_temporary_file_open(const char *directory, mode_t mode,
                                                 eddy_temporary **temporary);
EDDY_API EDDY_ASYNC int eddy_temporary_directory_open(const char *directory,
                                                      eddy_temporary **temporary);

/* Its path, and the open file, which isn't to be closed; NULL for a directory. Borrowed. */
EDDY_API const char *eddy_temporary_path(const eddy_temporary *temporary);
EDDY_API eddy_file *eddy_temporary_file(const eddy_temporary *temporary);

/* Makes the file, or the directory, the one at that path, in one step: whoever opens the path finds
 * what was there before or all that was written, even after a loss of power. (A file is synced,
 * then renamed, then the path's directory is synced.) An existing file is replaced, a symbolic link
 * too, not what it leads to; of directories only an empty one. The temporary's path is dead then,
 * its file still open. 0, -EXDEV (on another file system: open it in the path's own directory),
 * -ECANCELED (the path is as it was), or an error of fsync(2) or rename(2); only if the directory's
 * sync fails is it in place in spite of the error. -EINVAL if it was kept already. */
EDDY_API EDDY_ASYNC int eddy_temporary_keep(eddy_temporary *temporary, const char *path);

/* Closes, deletes unless it was kept, and frees; of a directory all that is in it. Suspends in a
 * task, and no cancel reaches it; blocks elsewhere. 0, or the error of close(2), unlink(2) or as of
 * eddy_remove_tree; what is gone already is fine. NULL is harmless (0). */
EDDY_API int eddy_temporary_close(eddy_temporary *temporary);

/* Writes a whole file in one step: the path has what it had before or all of the data, whatever
 * fails, is cancelled or loses power. By a temporary file beside it, which a new mode (less the
 * umask) and owner come with. 0, or as eddy_temporary_file_open, eddy_file_write and
 * eddy_temporary_keep. */
EDDY_API EDDY_ASYNC int eddy_replace_file(const char *path, const void *data, size_t size,
                                          mode_t mode);

/* Copies a file's bytes and mode (less the umask) in one step, in the kernel where file systems can
 * do it; holes stay holes. An existing file is replaced as above, but nothing is synced. 0,
 * -ECANCELED, -EINVAL (the same file, or something there that is no file), -EISDIR, errors of the
 * calls it takes; `to` is as it was then. */
EDDY_API EDDY_ASYNC int eddy_copy_file(const char *from, const char *to);

EDDY_END_DECLS
#endif
