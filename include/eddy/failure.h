/* SPDX-License-Identifier: MIT */
/*
 * Errors with a story: what an exception carries in Python.
 *
 * A call fails by returning a negative errno code. Beside the code every task keeps its last
 * failure: message, file and line, the task's name, the cause (Python's `raise ... from`) and, for
 * a group or a gather, one child a failed task (an ExceptionGroup). It counts only while its code
 * equals the code that was returned, and lives until the task's next failure.
 *
 *     if (port < 1)
 *         return eddy_fail(-EINVAL, "bad port %d", port);
 *
 *     const eddy_failure *one = NULL;                               // except* ValueError as group:
 *     while ((one = eddy_failure_match(eddy_last_failure(), -EINVAL, one)))
 *         printf("caught: %s\n", eddy_failure_message(one));
 */
#ifndef EDDY_FAILURE_H
#define EDDY_FAILURE_H

#include <stdio.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_failure eddy_failure;

/* Records a failure of the current task (or thread, outside a task) and returns code, so that
 * `return eddy_fail(...)` reads well. A code that isn't negative is taken as -EINVAL. If memory
 * runs out the code still counts and the message is lost. */
#define eddy_fail(code, ...) eddy_fail_(code, false, __FILE__, __LINE__, __VA_ARGS__)

/* The same, with the last failure as the cause: Python's `raise ... from error`. */
#define eddy_fail_from(code, ...) eddy_fail_(code, true, __FILE__, __LINE__, __VA_ARGS__)

EDDY_API int eddy_fail_(int code, bool because, const char *file, int line, const char *format, ...)
    EDDY_PRINTF(5, 6);

/* The current task's last failure, or NULL. Borrowed: valid until the task's next failure. */
EDDY_API const eddy_failure *eddy_last_failure(void);

/* Forgets the last failure: for code that handled it and doesn't want it taken for a later one. */
EDDY_API void eddy_failure_clear(void);

/* Parts of a failure. NULL gives 0, "" or NULL. Borrowed from the failure. */
EDDY_API int eddy_failure_code(const eddy_failure *failure);
EDDY_API const char *eddy_failure_message(const eddy_failure *failure);
EDDY_API const char *eddy_failure_file(const eddy_failure *failure);
EDDY_API int eddy_failure_line(const eddy_failure *failure);
EDDY_API const char *eddy_failure_task(
    const eddy_failure *failure); /* name of the task it arose in */
EDDY_API const eddy_failure *eddy_failure_cause(const eddy_failure *failure);
EDDY_API size_t eddy_failure_count(const eddy_failure *failure); /* number of children */
EDDY_API const eddy_failure *eddy_failure_child(const eddy_failure *failure, size_t index);

/* Walks the leaves of the tree (failures without children) whose code is `code`, 0 for any code.
 * Start with after = NULL; NULL when there is none left. */
EDDY_API const eddy_failure *eddy_failure_match(const eddy_failure *root, int code,
                                                const eddy_failure *after);

/* Prints the failure as a tree: code, message, place, cause and children, the first 15 of each
 * group and how many more there are. */
EDDY_API void eddy_failure_print(const eddy_failure *failure, FILE *stream);

/* Keeps a failure beyond the task's next one; give it back with eddy_failure_release (NULL is
 * harmless). Not thread-safe: within one loop only. */
EDDY_API eddy_failure *eddy_failure_keep(const eddy_failure *failure);
EDDY_API void eddy_failure_release(eddy_failure *failure);

/* "ETIMEDOUT" for -ETIMEDOUT; "EUNKNOWN" for what the system doesn't know. */
EDDY_API const char *eddy_error_name(int code);

EDDY_END_DECLS
#endif
