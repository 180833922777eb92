/* SPDX-License-Identifier: MIT */

#include "download.h"

#include <stdio.h>
#include <string.h>

#include "edges.h"

#define CHUNK_SIZE EDDY_HTTP_CHUNK /* 8192, the tutorial's */

/* Writes the response to the file, chunk by chunk. */
static EDDY_ASYNC int save_chunks(eddy_http_response *response, eddy_file *file)
{
    char chunk[CHUNK_SIZE];
    ssize_t size;
    while ((size = eddy_http_read_chunk(response, chunk, sizeof chunk)) > 0) {
        ssize_t written = eddy_file_write(file, chunk, (size_t)size);
        if (written < 0)
            return (int)written;
    }
    return (int)size;
}

static EDDY_ASYNC int save_response(eddy_http_response *response, const char *path)
{
    int r = eddy_http_raise_for_status(response);
    if (r < 0)
        return r;
    eddy_file *file;
    r = eddy_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &file);
    if (r < 0)
        return r;
    r = save_chunks(response, file);
    int closed = eddy_file_close(file);
    return r < 0 ? r : closed;
}

static EDDY_ASYNC int download_to(const char *path, const struct image *image,
                                  eddy_http_session *session)
{
    eddy_http_response *response;
    int r = eddy_http_get(session, image->url, &response);
    if (r < 0)
        return r;
    r = save_response(response, path);
    eddy_http_close(response);
    return r;
}

/* Keeps why it failed, in the words of the failure that was recorded with the code. */
static void keep_reason(struct image *image, int code)
{
    const eddy_failure *failure = eddy_last_failure();
    image->code = code;
    if (code == -ETIMEDOUT)
        (void)snprintf(image->message, sizeof image->message, "GET %.200s: took longer than %g s",
                       image->url, image->timeout);
    else if (code == -ECANCELED)
        (void)snprintf(image->message, sizeof image->message, "cancelled");
    else if (eddy_failure_code(failure) == code && *eddy_failure_message(failure))
        (void)snprintf(image->message, sizeof image->message, "%s", eddy_failure_message(failure));
    else
        (void)snprintf(image->message, sizeof image->message, "%s", strerror(-code));
}

int download_image(struct image *image, eddy_http_session *session)
{
    char part[PATH_MAX + sizeof ".part"];
    (void)snprintf(part, sizeof part, "%s.part", image->original);
    image->download_start = eddy_time() - image->origin;
    int r = eddy_wait_for(download_to(part, image, session), image->timeout);
    if (r >= 0)
        r = eddy_rename(part, image->original);
    if (r < 0) {
        keep_reason(image, r);
        int gone = 0;
        eddy_with_shield (5.0) /* clean-up that waits, also when the download was cancelled */
            gone = eddy_unlink(part);
        if (gone < 0 && gone != -ENOENT)
            fprintf(stderr, "image_pipeline: can't remove %s: %s\n", part, strerror(-gone));
    }
    image->download_end = eddy_time() - image->origin;
    return r;
}

int process_image(struct processing *job)
{
    job->started = eddy_time();
    int r = detect_edges_file(job->original, job->processed, job->message, sizeof job->message);
    job->ended = eddy_time();
    return r;
}
