/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <eddy.h>

struct add {
    int a, b;
};
static int add(struct add *numbers)
{
    int r = eddy_sleep(1.0);
    return r < 0 ? r : numbers->a + numbers->b;
}

struct visitor {
    eddy_loop *loop;
    eddy_future *done;
};
static void *another_thread(void *argument)
{
    struct visitor *visitor = argument;
    eddy_submission *sum = eddy_submit(visitor->loop, add, .a = 2, .b = 3);
    if (sum && eddy_submission_wait(sum, EDDY_FOREVER) == 0) /* blocks this thread only */
        printf("the loop says %d\n", eddy_submission_result(sum));
    eddy_submission_release(sum);
    eddy_future_set_result_threadsafe(visitor->done, NULL);
    return NULL;
}

static int program(void)
{
    eddy_future *done = eddy_future_new();
    struct visitor visitor = {eddy_current_loop(), eddy_future_share(done)};
    pthread_t thread;
    if (!visitor.done || pthread_create(&thread, NULL, another_thread, &visitor) != 0)
        return -EAGAIN;
    int r = eddy_future_await(done, NULL); /* the loop goes on until the thread is through */
    pthread_join(thread, NULL);
    eddy_future_release(done);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
