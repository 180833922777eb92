/* SPDX-License-Identifier: MIT */
/*
 * Directories from inside: what walks share with the temporary ones, which are removed with no
 * regard to cancels, and outside of tasks.
 */
#ifndef EDDY_SRC_DIRECTORY_H
#define EDDY_SRC_DIRECTORY_H

#include "eddy/directory.h"
#include "operation.h"

typedef int operation_runner(struct operation *operation);

/* As eddy_directory_open and eddy_directory_next, by operation_run or operation_run_shielded;
 * without a word about failures. `parent`: the path begins in that one; NULL: where the process
 * works. */
int directory_open(const struct eddy_directory *parent, const char *path, bool follow,
                   operation_runner *run, struct eddy_directory **ret_directory);
int directory_next(struct eddy_directory *directory, operation_runner *run,
                   struct eddy_directory_entry *ret_entry);

/* Makes the operation's path begin in that directory. */
void directory_begin_in(const struct eddy_directory *directory, struct operation *operation);

/* As eddy_remove_tree. */
int directory_remove_tree(const char *path, operation_runner *run);

#endif
