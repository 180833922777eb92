/* SPDX-License-Identifier: MIT */
/*
 * Watching files and directories for changes: inotify(7).
 *
 *     eddy_file_watch *watch;
 *     struct eddy_file_event event;
 *     r = eddy_file_watch_open(&watch);
 *     r = eddy_file_watch_add(watch, "/etc/app", IN_CLOSE_WRITE | IN_MOVED_TO);
 *     while ((r = eddy_file_watch_next(watch, &event)) == 0)
 *         printf("%s has changed\n", event.name);
 *     eddy_file_watch_close(watch);
 *
 * The system tells of what is done through this kernel, not on a network file system's other
 * clients. Events that nobody takes wait in the kernel, up to
 * /proc/sys/fs/inotify/max_queued_events; what is lost beyond is told as IN_Q_OVERFLOW: then look
 * at the files yourself. Belongs to the loop it was opened in. In simulated runs there is none:
 * -ENOTSUP.
 */
#ifndef EDDY_FILE_WATCH_H
#define EDDY_FILE_WATCH_H

#include <sys/inotify.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_file_watch eddy_file_watch;

struct eddy_file_event {
    int number;       /* what eddy_file_watch_add gave; -1 for IN_Q_OVERFLOW */
    uint32_t mask;    /* IN_CREATE, IN_MODIFY, ...; IN_IGNORED: the last one of this number */
    uint32_t cookie;  /* the same for the two events of a rename */
    const char *name; /* in the directory that is watched, else ""; good until the next call */
};

/* 0, -ECANCELED, -EINVAL, -ENOMEM, -ENOTSUP, -EMFILE (also for a user's limit of watches open:
 * max_user_instances). Suspends. */
EDDY_API EDDY_ASYNC int eddy_file_watch_open(eddy_file_watch **watch);

/* Watches a file, or what happens in a directory: its number. For a path that is watched already
 * the mask is replaced (IN_MASK_ADD: added to), and the number is the same. -ECANCELED (it may be
 * watched or not), errors of inotify_add_watch(2): -ENOENT, -EACCES, -ENOSPC (max_user_watches),
 * -EINVAL (an empty mask), ... Suspends, since it looks the path up. */
EDDY_API EDDY_ASYNC int eddy_file_watch_add(eddy_file_watch *watch, const char *path,
                                            uint32_t mask);

/* Ends one, by its number; what it has told already still comes, and IN_IGNORED. 0, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_file_watch_remove(eddy_file_watch *watch, int number);

/* The next event: 0. Suspends while there is none. -ECANCELED (no event is lost), -EBUSY while
 * another task waits for one, -ECONNABORTED if it was closed by another task. */
EDDY_API EDDY_ASYNC int eddy_file_watch_next(eddy_file_watch *watch, struct eddy_file_event *event);

/* Closes and frees, also in a cancelled scope; doesn't suspend. A task that waits for an event is
 * woken; while others add or remove, that is when they are done. NULL is harmless. */
EDDY_API void eddy_file_watch_close(eddy_file_watch *watch);

EDDY_END_DECLS
#endif
