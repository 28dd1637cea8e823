/*
 * GameManager: every game and session of this process: create, join, check, cancel, quick, list;
 * who sits where; tick; clean up.
 *
 * It knows neither sockets nor messages nor HTTP: news travels upward through `struct
 * game_manager_hooks`, which main fills, so it is tested with two fakes. All memory is taken at
 * start: rooms and sessions are pools whose sizes are flags.
 *
 * All functions: loop thread. Hooks are called on the loop thread, must not block and must not call
 * back into the manager.
 */
#ifndef PONG_GAMED_GAME_MANAGER_H
#define PONG_GAMED_GAME_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/histogram.h"
#include "gamed/game_state.h"
#include "gamed/player_session.h"
#include "gamed/tally.h"
#include "gamed/tickets.h"

enum {
    ROOM_LOG_SIZE = 16, /* events that a session may be behind before it is closed as too slow */
    GAME_MANAGER_PHASES = 33, /* rooms are spread over so many moments of an update's period … */
    GAME_MANAGER_PHASE_ROOMS = 16, /* … another of which is used when those in use have so many … */
    GAME_MANAGER_PHASE_SESSIONS = 64, /* … or so many sessions */
    GAME_MANAGER_CATCH_UP_MAX =
        5, /* updates made up for after a stall; more are skipped and counted */
    GAME_MANAGER_LIST_MAX = 100,
    GAME_CALLER_TOKENS_MAX = 4,
};

/* An entry of the index from seat tokens to seats. */
struct seat_claim {
    struct digest token; /* of nothing when not in the index */
    struct room *room;
    int seat;
    bool created, reconnecting; /* what the answer that gave the token out said */
    UT_hash_handle hh;
};

/*
 * What each update looks at stands first, as in struct game; game's own such part comes right behind it.
 */
struct room {
    struct room *next, *prev; /* rooms of one phase */
    /* who is in it; bots among the sessions, but in none of the counts but their own */
    struct player_session *sessions;
    int session_count;
    int spectator_count;
    int arriving_count; /* sessions without a seat whose sockets are not open yet */
    int bot_count;
    int binary_count;
    uint32_t updates;
    uint32_t serial;   /* unique in this process; 0: not in use */
    uint32_t log_next; /* number of the next event */
    int phase;
    uint8_t slot;                /* index of its code's slot */
    bool update_due;             /* an update is being shown: the change from `shown` to `fresh` */
    uint16_t indexed_version[2]; /* token_version of the seats, as the index of tokens has them */
    /*
     * What a client that steps the simulation by itself knows of the next step, while there is one:
     * the state after the last step, and what it was told since.
     */
    struct pong foreseen;
    /* what is kept of it */
    struct room_mark {
        uint16_t phase; /* so wide that there is no gap: marks are compared as bytes */
        uint8_t score[2];
        uint16_t token_version[2];
        uint16_t name_version[2];
        uint32_t log_next;
    } checkpointed; /* what the last checkpoint had of the things that make the next one due */
    int64_t checkpointed_ms;
    struct unsafe_end *unsafe; /* of its last match; NULL: its result is safe */
    /* the end of its match waits for its result to be safe; until then nothing is sent */
    int64_t held_since_ms; /* 0: it does not wait */
    uint32_t held_from;    /* log_next when something was sent last */
    /*
     * Whether it may go on is not certain, so nothing is computed, sent or taken; 0: it goes on. Only
     * with config.has_slots.
     */
    int64_t frozen_since_ms;
    struct game_view shown, fresh;
    struct game game;
    /* what its sessions are to be told */
    struct game_event log[ROOM_LOG_SIZE]; /* event number n is at n % ROOM_LOG_SIZE */
    char held_match_id[UUID_SIZE];
    UT_hash_handle hh_held;
    /* the manager's own book-keeping */
    struct digest creator_token;
    char creator_id[PLAYER_ID_SIZE]; /* "" for a guest */
    struct tally_key creator;        /* who it counts for */
    struct room *public_next, *public_prev;
    UT_hash_handle hh;           /* by room code */
    struct seat_claim claims[2]; /* by seat - 1 */
};

struct game_manager_config {
    char slot;      /* first character of every room code; not used with has_slots */
    bool has_slots; /* the process has the slots that game_manager_slot_set() says, for as long as
                       the hook slot_is_valid says */
    int update_hz;  /* a divisor of 60 */
    int max_rooms, max_connections, max_spectators;
    int max_connections_per_address; /* whoever proves a seat comes in; this and the next two: 0 is
                                        no limit */
    int max_rooms_per_user;          /* that an identified user has opened */
    int max_rooms_per_address;       /* that guests have opened */
    /*
     * Who has no seat and has given no sign of life for so long is sent away; 0: nobody. Less than
     * SESSION_ANSWER_MS counts as that.
     */
    int64_t join_ms;
    int messages_per_second;
    int checkpoint_ms; /* a game under way is checkpointed so often, and at every event */
    bool guests;       /* a guest may take a free seat by join_game */
    struct game_rules rules;
};

struct game_manager_hooks {
    void *arg;
    /*
     * The room has something for its sessions: events past next_event, an update when update_due,
     * what sessions are owed.
     */
    void (*output_ready)(void *arg, struct room *room, struct now now);
    /*
     * Before the next step of room->game.pong: it differs from room->foreseen, which binary sessions
     * have to be told now.
     */
    void (*unforeseen)(void *arg, struct room *room, struct now now);
    /* `from` steers its paddle at a step to come: the other binary sessions are to be told now. */
    void (*input_taken)(void *arg, struct room *room, const struct player_session *from,
                        uint32_t step, int32_t target, struct now now);
    /* It will be written to soon: what that takes of its connection may be fetched from memory. Or NULL. */
    void (*session_ahead)(void *arg, const struct player_session *session);
    /* It is to be asked whether it is still there: ping it. */
    void (*session_quiet)(void *arg, struct player_session *session, struct now now);
    /*
     * It is out of its room: close its connection with the code; game_manager_session_gone() must
     * follow.
     */
    void (*session_close)(void *arg, struct player_session *session, enum session_close code);
    /*
     * A match has ended; its result, by value. True: game_manager_result_stored() will say when it
     * is safe, and what players are told waits for it; false: there is nothing to wait for.
     */
    bool (*match_over)(void *durable_arg, const struct match_result *result);
    /*
     * A room as it is now, by value. False: cannot be taken at the moment; comes again soon. A
     * partial one follows only a whole one of the same room that was taken.
     */
    bool (*checkpoint)(void *durable_arg, const struct room_checkpoint *checkpoint);
    /*
     * Whether it is certain at this very moment that the slot of this index is this process'. Asked
     * afresh each time, many times a turn. NULL: always. Only with config.has_slots.
     */
    bool (*slot_is_valid)(void *durable_arg, int slot);
    void *durable_arg;
};

enum game_manager_error {
    GAME_MANAGER_OK = 0,
    GAME_MANAGER_ROOM_NOT_FOUND = -1,
    GAME_MANAGER_ROOM_FULL = -2,
    GAME_MANAGER_GAME_OVER = -3,
    GAME_MANAGER_NOT_CREATOR = -4,
    GAME_MANAGER_ALREADY_STARTED = -5,
    GAME_MANAGER_SERVER_FULL = -6,
    GAME_MANAGER_DRAINING = -7,
    GAME_MANAGER_BAD_TOKEN = -8,
    GAME_MANAGER_TOO_MANY_SPECTATORS = -9,
    GAME_MANAGER_SEAT_EMPTY = -10,
    GAME_MANAGER_SEAT_IS_BOT = -11,
    GAME_MANAGER_TOO_MANY_CONNECTIONS = -12, /* of this address */
    GAME_MANAGER_TOO_MANY_ROOMS = -13,       /* of this creator */
    GAME_MANAGER_WRONG_SLOT = -14,           /* another process has the code's slot, or nobody */
    GAME_MANAGER_SLOT_MOVING = -15,          /* it is this one's, but not at the moment; or there is
                                                no slot to open a room in */
};

/*
 * Who asks over REST. Nothing here was checked against a room yet; user_id was verified by
 * api-fcgi.
 */
struct game_caller {
    const char *user_id;  /* "" for a guest */
    const char *username; /* "" for none */
    const char *address;  /* of the client; "" unknown */
    struct {
        const char *token;
        bool from_cookie;
    } tokens[GAME_CALLER_TOKENS_MAX];
    size_t token_count;
    const char *new_token; /* for the seat it gets; also the request's id */
};

struct game_options {
    bool is_public;
    int winning_score;     /* 1–21; 0: the default, 10 */
    const char *bot_level; /* "" for a human opponent */
};

struct game_placement {
    const struct room *room;
    int seat;
    const char *token; /* the caller's that has the seat: his new one, or one that he showed */
    bool created;
    bool reconnecting;
};

/* Limits that can be run into here: who was refused, or sent away. */
enum game_limit {
    GAME_LIMIT_ROOMS,         /* no room is free: server_full */
    GAME_LIMIT_CONNECTIONS,   /* no session is free */
    GAME_LIMIT_ADDRESS,       /* connections of an address */
    GAME_LIMIT_USER_ROOMS,    /* rooms of a user */
    GAME_LIMIT_ADDRESS_ROOMS, /* rooms of an address */
    GAME_LIMIT_SPECTATORS,    /* of a room */
    GAME_LIMIT_NEVER_JOINED,  /* closed: no seat, and no sign of life */
    GAME_LIMIT_TOO_SLOW,      /* closed: half the room's log behind */
    GAME_LIMIT_BAD_MESSAGES,  /* closed: too many within a minute */
    GAME_LIMIT_TOO_BIG,       /* closed: a message over MESSAGES_CLIENT_MAX */
    GAME_LIMIT_SILENCE,       /* closed: nothing was heard for SESSION_GONE_AFTER_MS */
    GAME_LIMITS
};

enum {
    GAME_MANAGER_MATCH_ENDS = MATCH_END_ABANDONED + 1
};

/* As of now; 64 bits: since the start. */
struct game_manager_stats {
    int rooms, rooms_waiting, rooms_ongoing, rooms_finished;
    int connections; /* of sessions: also those that are opening or closing */
    int players, spectators;
    size_t addresses;  /* that have connections */
    size_t creators;   /* users and addresses that have rooms */
    int ends_withheld; /* matches that are over, and nobody was told yet */
    int rooms_frozen;
    uint64_t freezes, thaws; /* of rooms */
    uint64_t rooms_created, matches_finished, updates, updates_skipped;
    uint64_t matches_ended[GAME_MANAGER_MATCH_ENDS]; /* by enum match_end */
    uint64_t limits[GAME_LIMITS];
    struct histogram lateness; /* of each phase's update, on the scale histogram_lateness */
    bool draining;
};

struct game_manager;

/* Takes the memory of all rooms and sessions; only the indexes grow with use. NULL when out of it. `config` and `hooks` are copied. */
struct game_manager *game_manager_new(const struct game_manager_config *config,
                                      const struct game_manager_hooks *hooks, struct now now);
void game_manager_free(struct game_manager *manager);

/* ---- REST, through the IPC. Each returns GAME_MANAGER_OK or a negative enum game_manager_error */

/*
 * A room with the caller in seat 1. The same new_token, or an explicitly shown token that holds a
 * seat, gets that room again.
 */
int game_manager_create(struct game_manager *manager, const struct game_caller *caller,
                        const struct game_options *options, struct now now,
                        struct game_placement *placement);

/*
 * Seats the caller, or gives him the seat back that a token or his identity says is his. A cookie
 * alone does not when its seat's holder is there and another seat is free: two tabs of one browser
 * share their cookies and may play each other.
 */
int game_manager_join(struct game_manager *manager, const char *code,
                      const struct game_caller *caller, struct now now,
                      struct game_placement *placement);

/* Seats the caller in the public room that has waited longest for somebody else, or opens one. */
int game_manager_quick(struct game_manager *manager, const struct game_caller *caller,
                       struct now now, struct game_placement *placement);

/* Finds a room; a caller with the token or identity of a seat counts as having been heard of. */
int game_manager_check(struct game_manager *manager, const char *code,
                       const struct game_caller *caller, struct now now, const struct room **room);

/* Closes a waiting room at its creator's wish; for 60 s the same wish gets the same answer. */
int game_manager_cancel(struct game_manager *manager, const char *code,
                        const struct game_caller *caller, struct now now);

/*
 * Public rooms that run, or wait with somebody present; newest first. Returns how many of `max`
 * were filled in.
 */
size_t game_manager_list(struct game_manager *manager, struct now now, const struct room **rooms,
                         size_t max);

void game_manager_stats(const struct game_manager *manager, struct game_manager_stats *stats);

/*
 * The room as people may see it: as it is, or, while the end of its match waits for its result to be
 * safe, as it was last shown before.
 */
void game_manager_view(const struct room *room, struct game_view *view);

/* Whether somebody sits there with a connection, as check/ counts them. */
int game_manager_active_sessions(const struct room *room);

/* ---- connections ---- */

/* What a client shows who wants to connect to a room. Without a ticket he has tokens alone. */
struct game_handshake {
    char room_code[ROOM_CODE_SIZE];
    char token[SEAT_TOKEN_SIZE];     /* shown in the URL or a header; "" for none. A wrong one is
                                        refused */
    char cookie[2][SEAT_TOKEN_SIZE]; /* by seat; "" for none. A stale one is no worse than none */
    /* what api-fcgi has verified, for a ticket */
    bool guests_denied; /* by api-fcgi's own setting */
    char user_id[PLAYER_ID_SIZE];
    char username[USERNAME_SIZE];
    char address[CLIENT_ADDRESS_SIZE];
};

/*
 * What this client may have in his room: *admission. Nothing is reserved. GAME_MANAGER_BAD_TOKEN,
 * _ROOM_NOT_FOUND, _DRAINING; _GAME_OVER: the room has ended and is closed.
 */
int game_manager_examine(struct game_manager *manager, const struct game_handshake *handshake,
                         struct now now, struct admission *admission);

/*
 * Before the upgrade: may the bearer of this ticket come in? On GAME_MANAGER_OK *session is reserved;
 * then either game_manager_session_open() or game_manager_session_gone() follows.
 */
int game_manager_enter(struct game_manager *manager, const struct admission *admission,
                       void *connection, struct now now, struct player_session **session);

/* Both at once, for a connection without a ticket. */
int game_manager_admit(struct game_manager *manager, const struct game_handshake *handshake,
                       void *connection, struct now now, struct player_session **session);

/* The socket is open: in its seat at once if it proved one, else a spectator. */
void game_manager_session_open(struct game_manager *manager, struct player_session *session,
                               struct now now);

/* The connection is gone; the session is freed. */
void game_manager_session_gone(struct game_manager *manager, struct player_session *session,
                               struct now now);

/*
 * Says that a session must go: takes it out of its room and has it closed. Harmless on one that is
 * already closing.
 */
void game_manager_session_close(struct game_manager *manager, struct player_session *session,
                                enum session_close code, struct now now);

/* ---- what an open session asks for (docs/protocol.md §2a) ---- */

/*
 * join_game. player_id and username may be ""; a username must have passed text_is_username. The
 * answer is owed as a greeting.
 */
void game_manager_hello(struct game_manager *manager, struct player_session *session,
                        const char *player_id, const char *username, struct now now);

/* paddle_position and key_event; silently nothing for a spectator or a foreign player_number. */
void game_manager_steer(struct game_manager *manager, struct player_session *session,
                        int player_number, int32_t target);
void game_manager_key(struct game_manager *manager, struct player_session *session,
                      int player_number, enum session_key key, bool is_down);

/*
 * An input of pong.v2.bin: from `step` on the own paddle heads for `target`. What is
 * not applied just as it says is made good by a keyframe. Returns an enum game_manager_input.
 */
enum game_manager_input {
    GAME_MANAGER_INPUT_OK,
    GAME_MANAGER_INPUT_NOT_A_PLAYER,
    GAME_MANAGER_INPUT_TOO_MANY, /* ignored */
    GAME_MANAGER_INPUT_AGAIN,    /* ignored: one more before a refusal was made good */
    GAME_MANAGER_INPUT_AHEAD,    /* ignored: too far ahead, as updates were skipped after a stall */
    GAME_MANAGER_INPUT_BAD,      /* ignored: a bad message */
};
int game_manager_input(struct game_manager *manager, struct player_session *session, uint32_t step,
                       uint16_t target, struct now now);

/* A keyframe for the asking; one a second, more are ignored. */
void game_manager_resync(struct game_manager *manager, struct player_session *session,
                         struct now now);

/* Each returns GAME_OK or an enum game_refusal. */
int game_manager_pause(struct game_manager *manager, struct player_session *session,
                       struct now now);
int game_manager_resume(struct game_manager *manager, struct player_session *session);
int game_manager_rematch(struct game_manager *manager, struct player_session *session,
                         struct now now);

/* ---- the operator, through the control socket ---- */

/* The room of this code; NULL for none. Nobody counts as having been heard of. */
const struct room *game_manager_find(const struct game_manager *manager, const char *code);

/*
 * Rooms of every kind in the order of their codes: the first `max` after the code `after` ("": from
 * the first on). Returns how many; fewer than `max` are the last.
 */
size_t game_manager_rooms_after(const struct game_manager *manager, const char *after,
                                const struct room **rooms, size_t max);

/*
 * Whether new rooms are refused (GAME_MANAGER_DRAINING). Those there are play on, may be joined, and
 * nobody is sent away. It does not outlive the process.
 */
void game_manager_refuse_rooms(struct game_manager *manager, bool refuse);

/* What became of the room of a player who was kicked. */
enum game_manager_kick {
    GAME_MANAGER_KICK_FREED,     /* the seat of a waiting room can be taken again */
    GAME_MANAGER_KICK_FORFEITED, /* the match is over, the other has won */
    GAME_MANAGER_KICK_CLOSED,    /* it was over before: nothing but his connection */
};

/*
 * Sends the seat's holder away: his connection is closed with 4504 and the seat's token is void, as is
 * his right to cancel the room. Returns GAME_MANAGER_OK, _ROOM_NOT_FOUND, _SEAT_EMPTY or _SEAT_IS_BOT.
 */
int game_manager_kick(struct game_manager *manager, const char *code, int seat, struct now now,
                      enum game_manager_kick *done);

/* ---- what must not be lost ---- */

/* The result of this match is safe now: the room may hear that it is over. */
void game_manager_result_stored(struct game_manager *manager, const char *match_id, struct now now);

/*
 * Takes up a room of an earlier process, before the loop runs. `result`: that of the room's match if
 * it was committed, else NULL. A room whose match has a result, but whose checkpoint lacks a player, is
 * forgotten. Returns GAME_MANAGER_OK, or _SERVER_FULL when there is no place for it or its code is not
 * of this slot.
 */
int game_manager_restore(struct game_manager *manager, const struct room_checkpoint *checkpoint,
                         const struct match_result *result, struct now now);

/*
 * After the last restore, when match_over can be called: has the results submitted (again) of rooms
 * whose match was over by their checkpoints while the store had no result, which can be when only one
 * of its files works. They are told that it is over once that is safe.
 */
void game_manager_submit_restored(struct game_manager *manager, struct now now);

/* What was saved of rooms may be gone: each is checkpointed again at its next update. */
void game_manager_checkpoints_lost(struct game_manager *manager);

/* Before a stop: checkpoints every room. Returns how many could not be taken. */
int game_manager_checkpoint_all(struct game_manager *manager, struct now now);

/* ---- slots, only with config.has_slots (docs/protocol.md §5) ---- */

enum game_slot {
    GAME_SLOT_NONE,    /* not this process': GAME_MANAGER_WRONG_SLOT */
    GAME_SLOT_LOADING, /* its rooms are being restored, and stand still: _SLOT_MOVING */
    GAME_SLOT_OPEN,    /* it runs while slot_is_valid says so, else _SLOT_MOVING */
    GAME_SLOT_HANDING, /* another is to have it; its rooms stand still for good: _SLOT_MOVING */
};

/* `slot` is an index, 0 to SLOT_COUNT - 1. At first each is GAME_SLOT_NONE. */
void game_manager_slot_set(struct game_manager *manager, int slot, enum game_slot state);
enum game_slot game_manager_slot(const struct game_manager *manager, int slot);

/*
 * Whether there are rooms of the slot that found no place here yet: game_manager_restore() takes them while
 * it is open, too, and a code of it that is not known is GAME_MANAGER_SLOT_MOVING. At first, and with
 * GAME_SLOT_NONE, there are none.
 */
void game_manager_slot_lacks(struct game_manager *manager, int slot, bool lacks_rooms);

/* New rooms are opened in this slot alone; -1: in none, GAME_MANAGER_SLOT_MOVING. At first -1. */
void game_manager_set_home(struct game_manager *manager, int slot);
int game_manager_home(const struct game_manager *manager);

/* The slot's rooms, and what is not told of it yet: results that are not safe, rooms that are gone. */
int game_manager_slot_rooms(const struct game_manager *manager, int slot);

/* Of the slot's matches, those that are over and whose result is not known to be safe. */
int game_manager_slot_unsafe(const struct game_manager *manager, int slot);

/* Checkpoints the slot's rooms as they stand. Returns how many could not be taken: try again. */
int game_manager_checkpoint_slot(struct game_manager *manager, int slot, struct now now);

/* As game_manager_submit_restored, for the rooms of one slot that were restored since the last time. */
void game_manager_submit_slot(struct game_manager *manager, int slot, struct now now);

/*
 * The slot is another's: sends everybody in its rooms away with the code and forgets the rooms and
 * whatever is known of them, without a word to the store.
 */
void game_manager_drop_slot(struct game_manager *manager, int slot, enum session_close code,
                            struct now now);

/* Whether the code's slot keeps the code from being asked about: then *error is the answer. */
bool game_manager_slot_error(const struct game_manager *manager, const char *code, int *error);

/* Whether the room may take and send messages at this moment. Without slots always. */
bool game_manager_room_runs(const struct game_manager *manager, const struct room *room);

/* Public rooms that game_manager_quick() would put somebody into. */
int game_manager_waiting(const struct game_manager *manager, struct now now);

/* ---- time ---- */

/* Runs every update that is due; returns when to call again (CLOCK_MONOTONIC, ns). */
int64_t game_manager_tick(struct game_manager *manager, struct now now);

/*
 * Before a stop: no new rooms or players any more, everybody is sent away to come back later.
 * Idempotent.
 */
void game_manager_drain(struct game_manager *manager, struct now now);

/* Whether new rooms are refused, for whichever of the two reasons. */
bool game_manager_is_draining(const struct game_manager *manager);

#endif
