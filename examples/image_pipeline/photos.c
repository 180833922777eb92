/* SPDX-License-Identifier: MIT */

/* Finding, scaling and caching the photographs.
 *
 * A cached file is trusted if it decodes without complaint, has the right size, and is not older
 * than its source; anything else is made anew. */

#include "photos.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jpeg.h"
#include "message.h"
#include "whole_file.h"

/* High enough that scaling is the only loss one might see. */
#define CACHE_QUALITY 90

/* Where one picture comes from: a file, or just a number if there is no file. */
struct source {
    unsigned number;
    const char *name;
    char path[PATH_MAX];
};

static int make_directories(const char *path, char *message, size_t message_size)
{
    char partial[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial)
        return fail_with(length == 0 ? -EINVAL : -ENAMETOOLONG, message, message_size,
                         "cannot use \"%.100s\" as cache directory", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(partial, path, i);
        partial[i] = '\0';
        if (mkdir(partial, 0777) < 0 && errno != EEXIST)
            return fail_with(-errno, message, message_size, "cannot make directory %s: %s", partial,
                             strerror(errno));
    }
    return 0;
}

/* Makes the cache directory and locks it for this process. Closing the descriptor unlocks. */
static int cache_open(const char *path, char *message, size_t message_size)
{
    int result = make_directories(path, message, message_size);
    if (result < 0)
        return result;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_with(-errno, message, message_size, "cannot open directory %s: %s", path,
                         strerror(errno));
    do {
        result = flock(descriptor, LOCK_EX);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        result = -errno;
        close(descriptor);
        return fail_with(result, message, message_size, "cannot lock directory %s: %s", path,
                         strerror(-result));
    }
    return descriptor;
}

static bool is_older(const struct stat *one, const struct stat *other)
{
    if (one->st_mtim.tv_sec != other->st_mtim.tv_sec)
        return one->st_mtim.tv_sec < other->st_mtim.tv_sec;
    return one->st_mtim.tv_nsec < other->st_mtim.tv_nsec;
}

/* Reads the cached picture into photo->bytes if it is usable. */
static bool cache_lookup(const char *path, const struct source *source, struct photo *photo)
{
    struct stat cached, original;
    if (stat(path, &cached) < 0)
        return false;
    if (source->name != NULL && (stat(source->path, &original) < 0 || is_older(&cached, &original)))
        return false;

    unsigned char *bytes = NULL;
    size_t size = 0;
    if (whole_file_read(path, &bytes, &size, NULL, 0) < 0)
        return false;
    struct picture picture = {0};
    bool usable = jpeg_decode(bytes, size, &picture, NULL, 0) == 0 &&
                  picture.width == PICTURE_WIDTH && picture.height == PICTURE_HEIGHT;
    picture_release(&picture);
    if (!usable) {
        free(bytes);
        return false;
    }
    photo->bytes = bytes;
    photo->size = size;
    return true;
}

static int picture_from_source(const struct source *source, struct picture *ret_picture,
                               char *message, size_t message_size)
{
    int result;
    if (source->name == NULL) {
        result = picture_synthesize(source->number, PICTURE_WIDTH, PICTURE_HEIGHT, ret_picture);
        return result < 0 ? fail_with(result, message, message_size, "cannot draw picture %u: %s",
                                      source->number, strerror(-result))
                          : 0;
    }
    struct picture original;
    result = jpeg_read(source->path, &original, message, message_size);
    if (result < 0)
        return result;
    result = picture_scale_and_crop(&original, PICTURE_WIDTH, PICTURE_HEIGHT, ret_picture);
    picture_release(&original);
    if (result < 0)
        return fail_with(result, message, message_size, "cannot scale %s: %s", source->path,
                         strerror(-result));
    return 0;
}

static int photo_load(const char *cache, const struct source *source, struct photo *photo,
                      char *message, size_t message_size)
{
    if (source->name == NULL) {
        if (asprintf(&photo->name, "synthetic_%02u.jpg", source->number) < 0)
            photo->name = NULL;
    } else {
        photo->name = strdup(source->name);
    }
    if (photo->name == NULL)
        return fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));

    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", cache, photo->name);
    if (length < 0 || (size_t)length >= sizeof path)
        return fail_with(-ENAMETOOLONG, message, message_size, "%s: %s", photo->name,
                         strerror(ENAMETOOLONG));
    if (cache_lookup(path, source, photo))
        return 0;

    struct picture picture;
    int result = picture_from_source(source, &picture, message, message_size);
    if (result < 0)
        return result;
    result = jpeg_encode(&picture, CACHE_QUALITY, &photo->bytes, &photo->size, message,
                         message_size);
    picture_release(&picture);
    if (result < 0)
        return result;
    return whole_file_write(path, photo->bytes, photo->size, message, message_size);
}

static int source_prepare(size_t index, const char *directory, const char *name,
                          struct source *source, char *message, size_t message_size)
{
    *source = (struct source){.number = (unsigned)index + 1, .name = name};
    if (name == NULL)
        return 0;
    int length = snprintf(source->path, sizeof source->path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof source->path)
        return fail_with(-ENAMETOOLONG, message, message_size, "%s: %s", name,
                         strerror(ENAMETOOLONG));
    return 0;
}

/* Without `names` the photos are synthetic ones. */
static int load_all(const struct photos_options *options, const char *directory,
                    struct dirent **names, size_t count, struct photos *photos, char *message,
                    size_t message_size)
{
    photos->each = calloc(count, sizeof *photos->each);
    if (photos->each == NULL)
        return fail_with(-ENOMEM, message, message_size, "%s", strerror(ENOMEM));
    photos->count = count;
    int lock = cache_open(options->cache, message, message_size);
    if (lock < 0)
        return lock;

    int result = 0;
    if (options->progress != NULL)
        options->progress(options->context, 0, count, "");
    for (size_t i = 0; i < count && result == 0; i++) {
        struct source source;
        result = source_prepare(i, directory, names == NULL ? NULL : names[i]->d_name, &source,
                                message, message_size);
        if (result == 0)
            result = photo_load(options->cache, &source, &photos->each[i], message, message_size);
        if (result == 0 && options->progress != NULL)
            options->progress(options->context, i + 1, count, photos->each[i].name);
    }
    close(lock);
    return result;
}

static int is_jpeg_name(const struct dirent *entry)
{
    const char *ending = strrchr(entry->d_name, '.');
    return ending != NULL && ending != entry->d_name && strcmp(ending, ".jpg") == 0;
}

/* By bytes and not by the locale, so that everyone gets the same order. */
static int compare_names(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static int load_directory(const struct photos_options *options, struct photos *photos,
                          char *message, size_t message_size)
{
    const char *directory = options->directory != NULL ? options->directory : PHOTOS_DIRECTORY;
    struct dirent **names = NULL;
    int found = scandir(directory, &names, is_jpeg_name, compare_names);
    int result = found < 0 ? -errno : found == 0 ? -ENOENT : 0;
    if (result < 0)
        fail_with(result, message, message_size,
                  "no photographs (*.jpg) in %s: install the package %s, or use --synthetic",
                  directory, PHOTOS_PACKAGE);
    if (result == 0)
        result = load_all(options, directory, names,
                          found < PHOTOS_COUNT ? (size_t)found : PHOTOS_COUNT, photos, message,
                          message_size);
    for (int i = 0; i < found; i++)
        free(names[i]);
    free(names);
    return result;
}

int photos_load(const struct photos_options *options, struct photos *ret_photos, char *message,
                size_t message_size)
{
    struct photos photos = {0};
    int result;
    if (options->synthetic)
        result = load_all(options, NULL, NULL, PHOTOS_COUNT, &photos, message, message_size);
    else
        result = load_directory(options, &photos, message, message_size);
    if (result < 0) {
        photos_release(&photos);
        return result;
    }
    *ret_photos = photos;
    return 0;
}

void photos_release(struct photos *photos)
{
    for (size_t i = 0; i < photos->count; i++) {
        free(photos->each[i].name);
        free(photos->each[i].bytes);
    }
    free(photos->each);
    *photos = (struct photos){0};
}
