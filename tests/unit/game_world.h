/*
 * game_world: what the tests of GameManager share. A manager with two fakes: an output end that
 * keeps for every connection what it would have been sent, and a store that keeps results and
 * checkpoints. Time is what the test says it is. Every test ends with everybody gone and all rooms
 * expired, and then needs the whole of both pools: nothing may have leaked. Tests only; it must not
 * test anything by itself but that. One thread, one world.
 */
#ifndef PONG_TESTS_GAME_WORLD_H
#define PONG_TESTS_GAME_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gamed/game_manager.h"

enum {
    MAX_ROOMS = 8,
    WHOLES_MAX = 1024, /* rooms that a test has open at a time, at most */
    MAX_CONNECTIONS = 40,
    MAX_SPECTATORS = 3,
    CLIENTS = 64,
    HEARD_MAX = 512,
    RESULTS_MAX = 256,
    TOKENS = 1 << 15, /* of a test, before they repeat */
};

static const int64_t SECOND = 1000000000, MILLISECOND = 1000000;
static const int64_t START = 1000 * INT64_C(1000000000); /* when a world begins, monotonic */
static const int64_t UNIX_START_MS = 1700000000000;      /* the same moment */
extern const struct digest no_digest;

/* A connection, seen from its far end. */
struct client {
    struct player_session *session; /* NULL: there is none */
    bool is_taken;                  /* by a test, once and for all */
    bool blocked;                   /* its socket takes nothing at the moment */
    bool is_deaf;                   /* answers no ping */
    int close_count;
    enum session_close code;
    int states, deltas, greetings, pings;
    int64_t pinged_at_ms;        /* the last ping */
    char heard[HEARD_MAX];       /* its events: "J1 P0 " … */
    char token[SEAT_TOKEN_SIZE]; /* that a greeting told it */
    struct game_view view;       /* what it draws */
    uint32_t update_step;        /* of the newest update it was offered */
    int repeated_updates;
};

struct game_world {
    struct game_manager *manager;
    struct game_manager_config config;
    struct now now;
    struct client clients[CLIENTS];
    struct match_result results[RESULTS_MAX];
    int result_count;
    bool holds_results; /* an end waits for game_manager_result_stored() */
    bool refuses_checkpoints;
    int unforeseen_count;
    uint32_t lost_slots; /* bit 1 << index: no slot_is_valid() */
    int checkpoint_count, gone_count, refused_checkpoints;
    int partial_count;            /* of the checkpoints */
    const struct room *last_room; /* that had something to say */
    struct room_checkpoint wholes[WHOLES_MAX];
    struct room_checkpoint checkpoint; /* the newest of any room that was not gone … */
    char gone_code[ROOM_CODE_SIZE];    /* … and the newest that was */
    int closed_sessions_pinged;
    uint32_t token_count;
};
extern struct game_world world;

/* A test with a world of its own, as usual as that is. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int set_up(void **state);
int tear_down(void **state);

extern const struct game_manager_config usual;

/* Makes the world anew; the caller has freed the manager of the one before. */
void open_world(const struct game_manager_config *config);

/* A new manager in this world, of the time that it is there; the caller has freed the one before. */
void start_manager(void);

/* ---- time ---------------------------------------------------------------------------- */

/* Nothing happens by that. */
void set_time(int64_t ns);

/* Returns when the next one is due. */
int64_t tick(void);

/* As the loop does it: a tick whenever the last one asked for it. */
void run_ns(int64_t ns);
void run_ms(int64_t ms);

/* A time in which the process was stopped. */
void jump_ms(int64_t ms);

/* ---- what there is --------------------------------------------------------------------- */

struct game_manager_stats stats(void);
bool is_in_room(const struct room *room, const struct player_session *session);

/* Public rooms as they are listed; returns how many. rooms: place for GAME_MANAGER_LIST_MAX. */
size_t list(const struct room **rooms);

/* Member by member: the bytes between them are nobody's. */
bool is_same_view(const struct game_view *a, const struct game_view *b);

/* "" is the token of who has none. */
bool is_token_of(const struct game_player *player, const char *token);

/* ---- callers of REST ------------------------------------------------------------------- */

/* A token that nobody has seen before; good until TOKENS more were asked for. */
const char *fresh_token(void);

/* A guest with nothing but a new token. */
struct game_caller somebody(void);

/* Who is identified; named by the same text. */
struct game_caller user(const char *user_id);

/* The caller with one more token. */
struct game_caller with(struct game_caller caller, const char *token, bool from_cookie);
struct game_caller showing(const char *token);
struct game_caller with_cookie(const char *token);

/* What a REST answer tells its caller. */
struct ticket {
    int error;
    int seat;
    bool created, reconnecting;
    const struct room *room;
    char code[ROOM_CODE_SIZE], token[SEAT_TOKEN_SIZE], player_id[PLAYER_ID_SIZE];
};

/* An error of enum game_manager_error is in the ticket. Without a caller: by somebody(). */
struct ticket create_with(struct game_caller caller, struct game_options options);
struct ticket create(void);
struct ticket create_public(void);
struct ticket join_as(struct game_caller caller, const char *code);
struct ticket join(const char *code);
struct ticket quick_as(struct game_caller caller);

/* Each returns GAME_MANAGER_OK or the error. */
int check_as(struct game_caller caller, const char *code);
int check(const char *code);
int cancel_as(struct game_caller caller, const char *code);

/* ---- connections --------------------------------------------------------------------- */

/* One that no test has taken; there are CLIENTS of them. */
struct client *free_client(void);

/* The handshake alone: GAME_MANAGER_OK or its error; what is not sent is "". */
int admit(struct client *client, const char *code, const char *token, const char *cookie_1,
          const char *cookie_2);
void upgrade(struct client *client);

/* Both, of a free client, which must succeed. */
struct client *connect_cookies(const char *code, const char *cookie_1, const char *cookie_2);
struct client *connect_token(const char *code, const char *token);
struct client *watch(const char *code);

/* The socket is gone. */
void hang_up(struct client *client);

/* join_game; "" is a field that is not sent. */
void say_hello(struct client *client, const char *player_id, const char *username);
void forget_heard(struct client *client);

/* Two guests at play, or about to: the match's countdown has just begun. */
struct pair {
    struct ticket tickets[2];
    struct client *clients[2];
    const struct room *room;
};
struct pair start_match(uint8_t winning_score);

/* With nobody moving, the first serve goes past player 2: a match to 1 is over in five seconds. */
struct pair finished_match(void);

/* Player 1 or 2 of the pair, in a rally; with the countdown to the next one. */
void pause_and_resume(const struct pair *pair, int player);

#endif
