/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>
#include <eddy/sim.h>

static int greet(eddy_stream *stream, void *context)
{
    (void)context;
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    return n < 0 ? (int)n : 0;
}

static int visit(void)
{
    eddy_stream *stream;
    int r = eddy_connect("server.example", 80, &stream);
    if (r < 0)
        return r;
    char line[16];
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

static int program(void) /* the same calls as on a real system */
{
    eddy_sim_set_name("server.example", "10.0.0.1");
    eddy_server *server;
    int r = eddy_serve("10.0.0.1", 80, greet, NULL, NULL, &server);
    if (r < 0)
        return r;
    int whole = 0;
    for (int i = 0; i < 10; i++)
        if (visit() == 0)
            whole++;
    eddy_server_close(server);
    return whole;
}

static void ignore(void *context, const struct eddy_log_record *record)
{
    (void)context, (void)record;
}

int main(void)
{
    struct eddy_sim_options bad_network = {
        .link = {.delay_min = 0.1, .delay_max = 2.0, .reset = 0.1},
        .loop.log = ignore,
    };
    int whole = eddy_sim_run(42, &bad_network, program);
    uint64_t hash = eddy_sim_report().hash;
    int again = eddy_sim_run(42, &bad_network, program);
    printf("%s of 10 visits succeeded\n", whole > 0 && whole < 10 ? "some" : "all or none");
    printf("the same seed, the same run: %s\n",
           again == whole && eddy_sim_report().hash == hash ? "yes" : "no");
    printf("the same visits on a perfect network: %d\n", eddy_sim_run(42, NULL, program));
    return 0;
}
