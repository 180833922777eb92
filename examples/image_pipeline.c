/* SPDX-License-Identifier: MIT */

/* The image downloader of the asyncio tutorial, in C: twelve photographs are downloaded and their
 * edges found, in the tutorial's four versions, one after the other.
 *
 *   sequential   one download after the other, then one picture after the other
 *   threads      asyncio.to_thread for everything
 *   processes    a task a download, then a process pool for the edges
 *   limited      the same, at most --limit downloads at a time
 *
 * See it as a table, and as a picture: timeline.svg. */

#include <eddy.h>
#include <eddy/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_pipeline/download.h"
#include "image_pipeline/options.h"
#include "image_pipeline/photo_server.h"
#include "image_pipeline/photos.h"
#include "image_pipeline/progress.h"
#include "image_pipeline/report.h"
#include "image_pipeline/setup.h"
#include "image_pipeline/timeline.h"
#include "image_pipeline/whole_file.h"

struct pipeline {
    const struct options *options;
    struct image *images;
    size_t count, done;
    eddy_pool *processes;
    struct progress progress;
    struct timeline *timeline;
};

/* One picture is through a phase, or failed in it. */
static void image_done(struct pipeline *p, struct image *image, const char *phase)
{
    char text[64];
    (void)snprintf(text, sizeof text, "image_%d.jpg", image->number);
    if (image->code < 0 && image->code != -ECANCELED) {
        progress_hide(&p->progress);
        fprintf(stderr, "image_%d.jpg: %s failed: %s\n", image->number, phase, image->message);
    }
    progress_set(&p->progress, ++p->done, 2 * p->count, text);
}

/* ---- downloading ---- */

/* A task: downloads one picture. A failure stays with the picture and disturbs nobody. */
struct fetch_one {
    struct pipeline *p;
    struct image *image;
    eddy_http_session *session;
    eddy_semaphore *limit; /* or NULL */
};

static int fetch_one(struct fetch_one *a)
{
    int r = 0, err = 0;
    if (a->limit)
        eddy_with_semaphore (a->limit, &err)
            r = download_image(a->image, a->session);
    else
        r = download_image(a->image, a->session);
    if (err < 0)
        return a->image->code = err;
    image_done(a->p, a->image, "download");
    return eddy_cancelled() ? r : 0;
}

static int download_one_by_one(struct pipeline *p, eddy_http_session *session)
{
    for (size_t i = 0; i < p->count; i++) {
        struct fetch_one one = {.p = p, .image = &p->images[i], .session = session};
        int r = fetch_one(&one);
        if (r < 0)
            return r;
    }
    return 0;
}

static int download_with_tasks(struct pipeline *p, eddy_http_session *session,
                               eddy_semaphore *limit)
{
    int err;
    eddy_with_group (group, &err) {
        for (size_t i = 0; i < p->count; i++)
            eddy_spawn(group, fetch_one, .p = p, .image = &p->images[i], .session = session,
                       .limit = limit);
    }
    return err;
}

/* What the tutorial does with `requests`: a blocking download. It is one because it runs a small
 * loop of its own to its end. */
struct fetch_alone {
    struct image *image;
};

static int fetch_alone(struct fetch_alone *a)
{
    eddy_http_session *session;
    int r = eddy_http_session_open(&session, NULL);
    if (r < 0)
        return r;
    r = download_image(a->image, session);
    eddy_http_session_close(session);
    return r;
}

static int fetch_blocking(struct image *image)
{
    const struct eddy_options quiet = {.quiet = true};
    return eddy_run_with(&quiet, fetch_alone, .image = image);
}

struct fetch_in_thread {
    struct pipeline *p;
    struct image *image;
};

static int fetch_in_thread(struct fetch_in_thread *a)
{
    int r = eddy_to_thread(fetch_blocking, a->image);
    if (r < 0 && !a->image->code) {
        a->image->code = r;
        (void)snprintf(a->image->message, MESSAGE_SIZE, "%s", eddy_error_name(r));
    }
    image_done(a->p, a->image, "download");
    return eddy_cancelled() ? -ECANCELED : 0;
}

static int download_with_threads(struct pipeline *p)
{
    int err;
    eddy_with_group (group, &err) {
        for (size_t i = 0; i < p->count; i++)
            eddy_spawn(group, fetch_in_thread, .p = p, .image = &p->images[i]);
    }
    return err;
}

/* ---- processing ---- */

enum where { HERE, IN_A_THREAD, IN_A_PROCESS };

struct find_edges {
    struct pipeline *p;
    struct image *image;
    enum where where;
};

static int find_edges(struct find_edges *a)
{
    struct image *image = a->image;
    struct processing job = {.message = ""};
    memcpy(job.original, image->original, sizeof job.original);
    memcpy(job.processed, image->processed, sizeof job.processed);
    int r = a->where == HERE          ? process_image(&job)
            : a->where == IN_A_THREAD ? eddy_to_thread(process_image, &job)
                                      : eddy_run_in(a->p->processes, process_image, &job);
    if (job.started > 0) {
        image->process_start = job.started - image->origin;
        image->process_end = job.ended - image->origin;
    }
    if (r < 0) {
        whole_file_discard_part(image->processed); /* a worker may have died over it, */
        (void)unlink(image->processed);            /* or just before it could say it was done */
        image->code = r;
        const eddy_failure *failure = eddy_last_failure();
        (void)snprintf(image->message, MESSAGE_SIZE, "%s",
                       *job.message                      ? job.message
                       : eddy_failure_code(failure) == r ? eddy_failure_message(failure)
                                                         : strerror(-r));
    }
    image_done(a->p, image, "edge detection");
    return eddy_cancelled() ? -ECANCELED : 0;
}

static int process_images(struct pipeline *p, enum where where)
{
    int err;
    eddy_with_group (group, &err) {
        for (size_t i = 0; i < p->count && err == 0; i++) {
            if (p->images[i].code < 0)
                p->done++; /* it was never downloaded */
            else if (where == HERE)
                err = find_edges(&(struct find_edges){.p = p, .image = &p->images[i]});
            else
                eddy_spawn(group, find_edges, .p = p, .image = &p->images[i], .where = where);
        }
    }
    return err;
}

/* ---- the four versions ---- */

static int download_images(struct pipeline *p, enum report_version version)
{
    if (version == REPORT_THREADS)
        return download_with_threads(p);
    eddy_http_session *session;
    int r = eddy_http_session_open(&session, NULL);
    if (r < 0)
        return r;
    eddy_semaphore limit = EDDY_SEMAPHORE_INIT(p->options->limit);
    if (version == REPORT_SEQUENTIAL)
        r = download_one_by_one(p, session);
    else
        r = download_with_tasks(p, session, version == REPORT_LIMITED ? &limit : NULL);
    eddy_http_session_close(session);
    return r;
}

static int run_version(struct pipeline *p, enum report_version version, struct report_row *row)
{
    static const enum where where[] = {[REPORT_SEQUENTIAL] = HERE,
                                       [REPORT_THREADS] = IN_A_THREAD,
                                       [REPORT_PROCESSES] = IN_A_PROCESS,
                                       [REPORT_LIMITED] = IN_A_PROCESS};
    double start = eddy_time();
    setup_images(p->images, p->count, p->options, start);
    p->done = 0;
    progress_start(&p->progress, row->name);
    int r = download_images(p, version);
    double downloaded = eddy_time();
    if (r >= 0)
        r = process_images(p, where[version]);
    double end = eddy_time();
    progress_finish(&p->progress);

    row->version = version;
    row->download = downloaded - start;
    row->processing = end - downloaded;
    row->total = end - start;
    row->pictures = p->count;
    for (size_t i = 0; i < p->count; i++)
        row->failed += p->images[i].code < 0;
    if (p->timeline)
        setup_timeline(p->timeline, row, p->images, p->count);
    return r;
}

/* The main task. */
struct run_versions {
    struct pipeline *p;
    struct report_row *rows; /* four a repetition */
};

static int run_versions(struct run_versions *a)
{
    struct pipeline *p = a->p;
    const struct options *options = p->options;
    int r = eddy_process_pool_open(
        &p->processes, &(struct eddy_process_pool_options){.processes = options->workers});
    for (size_t repetition = 0; r >= 0 && repetition < options->repeat; repetition++) {
        bool last = repetition + 1 == options->repeat;
        struct timeline *timeline = p->timeline;
        if (!last)
            p->timeline = NULL; /* the picture shows the last repetition */
        for (int version = 0; r >= 0 && version < 4; version++)
            if (options->only < 0 || options->only == version)
                r = run_version(p, (enum report_version)version,
                                &a->rows[4 * repetition + (size_t)version]);
        p->timeline = timeline;
    }
    eddy_pool_close(p->processes);
    return r;
}

int main(int argc, char **argv)
{
    struct options options;
    int exit_code;
    if (!options_parse(argc, argv, &options, &exit_code))
        return exit_code;
    int r = eddy_process_pool_init(); /* first: it forks, and nothing may be running yet */
    struct setup setup;
    if (r < 0 || setup_begin(&setup, &options) < 0) {
        if (r < 0)
            eddy_failure_print(eddy_last_failure(), stderr);
        return 1;
    }
    struct pipeline pipeline = {.options = &options,
                                .images = setup.images,
                                .count = setup.count,
                                .timeline = setup.timeline};
    const struct eddy_options quiet = {.quiet = true};
    r = eddy_run_with(&quiet, run_versions, .p = &pipeline, .rows = setup.rows);
    exit_code = r == -EINTR ? 130 : r < 0 ? 1 : setup_report(&setup, &options);
    if (r == -EINTR)
        fprintf(stderr, "interrupted: nothing half done is left behind\n");
    else if (r < 0)
        eddy_failure_print(eddy_last_failure(), stderr);
    setup_end(&setup);
    return exit_code;
}
