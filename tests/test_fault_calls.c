/* SPDX-License-Identifier: MIT */
/*
 * Each call of the library to its engine fails once with each errno that its manual page documents.
 */
#include "support/fault_library.h"

static const enum eddy_fault_kind kind = EDDY_FAULT_ENGINE;
