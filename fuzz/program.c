/* SPDX-License-Identifier: MIT */
/* Bytes to programs, and programs to text. */
#include <errno.h>
#include <string.h>
#include "program.h"

struct decoder {
    struct program *program;
    const uint8_t *bytes;
    size_t left;
};

bool is_block(enum what what)
{
    return what == DO_GROUP || what == DO_TIMEOUT || what == DO_DEADLINE || what == DO_SHIELD;
}

/* The row up to its end; its first statement, or NONE. */
static int decode_row(struct decoder *decoder, int depth)
{
    struct program *program = decoder->program;
    int first = NONE, *link = &first;
    while (decoder->left >= 2 && program->statement_count < MAX_STATEMENTS) {
        uint8_t what = decoder->bytes[0], operand = decoder->bytes[1];
        decoder->bytes += 2;
        decoder->left -= 2;
        struct statement *statement = &program->statements[program->statement_count];
        *statement = (struct statement){.what = (enum what)(what % DO_COUNT),
                                        .then = (enum then)(what / DO_COUNT % THEN_COUNT),
                                        .operand = operand,
                                        .body = NONE,
                                        .next = NONE};
        if (statement->what == DO_END)
            break;
        if (is_block(statement->what) && depth == MAX_DEPTH)
            statement->what = DO_OBSERVE;
        *link = program->statement_count++;
        link = &statement->next;
        if (is_block(statement->what))
            statement->body = decode_row(decoder, depth + 1);
    }
    return first;
}

void program_decode(struct program *program, const uint8_t *bytes, size_t size)
{
    memset(program, 0, sizeof *program);
    struct decoder decoder = {program, bytes, size};
    do
        program->procedures[program->procedure_count++] = decode_row(&decoder, 0);
    while (decoder.left >= 2 && program->procedure_count < MAX_PROCEDURES &&
           program->statement_count < MAX_STATEMENTS);
}

/* ---- operands ---- */

double operand_seconds(const struct statement *statement)
{
    return statement->operand == UINT8_MAX ? __builtin_inf() : 0.5 * (statement->operand % 8);
}

int operand_code(const struct statement *statement)
{
    static const int codes[] = {0, 7, -EIO, -ECANCELED, -ETIMEDOUT};
    int code = codes[statement->operand % 5];
    return statement->what == DO_FAIL && code >= 0 ? -EPIPE : code;
}

int operand_repeats(const struct statement *statement)
{
    static const int repeats[] = {2, 7, 101, 130}; /* 100 refusals in a row are borne in silence */
    return repeats[statement->operand % 4];
}

int operand_procedure(const struct program *program, const struct statement *statement)
{
    return statement->operand % 16 % program->procedure_count;
}

bool operand_runs_all(const struct statement *statement)
{
    return statement->operand % 2;
}

int operand_group(const struct statement *statement, int own, const int *open, int count)
{
    int which = statement->operand / 16;
    if (which == 0 && own != NONE)
        return own;
    return count ? open[count - 1 - which % count] : NONE;
}

/* ---- text ---- */

static const char *const names[DO_COUNT] = {
    [DO_SLEEP] = "sleep",       [DO_PERSIST] = "persist",
    [DO_RETURN] = "return",     [DO_FAIL] = "fail",
    [DO_GROUP] = "group",       [DO_TIMEOUT] = "timeout",
    [DO_DEADLINE] = "deadline", [DO_SHIELD] = "shield",
    [DO_SPAWN] = "spawn",       [DO_CREATE] = "create",
    [DO_CANCEL] = "cancel",     [DO_AWAIT] = "await",
    [DO_WAIT] = "wait",         [DO_RESULT] = "result",
    [DO_RELEASE] = "release",   [DO_CANCEL_GROUP] = "cancel group",
    [DO_OBSERVE] = "observe",   [DO_END] = "end",
};

static void print_operand(const struct program *program, const struct statement *statement,
                          FILE *stream)
{
    switch (statement->what) {
    case DO_SLEEP:
    case DO_TIMEOUT:
    case DO_DEADLINE:
    case DO_SHIELD:
        fprintf(stream, " %g", operand_seconds(statement));
        break;
    case DO_PERSIST:
        fprintf(stream, " %d times", operand_repeats(statement));
        break;
    case DO_RETURN:
    case DO_FAIL:
        fprintf(stream, " %d", operand_code(statement));
        break;
    case DO_GROUP:
        fprintf(stream, "%s", operand_runs_all(statement) ? " that runs all" : "");
        break;
    case DO_SPAWN:
        fprintf(stream, " P%d in group %d", operand_procedure(program, statement),
                statement->operand / 16);
        break;
    case DO_CREATE:
        fprintf(stream, " P%d", operand_procedure(program, statement));
        break;
    case DO_CANCEL_GROUP:
        fprintf(stream, " %d", statement->operand / 16);
        break;
    case DO_OBSERVE:
        break;
    default:
        fprintf(stream, " task %d", statement->operand);
    }
}

static void print_row(const struct program *program, int first, int depth, FILE *stream)
{
    static const char *const thens[] = {"return", "leave", "go on"};
    for (int i = first; i != NONE; i = program->statements[i].next) {
        const struct statement *statement = &program->statements[i];
        fprintf(stream, "  %*s%s", 2 * depth, "", names[statement->what]);
        print_operand(program, statement, stream);
        fprintf(stream, ", on error %s\n", thens[statement->then]);
        if (is_block(statement->what))
            print_row(program, statement->body, depth + 1, stream);
    }
}

void program_print(const struct program *program, FILE *stream)
{
    for (int i = 0; i < program->procedure_count; i++) {
        fprintf(stream, "P%d:\n", i);
        print_row(program, program->procedures[i], 0, stream);
    }
}
