/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target as a plain program, where there is no libFuzzer: gives it the files named on the
 * command line and all files of the folders named there, or bytes made from a seed.
 *
 *     fuzz_scope corpus/scope crash-1234
 *     fuzz_scope --random SEED RUNS
 *
 * An input that makes the target abort or hang is the one printed last.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"

enum { LARGEST = 1 << 16, PATIENCE = 20 /* seconds an input */ };

static uint8_t bytes[LARGEST];
static unsigned long long runs;

static void give(size_t size)
{
    /* Exactly as large, so that sanitizers see a read beyond the end. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    (void)alarm(PATIENCE);
    (void)LLVMFuzzerTestOneInput(copy, size);
    (void)alarm(0);
    free(copy);
    runs++;
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    printf("%s\n", path);
    (void)fflush(stdout);
    give(size);
}

static void replay(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        replay_file(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char inside[4096];
        (void)snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay_file(inside);
        free(entries[i]);
    }
    free(entries);
}

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_number(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void replay_random(uint64_t seed, unsigned long long count)
{
    for (unsigned long long i = 0; i < count; i++) {
        random_state = seed + i;
        size_t size = 2 + random_number() % 300;
        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)random_number();
        /* Printed in one go only now and then, so that it costs nothing. */
        if (i % 1000 == 0) {
            printf("--random %llu 1000\n", (unsigned long long)(seed + i));
            (void)fflush(stdout);
        }
        give(size);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--random") == 0) {
        replay_random(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
    } else if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: %s FILE-OR-FOLDER... | --random SEED RUNS\n", argv[0]);
        return 2;
    } else {
        for (int i = 1; i < argc; i++)
            replay(argv[i]);
    }
    printf("torture: %llu runs, 0 failed\n", runs);
    return runs == 0;
}
