/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <eddy.h>

struct squares {
    eddy_channel *numbers, *results;
};
static int squares(struct squares *a)
{
    int number, r;
    while ((r = eddy_channel_get(a->numbers, &number)) == 0) {
        number *= number;
        if ((r = eddy_channel_put(a->results, &number)) < 0)
            break;
    }
    eddy_channel_shutdown(a->results);
    return r == -EPIPE ? 0 : r; /* there are no more numbers */
}

/* On another thread, with a loop of its own. */
static void *another_loop(void *argument)
{
    struct squares *channels = argument;
    int r = eddy_run(squares, .numbers = channels->numbers, .results = channels->results);
    return r < 0 ? argument : NULL;
}

static int program(void)
{
    int sum = 0, number, r;
    struct squares channels = {.numbers = eddy_channel_new(sizeof(int), 4),
                               .results = eddy_channel_new(sizeof(int), 4)};
    pthread_t thread;
    if (!channels.numbers || !channels.results ||
        pthread_create(&thread, NULL, another_loop, &channels) != 0)
        return -ENOMEM;
    for (number = 1; number <= 4; number++)
        if ((r = eddy_channel_put(channels.numbers, &number)) < 0) /* suspends while it is full */
            return r;
    eddy_channel_shutdown(channels.numbers);
    while (eddy_channel_get(channels.results, &number) == 0) {
        printf("%d\n", number);
        sum += number;
    }
    printf("sum %d\n", sum);
    pthread_join(thread, NULL);
    eddy_channel_release(channels.numbers);
    eddy_channel_release(channels.results);
    return 0;
}

int main(void)
{
    return eddy_run(program) < 0;
}
