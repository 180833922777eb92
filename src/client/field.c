/* SPDX-License-Identifier: MIT */
/*
 * Header fields.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "field.h"

int field_add(struct field_list *list, const char *name, size_t name_size, const char *value,
              size_t value_size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        void *grown = realloc(list->fields, capacity * sizeof(*list->fields));
        if (!grown)
            return -ENOMEM;
        list->fields = grown;
        list->capacity = capacity;
    }
    char *text = malloc(name_size + value_size + 2);
    if (!text)
        return -ENOMEM;
    memcpy(text, name, name_size);
    text[name_size] = '\0';
    char *copy = text + name_size + 1;
    memcpy(copy, value, value_size);
    copy[value_size] = '\0';
    list->fields[list->count++] = (struct eddy_http_field){.name = text, .value = copy};
    return 0;
}

const char *field_find(const struct field_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->fields[i].name, name) == 0)
            return list->fields[i].value;
    return NULL;
}

static void field_free(struct eddy_http_field *field)
{
    free((void *)(uintptr_t)field->name);
}

void field_clear(struct field_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        field_free(&list->fields[i]);
    free(list->fields);
    *list = (struct field_list){0};
}

void field_drop(struct field_list *list, bool (*drop)(const char *name))
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (drop(list->fields[i].name))
            field_free(&list->fields[i]);
        else
            list->fields[kept++] = list->fields[i];
    }
    list->count = kept;
}

bool field_is_token(const char *text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return text[0] && text[strspn(text, allowed)] == '\0';
}

bool field_is_value(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

void text_clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

bool field_is_secret(const char *name)
{
    static const char *const parts[] = {"auth",       "cookie",  "token",     "secret", "password",
                                        "credential", "session", "signature", "key"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return strcasecmp(name, "Host") == 0;
}

bool field_is_of_body(const char *name)
{
    return strncasecmp(name, "Content-", 8) == 0 || strcasecmp(name, "Expect") == 0;
}
