/* SPDX-License-Identifier: MIT */

/* Pictures from and to JPEG, through libjpeg. Every failure is a negative errno and one line of
 * text; libjpeg never prints and never ends the program. May be called from several threads at
 * once.
 *
 *   -EBADMSG  not a JPEG, damaged, or cut short (libjpeg would only warn and paint the missing
 *             part grey)
 *   -EFBIG    more pixels than PICTURE_PIXELS_LIMIT
 *   -ENOMEM   out of memory
 *   and what reading or writing the file gave: -ENOENT, -ENOSPC, ... */

#pragma once

#include "picture.h"

/* What the Python tutorial's Image.save() uses when not told otherwise. */
#define JPEG_QUALITY_DEFAULT 75

int jpeg_decode(const void *bytes, size_t size, struct picture *ret_picture, char *message,
                size_t message_size);

/* The bytes are the caller's to free. */
int jpeg_encode(const struct picture *picture, int quality, unsigned char **ret_bytes,
                size_t *ret_size, char *message, size_t message_size);

/* The same from and to a file; the file is written atomically (whole_file.h). */
int jpeg_read(const char *path, struct picture *ret_picture, char *message, size_t message_size);
int jpeg_write(const char *path, const struct picture *picture, int quality, char *message,
               size_t message_size);
