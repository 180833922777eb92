/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi-socket interface on the loop's readers, writers and timers.
 *
 *     task ---- start, resume, drop ----> attention --- call_soon ---> backend_turn
 *     loop: descriptor ready ----------------------------------------> socket_ready
 *     loop: timer due -----------------------------------------------> timer_due
 *                                                                         |
 *                               each: enter libcurl, then backend_settle <+
 *
 * libcurl tells in callbacks which descriptors and what time it waits for. It resolves host names
 * by getaddrinfo in threads of its own, which a cancel leaves behind (CURLOPT_QUICK_EXIT) instead
 * of waiting for them; before libcurl 7.87 a cancel waits for the resolver.
 */
#include <eddy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "curl_backend.h"

/* A descriptor of libcurl's. Kept until the backend closes, so callbacks never see a stale one. */
struct socket_watch {
    struct backend *backend;
    int number;
    bool reading, writing;
    struct socket_watch *next, **link; /* of its transfer's, while it is watched */
};

static void backend_settle(struct backend *backend);

/* ---- descriptors ---- */

static void socket_ready(struct socket_watch *watch, int what)
{
    struct backend *backend = watch->backend;
    int running;
    (void)curl_multi_socket_action(backend->multi, watch->number, what, &running);
    backend_settle(backend);
}

static void socket_readable(void *argument)
{
    socket_ready(argument, CURL_CSELECT_IN);
}

static void socket_writable(void *argument)
{
    socket_ready(argument, CURL_CSELECT_OUT);
}

static struct socket_watch *socket_get(struct backend *backend, int number, bool make)
{
    if ((size_t)number >= backend->socket_capacity) {
        if (!make)
            return NULL;
        size_t old = backend->socket_capacity, capacity = old ? old : 64;
        while (capacity <= (size_t)number)
            capacity *= 2;
        void *grown = realloc(backend->sockets, capacity * sizeof(*backend->sockets));
        if (!grown)
            return NULL;
        backend->sockets = grown;
        backend->socket_capacity = capacity;
        memset(backend->sockets + old, 0, (capacity - old) * sizeof(*backend->sockets));
    }
    struct socket_watch *watch = backend->sockets[number];
    if (!watch && make && (watch = calloc(1, sizeof *watch))) {
        watch->backend = backend;
        watch->number = number;
        backend->sockets[number] = watch;
    }
    return watch;
}

static int socket_update(struct socket_watch *watch, bool reading, bool writing)
{
    int r = 0;
    if (watch->reading && !reading)
        (void)eddy_remove_reader(watch->number);
    if (watch->writing && !writing)
        (void)eddy_remove_writer(watch->number);
    if (!watch->reading && reading)
        r = eddy_add_reader(watch->number, socket_readable, watch);
    if (r == 0 && !watch->writing && writing)
        r = eddy_add_writer(watch->number, socket_writable, watch);
    if (r < 0) {
        (void)eddy_remove_reader(watch->number);
        (void)eddy_remove_writer(watch->number);
        reading = writing = false;
    }
    watch->reading = reading;
    watch->writing = writing;
    return r;
}

static void socket_unlink(struct socket_watch *watch)
{
    if (watch->link && (*watch->link = watch->next))
        watch->next->link = watch->link;
    watch->link = NULL;
}

static void socket_link(struct socket_watch *watch, struct transfer *transfer)
{
    socket_unlink(watch);
    if ((watch->next = transfer->sockets))
        watch->next->link = &watch->next;
    watch->link = &transfer->sockets;
    transfer->sockets = watch;
}

static void socket_forget(struct socket_watch *watch)
{
    socket_unlink(watch);
    (void)socket_update(watch, false, false);
}

/* What libcurl wants to know of a descriptor. An error returned would kill the whole multi handle,
 * so one that can't be watched ends its own transfer only. */
static int socket_wanted(CURL *easy, curl_socket_t number, int what, void *userdata, void *unused)
{
    (void)unused;
    struct backend *backend = userdata;
    bool reading = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    bool writing = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    struct socket_watch *watch = socket_get(backend, number, reading || writing);
    if (!reading && !writing) {
        if (watch)
            socket_forget(watch);
        return 0;
    }
    int r = watch ? socket_update(watch, reading, writing) : -ENOMEM;
    struct transfer *transfer = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) != CURLE_OK || !transfer)
        return 0;
    if (r == 0) {
        socket_link(watch, transfer);
    } else {
        exchange_end(transfer->exchange, r, "its socket can't be watched: %s", eddy_error_name(r));
        transfer->drop = true;
        transfer_attend(transfer);
    }
    return 0;
}

curl_socket_t backend_open_socket(void *userdata, curlsocktype purpose,
                                  struct curl_sockaddr *address)
{
    struct transfer *transfer = userdata;
    (void)purpose;
    int number = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        address->protocol);
    if (number < 0)
        transfer->socket_error = errno;
    return number;
}

int backend_close_socket(void *userdata, curl_socket_t number)
{
    struct socket_watch *watch = socket_get(userdata, number, false);
    if (watch)
        socket_forget(watch);
    return close(number);
}

/* ---- the timer ---- */

static void timer_due(void *argument)
{
    struct backend *backend = argument;
    int running;
    backend->timer = NULL;
    (void)curl_multi_socket_action(backend->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    /* Under a virtual clock the timer may be early by libcurl's own clock, which then says nothing
     * new but still waits to be called. */
    long left = -1;
    if (!backend->timer && curl_multi_timeout(backend->multi, &left) == CURLM_OK && left >= 0)
        backend->timer = eddy_call_later((double)left / 1000, timer_due, backend);
    backend_settle(backend);
}

static int timer_wanted(CURLM *multi, long milliseconds, void *userdata)
{
    (void)multi;
    struct backend *backend = userdata;
    if (backend->timer)
        (void)eddy_handle_cancel(backend->timer);
    backend->timer = NULL;
    if (milliseconds >= 0 && eddy_current_loop() == backend->loop)
        backend->timer = eddy_call_later((double)milliseconds / 1000, timer_due, backend);
    return 0;
}

/* ---- transfers ---- */

static void transfer_free(struct transfer *transfer)
{
    struct backend *backend = transfer->backend;
    transfer->queued = true; /* libcurl's last callbacks don't queue it again */
    /* Before libcurl's own word, which may come after it closed one that was connecting (7.88): by
     * then the number may be another thread's descriptor. */
    while (transfer->sockets)
        socket_forget(transfer->sockets);
    if (transfer->easy) {
        (void)curl_multi_remove_handle(backend->multi, transfer->easy);
        curl_easy_reset(transfer->easy);
        if (backend->spare_count < SPARE_HANDLES)
            backend->spare[backend->spare_count++] = transfer->easy;
        else
            curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    if ((*transfer->link = transfer->next))
        transfer->next->link = transfer->link;
    transfer->exchange->transfer = NULL;
    transfer->exchange->backend = NULL;
    exchange_release(transfer->exchange);
    free(transfer);
}

static int multi_open(struct backend *backend)
{
    CURLM *multi = curl_multi_init();
    if (!multi)
        return -ENOMEM;
    const long connections = (long)backend->options.max_connections;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, backend);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, backend);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)backend->options.max_per_host);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections); /* kept while idle */
    backend->multi = multi;
    return 0;
}

static int transfer_begin(struct transfer *transfer)
{
    struct backend *backend = transfer->backend;
    int r = backend->multi ? 0 : multi_open(backend);
    if (r < 0)
        return r;
    transfer->easy = backend->spare_count ? backend->spare[--backend->spare_count]
                                          : curl_easy_init();
    if (!transfer->easy)
        return -ENOMEM;
    r = transfer_prepare(transfer);
    if (r == 0 && curl_multi_add_handle(backend->multi, transfer->easy) != CURLM_OK)
        r = -ENOMEM;
    return r;
}

/* Does what is to be done for one transfer; frees it if that ends it. */
static void transfer_serve(struct transfer *transfer)
{
    struct exchange *exchange = transfer->exchange;
    if (!transfer->drop && !transfer->easy) {
        int r = transfer_begin(transfer);
        if (r < 0) {
            exchange_end(exchange, r, "no memory to begin");
            transfer->drop = true;
        }
    }
    if (transfer->drop) {
        transfer_free(transfer);
        return;
    }
    if (transfer->paused && exchange_waiting(exchange) <= BODY_LOW_WATER) {
        transfer->paused = false; /* on_body may pause it again from within */
        CURLcode code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
        if (code != CURLE_OK) {
            transfer_end(transfer, code);
            transfer_free(transfer);
        }
    }
}

/* After libcurl was entered: takes its messages, then looks at the transfers that need
 * attention. */
static void backend_settle(struct backend *backend)
{
    CURLMsg *message;
    int left;
    while (backend->multi && (message = curl_multi_info_read(backend->multi, &left))) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) != CURLE_OK)
            continue;
        transfer_end(transfer, message->data.result);
        transfer->drop = true;
        transfer_attend(transfer);
    }
    while (backend->attention) {
        struct transfer *transfer = backend->attention;
        if (!(backend->attention = transfer->next_attention))
            backend->attention_end = &backend->attention;
        transfer->queued = false;
        transfer_serve(transfer);
    }
}

void transfer_attend(struct transfer *transfer)
{
    struct backend *backend = transfer->backend;
    if (transfer->queued)
        return;
    transfer->queued = true;
    transfer->next_attention = NULL;
    *backend->attention_end = transfer;
    backend->attention_end = &transfer->next_attention;
}

/* ---- what tasks ask for ---- */

static void backend_turn(void *argument)
{
    struct backend *backend = argument;
    backend->turn = NULL;
    backend_settle(backend);
}

static int transfer_ask(struct transfer *transfer)
{
    struct backend *backend = transfer->backend;
    if (eddy_current_loop() != backend->loop)
        return -EINVAL; /* the loop ended: there is no stack but the caller's */
    if (!backend->turn && !(backend->turn = eddy_call_soon(backend_turn, backend)))
        return -ENOMEM;
    transfer_attend(transfer);
    return 0;
}

int backend_start(struct backend *backend, struct exchange *exchange)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return -ENOMEM;
    transfer->backend = backend;
    transfer->exchange = exchange;
    int r = transfer_ask(transfer);
    if (r < 0) {
        free(transfer);
        return r;
    }
    if ((transfer->next = backend->transfers))
        transfer->next->link = &transfer->next;
    transfer->link = &backend->transfers;
    backend->transfers = transfer;
    exchange_keep(exchange);
    exchange->backend = backend;
    exchange->transfer = transfer;
    return 0;
}

void backend_resume(struct exchange *exchange)
{
    struct transfer *transfer = exchange->transfer;
    if (!transfer || !transfer->paused || exchange_waiting(exchange) > BODY_LOW_WATER)
        return;
    if (transfer_ask(transfer) < 0) {
        transfer_attend(transfer);
        backend_settle(transfer->backend);
    }
}

void backend_drop(struct exchange *exchange)
{
    struct transfer *transfer = exchange->transfer;
    if (!transfer)
        return;
    struct backend *backend = transfer->backend;
    transfer->drop = true;
    if (transfer_ask(transfer) < 0) {
        transfer_attend(transfer);
        backend_settle(backend);
    }
}

/* ---- life ---- */

static void library_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct backend *backend_open(const struct backend_options *options)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, library_init);
    struct backend *backend = calloc(1, sizeof *backend);
    if (!backend)
        return NULL;
    backend->options = *options;
    backend->loop = eddy_current_loop();
    backend->attention_end = &backend->attention;
    return backend;
}

void backend_close(struct backend *backend)
{
    for (struct transfer *transfer = backend->transfers; transfer; transfer = transfer->next)
        transfer->queued = true;
    while (backend->transfers) {
        exchange_end(backend->transfers->exchange, -ESHUTDOWN, "the session was closed");
        transfer_free(backend->transfers);
    }
    for (size_t i = 0; i < backend->spare_count; i++)
        curl_easy_cleanup(backend->spare[i]);
    if (backend->multi)
        (void)curl_multi_cleanup(backend->multi);
    if (eddy_current_loop() == backend->loop) {
        if (backend->timer)
            (void)eddy_handle_cancel(backend->timer);
        if (backend->turn)
            (void)eddy_handle_cancel(backend->turn);
    }
    for (size_t i = 0; i < backend->socket_capacity; i++)
        free(backend->sockets[i]);
    free(backend->sockets);
    free(backend);
}
