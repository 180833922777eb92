/* SPDX-License-Identifier: MIT */
/* Descriptors that travel through simulated Unix sockets, as Linux has them travel. */
#include "support/sim_sockets.h"

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(4 * sizeof(int))];
};

static ssize_t send_with(int number, const char *text, const int *sent_along, size_t count)
{
    struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
    union control control = {.header = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), sent_along, count * sizeof(int));
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    return CALL(send_message, number, &message);
}

struct arrived {
    char text[16];
    int got[4];
    size_t count;
    bool truncated;
};

static ssize_t receive_with(int number, size_t size, size_t room, struct arrived *ret_arrived)
{
    struct arrived arrived = {.count = 0};
    struct iovec part = {arrived.text, size};
    union control control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(room * sizeof(int))};
    ssize_t n = CALL(receive_message, number, &message);
    const struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header) {
        arrived.count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(arrived.got, CMSG_DATA(header), arrived.count * sizeof(int));
    }
    arrived.truncated = message.msg_flags & MSG_CTRUNC;
    *ret_arrived = arrived;
    return n;
}

static int travel_program(void)
{
    int pair[2], pipe[2], closed = 1 << 20;
    struct arrived arrived;
    CHECK_INT(CALL(socket_pair, pair), 0);
    CHECK_INT(CALL(pipe, pipe), 0);
    CHECK_INT(send_with(pair[0], "x", &closed, 1), -EBADF);
    CHECK_INT(send_with(pipe[1], "x", pipe, 1), -ENOTSOCK);
    CHECK_INT(receive(pair[1], 9), -EAGAIN);

    /* A read ends behind what came with descriptors. */
    CHECK_INT(sent(pair[0], "ab"), 2);
    CHECK_INT(send_with(pair[0], "cd", pipe, 2), 2);
    CHECK_INT(send_with(pair[0], "ef", &pipe[0], 1), 2);
    CHECK_INT(sent(pair[0], "gh"), 2);
    CHECK_INT(receive_with(pair[1], 3, 4, &arrived), 3);
    CHECK_TEXT(arrived.text, "abc");
    CHECK_INT(arrived.count, 2);
    CHECK_INT(sent(arrived.got[1], "by a copy"), 9);
    CHECK_INT(receive(pipe[0], 99), 9);
    CHECK_INT(CALL(close, arrived.got[0]), 0);
    CHECK_INT(CALL(close, arrived.got[1]), 0);
    CHECK_INT(receive_with(pair[1], 9, 4, &arrived), 3); /* came with the first byte */
    CHECK_TEXT(arrived.text, "def");
    CHECK_INT(arrived.count, 1);
    CHECK_INT(CALL(close, arrived.got[0]), 0);
    CHECK_INT(receive_with(pair[1], 9, 4, &arrived), 2);
    CHECK_INT(arrived.count, 0);

    /* Without room for all of them. */
    CHECK_INT(send_with(pair[0], "ij", (int[]){pipe[0], pipe[0], pipe[0]}, 3), 2);
    CHECK_INT(receive_with(pair[1], 9, 1, &arrived), 2);
    CHECK(arrived.truncated);
    while (arrived.count)
        CHECK_INT(CALL(close, arrived.got[--arrived.count]), 0);

    /* A plain read, or none at all, closes them. */
    CHECK_INT(send_with(pair[0], "kl", &pipe[1], 1), 2);
    CHECK_INT(send_with(pair[0], "mn", &pipe[1], 1), 2);
    CHECK_INT(CALL(close, pipe[1]), 0);
    CHECK_INT(receive(pair[1], 9), 2);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(receive(pipe[0], 9), 0);

    /* On the way to itself, where nobody can reach it any more. */
    CHECK_INT(CALL(socket_pair, pair), 0);
    CHECK_INT(send_with(pair[0], "op", &pair[1], 1), 2);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(CALL(close, pair[0]), 0);
    return 0;
}

static int travel_elsewhere_program(void)
{
    int pair[2], pipe[2];
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(CALL(pipe, pipe), 0);
    CHECK_INT(send_with(pair[0], "x", pipe, 1), -EINVAL); /* TCP carries bytes alone */
    return 0;
}

PLAIN_TEST(descriptors_travel)
{
    passes_as_on_linux(travel_program);
    passes(travel_elsewhere_program);
}
