/* SPDX-License-Identifier: MIT */
/*
 * Temporary files from inside: what copying takes of them.
 */
#ifndef EDDY_SRC_TEMPORARY_H
#define EDDY_SRC_TEMPORARY_H

#include "eddy/path.h"
#include "eddy/temporary.h"

/* A temporary file in the directory of that path. */
int temporary_beside(const char *path, mode_t mode, struct eddy_temporary **ret_temporary);

/* As eddy_temporary_keep, syncing or not. */
int temporary_keep(struct eddy_temporary *temporary, const char *path, bool sync);

#endif
