/* SPDX-License-Identifier: MIT */
/*
 * A URL, taken apart by the same parser that the backend connects by, so that what is checked and
 * what is asked for can't differ.
 */
#ifndef EDDY_SRC_CLIENT_URL_H
#define EDDY_SRC_CLIENT_URL_H

#include <stdbool.h>
#include <stddef.h>

#define URL_LIMIT 65536

struct url {
    char *text;   /* whole, with credentials, without the fragment */
    char *shown;  /* the same without credentials: for messages and users */
    char *scheme; /* "http" or "https" */
    char *host;
    char *port; /* the scheme's default if the URL has none */
};

/* Parses an absolute URL; with base also a relative one, whose credentials are base's if it is of
 * the same origin. Credentials in a URL that has a base (a redirect) are not taken. 0; -EINVAL,
 * -EPROTONOSUPPORT and a message (without the failure's record) in why; -ENOMEM. */
int url_parse(const char *text, const struct url *base, struct url *ret_url, char *why,
              size_t why_size);
void url_clear(struct url *url);

bool url_same_origin(const struct url *one, const struct url *other);
bool url_is_https(const struct url *url);

/* Writes what may be shown of a URL that can't be parsed: no credentials, no control characters,
 * not too long. */
void url_show_raw(const char *text, char *buffer, size_t size);

#endif
