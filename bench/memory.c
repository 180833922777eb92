/* SPDX-License-Identifier: MIT
 *
 * Reads VmRSS and VmPTE from /proc/PROCESS/status.
 */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "harness.h"

int memory_use_read(struct memory_use *ret_use)
{
    return memory_use_read_of(getpid(), ret_use);
}

int memory_use_read_of(pid_t process, struct memory_use *ret_use)
{
    struct memory_use use = {.resident_kib = -1, .page_tables_kib = -1};
    char path[64], line[256];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    while (fgets(line, sizeof(line), file) != NULL) {
        sscanf(line, "VmRSS: %ld", &use.resident_kib);
        sscanf(line, "VmPTE: %ld", &use.page_tables_kib);
    }
    fclose(file);
    if (use.resident_kib < 0 || use.page_tables_kib < 0)
        return -ENODATA;
    *ret_use = use;
    return 0;
}

void memory_use_sample(const struct memory_use *before, const struct memory_use *after,
                       size_t count, struct sample *ret_sample)
{
    double resident = (double)(after->resident_kib - before->resident_kib) * 1024;
    double page_tables = (double)(after->page_tables_kib - before->page_tables_kib) * 1024;

    ret_sample->operations = count;
    ret_sample->bytes = resident + page_tables;
    snprintf(ret_sample->note, sizeof(ret_sample->note), "%.0f resident + %.0f page tables",
             resident / (double)count, page_tables / (double)count);
}
