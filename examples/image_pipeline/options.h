/* SPDX-License-Identifier: MIT */

/* The command line of the image pipeline. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

struct options {
    size_t limit;   /* downloads at a time in the fourth version */
    size_t workers; /* processes; 0: one a CPU */
    size_t repeat;
    double timeout;   /* seconds a download */
    const char *out;  /* the directory everything is written to */
    const char *urls; /* a file of URLs, or NULL: our own photo server */
    int port;         /* of the photo server; -1: any free one, and none with --urls */
    bool synthetic;
    int only; /* enum report_version, or -1: all */
};

/* Fills in the options. True to go on; false to end with *exit_code, after --help or with a line on
 * stderr that says what is wrong. */
bool options_parse(int argc, char **argv, struct options *options, int *exit_code);
