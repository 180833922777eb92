/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <eddy.h>

struct page {
    int length;
};
static int fetches;

static int fetch(const char *url, struct page *page, void *context)
{
    (void)context;
    fetches++;
    int r = eddy_sleep(1.0);
    if (r < 0)
        return r;
    page->length = (int)strlen(url);
    return 0;
}

struct reader {
    eddy_cache *pages;
};
static int reader(struct reader *a)
{
    struct page page;
    int r = eddy_cache_get(a->pages, "http://example.org/", &page);
    if (r == 0)
        printf("%d bytes\n", page.length);
    return r;
}

static int three_readers(void)
{
    eddy_cache *pages;
    int err = eddy_cache_open(&pages, fetch, char, struct page, .capacity = 100, .ttl = 60);
    if (err < 0)
        return err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, reader, .pages = pages);
    }
    eddy_cache_close(pages);
    printf("fetched %d time\n", fetches);
    return err;
}

int main(void)
{
    return eddy_run(three_readers) < 0;
}
