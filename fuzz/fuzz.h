/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target: libFuzzer calls this with bytes of its invention, replay.c with those of files. It
 * aborts if something is wrong.
 */
#ifndef EDDY_FUZZ_FUZZ_H
#define EDDY_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
