/* SPDX-License-Identifier: MIT */
/*
 * Findings. Checks and notes may come from a pool's threads, so a mutex keeps them whole.
 */
#include "test/findings.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eddy/test.h"
#include "test/session.h"

static struct findings bottom;
static struct findings *top = &bottom;
static struct findings *spare; /* one that was used and left, for runs by the thousand */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct findings *findings_here(void)
{
    return top;
}

bool findings_begin(void)
{
    struct findings *findings = spare ? spare : malloc(sizeof *findings);
    if (!findings)
        return false;
    spare = NULL;
    memset(findings, 0, offsetof(struct findings, records));
    findings->outer = top;
    top = findings;
    return true;
}

void findings_end(void)
{
    struct findings *findings = top;
    top = findings->outer;
    free(spare);
    spare = findings;
}

__attribute__((__destructor__)) static void spare_free(void)
{
    free(spare);
    spare = NULL;
}

/* ---- failing, and skipping ---- */

bool eddy_test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)pthread_mutex_lock(&lock);
    struct findings *findings = top;
    if (!findings->file) {
        findings->line = line;
        (void)vsnprintf(findings->why, sizeof findings->why, format, arguments);
        findings->file = file;
        if (findings == &bottom)
            fprintf(stderr, "%s:%d: %s\n", file, line, findings->why);
    }
    (void)pthread_mutex_unlock(&lock);
    va_end(arguments);
    return false;
}

int eddy_test_left_(void)
{
    (void)pthread_mutex_lock(&lock);
    top->left = true;
    (void)pthread_mutex_unlock(&lock);
    return EDDY_TEST_FAILED;
}

bool eddy_test_failed(void)
{
    return top->file || session_disturbed();
}

/* ---- notes: who did what, in which order ---- */

void eddy_test_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)pthread_mutex_lock(&lock);
    char *notes = top->notes;
    size_t used = strlen(notes), size = sizeof top->notes;
    if (used && used + 1 < size) {
        notes[used++] = ' ';
        notes[used] = '\0';
    }
    (void)vsnprintf(notes + used, size - used, format, arguments);
    (void)pthread_mutex_unlock(&lock);
    va_end(arguments);
}

/* ---- the log ---- */

static void keep_stuck(struct findings *findings, const struct eddy_log_record *record)
{
    findings->failed_before_stuck = findings->file != NULL;
    FILE *stream = fmemopen(findings->stuck, sizeof findings->stuck, "w");
    if (!stream)
        return;
    eddy_failure_print(record->failure, stream);
    (void)fclose(stream);
}

void findings_log(void *context, const struct eddy_log_record *record)
{
    (void)context;
    struct findings *findings = top;
    findings->created += record->event == EDDY_LOG_TASK_CREATED;
    findings->finished += record->event == EDDY_LOG_TASK_FINISHED;
    if (record->event == EDDY_LOG_NOTE && (record->code == -EDEADLK || record->code == -ELOOP))
        keep_stuck(findings, record);
    size_t room = record->level < EDDY_LOG_WARNING ? FINDINGS_RECORDS / 2 : FINDINGS_RECORDS;
    if (findings->record_count >= room)
        return;
    struct finding_record *copy = &findings->records[findings->record_count++];
    *copy = (struct finding_record){.level = record->level,
                                    .event = record->event,
                                    .seconds = record->seconds,
                                    .code = record->code};
    (void)snprintf(copy->message, sizeof copy->message, "%s", record->message);
    (void)snprintf(copy->task, sizeof copy->task, "%s", record->task);
    (void)snprintf(copy->failure, sizeof copy->failure, "%s",
                   eddy_failure_message(record->failure));
}

struct finding_record *findings_next_report(void)
{
    for (size_t i = 0; i < top->record_count; i++) {
        struct finding_record *record = &top->records[i];
        if (record->level >= EDDY_LOG_WARNING && !record->asked_for)
            return record;
    }
    return NULL;
}

struct finding_record *findings_report(const char *file, int line, enum eddy_log_event event,
                                       const char *part)
{
    struct finding_record *record = findings_next_report();
    if (!record) {
        (void)eddy_test_fail(file, line, "the log has nothing about '%s'", part);
        return NULL;
    }
    record->asked_for = true;
    if (record->event == event && strstr(record->message, part))
        return record;
    (void)eddy_test_fail(file, line, "the log says '%s' (event %d), not '%s' (event %d)",
                         record->message, (int)record->event, part, (int)event);
    return NULL;
}

size_t findings_count(enum eddy_log_event event)
{
    size_t count = 0;
    for (size_t i = 0; i < top->record_count; i++)
        count += top->records[i].event == event;
    return count;
}
