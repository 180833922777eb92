/* SPDX-License-Identifier: MIT */
/*
 * eddy: Python's asyncio, for C. Includes everything of the core library.
 */
#ifndef EDDY_H
#define EDDY_H

#include <eddy/base.h>
#include <eddy/failure.h>
#include <eddy/log.h>
#include <eddy/loop.h>
#include <eddy/future.h>
#include <eddy/task.h>
#include <eddy/debug.h>
#include <eddy/run.h>
#include <eddy/runner.h>
#include <eddy/scope.h>
#include <eddy/group.h>
#include <eddy/gather.h>
#include <eddy/wait.h>
#include <eddy/submit.h>
#include <eddy/generator.h>
#include <eddy/lock.h>
#include <eddy/event.h>
#include <eddy/condition.h>
#include <eddy/semaphore.h>
#include <eddy/barrier.h>
#include <eddy/queue.h>
#include <eddy/race.h>
#include <eddy/select.h>
#include <eddy/priority_queue.h>
#include <eddy/rate_limiter.h>
#include <eddy/retry.h>
#include <eddy/cache.h>
#include <eddy/local.h>
#include <eddy/defer.h>
#include <eddy/pool.h>
#include <eddy/stream.h>
#include <eddy/file.h>

#endif
