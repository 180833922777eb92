/* SPDX-License-Identifier: MIT */

/* What must not go wrong with pictures and files: damage is noticed, sizes are capped, a failed
 * write leaves nothing behind. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "edges.h"
#include "jpeg.h"
#include "message.h"
#include "whole_file.h"

static char message[MESSAGE_SIZE];

static void encode_synthetic(unsigned width, unsigned height, unsigned char **bytes, size_t *size)
{
    struct picture picture;
    assert_int_equal(picture_synthesize(3, width, height, &picture), 0);
    assert_int_equal(jpeg_encode(&picture, 90, bytes, size, message, sizeof message), 0);
    picture_release(&picture);
}

static void test_there_and_back(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t size;
    struct picture picture;
    encode_synthetic(97, 61, &bytes, &size);
    assert_int_equal(jpeg_decode(bytes, size, &picture, message, sizeof message), 0);
    assert_int_equal(picture.width, 97);
    assert_int_equal(picture.height, 61);
    picture_release(&picture);
    free(bytes);
}

/* libjpeg alone accepts nearly all of these and paints grey what is missing. */
static void test_truncated_at_every_length(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t size;
    encode_synthetic(64, 48, &bytes, &size);
    for (size_t length = 0; length < size; length++) {
        struct picture picture = {0};
        /* An exact copy, so that a sanitizer sees a read past its end. */
        unsigned char *part = malloc(length + 1);
        assert_non_null(part);
        memcpy(part, bytes, length);
        assert_int_equal(jpeg_decode(part, length, &picture, message, sizeof message), -EBADMSG);
        assert_null(picture.pixels);
        free(part);
    }
    free(bytes);
}

static void test_damage_never_crashes(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t size;
    encode_synthetic(64, 48, &bytes, &size);
    for (size_t at = 0; at < size; at++) {
        struct picture picture = {0};
        unsigned char old = bytes[at];
        bytes[at] ^= 0xff;
        if (jpeg_decode(bytes, size, &picture, message, sizeof message) == 0)
            picture_release(&picture);
        bytes[at] = old;
    }
    free(bytes);
}

static void test_size_caps(void **state)
{
    (void)state;
    struct picture picture = {0};
    assert_int_equal(picture_create(10001, 10000, &picture), -EFBIG);
    assert_int_equal(picture_create(0, 5, &picture), -EINVAL);

    unsigned char *bytes;
    size_t size;
    encode_synthetic(16, 16, &bytes, &size);
    /* The frame header: ff c0, length, precision, height, width. */
    unsigned char *frame = memmem(bytes, size, "\xff\xc0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\xfd\xe8\xfd\xe8", 4);
    assert_int_equal(jpeg_decode(bytes, size, &picture, message, sizeof message), -EFBIG);
    assert_string_equal(message, "65000 x 65000 pixels: too large");
    free(bytes);
}

static void test_scaling(void **state)
{
    (void)state;
    static const unsigned sizes[][2] = {{1, 1}, {1, 50}, {50, 1}, {7, 5}, {192, 108}, {640, 480}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture source, scaled;
        assert_int_equal(picture_create(sizes[i][0], sizes[i][1], &source), 0);
        memset(source.pixels, 77, (size_t)source.width * source.height * 3);
        assert_int_equal(picture_scale_and_crop(&source, 192, 108, &scaled), 0);
        /* A plain picture stays plain: the weights add to one everywhere. */
        for (size_t at = 0; at < 192 * 108 * 3; at++)
            assert_int_equal(scaled.pixels[at], 77);
        picture_release(&scaled);
        picture_release(&source);
    }

    struct picture source, scaled;
    assert_int_equal(picture_synthesize(1, 192, 108, &source), 0);
    assert_int_equal(picture_scale_and_crop(&source, 192, 108, &scaled), 0);
    assert_memory_equal(scaled.pixels, source.pixels, 192 * 108 * 3);
    picture_release(&scaled);
    picture_release(&source);
}

static void test_failed_write_leaves_nothing(void **state)
{
    (void)state;
    char directory[] = "/tmp/picture_test_XXXXXX", path[64], part[80];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a.jpg", directory);
    snprintf(part, sizeof part, "%s.part", path);

    /* A limit on file sizes stands in for a full disk: the write ends early. */
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){1000, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const char bytes[3000];
    int result = whole_file_write(path, bytes, sizeof bytes, message, sizeof message);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(result, -EFBIG);
    assert_non_null(strstr(message, path));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(part, F_OK), -1);

    assert_int_equal(whole_file_write(path, "old", 3, message, sizeof message), 0);
    assert_int_equal(whole_file_write(path, "new!", 4, message, sizeof message), 0);
    unsigned char *read_back;
    size_t size;
    assert_int_equal(whole_file_read(path, &read_back, &size, message, sizeof message), 0);
    assert_int_equal(size, 4);
    assert_memory_equal(read_back, "new!", 4);
    free(read_back);

    /* No picture at all: nothing is written, and the line names the file. */
    assert_int_equal(detect_edges_file(path, "/nonexistent/b.jpg", message, sizeof message),
                     -EBADMSG);
    assert_non_null(strstr(message, path));

    int descriptor = open(part, O_WRONLY | O_CREAT, 0600);
    assert_true(descriptor >= 0);
    close(descriptor);
    whole_file_discard_part(path);
    assert_int_equal(access(part, F_OK), -1);

    unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_truncated_at_every_length),
        cmocka_unit_test(test_damage_never_crashes),
        cmocka_unit_test(test_size_caps),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_failed_write_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
