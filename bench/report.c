/* SPDX-License-Identifier: MIT
 *
 * Medians, ratios to the floor, the table and the JSON file.
 */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Differences below this are noise of the machine, whatever their direction. */
static const double tie = 0.15;

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

struct summary summarize(const double *values, size_t count)
{
    struct summary summary = {.median = NAN, .minimum = NAN, .maximum = NAN};
    double *sorted = calloc(count + 1, sizeof(double));
    size_t kept = 0;

    if (sorted == NULL)
        return summary;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            sorted[kept++] = values[i];
    if (kept > 0) {
        qsort(sorted, kept, sizeof(double), compare);
        summary.median = (sorted[(kept - 1) / 2] + sorted[kept / 2]) / 2;
        summary.minimum = sorted[0];
        summary.maximum = sorted[kept - 1];
        summary.count = kept;
    }
    free(sorted);
    return summary;
}

struct summary ratio_to_floor(const struct result *result, const struct row *row)
{
    const struct row *floor = &result->rows[0];
    double *ratios = calloc(result->rounds + 1, sizeof(double));
    struct summary summary = {.median = NAN, .minimum = NAN, .maximum = NAN};

    if (ratios == NULL)
        return summary;
    for (size_t round = 0; round < result->rounds; round++)
        ratios[round] = row->figures[round] / floor->figures[round];
    summary = summarize(ratios, result->rounds);
    free(ratios);
    return summary;
}

static const char *verdict(const struct row *row, double ratio)
{
    if (row->contender->is_floor)
        return "floor";
    if (isnan(ratio))
        return "";
    if (fabs(ratio - 1) < tie)
        return "tie";
    return ratio > 1 ? "above" : "below";
}

static void format_figure(char *text, size_t size, double figure)
{
    if (isnan(figure))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.*f", figure < 100 ? 2 : 0, figure);
}

static void report_row(FILE *file, const struct result *result, const struct row *row)
{
    struct summary figure = summarize(row->figures, result->rounds);
    struct summary ratio = ratio_to_floor(result, row);
    struct summary instructions = summarize(row->instructions, result->rounds);
    char median[32], minimum[32], maximum[32], range[72], ratio_text[32];

    if (figure.count == 0) {
        fprintf(file, "  %-44s could not run here: %s\n", row->contender->name,
                strerror(-row->error));
        return;
    }
    format_figure(median, sizeof(median), figure.median);
    format_figure(minimum, sizeof(minimum), figure.minimum);
    format_figure(maximum, sizeof(maximum), figure.maximum);
    snprintf(range, sizeof(range), "%s..%s", minimum, maximum);
    format_figure(ratio_text, sizeof(ratio_text), ratio.median);
    fprintf(file, "  %-44s %8s %17s %6s  %-5s", row->contender->name, median, range, ratio_text,
            verdict(row, ratio.median));
    if (instructions.count > 0)
        fprintf(file, "  %.1f instructions", instructions.median);
    if (row->note[0] != '\0')
        fprintf(file, "  %s", row->note);
    if (figure.count < result->rounds)
        fprintf(file, "  (%zu of %zu rounds failed: %s)", result->rounds - figure.count,
                result->rounds, strerror(-row->error));
    fprintf(file, "\n");
}

void report_text(FILE *file, const struct result *result)
{
    const struct group *group = result->group;

    fprintf(file, "\n%s: %s (%s)", group->name, group->title, group->unit);
    if (group->target != NULL)
        fprintf(file, "  [aim: %s]", group->target);
    fprintf(file, "\n  %-44s %8s %17s %6s\n", "", "median", "min..max", "ratio");
    for (size_t i = 0; i < result->row_count; i++)
        report_row(file, result, &result->rows[i]);
}

static void json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        if ((unsigned char)*text >= ' ')
            fputc(*text, file);
    }
    fputc('"', file);
}

static void json_number(FILE *file, double number)
{
    if (isnan(number) || isinf(number))
        fprintf(file, "null"); /* JSON knows neither */
    else
        fprintf(file, "%.6g", number);
}

static void json_summary(FILE *file, const char *key, struct summary summary)
{
    fprintf(file, ", \"%s\": {\"median\": ", key);
    json_number(file, summary.median);
    fprintf(file, ", \"min\": ");
    json_number(file, summary.minimum);
    fprintf(file, ", \"max\": ");
    json_number(file, summary.maximum);
    fprintf(file, "}");
}

static void json_row(FILE *file, const struct result *result, const struct row *row)
{
    fprintf(file, "      {\"name\": ");
    json_string(file, row->contender->name);
    fprintf(file, ", \"floor\": %s", row->contender->is_floor ? "true" : "false");
    json_summary(file, "figure", summarize(row->figures, result->rounds));
    json_summary(file, "ratio", ratio_to_floor(result, row));
    json_summary(file, "wall_ns", summarize(row->wall, result->rounds));
    json_summary(file, "instructions", summarize(row->instructions, result->rounds));
    fprintf(file, ", \"rounds\": [");
    for (size_t round = 0; round < result->rounds; round++) {
        fprintf(file, "%s", round > 0 ? ", " : "");
        json_number(file, row->figures[round]);
    }
    fprintf(file, "], \"note\": ");
    json_string(file, row->note);
    fprintf(file, ", \"error\": %d}", row->error);
}

static void json_result(FILE *file, const struct result *result)
{
    fprintf(file, "    {\"group\": ");
    json_string(file, result->group->name);
    fprintf(file, ", \"title\": ");
    json_string(file, result->group->title);
    fprintf(file, ", \"unit\": ");
    json_string(file, result->group->unit);
    fprintf(file, ", \"rows\": [\n");
    for (size_t i = 0; i < result->row_count; i++) {
        json_row(file, result, &result->rows[i]);
        fprintf(file, "%s\n", i + 1 < result->row_count ? "," : "");
    }
    fprintf(file, "    ]}");
}

int report_json(const char *path, const char *machine, const struct result *results, size_t count)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return -errno;
    fprintf(file, "{\"machine\": ");
    json_string(file, machine);
    fprintf(file, ",\n  \"groups\": [\n");
    for (size_t i = 0; i < count; i++) {
        json_result(file, &results[i]);
        fprintf(file, "%s\n", i + 1 < count ? "," : "");
    }
    fprintf(file, "  ]}\n");
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0)
        return -errno;
    return failed ? -EIO : 0;
}
