/* SPDX-License-Identifier: MIT */
/*
 * Short transfers, -EAGAIN, waits that end early, late completions, tiny rings: no program notices.
 */
#include "support/fault_library.h"

static const enum eddy_fault_kind kind = EDDY_FAULT_STORM;
