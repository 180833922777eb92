/* SPDX-License-Identifier: MIT */
/*
 * Each allocation that the library makes for a program fails once: at the making of its loop, in
 * the middle of a wait, in a thread, on the way out.
 */
#include "support/fault_library.h"

static const enum eddy_fault_kind kind = EDDY_FAULT_MEMORY;
