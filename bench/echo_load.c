/* SPDX-License-Identifier: MIT
 *
 * One epoll loop over all connections. It must be cheaper than any server it drives, or it would
 * be the client that is measured.
 */
#define _GNU_SOURCE
#include "echo_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

enum { WORDS_MAX = WORKLOAD_LARGE_MESSAGE_SIZE / sizeof(uint64_t), EVENTS = 512 };

struct connection {
    int descriptor;
    uint64_t sequence;
    size_t received; /* of the message under way */
};

struct echo_load {
    int epoll;
    size_t size; /* of a message */
    size_t count;
    uint64_t to_send; /* messages not yet on their way */
    uint64_t under_way;
    uint64_t finished;
    struct connection connections[];
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* No two messages of a run are alike, so an old or foreign echo is found out. */
static void compose(const struct connection *connection, size_t size, uint64_t words[WORDS_MAX])
{
    uint64_t seed = ((uint64_t)connection->descriptor << 40) + connection->sequence;
    for (size_t i = 0; i < size / sizeof(*words); i++)
        words[i] = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static int send_message(struct echo_load *load, struct connection *connection)
{
    uint64_t message[WORDS_MAX];

    connection->sequence++;
    connection->received = 0;
    compose(connection, load->size, message);
    /* With one message under way the socket's buffer can't be full. */
    ssize_t sent = send(connection->descriptor, message, load->size, MSG_NOSIGNAL);
    if (sent != (ssize_t)load->size)
        return sent < 0 ? -errno : -EIO;
    load->to_send--;
    load->under_way++;
    return 0;
}

static int receive(struct echo_load *load, struct connection *connection)
{
    uint64_t expected[WORDS_MAX];
    char part[WORKLOAD_LARGE_MESSAGE_SIZE];

    ssize_t length = recv(connection->descriptor, part, load->size - connection->received,
                          MSG_DONTWAIT);
    if (length < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (length == 0)
        return -ECONNRESET;
    compose(connection, load->size, expected);
    if (memcmp((char *)expected + connection->received, part, (size_t)length) != 0)
        return -EBADMSG;
    connection->received += (size_t)length;
    if (connection->received < load->size)
        return 0;
    load->under_way--;
    load->finished++;
    return load->to_send > 0 ? send_message(load, connection) : 0;
}

int echo_load_play(struct echo_load *load, uint64_t messages, double seconds,
                   uint64_t *ret_messages)
{
    struct epoll_event events[EVENTS];
    double deadline = seconds > 0 ? now_seconds() + seconds : 0;
    int error = 0;

    load->to_send = messages > 0 ? messages : UINT64_MAX;
    load->finished = 0;
    for (size_t i = 0; i < load->count && load->to_send > 0 && error == 0; i++)
        error = send_message(load, &load->connections[i]);

    while (error == 0 && load->under_way > 0) {
        int count = epoll_wait(load->epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < count && error == 0; i++)
            error = receive(load, events[i].data.ptr);
        if (deadline > 0 && now_seconds() >= deadline)
            load->to_send = 0; /* what is under way still comes home */
    }
    if (error == 0)
        *ret_messages = load->finished;
    return error;
}

static int connect_patiently(const struct sockaddr_in *address)
{
    for (int attempt = 0; attempt < 300; attempt++) {
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0)
            return -errno;
        if (connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return descriptor;
        int error = errno;
        close(descriptor);
        if (error != ECONNREFUSED)
            return -error;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return -ECONNREFUSED;
}

static int add_connection(struct echo_load *load, const struct sockaddr_in *address)
{
    struct connection *connection = &load->connections[load->count];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};
    /* Closing with a reset leaves no TIME_WAIT behind: rounds would run out of ports. */
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    int descriptor = connect_patiently(address);
    if (descriptor < 0)
        return descriptor;
    connection->descriptor = descriptor;
    load->count++;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
        return -errno;
    return 0;
}

int echo_load_open(uint16_t port, size_t connections, size_t size, struct echo_load **ret_load)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct echo_load *load = calloc(1, sizeof(*load) + connections * sizeof(struct connection));
    if (load == NULL)
        return -ENOMEM;
    load->size = size;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = load->epoll < 0 ? -errno : 0;
    while (error == 0 && load->count < connections)
        error = add_connection(load, &address);
    if (error < 0) {
        echo_load_close(load);
        return error;
    }
    *ret_load = load;
    return 0;
}

void echo_load_close(struct echo_load *load)
{
    for (size_t i = 0; i < load->count; i++)
        close(load->connections[i].descriptor);
    if (load->epoll >= 0)
        close(load->epoll);
    free(load);
}
