/* SPDX-License-Identifier: MIT */

/* Recording a timeline, and writing it to a file. How it looks is timeline_svg.c's matter. */

#include "timeline.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "timeline_record.h"
#include "whole_file.h"

/* Makes room for one more element; arrays double at powers of two, so no capacity is stored. */
static void *with_room(struct timeline *timeline, void *array, size_t count, size_t element_size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return array;
    size_t capacity = count == 0 ? 1 : count * 2;
    void *larger = reallocarray(array, capacity, element_size);
    if (larger == NULL)
        timeline->is_out_of_memory = true;
    return larger;
}

struct timeline *timeline_create(const char *title, const char *subtitle)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    if (timeline == NULL)
        return NULL;
    timeline->title = strdup(title);
    timeline->subtitle = strdup(subtitle);
    if (timeline->title == NULL || timeline->subtitle == NULL) {
        timeline_destroy(timeline);
        return NULL;
    }
    return timeline;
}

void timeline_destroy(struct timeline *timeline)
{
    if (timeline == NULL)
        return;
    for (size_t i = 0; i < timeline->count; i++) {
        struct timeline_version *version = &timeline->versions[i];
        for (size_t j = 0; j < version->count; j++) {
            free(version->lanes[j].name);
            free(version->lanes[j].spans);
        }
        free(version->lanes);
        free(version->name);
    }
    free(timeline->versions);
    free(timeline->title);
    free(timeline->subtitle);
    free(timeline);
}

void timeline_section(struct timeline *timeline, const char *name)
{
    void *versions = with_room(timeline, timeline->versions, timeline->count,
                               sizeof *timeline->versions);
    if (versions == NULL)
        return;
    timeline->versions = versions;
    char *copy = strdup(name);
    if (copy == NULL) {
        timeline->is_out_of_memory = true;
        return;
    }
    timeline->versions[timeline->count++] = (struct timeline_version){.name = copy};
}

static struct timeline_version *current_version(struct timeline *timeline)
{
    if (timeline->count == 0)
        timeline_section(timeline, "");
    return timeline->count == 0 ? NULL : &timeline->versions[timeline->count - 1];
}

static struct timeline_lane *find_lane(struct timeline *timeline, const char *name)
{
    struct timeline_version *version = current_version(timeline);
    if (version == NULL)
        return NULL;
    for (size_t i = 0; i < version->count; i++)
        if (strcmp(version->lanes[i].name, name) == 0)
            return &version->lanes[i];

    void *lanes = with_room(timeline, version->lanes, version->count, sizeof *version->lanes);
    if (lanes == NULL)
        return NULL;
    version->lanes = lanes;
    char *copy = strdup(name);
    if (copy == NULL) {
        timeline->is_out_of_memory = true;
        return NULL;
    }
    struct timeline_lane *lane = &version->lanes[version->count++];
    *lane = (struct timeline_lane){.name = copy};
    return lane;
}

void timeline_add(struct timeline *timeline, const char *name, enum timeline_kind kind,
                  double start, double end)
{
    struct timeline_lane *lane = find_lane(timeline, name);
    if (lane == NULL)
        return;
    void *spans = with_room(timeline, lane->spans, lane->count, sizeof *lane->spans);
    if (spans == NULL)
        return;
    lane->spans = spans;
    lane->spans[lane->count++] = (struct timeline_span){kind, start, end > start ? end : start};
}

void timeline_fail(struct timeline *timeline, const char *name)
{
    struct timeline_lane *lane = find_lane(timeline, name);
    if (lane != NULL)
        lane->has_failed = true;
}

void timeline_totals(struct timeline *timeline, double download, double processing, double total)
{
    struct timeline_version *version = current_version(timeline);
    if (version == NULL)
        return;
    version->download = download;
    version->processing = processing;
    version->total = total;
    version->has_totals = true;
}

struct timeline_totals timeline_version_totals(const struct timeline_version *version)
{
    if (version->has_totals)
        return (struct timeline_totals){version->download, version->processing, version->total};
    double downloaded = 0.0, end = 0.0;
    for (size_t i = 0; i < version->count; i++) {
        for (size_t j = 0; j < version->lanes[i].count; j++) {
            const struct timeline_span *span = &version->lanes[i].spans[j];
            if (span->kind == TIMELINE_DOWNLOADING && span->end > downloaded)
                downloaded = span->end;
            if (span->end > end)
                end = span->end;
        }
    }
    return (struct timeline_totals){downloaded, end - downloaded, end};
}

int timeline_write(const struct timeline *timeline, const char *path, char *message,
                   size_t message_size)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = timeline->is_out_of_memory ? NULL : open_memstream(&bytes, &size);
    /* SVG wants decimal points whatever the user's language. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL);
    if (stream == NULL || plain == NULL) {
        if (stream != NULL)
            fclose(stream);
        if (plain != NULL)
            freelocale(plain);
        free(bytes);
        return fail_with(-ENOMEM, message, message_size, "cannot draw %s: %s", path,
                         strerror(ENOMEM));
    }
    locale_t before = uselocale(plain);
    timeline_draw(timeline, stream);
    uselocale(before);
    freelocale(plain);

    bool is_complete = !ferror(stream);
    if (fclose(stream) != 0)
        is_complete = false;
    int result = is_complete ? whole_file_write(path, bytes, size, message, message_size)
                             : fail_with(-ENOMEM, message, message_size, "cannot draw %s: %s", path,
                                         strerror(ENOMEM));
    free(bytes);
    return result;
}
