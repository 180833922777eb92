/* SPDX-License-Identifier: MIT */
/*
 * The log: one record a call, to the program's handler or, from warnings up, to stderr.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "log.h"
#include "loop.h"
#include "task.h"

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static void log_to_stderr(const struct eddy_loop *loop, const struct eddy_log_record *record)
{
    if (record->level < EDDY_LOG_WARNING && !(loop && loop->debug))
        return;
    fprintf(stderr, "eddy: %s: %s\n", level_names[record->level], record->message);
    eddy_failure_print(record->failure, stderr);
}

void log_record(struct eddy_loop *loop, const struct eddy_log_record *record)
{
    if (!loop)
        loop = loop_self;
    if (!loop || !loop->log || loop->in_log) { /* the handler itself went wrong: rule 262 */
        log_to_stderr(loop, record);
        return;
    }
    loop->in_log = true;
    loop->log(loop->log_context, record);
    loop->in_log = false;
}

void log_say(struct eddy_loop *loop, enum eddy_log_level level, enum eddy_log_event event,
             const char *format, ...)
{
    char message[512], name[TASK_NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    task_current_name(name);
    log_record(loop, &(struct eddy_log_record){
                         .level = level, .event = event, .message = message, .task = name});
}

int log_misuse(int code, const char *call, const char *format, ...)
{
    char detail[256], name[TASK_NAME_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    task_current_name(name);
    char message[512];
    (void)snprintf(message, sizeof message, "%s: %s%s%s (%s)", call, detail, name[0] ? ", in " : "",
                   name, eddy_error_name(code));
    log_record(NULL, &(struct eddy_log_record){.level = EDDY_LOG_ERROR,
                                               .event = EDDY_LOG_MISUSE,
                                               .message = message,
                                               .task = name,
                                               .code = code});
    return eddy_fail_(code, false, "", 0, "%s: %s", call, detail);
}

void log_abort(const char *format, ...)
{
    char name[TASK_NAME_SIZE];
    task_current_name(name);
    fputs("eddy: fatal: ", stderr);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s%s\n", name[0] ? ", in " : "", name);
    abort();
}
