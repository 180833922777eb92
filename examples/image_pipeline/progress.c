/* SPDX-License-Identifier: MIT */

/* The progress bar. A line is put together in memory, at most as many columns as the window has,
 * and written in one call, so that other output never lands in the middle of it. */

#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define BAR_COLUMNS 30
#define BAR_COLUMNS_LEAST 8

static bool environment_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        /* The first one that is set decides, as in setlocale(). */
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

void progress_start(struct progress *bar, const char *label)
{
    *bar = (struct progress){.style = PROGRESS_SILENT};
    snprintf(bar->label, sizeof bar->label, "%s", label != NULL ? label : "");
    if (!isatty(STDERR_FILENO))
        return;
    const char *terminal = getenv("TERM");
    bool is_dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    bar->style = is_dumb ? PROGRESS_LINES : PROGRESS_BAR;
    bar->in_colour = !is_dumb && !is_set("NO_COLOR");
    bar->in_unicode = environment_is_utf8();
}

/* A line in the making: `columns` counts what is seen, which is less than the bytes. */
struct line {
    char bytes[1024];
    size_t size;
    size_t columns;
    size_t columns_limit;
};

static void append_invisible(struct line *line, const char *bytes)
{
    size_t size = strlen(bytes);
    if (line->size + size < sizeof line->bytes) {
        memcpy(line->bytes + line->size, bytes, size);
        line->size += size;
    }
}

/* Appends text character by character until the window is full. Control bytes, which a file name
 * may contain, become question marks. Which characters are two columns wide depends on the
 * terminal; taking all but ASCII as wide errs on the side of a short line. */
static void append(struct line *line, const char *text)
{
    while (*text != '\0') {
        char character[8] = {*text++};
        size_t size = 1;
        while (((unsigned char)*text & 0xc0) == 0x80 && size < sizeof character - 1)
            character[size++] = *text++;
        if ((unsigned char)character[0] < 0x20 || character[0] == 0x7f) {
            character[0] = '?';
            character[1] = '\0';
        }
        size_t columns = character[1] != '\0' ? 2 : 1;
        if (line->columns + columns > line->columns_limit)
            return;
        append_invisible(line, character);
        line->columns += columns;
    }
}

static void append_bar(struct line *line, const struct progress *bar, size_t columns, size_t done,
                       size_t total)
{
    size_t filled = total == 0 ? columns : (size_t)((double)done / (double)total * (double)columns);
    const char *full = bar->in_unicode ? "━" : "#";
    const char *empty = bar->in_unicode ? "─" : "-";
    if (bar->in_colour)
        append_invisible(line, "\033[34m");
    for (size_t i = 0; i < columns; i++) {
        if (i == filled && bar->in_colour)
            append_invisible(line, "\033[0;2m");
        append_invisible(line, i < filled ? full : empty);
    }
    line->columns += columns;
    if (bar->in_colour)
        append_invisible(line, "\033[0m");
}

static size_t terminal_columns(void)
{
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        return window.ws_col;
    return COLUMNS_DEFAULT;
}

static void write_line(const char *bytes, size_t size)
{
    /* What stdio still holds for standard error belongs before the bar. If writing fails there is
     * nobody left to tell. */
    fflush(stderr);
    ssize_t ignored = write(STDERR_FILENO, bytes, size);
    (void)ignored;
}

static void draw(struct progress *bar, size_t done, size_t total, const char *text)
{
    struct line line = {.columns_limit = terminal_columns()};
    /* Writing into the last column makes some terminals go to the next line. */
    line.columns_limit -= line.columns_limit > 1;
    char count[64];
    snprintf(count, sizeof count, "%zu of %zu", done, total);

    append(&line, bar->label);
    if (bar->label[0] != '\0')
        append(&line, "  ");
    size_t room = line.columns_limit - line.columns;
    size_t needed = strlen(count) + 2;
    if (room >= needed + BAR_COLUMNS_LEAST) {
        size_t columns = room - needed < BAR_COLUMNS ? room - needed : BAR_COLUMNS;
        append_bar(&line, bar, columns, done, total);
        append(&line, "  ");
    }
    append(&line, count);
    if (text != NULL && text[0] != '\0') {
        append(&line, "  ");
        append(&line, text);
    }
    line.bytes[line.size] = '\0';
    if (bar->is_visible && strcmp(bar->line, line.bytes) == 0)
        return;

    /* Back to the first column, the line, and wiping what an older, longer one has left. */
    char out[sizeof line.bytes + 16];
    int size = snprintf(out, sizeof out, "\r%s\033[K", line.bytes);
    write_line(out, (size_t)size);
    memcpy(bar->line, line.bytes, line.size + 1);
    bar->is_visible = true;
}

void progress_set(struct progress *bar, size_t done, size_t total, const char *text)
{
    if (done > total)
        done = total;
    switch (bar->style) {
    case PROGRESS_SILENT:
        break;
    case PROGRESS_LINES:
        fprintf(stderr, "%s%s%zu of %zu  %s\n", bar->label, bar->label[0] != '\0' ? "  " : "", done,
                total, text != NULL ? text : "");
        break;
    case PROGRESS_BAR:
        draw(bar, done, total, text);
        break;
    }
}

void progress_hide(struct progress *bar)
{
    if (bar->is_visible)
        write_line("\r\033[K", 4);
    bar->is_visible = false;
}

void progress_finish(struct progress *bar)
{
    progress_hide(bar);
    bar->style = PROGRESS_SILENT;
}
