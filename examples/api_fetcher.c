/* SPDX-License-Identifier: MIT */
/*
 * Fifty requests, ten at a time, each with a time limit, errors as values.
 * Tutorial: TechPulse guide, "Real Example: Concurrent API Fetcher".
 *
 *     async def fetch_one(session, url, semaphore):
 *         async with semaphore:
 *             try:
 *                 async with asyncio.timeout(5):
 *                     async with session.get(url) as resp:
 *                         return url, resp.status, await resp.text()
 *             except (TimeoutError, aiohttp.ClientError) as e:
 *                 return url, None, str(e)
 *
 *     async def fetch_all(urls, max_concurrent=10):
 *         semaphore = asyncio.Semaphore(max_concurrent)
 *         async with aiohttp.ClientSession() as session:
 *             async with asyncio.TaskGroup() as tg:
 *                 tasks = [tg.create_task(fetch_one(session, u, semaphore)) for u in urls]
 */
#include <stdio.h>
#include <stdlib.h>
#include <eddy/client.h>
#include "local_server.h"

enum { URLS = 50, MAX_CONCURRENT = 10 };

static eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT(MAX_CONCURRENT);

struct result {
    int status; /* negative: an error code */
    char *text; /* or NULL */
};

struct fetch_one {
    eddy_http_session *session;
    const char *url;
    struct result *result;
};

static EDDY_ASYNC int get(eddy_http_session *session, const char *url, char **text)
{
    eddy_http_response *response;
    int r = eddy_http_get(session, url, &response);
    if (r < 0)
        return r;
    r = eddy_http_read_all(response, text, NULL);
    if (r == 0)
        r = eddy_http_status(response);
    eddy_http_close(response);
    return r;
}

static EDDY_ASYNC int fetch_one(struct fetch_one *a)
{
    int err;
    eddy_with_semaphore (&semaphore, &err) {
        a->result->status = eddy_wait_for(get(a->session, a->url, &a->result->text), 5.0);
    }
    return eddy_cancelled() ? -ECANCELED : err; /* a failed request fails nobody else's */
}

static EDDY_ASYNC int fetch_all(const char *url, struct result results[URLS])
{
    eddy_http_session *session;
    int err = eddy_http_session_open(&session, NULL);
    if (err < 0)
        return err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < URLS; i++)
            eddy_spawn(group, fetch_one, .session = session, .url = url, .result = &results[i]);
    }
    eddy_http_session_close(session);
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_server *server;
    int r = local_server_open(&server);
    if (r < 0)
        return r;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hello", eddy_server_port(server));
    struct result results[URLS] = {{0}};
    r = fetch_all(url, results);
    int completed = 0;
    for (int i = 0; i < URLS; i++) {
        completed += results[i].status == 200;
        free(results[i].text);
    }
    eddy_server_close(server);
    if (r == 0)
        printf("%d requests completed\n", completed);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
