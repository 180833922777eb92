/* SPDX-License-Identifier: MIT */
/*
 * Choices as text: numbers with commas between, and "0*7" for seven zeros in a row.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "test/search.h"

/* A replay line that is edited by hand shall not eat all memory. */
#define CHOICES_MAX (1 << 24)

struct text {
    char *buffer;
    size_t size, used;
    bool full;
};

__attribute__((__format__(__printf__, 2, 3))) static void put(struct text *text, const char *format,
                                                              ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->buffer + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= text->size - text->used)
        text->full = true;
    else
        text->used += (size_t)length;
}

bool replay_write(const char *name, const struct search_plan *plan, char *buffer, size_t size)
{
    struct text text = {.buffer = buffer, .size = size};
    put(&text, "%s:%" PRIu64, name, plan->seed);
    if (plan->choices)
        put(&text, plan->order_only ? ":@" : ":");
    for (size_t i = 0, same; plan->choices && i < plan->choice_count && !text.full; i += same) {
        for (same = 1; i + same < plan->choice_count; same++)
            if (plan->choices[i + same] != plan->choices[i])
                break;
        put(&text, "%s%" PRIu32, i ? "," : "", plan->choices[i]);
        if (same > 3)
            put(&text, "*%zu", same);
        else
            same = 1;
    }
    return !text.full;
}

/* ---- reading ---- */

struct growing {
    uint32_t *choices;
    size_t count, capacity;
};

static int append(struct growing *list, uint32_t choice, size_t times)
{
    if (times > CHOICES_MAX || list->count + times > CHOICES_MAX)
        return -EINVAL;
    if (list->count + times > list->capacity) {
        size_t capacity = 2 * (list->count + times);
        uint32_t *grown = realloc(list->choices, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        list->choices = grown;
        list->capacity = capacity;
    }
    for (; times; times--)
        list->choices[list->count++] = choice;
    return 0;
}

/* A number without a sign: false if there is none. */
static bool read_number(const char **text, uint64_t *ret_number)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *ret_number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* No choices are a list, too: not NULL. */
static int read_choices(const char *text, struct growing *list)
{
    int r = append(list, 0, 1);
    list->count = 0;
    bool more = *text != '\0';
    while (r == 0 && more) {
        uint64_t choice, times = 1;
        if (!read_number(&text, &choice) || choice > UINT32_MAX)
            return -EINVAL;
        if (*text == '*' && (text++, !read_number(&text, &times)))
            return -EINVAL;
        r = append(list, (uint32_t)choice, times);
        more = *text == ',';
        text += more;
    }
    return r == 0 && *text ? -EINVAL : r;
}

static int read_plan(const char *text, struct search_plan *ret_plan)
{
    struct search_plan plan = {.seed = 0};
    struct growing list = {NULL, 0, 0};
    int r = 0;
    if (!read_number(&text, &plan.seed) || (*text && *text++ != ':'))
        return -EINVAL;
    if (text[-1] == ':') {
        plan.order_only = *text == '@';
        r = read_choices(text + plan.order_only, &list);
    }
    if (r < 0) {
        free(list.choices);
        return r;
    }
    plan.choices = list.choices;
    plan.choice_count = list.count;
    *ret_plan = plan;
    return 1;
}

int replay_read(const char *name, struct search_plan *ret_plan)
{
    const char *text = getenv("EDDY_REPLAY");
    size_t length = strlen(name);
    if (!text || strncmp(text, name, length) != 0 || text[length] != ':')
        return 0;
    int r = read_plan(text + length + 1, ret_plan);
    if (r == -EINVAL)
        return log_misuse(r, "eddy_search",
                          "EDDY_REPLAY=%.100s isn't NAME:SEED or "
                          "NAME:SEED:CHOICES",
                          text);
    return r;
}
