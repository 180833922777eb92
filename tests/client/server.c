/* SPDX-License-Identifier: MIT */
/*
 * The tests' web server.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "server.h"

struct connection {
    struct server *server;
    struct connection *next;
    pthread_t thread;
    int descriptor;
    bool hang_up, cut_off;
    size_t filled; /* bytes read ahead */
    char buffer[65536];
};

struct server {
    const struct server_path *paths;
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct connection *connections; /* all ever accepted */
    int accepted, open, peak, requests, cut_off;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

/* ---- sending ---- */

bool server_send(struct connection *connection, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = send(connection->descriptor, at, size, MSG_NOSIGNAL);
        if (n <= 0) {
            connection->cut_off = true;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool server_say(struct connection *connection, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        die("vasprintf");
    bool sent = server_send(connection, text, (size_t)size);
    free(text);
    return sent;
}

bool server_drip(struct connection *connection, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!server_send(connection, bytes + i, 1))
            return false;
        usleep(100);
    }
    return true;
}

bool server_reply(struct connection *connection, const char *text)
{
    return server_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
                      text);
}

void server_hang_up(struct connection *connection, bool reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        (void)setsockopt(connection->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    connection->hang_up = true;
}

bool server_client_closed(struct connection *connection)
{
    char byte[512];
    struct pollfd poll_for = {.fd = connection->descriptor, .events = POLLIN};
    while (poll(&poll_for, 1, 10000) == 1)
        if (recv(connection->descriptor, byte, sizeof byte, MSG_DONTWAIT) <= 0) {
            connection->hang_up = true;
            return true;
        }
    return false;
}

int server_descriptor(struct connection *connection)
{
    return connection->descriptor;
}

struct server *server_of(struct connection *connection)
{
    return connection->server;
}

/* ---- receiving ---- */

const char *message_field(const struct message *message, const char *name, char *buffer,
                          size_t size)
{
    buffer[0] = '\0';
    for (const char *line = strstr(message->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        size_t length = strlen(name);
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *value = line + length + 1;
        value += strspn(value, " ");
        (void)snprintf(buffer, size, "%.*s", (int)strcspn(value, "\r"), value);
        break;
    }
    return buffer;
}

static bool receive(struct connection *connection)
{
    if (connection->filled + 1 >= sizeof connection->buffer)
        return false;
    ssize_t n = recv(connection->descriptor, connection->buffer + connection->filled,
                     sizeof connection->buffer - 1 - connection->filled, 0);
    if (n <= 0)
        return false;
    connection->filled += (size_t)n;
    connection->buffer[connection->filled] = '\0';
    return true;
}

static bool message_read(struct connection *connection, struct message *message)
{
    char *end, length[32];
    connection->buffer[connection->filled] = '\0';
    while (!(end = strstr(connection->buffer, "\r\n\r\n")))
        if (!receive(connection))
            return false;
    size_t head = (size_t)(end - connection->buffer) + 4;
    message->head = strndup(connection->buffer, head);
    if (sscanf(message->head, "%39s %4095s", message->method, message->target) != 2)
        die("request line");
    message->body_size = (size_t)strtoul(
        message_field(message, "Content-Length", length, sizeof length), NULL, 10);
    message->body = calloc(1, message->body_size + 1);
    size_t ahead = connection->filled - head;
    if (ahead > message->body_size)
        ahead = message->body_size;
    memcpy(message->body, connection->buffer + head, ahead);
    memmove(connection->buffer, connection->buffer + head + ahead,
            connection->filled - head - ahead);
    connection->filled -= head + ahead;
    while (ahead < message->body_size) {
        ssize_t n = recv(connection->descriptor, message->body + ahead, message->body_size - ahead,
                         0);
        if (n <= 0)
            return false;
        ahead += (size_t)n;
    }
    return true;
}

static void answer(struct connection *connection, const struct message *message)
{
    for (const struct server_path *path = connection->server->paths; path->prefix; path++)
        if (strncmp(message->target, path->prefix, strlen(path->prefix)) == 0) {
            path->answer(connection, message);
            return;
        }
    (void)server_say(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
}

static void *serve(void *argument)
{
    struct connection *connection = argument;
    struct server *server = connection->server;
    bool more = true;
    while (more) {
        struct message message = {0};
        more = message_read(connection, &message);
        if (more) {
            pthread_mutex_lock(&server->lock);
            server->requests++;
            pthread_mutex_unlock(&server->lock);
            answer(connection, &message);
            more = !connection->hang_up;
        }
        free(message.head);
        free(message.body);
    }
    pthread_mutex_lock(&server->lock);
    server->open--;
    server->cut_off += connection->cut_off;
    close(connection->descriptor);
    connection->descriptor = -1;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- life ---- */

static void *accept_all(void *argument)
{
    struct server *server = argument;
    int descriptor;
    while ((descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        int one = 1;
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection)
            die("calloc");
        connection->server = server;
        connection->descriptor = descriptor;
        pthread_mutex_lock(&server->lock);
        server->accepted++;
        if (++server->open > server->peak)
            server->peak = server->open;
        connection->next = server->connections;
        server->connections = connection;
        if (pthread_create(&connection->thread, NULL, serve, connection) != 0)
            die("pthread_create");
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct server *server_start(const struct server_path *paths)
{
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->paths = paths;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (void *)&address, size) < 0 ||
        listen(server->listener, 1024) < 0 ||
        getsockname(server->listener, (void *)&address, &size) < 0)
        die("listen");
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->thread, NULL, accept_all, server) != 0)
        die("pthread_create");
    return server;
}

void server_stop(struct server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    for (struct connection *one = server->connections; one; one = one->next)
        if (one->descriptor >= 0)
            (void)shutdown(one->descriptor, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    while (server->connections) {
        struct connection *one = server->connections;
        server->connections = one->next;
        pthread_join(one->thread, NULL);
        free(one);
    }
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int server_port(const struct server *server)
{
    return server->port;
}

static int server_count(struct server *server, const int *count)
{
    pthread_mutex_lock(&server->lock);
    int value = *count;
    pthread_mutex_unlock(&server->lock);
    return value;
}

int server_accepted(struct server *server)
{
    return server_count(server, &server->accepted);
}

int server_open(struct server *server)
{
    return server_count(server, &server->open);
}

int server_peak(struct server *server)
{
    return server_count(server, &server->peak);
}

int server_requests(struct server *server)
{
    return server_count(server, &server->requests);
}

int server_cut_off(struct server *server)
{
    return server_count(server, &server->cut_off);
}

void server_reset_counts(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->accepted = server->requests = server->cut_off = 0;
    server->peak = server->open;
    pthread_mutex_unlock(&server->lock);
}
