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
#include <eddy/run.h>
#include <eddy/scope.h>
#include <eddy/group.h>
#include <eddy/gather.h>
#include <eddy/lock.h>
#include <eddy/event.h>
#include <eddy/semaphore.h>
#include <eddy/queue.h>
#include <eddy/pool.h>
#include <eddy/stream.h>
#include <eddy/file.h>

#endif
