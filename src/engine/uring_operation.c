/* SPDX-License-Identifier: MIT */
/*
 * File operations as entries of an io_uring. Paths and buffers are the caller's and stay in place
 * until done(): the kernel takes a path in at submission, but that may be turns after submit().
 *
 * Three things aren't for the ring (Linux 6.18). It doesn't take the lock of a file's position:
 * where other processes use the same one, what one writes lands on top of what others do, up to a
 * third of it if two write as fast as they can. A write to a pipe that nobody reads any more raises
 * SIGPIPE in whoever enters the ring, and one beyond the size that files may have here SIGXFSZ; a
 * thread of the pool has them blocked.
 *
 * One known difference to the system call: the ring first opens with O_NONBLOCK, so opening a named
 * pipe needn't wait for the other end (and for writing says ENXIO without one).
 */
#include "engine/uring_operation.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include "sanitizer.h"

/* What read() and write() clamp to as well; an entry has but 32 bits for it. */
static unsigned clamp_size(size_t size)
{
    const unsigned most = 0x7ffff000;
    return size < most ? (unsigned)size : most;
}

void uring_operation_check(const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_READ:
        sanitizer_check_writable(operation->buffer, operation->size);
        break;
    case OPERATION_WRITE:
        sanitizer_check_readable(operation->buffer, operation->size);
        break;
    case OPERATION_RENAME:
        sanitizer_check_readable(operation->second_path, strlen(operation->second_path) + 1);
        /* fall through */
    case OPERATION_OPEN:
    case OPERATION_MAKE_DIRECTORY:
    case OPERATION_UNLINK:
    case OPERATION_REMOVE_DIRECTORY:
        sanitizer_check_readable(operation->path, strlen(operation->path) + 1);
        break;
    default:
        break;
    }
}

static bool has_size_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* There is no entry for the others, or not in every ring: truncating came with Linux 6.9. Asking
 * for a status by the ring is no better than by a thread: it always takes one. */
bool uring_operation_known(const struct operation *operation)
{
    if (operation->kind == OPERATION_WRITE && has_size_limit())
        return false;
    return operation->kind <= OPERATION_REMOVE_DIRECTORY && !operation->by_call;
}

void uring_operation_prepare(const struct operation *operation, struct io_uring_sqe *entry)
{
    const char *path = operation->path;
    const int directory = operation_directory(operation);
    switch (operation->kind) {
    case OPERATION_OPEN:
        io_uring_prep_openat(entry, directory, path, operation->flags, operation->mode);
        break;
    case OPERATION_READ:
        io_uring_prep_read(entry, operation->descriptor, operation->buffer,
                           clamp_size(operation->size), (uint64_t)operation->offset);
        break;
    case OPERATION_WRITE:
        io_uring_prep_write(entry, operation->descriptor, operation->buffer,
                            clamp_size(operation->size), (uint64_t)operation->offset);
        break;
    case OPERATION_SYNC:
        io_uring_prep_fsync(entry, operation->descriptor, 0);
        break;
    case OPERATION_CLOSE:
        io_uring_prep_close(entry, operation->descriptor);
        break;
    case OPERATION_MAKE_DIRECTORY:
        io_uring_prep_mkdirat(entry, AT_FDCWD, path, operation->mode);
        break;
    case OPERATION_RENAME:
        io_uring_prep_renameat(entry, AT_FDCWD, path, AT_FDCWD, operation->second_path, 0);
        break;
    case OPERATION_UNLINK:
        io_uring_prep_unlinkat(entry, directory, path, 0);
        break;
    case OPERATION_REMOVE_DIRECTORY:
        io_uring_prep_unlinkat(entry, directory, path, AT_REMOVEDIR);
        break;
    default:
        assert(!"an operation that the ring doesn't know");
    }
}

/* The kernel's own "interrupted, begin again" values (ERESTARTSYS and kin) never reach a caller of
 * system calls, but opening a file in a kernel thread lets them through: seen with Linux 6.18. */
static bool is_interruption(int result)
{
    return result == -EINTR || (result <= -512 && result >= -516);
}

/* A close that was interrupted has closed: asking again would hit another's descriptor. */
bool uring_operation_interrupted(const struct operation *operation, int result, bool cancelled)
{
    return is_interruption(result) && !cancelled && operation->kind != OPERATION_CLOSE;
}

int uring_operation_result(const struct operation *operation, int result, bool cancelled)
{
    if (operation->kind == OPERATION_READ && result > 0)
        sanitizer_make_defined(operation->buffer, (size_t)result);
    if (operation->kind == OPERATION_CLOSE && is_interruption(result))
        return 0;
    /* Work that had begun in a kernel thread is cancelled by a signal to it. */
    if (cancelled && is_interruption(result))
        return -ECANCELED;
    return result;
}
