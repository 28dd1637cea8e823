/*
 * virtual_court: one room of the real GameManager with its real output and input, in virtual time: its
 * sockets are functions, its clock is the test's. It must not know what clients make of it.
 */
#ifndef PONG_TESTS_VIRTUAL_COURT_H
#define PONG_TESTS_VIRTUAL_COURT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/game_input.h"
#include "gamed/game_manager.h"
#include "gamed/game_output.h"

enum {
    COURT_CLIENTS = 4
};

struct court_client {
    struct court *court;
    int number;
    struct player_session *session; /* NULL: not connected */
    bool is_full;                   /* its socket takes nothing now */
};

struct court {
    struct now now;
    int64_t updates; /* for which it was time so far */
    struct game_manager *manager;
    struct game_output output;
    struct game_input input;
    const struct room *room;
    bool has_row;               /* what a store would have of the room */
    struct room_checkpoint row; /* the last whole checkpoint */
    int result_count;
    bool holds_results; /* an end waits until court_release() */
    char held[UUID_SIZE];
    char token[2][SEAT_TOKEN_SIZE];
    struct court_client clients[COURT_CLIENTS];
    /* what a client's socket is given */
    void (*heard)(void *arg, int client, const void *bytes, size_t length, bool is_binary);
    void *arg;
};

/* Nothing ends by itself, the rest is as usual. */
struct game_rules court_rules(void);

/* A room with two human seats; fill in `heard` then. */
void court_open(struct court *court, int winning_score, const struct game_rules *rules);

/* The same, of a manager that had no room before, and so was called once a second only. */
void court_open_late(struct court *court, int winning_score, const struct game_rules *rules,
                     int idle_seconds);
void court_close(struct court *court);

/* Connects client `number` to the seat (0: as a spectator). */
void court_connect(struct court *court, int number, int seat, bool is_binary);
void court_disconnect(struct court *court, int number);

/* What a client sends. */
void court_send(struct court *court, int number, const void *bytes, size_t length, bool is_binary);
void court_say(struct court *court, int number, const char *text);

/* The result of the match that ended last is safe now. */
void court_release(struct court *court);

/* Time goes on by one update, 1/30 s. */
void court_tick(struct court *court);

/* Time goes on by so many, but the process does not: nothing is updated until the next court_tick(). */
void court_stall(struct court *court, int updates);

#endif
