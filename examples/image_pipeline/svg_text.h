/* SPDX-License-Identifier: MIT */

/* Text for SVG, escaped. File names and URLs come from outside: none of them, however odd, may
 * break the picture or put an element into it. */

#pragma once

#include <stddef.h>
#include <stdio.h>

/* Writes at most `limit` characters, and an ellipsis if there were more. */
void svg_text_write(FILE *stream, const char *text, size_t limit);
