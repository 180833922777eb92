/* SPDX-License-Identifier: MIT */

/* Drawing a timeline as SVG, by hand.
 *
 *     title                                                 Three decisions make it readable:
 *     subtitle
 *     [] downloading  [] processing  - waiting              Waiting is a thin line, work a bar:
 *                                                           shape tells them apart, not only hue.
 *     sequential   13.0 s downloading + 0.4 s ...  13.4 s
 *     Aqua.jpg    |####-----------------------------#|      All panels share one axis, so a short
 *     Dune.jpg    |----####--------------------------#      version leaves its panel empty; its
 *                                                           total and speed-up are written there,
 *     threads   ...                                         right beside the bars.
 *     Aqua.jpg    |####-#| 1.3 s
 *     Dune.jpg    |####--#  10.2x as fast                   The picture brings its own background,
 *                                                           light or dark as the reader prefers.
 *                 0 s  1 s  2 s  3 s ...
 *
 * Blue and orange stay apart for every kind of colour blindness. Colours are given twice, plain
 * for light and in a media query for dark; a viewer that doesn't know the query shows light. */

#include <stdint.h>
#include <string.h>

#include "svg_text.h"
#include "timeline_record.h"

#define WIDTH 1000
#define MARGIN 28
#define PLOT_LEFT 140
#define PLOT_RIGHT (WIDTH - MARGIN)
#define HEADER_HEIGHT 124
#define HEADING_HEIGHT 32
#define PANEL_GAP 26
#define AXIS_HEIGHT 48

/* A lane has a name as long as there are few; hundreds are drawn as fine lines without. */
#define LANES_NAMED 40
#define LANE_PITCH 12.0
#define LANE_PITCH_FINE 3.0

/* What the widest "13.43 s" over "10.2x as fast" needs. */
#define LABEL_WIDTH 130

#define TICKS_MOST 14
#define WORK_WIDTH_LEAST 2.5

static const char style[] = "<style>\n"
                            "text { font-family: sans-serif; font-size: 13px; fill: #1f2733 }\n"
                            ".title { font-size: 21px; font-weight: bold }\n"
                            ".subtitle, .parts, .lane, .tick { fill: #566070 }\n"
                            ".name { font-size: 15px; font-weight: bold }\n"
                            ".parts, .failures { font-size: 13px; font-weight: normal }\n"
                            ".total { font-size: 22px; font-weight: bold }\n"
                            ".speedup { font-size: 15px; font-weight: bold }\n"
                            ".lane { font-size: 9.5px }\n"
                            ".tick { font-size: 12px }\n"
                            ".failed { font-size: 9.5px; font-weight: bold; fill: #a3262a }\n"
                            ".failures { fill: #a3262a }\n"
                            ".card { fill: #ffffff; stroke: #d5dae1 }\n"
                            ".grid { stroke: #e4e8ed }\n"
                            ".end { stroke: #1f2733; stroke-width: 1.5 }\n"
                            ".waiting { fill: #b7aecb }\n"
                            ".downloading { fill: #3d7ab3 }\n"
                            ".processing { fill: #e08526 }\n"
                            "@media (prefers-color-scheme: dark) {\n"
                            "text { fill: #e6eaf0 }\n"
                            ".subtitle, .parts, .lane, .tick { fill: #9ba6b5 }\n"
                            ".failed, .failures { fill: #ff8f8a }\n"
                            ".card { fill: #14181f; stroke: #333b46 }\n"
                            ".grid { stroke: #272e38 }\n"
                            ".end { stroke: #e6eaf0 }\n"
                            ".waiting { fill: #6a6088 }\n"
                            ".downloading { fill: #5c9fdb }\n"
                            ".processing { fill: #f0a24a }\n"
                            "}\n"
                            "</style>\n";

static const char *const kind_names[] = {
    [TIMELINE_WAITING] = "waiting",
    [TIMELINE_DOWNLOADING] = "downloading",
    [TIMELINE_PROCESSING] = "processing",
};

static void write_text(FILE *stream, const char *class, double x, double y, const char *text,
                       size_t limit)
{
    fprintf(stream, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    svg_text_write(stream, text, limit);
    fputs("</text>\n", stream);
}

struct axis {
    double end; /* seconds at the right rim */
    double step;
    int decimals;
};

static double axis_x(const struct axis *axis, double seconds)
{
    double part = seconds / axis->end;
    return PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * (part < 0.0 ? 0.0 : part > 1.0 ? 1.0 : part);
}

/* The finest of 1, 2, 5, 10, 20, ... that doesn't crowd the axis. */
static struct axis axis_for(const struct timeline *timeline)
{
    struct axis axis = {.end = 0.0, .step = 0.001, .decimals = 3};
    for (size_t i = 0; i < timeline->count; i++) {
        double total = timeline_version_totals(&timeline->versions[i]).total;
        if (total > axis.end)
            axis.end = total;
    }
    if (axis.end < 0.001)
        axis.end = 0.001;
    static const double factors[] = {2.0, 2.5, 2.0};
    for (int i = 0; axis.end / axis.step > TICKS_MOST; i++) {
        axis.step *= factors[i % 3];
        if (i % 3 == 2 && axis.decimals > 0)
            axis.decimals--;
    }
    return axis;
}

static double lane_pitch(const struct timeline_version *version)
{
    return version->count <= LANES_NAMED ? LANE_PITCH : LANE_PITCH_FINE;
}

static double panel_height(const struct timeline_version *version)
{
    return HEADING_HEIGHT + lane_pitch(version) * (double)version->count + PANEL_GAP;
}

static void draw_grid(FILE *stream, const struct axis *axis, double top, double bottom)
{
    fputs("<path class=\"grid\" d=\"", stream);
    for (int i = 0; i * axis->step <= axis->end; i++)
        fprintf(stream, "M%.1f %.1fV%.1f", axis_x(axis, i * axis->step), top, bottom);
    fputs("\"/>\n", stream);
}

static void draw_axis(FILE *stream, const struct axis *axis, double y)
{
    for (int i = 0; i * axis->step <= axis->end; i++)
        fprintf(stream,
                "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">"
                "%.*f s</text>\n",
                axis_x(axis, i * axis->step), y, axis->decimals, i * axis->step);
}

static void draw_span(FILE *stream, const struct axis *axis, const char *lane,
                      const struct timeline_span *span, double y, double pitch)
{
    double height = span->kind == TIMELINE_WAITING ? pitch / 6.0 : pitch * 0.75;
    double x = axis_x(axis, span->start), width = axis_x(axis, span->end) - x;
    /* Work too short for the axis still shows; it grows to the left, to end where it ended. */
    if (span->kind != TIMELINE_WAITING && width < WORK_WIDTH_LEAST) {
        x += width - WORK_WIDTH_LEAST;
        width = WORK_WIDTH_LEAST;
    }
    fprintf(stream,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
            kind_names[span->kind], x, y + (pitch - height) / 2.0, width, height);
    svg_text_write(stream, lane, SIZE_MAX);
    fprintf(stream, ": %s, %.3f s to %.3f s</title></rect>\n", kind_names[span->kind], span->start,
            span->end);
}

static void draw_lane(FILE *stream, const struct axis *axis, const struct timeline_lane *lane,
                      double y, double pitch)
{
    if (pitch == LANE_PITCH) {
        fprintf(stream, "<text class=\"%s\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%s",
                lane->has_failed ? "failed" : "lane", PLOT_LEFT - 8, y + pitch / 2.0 + 3.5,
                lane->has_failed ? "× " : "");
        svg_text_write(stream, lane->name, 17);
        fputs("</text>\n", stream);
    }

    /* Waiting is drawn first, under the bars, and fills every pause between them. */
    struct timeline_span whole = {TIMELINE_WAITING, 0.0, 0.0};
    for (size_t i = 0; i < lane->count; i++) {
        if (i == 0 || lane->spans[i].start < whole.start)
            whole.start = lane->spans[i].start;
        if (i == 0 || lane->spans[i].end > whole.end)
            whole.end = lane->spans[i].end;
    }
    if (lane->count > 0)
        draw_span(stream, axis, lane->name, &whole, y, pitch);
    for (size_t i = 0; i < lane->count; i++)
        if (lane->spans[i].kind != TIMELINE_WAITING)
            draw_span(stream, axis, lane->name, &lane->spans[i], y, pitch);
}

/* The total and the speed-up, right of the bars where there is room, else in the heading. */
static void draw_total(FILE *stream, const struct axis *axis, double total, double speedup,
                       double heading, double top, double bottom)
{
    double x = axis_x(axis, total);
    fprintf(stream, "<path class=\"end\" d=\"M%.1f %.1fV%.1f\"/>\n", x + 1.0, top - 3.0,
            bottom + 3.0);
    if (x + LABEL_WIDTH > PLOT_RIGHT) {
        fprintf(stream, "<text class=\"speedup\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
                PLOT_RIGHT, heading);
        if (speedup > 0.0)
            fprintf(stream, "%.1f× as fast&#160;&#160; ", speedup);
        fprintf(stream, "<tspan class=\"total\">%.2f s</tspan></text>\n", total);
        return;
    }
    double middle = (top + bottom) / 2.0;
    fprintf(stream, "<text class=\"total\" x=\"%.1f\" y=\"%.1f\">%.2f s</text>\n", x + 14.0,
            speedup > 0.0 ? middle : middle + 8.0, total);
    if (speedup > 0.0)
        fprintf(stream, "<text class=\"speedup\" x=\"%.1f\" y=\"%.1f\">%.1f× as fast</text>\n",
                x + 14.0, middle + 21.0, speedup);
}

static size_t failures(const struct timeline_version *version)
{
    size_t failed = 0;
    for (size_t i = 0; i < version->count; i++)
        failed += version->lanes[i].has_failed;
    return failed;
}

/* What a version may be compared by. One that lost pictures did less work: a speed-up would
 * flatter it. */
static double comparable_total(const struct timeline_version *version)
{
    return failures(version) > 0 ? 0.0 : timeline_version_totals(version).total;
}

static void draw_version(FILE *stream, const struct axis *axis,
                         const struct timeline_version *version, double first_total, double y)
{
    struct timeline_totals totals = timeline_version_totals(version);
    double pitch = lane_pitch(version), heading = y + 20.0, top = y + HEADING_HEIGHT;
    double bottom = top + pitch * (double)version->count;

    fprintf(stream, "<text class=\"name\" x=\"%d\" y=\"%.1f\">", MARGIN, heading);
    svg_text_write(stream, version->name, 40);
    fprintf(stream, "<tspan class=\"parts\" dx=\"14\">%.2f s downloading + %.2f s processing",
            totals.download, totals.processing);
    size_t failed = failures(version);
    if (failed > 0)
        fprintf(stream, "</tspan><tspan class=\"failures\" dx=\"14\">× %zu of %zu failed", failed,
                version->count);
    fputs("</tspan></text>\n", stream);
    draw_grid(stream, axis, top, bottom);
    for (size_t i = 0; i < version->count; i++)
        draw_lane(stream, axis, &version->lanes[i], top + pitch * (double)i, pitch);
    double own_total = comparable_total(version);
    double speedup = own_total > 0.0 ? first_total / own_total : 0.0;
    draw_total(stream, axis, totals.total, speedup, heading, top, bottom);
}

static void draw_legend(FILE *stream, double y)
{
    static const enum timeline_kind order[] = {TIMELINE_DOWNLOADING, TIMELINE_PROCESSING,
                                               TIMELINE_WAITING};
    double x = MARGIN;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        double height = order[i] == TIMELINE_WAITING ? 2.0 : 10.0;
        fprintf(stream, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"26\" height=\"%.1f\"/>\n",
                kind_names[order[i]], x, y - 4.5 - height / 2.0, height);
        write_text(stream, "legend", x + 33.0, y, kind_names[order[i]], SIZE_MAX);
        x += 65.0 + 7.0 * (double)strlen(kind_names[order[i]]);
    }
}

void timeline_draw(const struct timeline *timeline, FILE *stream)
{
    struct axis axis = axis_for(timeline);
    double height = HEADER_HEIGHT + AXIS_HEIGHT - PANEL_GAP;
    for (size_t i = 0; i < timeline->count; i++)
        height += panel_height(&timeline->versions[i]);

    fprintf(stream,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
            "viewBox=\"0 0 %d %.0f\" role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    svg_text_write(stream, timeline->title, SIZE_MAX);
    fprintf(stream, "</title>\n%s", style);
    fprintf(stream,
            "<rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%.0f\" rx=\"10\"/>\n",
            WIDTH - 1, height - 1.0);
    write_text(stream, "title", MARGIN, 42, timeline->title, 80);
    write_text(stream, "subtitle", MARGIN, 65, timeline->subtitle, 140);
    draw_legend(stream, 95.0);

    double y = HEADER_HEIGHT;
    double first_total = timeline->count == 0 ? 0.0 : comparable_total(&timeline->versions[0]);
    for (size_t i = 0; i < timeline->count; i++) {
        draw_version(stream, &axis, &timeline->versions[i], i == 0 ? 0.0 : first_total, y);
        y += panel_height(&timeline->versions[i]);
    }
    draw_axis(stream, &axis, y - PANEL_GAP + 22.0);
    fputs("</svg>\n", stream);
}
