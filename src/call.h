/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of call_soon, call_later and their handles.
 */
#ifndef EDDY_SRC_CALL_H
#define EDDY_SRC_CALL_H

#include "loop.h"

void calls_destroy(struct eddy_loop *loop);

#endif
