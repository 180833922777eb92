/* SPDX-License-Identifier: MIT */
/*
 * Standard streams: the program's input, output and error output for tasks, whatever stands behind
 * them: a terminal, a pipe, a socket, a file, /dev/null.
 *
 *     eddy_stream *input;
 *     char line[1024];
 *     ssize_t n;
 *     int r = eddy_standard_input(&input);
 *     if (r < 0)
 *         return r;
 *     while ((n = eddy_stream_read_line(input, line, sizeof line)) > 0)
 *         ...
 *     eddy_stream_close(input);
 *
 * Everything of eddy/stream.h works on them. They have a descriptor of their own: closing one
 * leaves the program's descriptors 0, 1 and 2 open, and a terminal or pipe that is shared with
 * other processes is blocking for them all the time, also when this program crashes. (Where that
 * can't be had, /proc being away, or for another user's pipe or terminal, or for a terminal's
 * master, it is non-blocking until the stream is closed.)
 *
 * What fails later is told by the call on the stream: -ENOSPC or -EDQUOT where there is no more
 * room, -EPIPE if the reader has gone, -EIO of a terminal that has hung up (who reads finds the end
 * of input).
 *
 * A program that is started without one of its descriptors 0, 1 and 2 has nothing there later,
 * either: the first loop takes these numbers, so that no socket gets what is printed.
 *
 * Output goes out at once, past stdio: flush what was printed before (fflush). Input that a line's
 * stream has read ahead is gone for stdio and for programs that share it.
 */
#ifndef EDDY_STANDARD_STREAM_H
#define EDDY_STANDARD_STREAM_H

#include <eddy/stream.h>

EDDY_BEGIN_DECLS

/* Make a stream, which is the caller's, who closes it. Don't suspend. 0, -EINVAL (outside a loop,
 * null), -EBADF (the program was started without), -ENOTSUP (in a simulated system, which has
 * none), -EMFILE, -ENOMEM. Reading and writing of files goes through the loop's thread pool, in
 * turns with other processes that share the file's position; appending to files, and devices,
 * through the ring where there is one. A cancel waits there for what is under way. */
EDDY_API EDDY_MUST_USE int eddy_standard_input(eddy_stream **stream);
EDDY_API EDDY_MUST_USE int eddy_standard_output(eddy_stream **stream);
EDDY_API EDDY_MUST_USE int eddy_standard_error(eddy_stream **stream);

EDDY_END_DECLS
#endif
