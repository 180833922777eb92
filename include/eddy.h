/* SPDX-License-Identifier: MIT */
/*
 * eddy: Python's asyncio, for C. Includes everything of the core library.
 */
#ifndef EDDY_H
#define EDDY_H

/* errors, and what the runtime says */
#include <eddy/base.h>
#include <eddy/debug.h>
#include <eddy/failure.h>
#include <eddy/log.h>

/* running */
#include <eddy/cluster.h>
#include <eddy/embed.h>
#include <eddy/loop.h>
#include <eddy/run.h>
#include <eddy/runner.h>
#include <eddy/submit.h>

/* tasks, and waiting for them */
#include <eddy/defer.h>
#include <eddy/future.h>
#include <eddy/gather.h>
#include <eddy/generator.h>
#include <eddy/group.h>
#include <eddy/local.h>
#include <eddy/race.h>
#include <eddy/scope.h>
#include <eddy/select.h>
#include <eddy/task.h>
#include <eddy/wait.h>

/* between tasks */
#include <eddy/barrier.h>
#include <eddy/cache.h>
#include <eddy/channel.h>
#include <eddy/condition.h>
#include <eddy/event.h>
#include <eddy/lock.h>
#include <eddy/priority_queue.h>
#include <eddy/queue.h>
#include <eddy/rate_limiter.h>
#include <eddy/retry.h>
#include <eddy/semaphore.h>

/* the world */
#include <eddy/connect.h>
#include <eddy/directory.h>
#include <eddy/datagram.h>
#include <eddy/file.h>
#include <eddy/file_watch.h>
#include <eddy/path.h>
#include <eddy/pool.h>
#include <eddy/process.h>
#include <eddy/server.h>
#include <eddy/signal.h>
#include <eddy/standard_stream.h>
#include <eddy/stream.h>
#include <eddy/stream_layer.h>
#include <eddy/temporary.h>

#endif
