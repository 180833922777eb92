/* SPDX-License-Identifier: MIT */
/*
 * Three repositories' names from GitHub's API, asked for at the same time.
 * Tutorial: the short guide, "Converting blocking code".
 *
 *     async def get_json(url: str):
 *         async with aiohttp.ClientSession() as session:
 *             async with session.get(url) as resp:
 *                 resp.raise_for_status()
 *                 return await resp.json()
 *
 *     results = await asyncio.gather(*(get_json(u) for u in urls))
 *     print([r["full_name"] for r in results])
 *
 * One session does for all three here, as aiohttp's own documentation wants it.
 * It asks a little server of its own that answers as GitHub does; github_names --live asks GitHub.
 */
#include <stdio.h>
#include <string.h>
#include <eddy/client.h>
#include <jansson.h>
#include "local_server.h"

static const char *const repositories[] = {"pallets/flask", "pallets/jinja", "pallets/werkzeug"};
enum { REPOSITORIES = sizeof repositories / sizeof *repositories };

struct fetch {
    eddy_http_session *session;
    char url[128];
    char name[100]; /* the result */
};

static EDDY_ASYNC int fetch(struct fetch *a)
{
    eddy_http_response *response;
    int r = eddy_http_get(a->session, a->url, &response);
    if (r < 0)
        return r;
    json_t *repository = NULL;
    r = eddy_http_raise_for_status(response);
    if (r == 0)
        r = eddy_http_read_json(response, &repository);
    if (r == 0) {
        const char *name = json_string_value(json_object_get(repository, "full_name"));
        if (name)
            snprintf(a->name, sizeof a->name, "%s", name);
        else
            r = eddy_fail(-EBADMSG, "%s: no full_name in the answer", a->url);
    }
    json_decref(repository);
    eddy_http_close(response);
    return r;
}

static EDDY_ASYNC int fetch_all(const char *origin)
{
    eddy_http_session *session;
    int r = eddy_http_session_open(&session, NULL);
    if (r < 0)
        return r;
    struct fetch jobs[REPOSITORIES] = {{0}};
    for (int i = 0; i < REPOSITORIES; i++) {
        jobs[i].session = session;
        snprintf(jobs[i].url, sizeof jobs[i].url, "%s/repos/%s", origin, repositories[i]);
    }
    r = eddy_map(REPOSITORIES, fetch, jobs, REPOSITORIES, NULL);
    for (int i = 0; r == 0 && i < REPOSITORIES; i++)
        printf("%s\n", jobs[i].name);
    eddy_http_session_close(session);
    return r;
}

static EDDY_ASYNC int fetch_live(void)
{
    return fetch_all("https://api.github.com");
}

static EDDY_ASYNC int fetch_here(void)
{
    eddy_server *server;
    int r = local_server_open(&server);
    if (r < 0)
        return r;
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", eddy_server_port(server));
    r = fetch_all(origin);
    eddy_server_close(server);
    return r;
}

int main(int argc, char **argv)
{
    bool live = argc == 2 && strcmp(argv[1], "--live") == 0;
    if (argc > 1 && !live) {
        bool help = strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr, "usage: github_names [--live]\n"
                                        "  --live   ask api.github.com, not a server of its own\n");
        return help ? 0 : 2;
    }
    return (live ? eddy_run(fetch_live) : eddy_run(fetch_here)) < 0;
}
