/* SPDX-License-Identifier: MIT */

/* Printing the table. Each quantity is a pair of columns, this run's and the tutorial's, so that
 * what is to be compared stands side by side. */

#include "report.h"

#include <string.h>

#define NAME_COLUMNS 22
#define LINE_COLUMNS (NAME_COLUMNS + 4 * 14)

/* As the tutorial prints them, to its own precision. It gives no ratio for threads, and its
 * parts for threads don't add up to its total. */
static const struct {
    const char *download, *processing, *total, *ratio;
} tutorial[] = {
    [REPORT_SEQUENTIAL] = {"13", "10", "23", "1.0x"},
    [REPORT_THREADS] = {"2", "10.63", "~14", "-"},
    [REPORT_PROCESSES] = {"1.6", "3.25", "~5", "~4.7x"},
    [REPORT_LIMITED] = {"-", "-", "-", "-"},
};

/* Prints what fits into the name column, padded to `columns`, and returns the rest, which goes on
 * the next line. */
static const char *print_name(FILE *stream, const char *name, int columns)
{
    size_t length = strlen(name), cut = length;
    if (length > NAME_COLUMNS) {
        cut = NAME_COLUMNS;
        while (cut > 0 && name[cut] != ' ')
            cut--;
        if (cut == 0)
            cut = NAME_COLUMNS;
    }
    fprintf(stream, "%-*.*s", columns, (int)cut, name);
    while (name[cut] == ' ')
        cut++;
    return name + cut;
}

static void print_rule(FILE *stream)
{
    for (int i = 0; i < LINE_COLUMNS; i++)
        fputc('-', stream);
    fputc('\n', stream);
}

static void print_row(FILE *stream, const struct report_row *row, double sequential)
{
    const char *rest = print_name(stream, row->name, NAME_COLUMNS);
    fprintf(stream, "%7.2f%7s", row->download, tutorial[row->version].download);
    fprintf(stream, "%7.2f%7s", row->processing, tutorial[row->version].processing);
    fprintf(stream, "%7.2f%7s", row->total, tutorial[row->version].total);
    /* A version that lost pictures did less work; a ratio would flatter it. */
    if (sequential > 0.0 && row->total > 0.0 && row->failed == 0)
        fprintf(stream, "%6.1fx", sequential / row->total);
    else
        fprintf(stream, "%7s", "-");
    fprintf(stream, "%7s\n", tutorial[row->version].ratio);
    while (*rest != '\0') {
        fputs("  ", stream);
        rest = print_name(stream, rest, 0);
        fputc('\n', stream);
    }
}

static void print_notes(FILE *stream, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->rows[i].failed > 0)
            fprintf(stream, "%s: %zu of %zu pictures failed, so its times don't compare.\n",
                    report->rows[i].name, report->rows[i].failed, report->rows[i].pictures);
    for (size_t i = 0; i < report->count; i++)
        if (report->rows[i].version == REPORT_LIMITED)
            fprintf(stream, "For the limit of 4 the tutorial gives no figure, only "
                            "\"slightly slower\".\n");
    if (report->pace > 0.0)
        fprintf(stream,
                "The photo server paces each response to about %.3f s (the tutorial's 13 s / 12);\n"
                "this is the only artificial thing%s.\n",
                report->pace,
                report->synthetic ? " besides the generated pictures (--synthetic)" : "");
}

void report_print(FILE *stream, const struct report *report)
{
    double sequential = 0.0;
    for (size_t i = 0; i < report->count; i++)
        if (report->rows[i].version == REPORT_SEQUENTIAL && report->rows[i].failed == 0)
            sequential = report->rows[i].total;

    static const char *const groups[] = {"download", "processing", "total", "ratio"};
    fprintf(stream, "%-*s", NAME_COLUMNS, "seconds");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        fprintf(stream, "%14s", groups[i]);
    fprintf(stream, "\n%-*s", NAME_COLUMNS, "");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        fprintf(stream, "%7s%7s", "eddy", "Python");
    fputc('\n', stream);
    print_rule(stream);
    for (size_t i = 0; i < report->count; i++)
        print_row(stream, &report->rows[i], sequential);
    print_rule(stream);
    print_notes(stream, report);
}
