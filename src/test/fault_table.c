/* SPDX-License-Identifier: MIT */
/*
 * Which errnos each call of an engine may give: from the manual pages of Linux (recv, send,
 * recvmsg, sendmsg, recvmmsg, sendmmsg, sendfile, splice, read, write, socket, socketpair, bind,
 * listen, connect, accept, shutdown, close, getsockname,
 * getpeername, setsockopt, getsockopt, lseek, epoll_ctl, open, fsync, mkdir, rename, unlink, rmdir,
 * stat, chmod, ftruncate, getdents, flock, copy_file_range, preadv2, inotify_init1, pipe, clone,
 * execve, pidfd_open, kill, waitid in section 2; ip, tcp and unix in section 7), for the kinds of
 * descriptor that the library hands to the call.
 */
#include "test/fault_plan.h"

#include <errno.h>

enum { ERRORS_MOST = 20 };

static const struct {
    const char *name;
    short errors[ERRORS_MOST]; /* up to the first 0 */
} calls[FAULT_CALLS] = {
    [FAULT_CREATE] = {"engine_create", {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS}},
    [FAULT_WATCH] = {"watch", {ENOMEM, ENOSPC, EPERM}},
    [FAULT_REWATCH] = {"rewatch", {ENOMEM}},
    [FAULT_SUBMIT] = {"submit", {ENOMEM}},
    [FAULT_OPEN] = {"open",
                    {EACCES, EBUSY, EDQUOT, EEXIST, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENODEV,
                     ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EPERM, EROFS, ETXTBSY}},
    [FAULT_READ] = {"read", {EINTR, EIO, EISDIR, EINVAL}},
    [FAULT_WRITE] = {"write", {EDQUOT, EFBIG, EINTR, EIO, ENOSPC, EPERM, EPIPE}},
    [FAULT_SYNC] = {"sync", {EDQUOT, EINTR, EINVAL, EIO, ENOSPC, EROFS}},
    [FAULT_CLOSE_FILE] = {"close of a file", {EDQUOT, EIO, ENOSPC}},
    [FAULT_MAKE_DIRECTORY] = {"make_directory",
                              {EACCES, EDQUOT, EEXIST, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOMEM,
                               ENOSPC, ENOTDIR, EPERM, EROFS}},
    [FAULT_RENAME] = {"rename",
                      {EACCES, EBUSY, EDQUOT, EEXIST, EISDIR, ELOOP, EMLINK, ENOENT, ENOMEM, ENOSPC,
                       ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV}},
    [FAULT_UNLINK] = {"unlink",
                      {EACCES, EBUSY, EIO, EISDIR, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS}},
    [FAULT_REMOVE_DIRECTORY] = {"remove_directory",
                                {EACCES, EBUSY, EINVAL, ELOOP, ENOENT, ENOMEM, ENOTDIR, ENOTEMPTY,
                                 EPERM, EROFS}},
    [FAULT_STATUS] = {"status", {EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW}},
    [FAULT_TRUNCATE] = {"truncate", {EFBIG, EINTR, EINVAL, EIO, EPERM, ETXTBSY}},
    [FAULT_LIST] = {"list", {ENOENT, ENOTDIR}},
    [FAULT_LOCK] = {"lock", {EINTR, ENOLCK}},
    [FAULT_COPY] = {"copy",
                    {EFBIG, EINVAL, EIO, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ETXTBSY, EXDEV}},
    [FAULT_EXTENT] = {"extent",
                      {EINVAL, EIO, EOVERFLOW}}, /* ENXIO would say that nothing is left */
    [FAULT_NOTIFY] = {"notify", {EMFILE, ENFILE, ENOMEM}},
    [FAULT_NOTIFY_ADD] = {"notify_add", {EACCES, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR}},
    [FAULT_NOTIFY_REMOVE] = {"notify_remove", {EINVAL}},
    [FAULT_RECEIVE] = {"receive",
                       {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EIO, ENOBUFS, ENOMEM, EPIPE,
                        ETIMEDOUT}},
    [FAULT_SEND] = {"send", {ECONNRESET, EHOSTUNREACH, EIO, ENOBUFS, ENOMEM, EPIPE, ETIMEDOUT}},
    [FAULT_RECEIVE_MESSAGE] = {"receive_message",
                               {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EIO, EMSGSIZE, ENOBUFS,
                                ENOMEM, EPIPE, ETIMEDOUT}},
    [FAULT_SEND_MESSAGE] = {"send_message",
                            {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EIO, EMSGSIZE, ENOBUFS, ENOMEM,
                             EPIPE, ETIMEDOUT, ETOOMANYREFS}},
    [FAULT_SEND_FILE] = {"send_file",
                         {ECONNRESET, EHOSTUNREACH, EINVAL, EIO, ENOBUFS, ENOMEM, EOVERFLOW, EPIPE,
                          ETIMEDOUT}},
    [FAULT_RECEIVE_INTO_PIPE] = {"receive_into_pipe",
                                 {ECONNRESET, EHOSTUNREACH, EINVAL, EIO, ENOMEM, ETIMEDOUT}},
    [FAULT_SEND_FROM_PIPE] = {"send_from_pipe",
                              {ECONNRESET, EHOSTUNREACH, EINVAL, EIO, ENOMEM, EPIPE, ETIMEDOUT}},
    [FAULT_CHANGE_GROUP] = {"change_group",
                            {EADDRINUSE, EADDRNOTAVAIL, EMFILE, ENOBUFS, ENODEV, ENOMEM,
                             ENOPROTOOPT}},
    [FAULT_RECEIVE_DATAGRAMS] = {"receive_datagrams",
                                 {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOBUFS, ENOMEM}},
    [FAULT_SEND_DATAGRAMS] = {"send_datagrams",
                              {EACCES, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH,
                               ENOBUFS, ENOMEM, EPERM}},
    [FAULT_SOCKET] = {"socket",
                      {EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}},
    [FAULT_SOCKET_PAIR] = {"socket_pair", {EMFILE, ENFILE}},
    [FAULT_BIND] = {"bind", {EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOMEM}},
    [FAULT_LISTEN] = {"listen", {EADDRINUSE}},
    [FAULT_CONNECT] = {"connect",
                       {EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNREFUSED,
                        ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENOBUFS, ENOMEM, EPERM, ETIMEDOUT}},
    [FAULT_ACCEPT] = {"accept",
                      {ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EMFILE, ENETDOWN, ENETUNREACH, ENFILE,
                       ENOBUFS, ENOMEM, ENONET, ENOPROTOOPT, ENOSR, EOPNOTSUPP, EPERM, EPROTO,
                       EPROTONOSUPPORT, ESOCKTNOSUPPORT, ETIMEDOUT}},
    [FAULT_SHUTDOWN] = {"shutdown", {ENOTCONN}},
    [FAULT_CLOSE] = {"close", {EIO}},
    [FAULT_LOCAL_ADDRESS] = {"local_address", {ENOBUFS}},
    [FAULT_PEER_ADDRESS] = {"peer_address", {ENOBUFS, ENOTCONN}},
    [FAULT_SET_OPTION] = {"set_option", {ENOMEM, ENOPROTOOPT}},
    [FAULT_GET_OPTION] = {"get_option", {ENOPROTOOPT}},
    [FAULT_POSITION] = {"position", {EOVERFLOW, ESPIPE}},
    [FAULT_READ_NOW] = {"read_now", {EIO, EOPNOTSUPP}},
    [FAULT_DESCRIPTOR_STATUS] = {"descriptor_status", {ENOMEM, EOVERFLOW}},
    [FAULT_PATH_STATUS] = {"path_status", {EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR}},
    [FAULT_PATH_MODE] = {"path_mode", {EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS}},
    [FAULT_PATH_REMOVE] = {"path_remove",
                           {EACCES, EBUSY, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS}},
    [FAULT_PIPE] = {"pipe", {EMFILE, ENFILE}},
    [FAULT_PROCESS_START] = {"process_start",
                             {E2BIG, EACCES, EAGAIN, EIO, ELIBBAD, EMFILE, ENFILE, ENOENT, ENOEXEC,
                              ENOMEM, ENOSYS, ENOTDIR, EPERM, ETXTBSY}},
    [FAULT_PROCESS_SIGNAL] = {"process_signal", {EPERM}},
    [FAULT_PROCESS_REAP] = {"process_reap", {ECHILD}},
};

int fault_strike(struct fault_plan *plan, enum fault_call call)
{
    int code = 0;
    plan->made[call]++;
    for (int i = 0; i < ERRORS_MOST && calls[call].errors[i]; i++) {
        if (++plan->sites != plan->fail)
            continue;
        code = -calls[call].errors[i];
        plan->failed_call = calls[call].name;
        plan->failed_number = plan->made[call];
        plan->failed_code = code;
    }
    return code;
}
