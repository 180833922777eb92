/* SPDX-License-Identifier: MIT */

/* JPEG in and out.
 *
 * libjpeg reports errors by calling a function that must not return, so each direction is a pair
 * of functions: an outer one that holds the setjmp and releases everything, and an inner one,
 * "..._rows", that talks to libjpeg and is left by longjmp. All state lives in one struct that
 * the outer function owns: no local variable changes between setjmp and longjmp. */

#include "jpeg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "message.h"
#include "whole_file.h"

/* A progressive JPEG of few bytes may ask for thousands of passes over a huge picture. Cameras
 * and image sites use about ten. */
#define SCANS_LIMIT 100

/* libjpeg knows only its own error manager; the first member makes it ours. */
struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf jump;
    int code;
    char text[JMSG_LENGTH_MAX];
};

_Noreturn static void give_up(j_common_ptr common)
{
    struct failure *failure = (struct failure *)common->err;
    switch (failure->manager.msg_code) {
    case JERR_OUT_OF_MEMORY:
        failure->code = -ENOMEM;
        break;
    case JERR_IMAGE_TOO_BIG:
        failure->code = -EFBIG;
        break;
    case JERR_FILE_WRITE:
        /* Encoding goes to memory: nothing but memory can run out. */
        failure->code = -ENOMEM;
        break;
    default:
        failure->code = -EBADMSG;
    }
    failure->manager.format_message(common, failure->text);
    longjmp(failure->jump, 1);
}

/* A negative level is a warning: libjpeg has found damage and intends to go on with a guess. */
static void refuse_damage(j_common_ptr common, int level)
{
    if (level >= 0)
        return;
    switch (common->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
        /* Padding and odd headers, as some cameras write them: every pixel is there. */
        return;
    default:
        give_up(common);
    }
}

static void print_nothing(j_common_ptr common)
{
    (void)common;
}

static struct jpeg_error_mgr *failure_prepare(struct failure *failure)
{
    jpeg_std_error(&failure->manager);
    failure->manager.error_exit = give_up;
    failure->manager.emit_message = refuse_damage;
    failure->manager.output_message = print_nothing;
    failure->code = 0;
    failure->text[0] = '\0';
    return &failure->manager;
}

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    struct failure failure;
    struct picture picture;
    const void *bytes;
    size_t size;
};

static void limit_scans(j_common_ptr common)
{
    if (((j_decompress_ptr)common)->input_scan_number > SCANS_LIMIT) {
        struct failure *failure = (struct failure *)common->err;
        failure->code = -EFBIG;
        snprintf(failure->text, sizeof failure->text, "more than %d scans", SCANS_LIMIT);
        longjmp(failure->jump, 1);
    }
}

static void decode_rows(struct decoder *decoder)
{
    j_decompress_ptr jpeg = &decoder->jpeg;
    jpeg_create_decompress(jpeg);
    decoder->progress.progress_monitor = limit_scans;
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, decoder->bytes, (unsigned long)decoder->size);
    jpeg_read_header(jpeg, TRUE);

    int result = picture_create(jpeg->image_width, jpeg->image_height, &decoder->picture);
    if (result < 0) {
        decoder->failure.code = result;
        snprintf(decoder->failure.text, sizeof decoder->failure.text, "%u x %u pixels: %s",
                 jpeg->image_width, jpeg->image_height,
                 result == -EFBIG ? "too large" : strerror(-result));
        longjmp(decoder->failure.jump, 1);
    }
    jpeg->out_color_space = JCS_RGB;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = picture_row(&decoder->picture, jpeg->output_scanline);
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    /* Reads up to the end marker, and so finds out whether it is missing. */
    jpeg_finish_decompress(jpeg);
}

int jpeg_decode(const void *bytes, size_t size, struct picture *ret_picture, char *message,
                size_t message_size)
{
    /* On the heap, because a worker's stack may be small. Zeroed, so that destroying is right
     * whenever libjpeg gives up. */
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));
    decoder->bytes = bytes;
    decoder->size = size;
    decoder->jpeg.err = failure_prepare(&decoder->failure);

    if (setjmp(decoder->failure.jump) == 0)
        decode_rows(decoder);
    jpeg_destroy_decompress(&decoder->jpeg);

    int code = decoder->failure.code;
    if (code == 0) {
        *ret_picture = decoder->picture;
    } else {
        picture_release(&decoder->picture);
        if (decoder->failure.manager.msg_code == JWRN_JPEG_EOF)
            fail_with(code, message, message_size, "JPEG cut short after %zu bytes", size);
        else
            fail_with(code, message, message_size, "%s", decoder->failure.text);
    }
    free(decoder);
    return code;
}

struct encoder {
    struct jpeg_compress_struct jpeg;
    struct failure failure;
    const struct picture *picture;
    int quality;
    FILE *stream;
};

static void encode_rows(struct encoder *encoder)
{
    j_compress_ptr jpeg = &encoder->jpeg;
    jpeg_create_compress(jpeg);
    jpeg_stdio_dest(jpeg, encoder->stream);
    jpeg->image_width = encoder->picture->width;
    jpeg->image_height = encoder->picture->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, encoder->quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = picture_row(encoder->picture, jpeg->next_scanline);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

int jpeg_encode(const struct picture *picture, int quality, unsigned char **ret_bytes,
                size_t *ret_size, char *message, size_t message_size)
{
    char *bytes = NULL;
    size_t size = 0;
    struct encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));
    encoder->picture = picture;
    encoder->quality = quality;
    encoder->jpeg.err = failure_prepare(&encoder->failure);
    /* A memory stream and not jpeg_mem_dest, whose buffer has no clear owner after an error. */
    encoder->stream = open_memstream(&bytes, &size);
    if (encoder->stream == NULL) {
        free(encoder);
        return fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));
    }

    if (setjmp(encoder->failure.jump) == 0)
        encode_rows(encoder);
    jpeg_destroy_compress(&encoder->jpeg);

    int code = encoder->failure.code;
    if (code < 0)
        fail_with(code, message, message_size, "%s", encoder->failure.text);
    if (fclose(encoder->stream) != 0 && code == 0)
        code = fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));
    free(encoder);
    if (code < 0) {
        free(bytes);
        return code;
    }
    *ret_bytes = (unsigned char *)bytes;
    *ret_size = size;
    return 0;
}

int jpeg_read(const char *path, struct picture *ret_picture, char *message, size_t message_size)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    int result = whole_file_read(path, &bytes, &size, message, message_size);
    if (result < 0)
        return result;
    char reason[JMSG_LENGTH_MAX];
    result = jpeg_decode(bytes, size, ret_picture, reason, sizeof reason);
    free(bytes);
    if (result < 0)
        return fail_with(result, message, message_size, "cannot decode %s: %s", path, reason);
    return 0;
}

int jpeg_write(const char *path, const struct picture *picture, int quality, char *message,
               size_t message_size)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    char reason[JMSG_LENGTH_MAX];
    int result = jpeg_encode(picture, quality, &bytes, &size, reason, sizeof reason);
    if (result < 0)
        return fail_with(result, message, message_size, "cannot encode %s: %s", path, reason);
    result = whole_file_write(path, bytes, size, message, message_size);
    free(bytes);
    return result;
}
