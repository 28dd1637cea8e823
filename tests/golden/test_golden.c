/*
 * The golden rallies: plays each file of this folder and compares every state that it lists. The
 * format is README.md's. It must not know how the files were made.
 */
#include "tests/golden/golden.h"
#include "tests/golden/random_rally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamed/pong.h"

struct golden {
    const char *name;
    int line;
    bool has_started;
    struct pong pong;
    uint32_t chain;
    int states, chains;
};

static void golden_require(const struct golden *golden, bool holds, const char *what)
{
    if (!holds)
        fail_msg("tests/golden/%s.txt:%d: %s", golden->name, golden->line, what);
}

static void golden_run_to(struct golden *golden, uint32_t step)
{
    golden_require(golden, golden->has_started && step - golden->pong.step < 100000,
                   "steps out of order");
    while (golden->pong.step != step) {
        pong_step(&golden->pong);
        golden->chain = golden_hash_state(golden->chain, &golden->pong);
    }
}

static void golden_check_state(struct golden *golden, const char *line)
{
    const struct pong *pong = &golden->pong;
    char found[256];
    snprintf(found, sizeof found, "state %u %d %d %d %d %d %d %d %d %d %d %d %d %08x\n", pong->step,
             pong->ball_x, pong->ball_y, pong->ball_vx, pong->ball_vy, pong->target_y[0],
             pong->target_y[1], pong->paddle_y[0], pong->paddle_y[1], pong->score[0],
             pong->score[1], pong->phase, pong->steps_left,
             golden_hash_state(GOLDEN_HASH_START, pong));
    if (strcmp(found, line) != 0)
        fail_msg("tests/golden/%s.txt:%d: expected %sfound %s", golden->name, golden->line, line,
                 found);
    golden->states++;
}

static void golden_put(struct golden *golden, const char *kind, const int32_t *value, int count)
{
    struct pong *pong = &golden->pong;
    if (strcmp(kind, "ball") == 0 && count == 4) {
        pong->ball_x = value[0];
        pong->ball_y = value[1];
        pong->ball_vx = value[2];
        pong->ball_vy = value[3];
    } else if (strcmp(kind, "target") == 0 && count == 2 && (value[0] == 1 || value[0] == 2)) {
        pong->target_y[value[0] - 1] = value[1];
    } else if (strcmp(kind, "paddle") == 0 && count == 2 && (value[0] == 1 || value[0] == 2)) {
        pong->paddle_y[value[0] - 1] = value[1];
    } else if (strcmp(kind, "score") == 0 && count == 2) {
        pong->score[0] = (uint8_t)value[0];
        pong->score[1] = (uint8_t)value[1];
    } else if (strcmp(kind, "phase") == 0 && count == 2) {
        pong->phase = (uint8_t)value[0];
        pong->steps_left = (uint16_t)value[1];
    } else {
        golden_require(golden, false, "not a record");
    }
}

/* Returns whether it was the last record. */
static bool golden_read(struct golden *golden, const char *line)
{
    char kind[8];
    uint32_t step, hash;
    int32_t value[4];
    int count =
        sscanf(line, "%7s %u %d %d %d %d", kind, &step, &value[0], &value[1], &value[2], &value[3]);
    golden_require(golden, count >= 2, "not a record");
    if (strcmp(kind, "start") == 0) {
        golden_require(golden, count == 4 && !golden->has_started, "not a start");
        pong_init(&golden->pong, step, (uint8_t)value[0], (uint16_t)value[1]);
        golden->has_started = true;
    } else if (strcmp(kind, "end") == 0) {
        golden_run_to(golden, step);
        return true;
    } else if (strcmp(kind, "state") == 0) {
        golden_run_to(golden, step);
        golden_check_state(golden, line);
    } else if (strcmp(kind, "chain") == 0) {
        golden_run_to(golden, step);
        golden_require(golden, sscanf(line, "chain %u %x", &step, &hash) == 2, "not a record");
        golden_require(golden, hash == golden->chain, "a step before this one differs");
        golden->chains++;
    } else {
        golden_run_to(golden, step - 1);
        golden_put(golden, kind, value, count - 2);
    }
    return false;
}

static FILE *open_golden(const char *name)
{
    const char *source = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/%s.txt", source ? source : ".", name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot read %s: run from the top of the sources, or set srcdir", path);
    return file;
}

static void check_golden(const char *name)
{
    struct golden golden = {.name = name, .chain = GOLDEN_HASH_START};
    char line[256];
    FILE *file = open_golden(name);
    bool has_ended = false;
    while (fgets(line, sizeof line, file)) {
        golden.line++;
        golden_require(&golden, !has_ended, "a record after the end");
        if (line[0] != '#')
            has_ended = golden_read(&golden, line);
    }
    fclose(file);
    golden_require(&golden, has_ended, "the file is cut off");
    golden_require(&golden, golden.states > 0 && golden.chains > 0, "nothing was checked");
}

static void test_rally(void **state)
{
    check_golden(*state);
}

static void test_random(void **state)
{
    (void)state;
    struct random_rally rally;
    char line[256];
    int number = 0, chains = 0;
    FILE *file = open_golden("random");
    while (fgets(line, sizeof line, file)) {
        uint32_t step, hash;
        if (strncmp(line, "rally ", 6) == 0) {
            random_rally_begin(&rally, (uint32_t)number++);
        } else if (sscanf(line, "chain %u %x", &step, &hash) == 2) {
            random_rally_advance(&rally, RANDOM_RALLY_EVERY);
            if (rally.pong.step != step || rally.chain != hash)
                fail_msg("random rally %d differs before step %u", number - 1, step);
            chains++;
        }
    }
    fclose(file);
    assert_int_equal(number, RANDOM_RALLY_COUNT);
    assert_int_equal(chains, RANDOM_RALLY_COUNT * (RANDOM_RALLY_STEPS / RANDOM_RALLY_EVERY));
}

#define RALLY(name)                        \
    {                                      \
        name, test_rally, NULL, NULL, name \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        RALLY("match"),
        RALLY("fast"),
        RALLY("leader"),
        RALLY("pauses"),
        RALLY("wrap"),
        RALLY("edges"),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("golden rallies", tests, NULL, NULL);
}
