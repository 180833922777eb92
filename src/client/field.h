/* SPDX-License-Identifier: MIT */
/*
 * Header fields: a growing list of owned names and values, and the rules for what may be sent.
 */
#ifndef EDDY_SRC_CLIENT_FIELD_H
#define EDDY_SRC_CLIENT_FIELD_H

#include <eddy/client.h>

struct field_list {
    struct eddy_http_field *fields; /* each name and value in one allocation, the name's */
    size_t count, capacity;
};

/* Appends a copy: 0, -ENOMEM. */
int field_add(struct field_list *list, const char *name, size_t name_size, const char *value,
              size_t value_size);
/* The first value under that name in any case, or NULL. */
const char *field_find(const struct field_list *list, const char *name);
void field_clear(struct field_list *list);

/* Drops the fields for which `drop` says so. */
void field_drop(struct field_list *list, bool (*drop)(const char *name));

/* A method or field name of HTTP's token characters, at least one. */
bool field_is_token(const char *text);
/* No control characters but the tab: nothing that could begin another line. */
bool field_is_value(const char *text);
/* Replaces control characters in a text of the server's, so that it can be shown in one line. */
void text_clean(char *text);
/* May carry credentials, so it doesn't go to another origin. */
bool field_is_secret(const char *name);
/* Describes a body, so it goes when a redirect drops the body. */
bool field_is_of_body(const char *name);

#endif
