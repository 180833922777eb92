/* SPDX-License-Identifier: MIT */
#include <eddy.h>
#include <eddy/test.h>

struct producer {
    eddy_queue *queue;
};
static int producer(struct producer *a)
{
    eddy_defer(eddy_queue_shutdown,
               a->queue); /* also if this task is cancelled: --sweep wants it */
    int r = 0;
    for (int i = 0; i < 3 && r == 0; i++) {
        r = eddy_sleep(60.0);
        if (r == 0)
            r = eddy_queue_put(a->queue, &i);
    }
    return r;
}

EDDY_TEST(a_queue_keeps_its_order)
{
    eddy_queue queue;
    EDDY_CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    eddy_defer(eddy_queue_close, &queue);

    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, producer, .queue = &queue);
        for (int i = 0; i < 3; i++) {
            int item = -1;
            EDDY_CHECK_INT(eddy_queue_get(&queue, &item), 0);
            EDDY_CHECK_INT(item, i);
        }
    }
    EDDY_CHECK_INT(err, 0);
    EDDY_CHECK_TIME(180.0); /* three minutes, in no time */
    return 0;
}

EDDY_TEST_MAIN()
