/* SPDX-License-Identifier: MIT */
/*
 * URLs by libcurl's own parser.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "url.h"

void url_clear(struct url *url)
{
    free(url->text);
    free(url->shown);
    free(url->scheme);
    free(url->host);
    free(url->port);
    *url = (struct url){0};
}

bool url_same_origin(const struct url *one, const struct url *other)
{
    return strcasecmp(one->scheme, other->scheme) == 0 && strcasecmp(one->host, other->host) == 0 &&
           strcmp(one->port, other->port) == 0;
}

bool url_is_https(const struct url *url)
{
    return strcasecmp(url->scheme, "https") == 0;
}

void url_show_raw(const char *text, char *buffer, size_t size)
{
    const char *rest = strstr(text, "//");
    rest = rest ? rest + 2 : text;
    size_t authority = strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', authority);
    size_t used = 0;
    for (const char *c = text; *c && used + 1 < size; c++) {
        if (at && c == rest) {
            c = at;
            continue;
        }
        buffer[used++] = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
        if (used > 200 && used + 4 < size) {
            memcpy(buffer + used, "...", 3);
            used += 3;
            break;
        }
    }
    if (size)
        buffer[used] = '\0';
}

/* A part as an allocation of malloc's: 0, -ENOENT if the URL has none, -EINVAL, -ENOMEM. */
static int url_part(CURLU *handle, CURLUPart part, unsigned flags, char **ret)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(handle, part, &text, flags);
    if (code == CURLUE_OUT_OF_MEMORY)
        return -ENOMEM;
    if (code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD)
        return -ENOENT;
    if (code != CURLUE_OK)
        return -EINVAL;
    *ret = strdup(text);
    curl_free(text);
    return *ret ? 0 : -ENOMEM;
}

static int say(char *why, size_t why_size, int code, const char *text)
{
    (void)snprintf(why, why_size, "%s", text);
    return code;
}

/* Drops the fragment and the credentials: `shown` is what remains. */
static int url_show(CURLU *handle, char **ret_shown)
{
    (void)curl_url_set(handle, CURLUPART_USER, NULL, 0);
    (void)curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
    (void)curl_url_set(handle, CURLUPART_OPTIONS, NULL, 0);
    return url_part(handle, CURLUPART_URL, 0, ret_shown);
}

static int url_take_apart(CURLU *handle, struct url *url, const struct url *base)
{
    int r = url_part(handle, CURLUPART_SCHEME, 0, &url->scheme);
    if (r == 0)
        r = url_part(handle, CURLUPART_HOST, 0, &url->host);
    if (r == 0)
        r = url_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &url->port);
    if (r == 0 && !base)
        r = url_part(handle, CURLUPART_URL, 0, &url->text);
    if (r == 0)
        r = url_show(handle, &url->shown);
    if (r < 0 || !base)
        return r;
    if (!url_same_origin(url, base))
        return (url->text = strdup(url->shown)) ? 0 : -ENOMEM;

    /* Of the same origin: base's credentials stay in force. */
    CURLU *from = curl_url();
    char *user = NULL, *password = NULL;
    r = from ? 0 : -ENOMEM;
    if (r == 0 && curl_url_set(from, CURLUPART_URL, base->text, 0) != CURLUE_OK)
        r = -EINVAL;
    if (r == 0 && url_part(from, CURLUPART_USER, 0, &user) == 0)
        (void)curl_url_set(handle, CURLUPART_USER, user, 0);
    if (r == 0 && url_part(from, CURLUPART_PASSWORD, 0, &password) == 0)
        (void)curl_url_set(handle, CURLUPART_PASSWORD, password, 0);
    if (r == 0)
        r = url_part(handle, CURLUPART_URL, 0, &url->text);
    free(user);
    free(password);
    curl_url_cleanup(from);
    return r;
}

/* The length of a scheme other than http and https that text begins with, else 0. */
static size_t foreign_scheme(const char *text, bool redirect)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789+-.");
    if (!length || text[length] != ':' || (!redirect && strncmp(text + length, "://", 3) != 0))
        return 0;
    bool ours = (length == 4 && strncasecmp(text, "http", 4) == 0) ||
                (length == 5 && strncasecmp(text, "https", 5) == 0);
    return ours ? 0 : length;
}

/* "http:" is followed by "//" and a host; libcurl would take any number of slashes. */
static bool authority_follows(const char *text, bool relative)
{
    size_t scheme = strncasecmp(text, "https:", 6) == 0  ? 6
                    : strncasecmp(text, "http:", 5) == 0 ? 5
                                                         : 0;
    if (!scheme)
        return relative;
    return strncmp(text + scheme, "//", 2) == 0 && text[scheme + 2] && text[scheme + 2] != '/';
}

int url_parse(const char *text, const struct url *base, struct url *ret_url, char *why,
              size_t why_size)
{
    if (!text[0] && !base)
        return say(why, why_size, -EINVAL, "bad URL: it is empty");
    if (strnlen(text, URL_LIMIT + 1) > URL_LIMIT)
        return say(why, why_size, -EINVAL, "bad URL: longer than 65536 bytes");
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || (*c == ' ' && !base))
            return say(why, why_size, -EINVAL, "bad URL: a space or control character in it");
    size_t scheme = foreign_scheme(text, base);
    if (scheme) {
        (void)snprintf(why, why_size, "scheme '%.*s' refused: only http and https are allowed",
                       scheme < 40 ? (int)scheme : 40, text);
        return -EPROTONOSUPPORT;
    }
    if (!authority_follows(text, base))
        return say(why, why_size, -EINVAL, "bad URL: it doesn't begin with http://host");
    CURLU *handle = curl_url();
    if (!handle)
        return say(why, why_size, -ENOMEM, "no memory");
    struct url url = {0};
    CURLUcode code = CURLUE_OK;
    int r = 0;
    /* What a server sends may hold spaces and bytes beyond ASCII; a caller's URL is to be right. */
    unsigned flags = base ? CURLU_URLENCODE : 0;
    if (base)
        code = curl_url_set(handle, CURLUPART_URL, base->shown, 0);
    if (code == CURLUE_OK)
        code = curl_url_set(handle, CURLUPART_URL, text, flags);
    if (code == CURLUE_OUT_OF_MEMORY) {
        r = say(why, why_size, -ENOMEM, "no memory");
    } else if (code != CURLUE_OK) {
#if LIBCURL_VERSION_NUM >= 0x075000
        (void)snprintf(why, why_size, "bad URL: %s", curl_url_strerror(code));
#else
        (void)snprintf(why, why_size, "bad URL (%d)", (int)code);
#endif
        r = -EINVAL;
    } else {
        (void)curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
        r = url_take_apart(handle, &url, base);
        if (r < 0)
            (void)say(why, why_size, r, r == -ENOMEM ? "no memory" : "bad URL");
    }
    curl_url_cleanup(handle);
    if (r < 0)
        url_clear(&url);
    else
        *ret_url = url;
    return r;
}
