/* SPDX-License-Identifier: MIT */
/*
 * JSON bodies, by jansson.
 *
 * jansson goes one call deeper a level of nesting, on the task's stack; so the depth is bounded
 * before it is asked.
 */
#include <eddy.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "session.h"

#define DEPTH_LIMIT 256

/* How deep brackets nest at most, those in strings left out. */
static size_t text_depth(const char *text, size_t size)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;
    for (const char *c = text, *end = text + size; c < end; c++) {
        if (in_string) {
            if (*c == '\\')
                c++;
            else if (*c == '"')
                in_string = false;
        } else if (*c == '"') {
            in_string = true;
        } else if (*c == '[' || *c == '{') {
            if (++depth > deepest)
                deepest = depth;
        } else if ((*c == ']' || *c == '}') && depth) {
            depth--;
        }
    }
    return deepest;
}

int eddy_http_read_json(eddy_http_response *response, json_t **ret_json)
{
    if (!live_check(response, "eddy_http_read_json", "response"))
        return -EINVAL;
    if (!ret_json)
        return eddy_fail(-EINVAL, "eddy_http_read_json: nowhere to put the value");
    char *text;
    size_t size;
    int r = eddy_http_read_all(response, &text, &size);
    if (r < 0)
        return r;
    const struct exchange *exchange = response->exchange;
    char url[220];
    url_show_raw(exchange->url.shown, url, sizeof url);
    if (text_depth(text, size) > DEPTH_LIMIT) {
        free(text);
        return eddy_fail(-EMSGSIZE, "%s %s: JSON nested deeper than %d levels", exchange->method,
                         url, DEPTH_LIMIT);
    }
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY, &error);
    free(text);
    text_clean(error.text);
    if (!json)
        return eddy_fail(json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG,
                         "%s %s: bad JSON at line %d, column %d: %s", exchange->method, url,
                         error.line, error.column, error.text);
    *ret_json = json;
    return 0;
}

/* Whether a value nests deeper; one that contains itself does. */
static bool value_deeper(json_t *json, int levels)
{
    const char *name;
    json_t *value;
    size_t index;
    if (!json_is_array(json) && !json_is_object(json))
        return false;
    if (levels == 0)
        return true;
    json_array_foreach(json, index, value) if (value_deeper(value, levels - 1)) return true;
    json_object_foreach(json, name, value) if (value_deeper(value, levels - 1)) return true;
    return false;
}

int json_text(const json_t *json, char **ret_text, size_t *ret_size)
{
    if (value_deeper((json_t *)(uintptr_t)json, DEPTH_LIMIT))
        return eddy_fail(-EMSGSIZE, "the JSON value of a request nests deeper than %d levels",
                         DEPTH_LIMIT);
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return eddy_fail(-EINVAL, "the JSON value of a request can't be written");
    *ret_text = text;
    *ret_size = strlen(text);
    return 0;
}
