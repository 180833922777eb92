/* SPDX-License-Identifier: MIT */
/*
 * Descriptors on their way through Unix sockets (SCM_RIGHTS). What they stand for has a reference
 * as long; those of the system beneath, which may travel, too, are copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "test/sim_file.h"
#include "test/sim_socket.h"

/* The kernel's SCM_MAX_FD. */
#define DESCRIPTORS_MOST 253

struct right {
    struct sim_descriptor descriptor; /* SIM_NOTHING: */
    int real;
};

struct sim_rights {
    struct link link; /* in the network's, unless `ended` */
    struct sim_network *network;
    bool ended;
    size_t count;
    struct right rights[];
};

/* ---- one ---- */

static int right_make(struct sim_engine *engine, int number, struct right *ret_right)
{
    struct right right = {.descriptor = sim_descriptor_get(&engine->descriptors, number),
                          .real = -1};
    switch (right.descriptor.kind) {
    case SIM_SOCKET:
    case SIM_PIPE:
        ((struct sim_socket *)right.descriptor.what)->references++;
        break;
    case SIM_FILE:
        ((struct sim_file *)right.descriptor.what)->references++;
        break;
    case SIM_NOTHING:
        right.real = sim_descriptor_is_real(number) ? fcntl(number, F_DUPFD_CLOEXEC, 0) : -1;
        if (right.real < 0)
            return sim_descriptor_is_real(number) ? -errno : -EBADF;
        break;
    }
    *ret_right = right;
    return 0;
}

static void right_close(const struct right *right)
{
    if (right->real >= 0)
        (void)close(right->real);
    sim_descriptor_release(right->descriptor);
}

/* Its number from now on; or negative, and it is closed. */
static int right_open(struct sim_engine *engine, const struct right *right)
{
    if (right->real >= 0)
        return right->real;
    int number = sim_descriptor_take(&engine->descriptors, right->descriptor.kind,
                                     right->descriptor.what);
    engine->sim->descriptors = engine->descriptors.open;
    if (number < 0)
        right_close(right);
    return number;
}

/* ---- all of a message ---- */

static void rights_close(struct sim_rights *rights, size_t from)
{
    size_t count = rights->count;
    rights->count = from;
    for (size_t i = from; i < count; i++)
        right_close(&rights->rights[i]);
}

static void rights_free(struct sim_rights *rights)
{
    if (!rights->ended)
        list_remove(&rights->network->rights, &rights->link);
    free(rights);
}

void sim_rights_drop(struct sim_rights *rights)
{
    if (!rights)
        return;
    rights_close(rights, 0);
    rights_free(rights);
}

/* What is closed then may close others, which are in the list. */
void sim_rights_end(struct sim_network *network)
{
    struct link *link;
    while ((link = list_take_first(&network->rights))) {
        struct sim_rights *rights = container_of(link, struct sim_rights, link);
        rights->ended = true;
        rights_close(rights, 0);
    }
}

int sim_rights_make(struct sim_engine *engine, const struct msghdr *message,
                    struct sim_rights **ret_rights)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    *ret_rights = NULL;
    if (!header)
        return 0;
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len < CMSG_LEN(0) || header->cmsg_len > message->msg_controllen)
        return -EINVAL;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > DESCRIPTORS_MOST)
        return -EINVAL;
    struct sim_rights *made = calloc(1, sizeof *made + count * sizeof made->rights[0]);
    if (!made)
        return -ENOMEM;
    made->network = engine->sim->network;
    list_append(&made->network->rights, &made->link);
    for (int r = 0; made->count < count; made->count++) {
        int number;
        memcpy(&number, CMSG_DATA(header) + made->count * sizeof number, sizeof number);
        r = right_make(engine, number, &made->rights[made->count]);
        if (r < 0) {
            sim_rights_drop(made);
            return r;
        }
    }
    *ret_rights = made;
    return 0;
}

void sim_rights_give(struct sim_engine *engine, struct sim_rights *rights, struct msghdr *message)
{
    size_t room = message->msg_controllen, given = 0;
    room = message->msg_control && room > CMSG_LEN(0) ? (room - CMSG_LEN(0)) / sizeof(int) : 0;
    message->msg_controllen = 0;
    if (!rights)
        return;
    struct cmsghdr *header = message->msg_control;
    while (given < rights->count && given < room) {
        int number = right_open(engine, &rights->rights[given]);
        if (number < 0)
            break;
        memcpy(CMSG_DATA(header) + given++ * sizeof number, &number, sizeof number);
    }
    if (given < rights->count)
        message->msg_flags |= MSG_CTRUNC;
    if (given) {
        *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(given * sizeof(int)),
                                   .cmsg_level = SOL_SOCKET,
                                   .cmsg_type = SCM_RIGHTS};
        message->msg_controllen = CMSG_SPACE(given * sizeof(int));
    }
    rights_close(rights, given); /* the rest */
    rights_free(rights);
}
