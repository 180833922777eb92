/* SPDX-License-Identifier: MIT */

#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Downloads twelve photographs and finds their edges, four ways, one after the other:\n"
    "one by one; with threads; with tasks and a process pool; the same, a few downloads at a time.\n"
    "\n"
    "  --limit N        downloads at a time in the fourth version (default 4)\n"
    "  --workers N      processes for the edge detection (default: one a CPU)\n"
    "  --out DIR        where original_images/, processed_images/ and timeline.svg go\n"
    "                   (default: pipeline-output)\n"
    "  --timeout S      seconds a download may take (default 10)\n"
    "  --repeat N       run everything N times and report the medians (default 1)\n"
    "  --only VERSION   sequential, threads, processes or limited\n"
    "  --synthetic      generated pictures instead of photographs\n"
    "  --urls FILE      download these instead, one URL a line\n"
    "  --port N         port of the photo server (default: any free one)\n"
    "  --help           this text\n"
    "\n"
    "Exit code: 0, 1 if a picture failed, 2 for a wrong option, 130 after Ctrl-C.\n";

static const char *const version_names[] = {
    [REPORT_SEQUENTIAL] = "sequential",
    [REPORT_THREADS] = "threads",
    [REPORT_PROCESSES] = "processes",
    [REPORT_LIMITED] = "limited",
};

enum { LIMIT = 1, WORKERS, OUT, TIMEOUT, REPEAT, ONLY, SYNTHETIC, URLS, PORT, HELP };

static const struct option known[] = {
    {"limit", required_argument, NULL, LIMIT},
    {"workers", required_argument, NULL, WORKERS},
    {"out", required_argument, NULL, OUT},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"repeat", required_argument, NULL, REPEAT},
    {"only", required_argument, NULL, ONLY},
    {"synthetic", no_argument, NULL, SYNTHETIC},
    {"urls", required_argument, NULL, URLS},
    {"port", required_argument, NULL, PORT},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *name, const char *text, double least, double most, double *ret)
{
    char *end;
    double number = strtod(text, &end);
    if (end != text && !*end && number >= least && number <= most) {
        *ret = number;
        return true;
    }
    fprintf(stderr, "image_pipeline: --%s wants a number from %g to %g, not '%s'\n", name, least,
            most, text);
    return false;
}

static bool parse_count(const char *name, const char *text, double most, size_t *ret)
{
    double number = 0;
    if (!parse_number(name, text, 1, most, &number))
        return false;
    if (number != floor(number)) {
        fprintf(stderr, "image_pipeline: --%s wants a whole number, not '%s'\n", name, text);
        return false;
    }
    *ret = (size_t)number;
    return true;
}

static bool parse_version(const char *text, int *only)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, version_names[i]) == 0) {
            *only = i;
            return true;
        }
    }
    fprintf(stderr,
            "image_pipeline: --only wants sequential, threads, processes or limited, not '%s'\n",
            text);
    return false;
}

bool options_parse(int argc, char **argv, struct options *options, int *exit_code)
{
    *options = (struct options){
        .limit = 4, .repeat = 1, .timeout = 10, .out = "pipeline-output", .port = -1, .only = -1};
    *exit_code = 2;
    int which;
    while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        bool good = true;
        size_t port = 0;
        switch (which) {
        case LIMIT:
            good = parse_count("limit", optarg, 1000, &options->limit);
            break;
        case WORKERS:
            good = parse_count("workers", optarg, 1024, &options->workers);
            break;
        case OUT:
            options->out = optarg;
            break;
        case TIMEOUT:
            good = parse_number("timeout", optarg, 0.001, 1e6, &options->timeout);
            break;
        case REPEAT:
            good = parse_count("repeat", optarg, 1000, &options->repeat);
            break;
        case ONLY:
            good = parse_version(optarg, &options->only);
            break;
        case SYNTHETIC:
            options->synthetic = true;
            break;
        case URLS:
            options->urls = optarg;
            break;
        case PORT:
            good = parse_count("port", optarg, 65535, &port);
            options->port = (int)port;
            break;
        case HELP:
            printf("usage: %s [option ...]\n\n%s", argv[0], help);
            *exit_code = 0;
            return false;
        default:
            good = false;
        }
        if (!good) {
            fprintf(stderr, "image_pipeline: try --help\n");
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "image_pipeline: '%s' is no option; try --help\n", argv[optind]);
        return false;
    }
    return true;
}
