/*
 * GameState: one match and its rematches: two seats, the phases, and every rule around the
 * simulation.
 *
 * It owns what the simulation cannot foresee: who is seated and present, serves, pauses, absence,
 * forfeit, abandonment, rematch and expiry. Pure: no clock (times come in as `now`), no heap, no
 * I/O; it must not know connections, messages or other games. Rules and numbers: docs/protocol.md §3 and
 * §6.
 *
 * All functions: loop thread. Seats are named 1 and 2, as on the wire. Functions that take a
 * `struct game_events` append what happened to it, in order, for the manager to announce.
 */
#ifndef PONG_GAMED_GAME_STATE_H
#define PONG_GAMED_GAME_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/random.h"
#include "common/text.h"
#include "common/clock.h"
#include "gamed/checkpoint.h"
#include "gamed/match_result.h"
#include "gamed/pong.h"

/* Times of the rules; each is a flag of gamed. Constant while the process runs. */
struct game_rules {
    int serve_steps;      /* countdown of a serve, and after a pause or an absence */
    int absence_ms;       /* a seat may be away so long at a time … */
    int absence_total_ms; /* … and so long in one match */
    int pause_ms;         /* a player's pause, its countdown not counted */
    int pauses;           /* a player's, per match */
    int unclaimed_ms;     /* a waiting seat whose holder is away is freed */
    int waiting_room_ms;  /* a waiting room nobody is connected to is closed */
    int rematch_ms;       /* after its end, a room waits so long for a rematch */
    int match_ms;         /* longest match */
};

enum game_event_type {
    GAME_EVENT_JOINED,          /* player: came in and said hello */
    GAME_EVENT_LEFT,            /* player: lost his connection */
    GAME_EVENT_GOAL,            /* player: who scored; scores */
    GAME_EVENT_OVER,            /* player: the winner or 0; scores; end */
    GAME_EVENT_PAUSED,          /* player: whose doing, or 0; pause */
    GAME_EVENT_RESUMED,         /* a rally begins; velocity */
    GAME_EVENT_REMATCH_OFFERED, /* player: who offers */
    GAME_EVENT_NEW_MATCH,       /* a match begins: everybody needs the full state */
};

enum game_pause {
    GAME_PAUSE_NONE,
    GAME_PAUSE_PLAYER,
    GAME_PAUSE_ABSENCE,
    GAME_PAUSE_RESTART
};

struct game_event {
    uint8_t type;   /* enum game_event_type */
    uint8_t player; /* 1, 2 or 0 */
    uint8_t score[2];
    uint8_t end;    /* enum match_end, of GAME_EVENT_OVER */
    uint8_t pause;  /* enum game_pause, of GAME_EVENT_PAUSED */
    int16_t vx, vy; /* of GAME_EVENT_RESUMED, 1/64 px per step */
};

/*
 * One call causes a handful of events at most; GAME_EVENTS_MAX is proved by the unit tests and
 * asserted.
 */
enum {
    GAME_EVENTS_MAX = 8
};
struct game_events {
    size_t count;
    struct game_event list[GAME_EVENTS_MAX];
};

/* What the rules refuse; the words are the protocol's error codes. */
enum game_refusal {
    GAME_OK = 0,
    GAME_NOT_YOUR_SERVE = -1,
    GAME_TOO_EARLY = -2,
    GAME_NOT_RUNNING = -3,
    GAME_NO_PAUSES_LEFT = -4,
    GAME_NOT_YOUR_PAUSE = -5,
    GAME_NOT_A_PLAYER = -6,
};

enum game_status {
    GAME_STATUS_WAITING,
    GAME_STATUS_ONGOING,
    GAME_STATUS_FINISHED
};

/* Who sits down. */
struct game_player {
    char player_id[PLAYER_ID_SIZE]; /* public; proves nothing */
    char username[USERNAME_SIZE];
    struct digest token; /* of the secret that has the seat; of nothing for a bot */
    bool is_guest;
    bool is_bot;
    int bot_level; /* enum bot_level, of a bot */
};

enum {
    GAME_TARGET_NONE = -1,
    GAME_TARGET_STOP = -2
};

/* Inputs that name a step (docs/protocol.md §2c) and wait for it, in the order of their steps. */
enum {
    GAME_INPUT_AHEAD_MAX = 30 /* steps */
};
struct game_inputs {
    uint32_t applied_step; /* the last step at which one of them was applied */
    uint32_t told; /* by bit: whether the others were told; else it changed nothing when it came */
    uint8_t count;
    struct game_input_entry {
        uint16_t step;   /* its low bits; game_state_input_step() tells the rest */
        uint16_t target; /* 0 to PONG_PADDLE_Y_MAX */
    } list[GAME_INPUT_AHEAD_MAX];
};

/*
 * A room is stepped sixty times a second, and with thousands of them each look at a part of one comes from
 * far: what every step and every update looks at stands first, and together.
 */
struct game_seat {
    bool held;
    bool connected;         /* a bot always is */
    bool away;              /* absent from a match that is under way */
    bool away_excused;      /* the present absence is the server's own doing: it uses nothing up */
    bool wants_rematch;     /* in this match, as are away and what follows it */
    uint16_t token_version; /* counts the tokens that this seat has had, "none" included */
    uint16_t id_version; /* counts changes of player_id and username, so that an update can tell */
    uint16_t name_version;
    int32_t pending_target;    /* of a v1 player, for the next even step; or enum GAME_TARGET_… */
    struct game_inputs inputs; /* of a v2 player */
    /* seldom, or only while he is away */
    int64_t seen_ms;   /* when its holder sat down, was last connected, or asked about the room */
    int64_t polled_ms; /* when he last asked; 0: never */
    int64_t away_since_ms;
    int64_t away_used_ms; /* by absences that have ended */
    int pauses_left;
    struct game_player player; /* while somebody holds it */
};

struct game {
    struct pong pong;
    const struct game_rules *rules;
    int64_t lonely_since_ms;   /* since when nobody at all has been present */
    int64_t match_deadline_ms; /* monotonic; valid while the match is under way */
    int64_t ended_ms;
    bool is_public;
    bool served;               /* a serve has been launched in this match */
    uint8_t last_loser;        /* of a point: 1, 2, or 0 at first */
    uint8_t pause;             /* enum game_pause, while the phase is paused */
    uint8_t pause_owner;       /* of a player's pause, 1 or 2 */
    uint8_t winner;            /* after the match's end, as is the next */
    uint8_t end;               /* enum match_end */
    struct game_seat seats[2]; /* by seat - 1 */
    /* seldom */
    char room_code[ROOM_CODE_SIZE];
    int64_t created_unix_ms;
    char match_id[UUID_SIZE];
    uint64_t random_state; /* decides a serve's direction; clients must not know it */
    int64_t begun_ms;      /* the result's duration counts from here */
    int64_t ended_unix_ms;
};

/*
 * What an update shows, in the wire's own units: hundredths of a px, so that "unchanged" means
 * unchanged on the wire.
 */
struct game_view {
    int32_t paddle_y[2];
    int32_t ball_x, ball_y;
    int32_t ball_speed_x, ball_speed_y;
    uint8_t score[2];
    uint8_t status; /* enum game_status */
    uint8_t last_loser;
    bool is_paused;
    uint16_t id_version[2];
    uint16_t name_version[2];
};

/*
 * Opens a room with free seats; `seed` is 64 random bits, `match_id` a fresh UUID. `rules` must
 * outlive the game.
 */
void game_state_open(struct game *game, const struct game_rules *rules, const char *room_code,
                     const char *match_id, uint64_t seed, uint8_t winning_score, bool is_public,
                     struct now now);

/*
 * Seats the player in the lowest free seat while the match has not begun. Returns the seat, or 0
 * when there is none.
 */
int game_state_take_seat(struct game *game, const struct game_player *player, struct now now);

/*
 * Its holder has a connection now, or has lost it. The match begins once both players are
 * connected.
 */
void game_state_connect(struct game *game, int seat, struct now now);
void game_state_disconnect(struct game *game, int seat, struct now now, struct game_events *events);

/* How long the seat's absences of this match have lasted together, so far, ms. */
int64_t game_state_away_ms(const struct game_seat *seat, struct now now);

/*
 * Its holder asked about the room (check/ with his token): keeps a waiting seat. Spectators keep a
 * waiting room only.
 */
void game_state_poll(struct game *game, int seat, struct now now);
void game_state_visited(struct game *game, struct now now);

/*
 * Whether its holder is at his page: connected, or asking about the room without a socket, as
 * deployed pages do. `is_here_lately` also forgives the seconds in which he has just sat down or is
 * reconnecting.
 */
bool game_state_is_here(const struct game *game, int seat, struct now now);
bool game_state_is_here_lately(const struct game *game, int seat, struct now now);

/*
 * Names the seat; ignored after the match's first serve. `username` must have passed
 * text_is_username.
 */
void game_state_rename(struct game *game, int seat, const char *username);

/* Voids the seat's token and gives it a new one. */
void game_state_set_token(struct game *game, int seat, const struct digest *token);

/*
 * Its holder, who is no bot, is sent away by the operator: no connection and no token (that of nothing).
 * While waiting the seat is free again, a match under way is forfeited to the other.
 */
void game_state_expel(struct game *game, int seat, struct now now, struct game_events *events);

/*
 * The paddle heads for `target` (1/64 px; it is cut), or stops (GAME_TARGET_STOP), from
 * the next even step on.
 */
void game_state_steer(struct game *game, int seat, int32_t target);

/*
 * The paddle heads for `target` (1/64 px) from `step` on, which is the sender's choice. What comes of it:
 */
enum game_steer_outcome {
    GAME_STEER_TAKEN,     /* it will be applied exactly then: the others can be told now */
    GAME_STEER_NO_CHANGE, /* the same, but the paddle will be heading there anyway */
    GAME_STEER_LATE,      /* that step is computed already: it applies to the next one */
    GAME_STEER_REFUSED,   /* too far ahead, out of the court, or not after the one before it */
};
int game_state_input(struct game *game, int seat, uint32_t step, int32_t target);

/* Forgets the seat's inputs that wait for their steps; returns whether there were any. */
bool game_state_forget_inputs(struct game *game, int seat);

/*
 * The step that an input that waits is for, and whether the others were told of it. `index` is under its
 * seat's inputs.count.
 */
uint32_t game_state_input_step(const struct game *game, int seat, size_t index);
bool game_state_input_is_told(const struct game *game, int seat, size_t index);

/* Puts the targets that others were told for the next step into target_y; leaves the rest of it alone. */
void game_state_told_targets(const struct game *game, int32_t target_y[2]);

/* Applies the inputs that name the next step; a part of game_state_prepare(). */
void game_state_apply_inputs(struct game *game);

/* What a player asks for. Each returns GAME_OK or the refusal. */
int game_state_pause(struct game *game, int seat, struct game_events *events);
int game_state_resume(struct game *game, int seat);
int game_state_rematch(struct game *game, int seat, struct now now, struct game_events *events);

/*
 * The new match of a rematch both agreed to; the caller brings a fresh match id and seed. Call when
 * game_state_rematch_agreed(). The step number goes on counting.
 */
bool game_state_rematch_agreed(const struct game *game);
void game_state_begin_rematch(struct game *game, const char *match_id, uint64_t seed,
                              struct now now, struct game_events *events);

/*
 * Makes ready for the next step: targets that take effect with it, and a serve's velocity, which nobody
 * can foresee. After it game->pong is what the step begins from.
 */
void game_state_prepare(struct game *game);

/* Computes one step of 1/60 s; after game_state_prepare(). */
void game_state_step(struct game *game, struct now now, struct game_events *events);

/*
 * Ends what has lasted too long: absences, waiting seats, the match. To be called at least every
 * 100 ms. Returns whether the room itself is to be closed.
 */
bool game_state_expire(struct game *game, struct now now, struct game_events *events);

/* Those who are away are so by the server's own doing: it counts for nothing. */
void game_state_excuse(struct game *game);

/*
 * Goes on after a freeze that began at since_ms (monotonic) and counts for nobody: its times move by
 * what they have lasted of it. In a serve or a rally a countdown begins first, as after an absence
 * (GAME_EVENT_PAUSED for a restart); in any other phase there is no event. What players sent ahead, and
 * targets that wait, are forgotten. Step numbers went on by themselves.
 */
void game_state_thaw(struct game *game, int64_t since_ms, struct now now,
                     struct game_events *events);

/* A time of before that freeze or within it, moved so. */
int64_t game_state_moved(int64_t at_ms, int64_t since_ms, struct now now);

/* ---- across a restart ---- */

/* What is kept of the game: everything but its room's creator, who is the manager's. */
void game_state_save(const struct game *game, struct now now, struct room_checkpoint *checkpoint);

/*
 * The same, but only what goes on changing while a match is under way: for when nothing has happened
 * since the last whole one: phase, scores, who sits there, by what names and tokens, are the same.
 */
void game_state_save_partial(const struct game *game, struct now now,
                             struct room_checkpoint *checkpoint);

/*
 * The game as it was, in a process that has just begun: a match that was under way is paused until
 * both players are back, for as long as an absence may last from now on.
 */
void game_state_load(struct game *game, const struct game_rules *rules,
                     const struct room_checkpoint *checkpoint, struct now now);

/*
 * A result that was committed beats the checkpoint, which may be older: the match is over, and was so
 * before now. Only score, winner, reason and end of *result are looked at.
 */
void game_state_settle(struct game *game, const struct match_result *result, struct now now);

/*
 * What somebody who comes in has missed: that the match is paused, or over. Returns whether there is
 * such a thing.
 */
bool game_state_standing(const struct game *game, struct game_event *event);

/* What others see. */
enum game_status game_state_status(const struct game *game);
int game_state_player_count(const struct game *game);
bool game_state_is_under_way(const struct game *game);
void game_state_view(const struct game *game, struct game_view *view);
void game_state_result(const struct game *game, struct match_result *result);

#endif
