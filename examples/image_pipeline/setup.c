/* SPDX-License-Identifier: MIT */

#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"

/* The tutorial's site took 13 seconds for twelve pictures. */
#define PACE (13.0 / 12)

static const char *const names[] = {
    [REPORT_SEQUENTIAL] = "sequential",
    [REPORT_THREADS] = "threads",
    [REPORT_PROCESSES] = "tasks + process pool",
    [REPORT_LIMITED] = "the same, limited",
};

static int complain(const char *message)
{
    fprintf(stderr, "image_pipeline: %s\n", message);
    return -1;
}

static int make_directory(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    fprintf(stderr, "image_pipeline: can't make the directory %s: %s\n", path, strerror(errno));
    return -1;
}

static int make_directories(const struct setup *setup)
{
    char path[PATH_MAX + 32];
    if (make_directory(setup->out) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/original_images", setup->out);
    if (make_directory(path) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/processed_images", setup->out);
    return make_directory(path);
}

/* ---- where the pictures come from ---- */

static int add_url(struct setup *setup, const char *url)
{
    char **urls = realloc(setup->urls, (setup->count + 1) * sizeof *urls);
    if (!urls)
        return complain("no memory for the URLs");
    setup->urls = urls;
    urls[setup->count] = strdup(url);
    return urls[setup->count++] ? 0 : complain("no memory for the URLs");
}

static int read_urls(struct setup *setup, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "image_pipeline: can't read the URLs in %s: %s\n", path, strerror(errno));
        return -1;
    }
    char *line = NULL;
    size_t size = 0;
    int r = 0;
    while (r == 0 && getline(&line, &size, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line && *line != '#')
            r = add_url(setup, line);
    }
    free(line);
    (void)fclose(file);
    if (r == 0 && !setup->count)
        fprintf(stderr, "image_pipeline: there is no URL in %s\n", path);
    return setup->count ? r : -1;
}

static void photos_progressed(void *bar, size_t done, size_t total, const char *name)
{
    progress_set(bar, done, total, name);
}

static int load_photos(struct setup *setup, const struct options *options)
{
    char message[MESSAGE_SIZE], cache[PATH_MAX + 32];
    struct progress bar;
    (void)snprintf(cache, sizeof cache, "%s/photos", setup->out);
    progress_start(&bar, "scaling");
    struct photos_options load = {.cache = cache,
                                  .synthetic = options->synthetic,
                                  .progress = photos_progressed,
                                  .context = &bar};
    int r = photos_load(&load, &setup->photos, message, sizeof message);
    if (r == -ENOENT && !options->synthetic) {
        progress_hide(&bar);
        fprintf(stderr, "%s; going on with generated pictures (--synthetic)\n", message);
        load.synthetic = true;
        r = photos_load(&load, &setup->photos, message, sizeof message);
    }
    progress_finish(&bar);
    setup->synthetic = load.synthetic;
    return r < 0 ? complain(message) : 0;
}

static int start_server(struct setup *setup, const struct options *options)
{
    char message[MESSAGE_SIZE], url[128];
    if (load_photos(setup, options) < 0)
        return -1;
    int r = photo_server_start(&setup->photos, PACE, options->port < 0 ? 0 : options->port,
                               &setup->server, message, sizeof message);
    if (r < 0)
        return complain(message);
    for (size_t i = 1; !options->urls && i <= setup->photos.count; i++) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/photo/%zu.jpg",
                       photo_server_port(setup->server), i);
        if (add_url(setup, url) < 0)
            return -1;
    }
    return 0;
}

static void say_hello(const struct setup *setup, const struct options *options)
{
    if (options->urls) {
        printf("%zu pictures from the URLs in %s.\n", setup->count, options->urls);
        return;
    }
    printf("%zu %s from a photo server on port %d in this program. It paces each\n"
           "response to %.3f s, as the tutorial's site did (13 s for twelve): the only\n"
           "artificial thing here.\n",
           setup->count, setup->synthetic ? "generated pictures" : "photographs",
           photo_server_port(setup->server), PACE);
    (void)fflush(stdout);
}

int setup_begin(struct setup *setup, const struct options *options)
{
    *setup = (struct setup){0};
    int length = snprintf(setup->out, sizeof setup->out, "%s", options->out);
    int r = length < 0 || length > PATH_MAX - 64
                ? complain("the name of the --out directory is too long")
                : make_directories(setup);
    if (r == 0 && options->urls)
        r = read_urls(setup, options->urls);
    if (r == 0 && (!options->urls || options->port >= 0))
        r = start_server(setup, options);
    if (r == 0) {
        setup->images = calloc(setup->count, sizeof *setup->images);
        setup->rows = calloc(4 * options->repeat, sizeof *setup->rows);
        setup->timeline = timeline_create(setup->count == 12 ? "Twelve photographs, four ways"
                                                             : "The image pipeline, four ways",
                                          "one bar a picture, from start to end of its version");
        if (!setup->images || !setup->rows || !setup->timeline)
            r = complain("no memory");
    }
    if (r < 0) {
        setup_end(setup);
        return r;
    }
    for (size_t i = 0; i < setup->count; i++) {
        struct image *image = &setup->images[i];
        image->number = (int)i + 1;
        image->url = setup->urls[i];
        (void)snprintf(image->original, PATH_MAX, "%.*s/original_images/image_%d.jpg",
                       PATH_MAX - 64, setup->out, image->number);
        (void)snprintf(image->processed, PATH_MAX, "%.*s/processed_images/image_%d.jpg",
                       PATH_MAX - 64, setup->out, image->number);
    }
    for (size_t i = 0; i < 4 * options->repeat; i++)
        setup->rows[i].name = names[i % 4];
    say_hello(setup, options);
    return 0;
}

void setup_images(struct image *images, size_t count, const struct options *options, double origin)
{
    for (size_t i = 0; i < count; i++) {
        struct image *image = &images[i];
        image->timeout = options->timeout;
        image->origin = origin;
        image->download_start = image->download_end = -1;
        image->process_start = image->process_end = -1;
        image->code = 0;
        image->message[0] = '\0';
        /* What a version leaves is its own. */
        (void)unlink(image->original);
        (void)unlink(image->processed);
    }
}

/* ---- what is left ---- */

void setup_timeline(struct timeline *timeline, const struct report_row *row,
                    const struct image *images, size_t count)
{
    timeline_section(timeline, row->name);
    for (size_t i = 0; i < count; i++) {
        const struct image *image = &images[i];
        char lane[32];
        (void)snprintf(lane, sizeof lane, "image_%d", image->number);
        if (image->download_start > 0)
            timeline_add(timeline, lane, TIMELINE_WAITING, 0, image->download_start);
        if (image->download_end >= 0)
            timeline_add(timeline, lane, TIMELINE_DOWNLOADING, image->download_start,
                         image->download_end);
        if (image->process_end >= 0)
            timeline_add(timeline, lane, TIMELINE_PROCESSING, image->process_start,
                         image->process_end);
        if (image->code < 0)
            timeline_fail(timeline, lane);
    }
    timeline_totals(timeline, row->download, row->processing, row->total);
}

static int by_total(const void *a, const void *b)
{
    double first = ((const struct report_row *)a)->total;
    double second = ((const struct report_row *)b)->total;
    return (first > second) - (first < second);
}

/* The repetition of a version whose total is the median. */
static struct report_row median_row(const struct setup *setup, size_t repeat, int version)
{
    struct report_row *of_version = calloc(repeat, sizeof *of_version);
    if (!of_version)
        return setup->rows[version];
    for (size_t i = 0; i < repeat; i++)
        of_version[i] = setup->rows[4 * i + (size_t)version];
    qsort(of_version, repeat, sizeof *of_version, by_total);
    struct report_row median = of_version[repeat / 2];
    free(of_version);
    return median;
}

int setup_report(struct setup *setup, const struct options *options)
{
    struct report_row rows[4];
    size_t count = 0;
    bool failed = false;
    for (int version = 0; version < 4; version++)
        if (options->only < 0 || options->only == version)
            rows[count++] = median_row(setup, options->repeat, version);
    for (size_t i = 0; i < 4 * options->repeat; i++)
        failed |= setup->rows[i].failed > 0;
    struct report report = {.rows = rows,
                            .count = count,
                            .pace = options->urls ? 0 : PACE,
                            .synthetic = setup->synthetic};
    printf("\n");
    report_print(stdout, &report);
    if (options->repeat > 1)
        printf("Medians of %zu repetitions.\n", options->repeat);

    char path[PATH_MAX + 32], message[MESSAGE_SIZE];
    (void)snprintf(path, sizeof path, "%s/timeline.svg", setup->out);
    if (timeline_write(setup->timeline, path, message, sizeof message) < 0) {
        (void)complain(message);
        return 1;
    }
    printf("\nThe same as a picture: %s; the photographs: %s/original_images and\n"
           "%s/processed_images\n",
           path, setup->out, setup->out);
    return failed;
}

void setup_end(struct setup *setup)
{
    photo_server_stop(setup->server);
    photos_release(&setup->photos);
    timeline_destroy(setup->timeline);
    for (size_t i = 0; i < setup->count; i++)
        free(setup->urls[i]);
    free(setup->urls);
    free(setup->images);
    free(setup->rows);
}
