/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <eddy.h>

struct answer {
    eddy_datagram *socket;
};

static int answer(struct answer *a) /* every question, until it is cancelled */
{
    struct eddy_address from;
    char text[512];
    ssize_t n;
    while ((n = eddy_datagram_receive(a->socket, text, sizeof text, &from)) >= 0) {
        printf("asked: %.*s\n", (int)n, text);
        if ((n = eddy_datagram_send_to(a->socket, "noon", 4, &from)) < 0)
            break;
    }
    return (int)n;
}

static int ask(const struct eddy_address *address)
{
    eddy_datagram *socket;
    char text[512];
    int err, r = eddy_datagram_connect("127.0.0.1", eddy_address_port(address), NULL, &socket);
    if (r < 0)
        return r;
    eddy_with_timeout (1.0, &err) { /* either may be lost */
        ssize_t n = eddy_datagram_send(socket, "what time is it?", 16);
        if (n >= 0)
            n = eddy_datagram_receive(socket, text, sizeof text, NULL);
        if (n >= 0)
            printf("told: %.*s\n", (int)n, text);
        err = n < 0 ? (int)n : 0;
    }
    eddy_datagram_close(socket);
    return err;
}

static int program(void)
{
    eddy_datagram *socket;
    struct eddy_address address;
    int err, r = eddy_datagram_open("127.0.0.1", 0, NULL, &socket);
    if (r < 0)
        return r;
    r = eddy_datagram_local(socket, &address);
    if (r == 0) {
        eddy_with_group (g, &err) {
            eddy_spawn(g, answer, .socket = socket);
            r = ask(&address);
            eddy_group_cancel(g);
        }
    }
    eddy_datagram_close(socket);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
