/* SPDX-License-Identifier: MIT */
/*
 * A crawler: ten pages at a time, five seconds each, and a list of texts or errors.
 * Tutorial: the short guide, "Best practices".
 *
 *     SEM = asyncio.Semaphore(10)
 *
 *     async def fetch(session, url):
 *         async with SEM:                   # limit concurrency
 *             async with session.get(url, timeout=5) as r:
 *                 r.raise_for_status()
 *                 return await r.text()
 *
 *     async def crawl(urls):
 *         async with aiohttp.ClientSession() as session:
 *             return await asyncio.gather(*(fetch(session, u) for u in urls),
 *                                         return_exceptions=True)
 *
 * eddy_map() is semaphore and gather in one: at most ten at once, a result for each, and a failure
 * among them stops nobody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <eddy/client.h>
#include "local_server.h"

struct fetch {
    eddy_http_session *session;
    char url[64];
    char *text; /* the result */
    size_t size;
};

static EDDY_ASYNC int fetch(struct fetch *a)
{
    struct eddy_http_request_options request = {.url = a->url, .timeout = 5.0};
    eddy_http_response *response;
    int r = eddy_http_request(a->session, &request, &response);
    if (r < 0)
        return r;
    r = eddy_http_raise_for_status(response);
    if (r == 0)
        r = eddy_http_read_all(response, &a->text, &a->size);
    eddy_http_close(response);
    return r;
}

static EDDY_ASYNC int crawl(struct fetch pages[], size_t count, int results[])
{
    eddy_http_session *session;
    int r = eddy_http_session_open(&session, NULL);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        pages[i].session = session;
    r = eddy_map(10, fetch, pages, count, results);
    eddy_http_session_close(session);
    return r; /* the pages' errors are in the results */
}

static EDDY_ASYNC int main_task(void)
{
    static const char *const paths[] = {"/hello", "/missing", "/slow", "/hello"};
    enum { PAGES = sizeof paths / sizeof *paths };
    eddy_server *server;
    int r = local_server_open(&server);
    if (r < 0)
        return r;
    struct fetch pages[PAGES] = {{0}};
    int results[PAGES];
    for (int i = 0; i < PAGES; i++)
        snprintf(pages[i].url, sizeof pages[i].url, "http://127.0.0.1:%d%s",
                 eddy_server_port(server), paths[i]);
    r = crawl(pages, PAGES, results);
    for (int i = 0; i < PAGES; i++) {
        if (r == 0 && results[i] < 0)
            printf("%-8s  %s\n", paths[i], eddy_error_name(results[i]));
        else if (r == 0)
            printf("%-8s  %zu bytes\n", paths[i], pages[i].size);
        free(pages[i].text);
    }
    eddy_server_close(server);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
