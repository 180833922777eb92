/* SPDX-License-Identifier: MIT */
/*
 * Runs the oracle's programs on eddy, on the virtual clock: the counterpart of asyncio_program.py,
 * read the two side by side. Programs come from stdin, traces go to stdout. The argument is the
 * version of CPython to compare with. Programs are read here and run in operations.c.
 */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(bool holds)
{
    if (holds)
        return;
    fprintf(stderr, "this is no program\n");
    exit(2);
}

static int read_number(void)
{
    int number;
    expect(scanf("%d", &number) == 1);
    return number;
}

static void read_brace(void)
{
    char brace[2];
    expect(scanf("%1s", brace) == 1 && *brace == '{');
}

static struct op *read_ops(void)
{
    struct op *first = NULL, **end = &first;
    int id;
    while (scanf("%d", &id) == 1) {
        struct op *op = calloc(1, sizeof *op);
        expect(op && scanf("%11s", op->word) == 1);
        op->id = id;
        op->number = read_number();
        enum shape shape = word_shape(op->word);
        expect(shape != MANY || op->number <= LIST);
        for (int i = 0; shape == MANY && i < op->number; i++)
            op->list[i] = read_number();
        if (shape == TWO_NUMBERS)
            op->second = read_number();
        if (shape == BLOCK) {
            read_brace();
            op->block = read_ops();
        }
        *end = op;
        end = &op->next;
    }
    char brace[2];
    expect(scanf("%1s", brace) == 1 && *brace == '}');
    return first;
}

static void free_ops(struct op *op)
{
    while (op) {
        struct op *next = op->next;
        free_ops(op->block);
        free(op);
        op = next;
    }
}

int main(int argc, char **argv)
{
    char word[16];
    gather_always_suspends = argc > 1 && strcmp(argv[1], "3.11") == 0;
    int read = scanf("%15s", word);
    while (read == 1 && strcmp(word, "program") == 0) {
        int body_count = 0;
        while ((read = scanf("%15s", word)) == 1 && strcmp(word, "body") == 0) {
            expect(body_count < BODIES);
            read_brace();
            bodies[body_count++] = read_ops();
        }
        printf("program\n");
        if (program_run() < 0)
            return 1;
        for (int i = 0; i < body_count; i++)
            free_ops(bodies[i]);
    }
    return read == EOF ? 0 : 2;
}
