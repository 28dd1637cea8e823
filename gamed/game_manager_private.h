/*
 * The inside of the GameManager, for its own files only: game_manager.c (rooms and time) and
 * game_manager_*.c: _rest (what callers ask for), _sessions (connections), _updates (clients that play
 * ahead), _durable (what must not be lost), _control (what the operator asks for),
 * _slots (which rooms are this process', and for how long that is certain).
 */
#ifndef PONG_GAMED_GAME_MANAGER_PRIVATE_H
#define PONG_GAMED_GAME_MANAGER_PRIVATE_H

#include "cluster/slot_keys.h"
#include "common/pool.h"
#include "gamed/game_manager.h"

/*
 * Rooms that are gone are remembered for a while: an ended one answers 410 instead of 404, a
 * cancelled one's creator may ask again.
 */
enum {
    DEPARTED_MAX = 4096,
    DEPARTED_MS = 60000
};

struct departed_room {
    char room_code[ROOM_CODE_SIZE]; /* "" for none */
    bool was_cancelled;
    struct digest creator_token;
    char creator_id[PLAYER_ID_SIZE];
    int64_t at_ms;
};

/*
 * A match that is over and whose result nobody has confirmed to be safe. Until then the checkpoint of
 * its end is all that a crash would leave of it, even when its room is closed or plays again.
 */
struct unsafe_end {
    char match_id[UUID_SIZE];
    char room_code[ROOM_CODE_SIZE];
    struct room *room; /* NULL: closed; its row goes when the result is safe */
    UT_hash_handle hh; /* by match_id */
};

/* Rooms that are updated at one moment of the period. */
struct game_phase {
    struct room *rooms; /* utlist */
    int room_count;
    int64_t updates_done;
};

struct game_manager {
    struct game_manager_config config;
    struct game_manager_hooks hooks;
    struct pool rooms;              /* config.max_rooms */
    struct room *held_rooms;        /* uthash by held_match_id */
    struct unsafe_end *unsafe_ends; /* uthash */
    struct pool unsafe_pool;        /* of 2 * max_rooms; further ends are not protected */
    struct room *rooms_by_code;     /* uthash */
    struct room **sorted;           /* by code, all of them; config.max_rooms */
    size_t sorted_count;
    struct seat_claim *claims; /* uthash */
    struct room *public_rooms; /* utlist, newest first */
    uint32_t next_serial;
    struct tally *clients;  /* connections of addresses */
    struct tally *creators; /* rooms of users and addresses */
    struct pool sessions;   /* config.max_connections, and one bot a room */
    struct pool identities; /* config.max_connections, so that each finds one */
    int connection_count;
    char (*gone)[ROOM_CODE_SIZE]; /* codes whose end has not been taken note of; 2 * max_rooms */
    size_t gone_count;
    struct departed_room departed[DEPARTED_MAX];
    size_t departed_next;
    /* time */
    int64_t start_ns;
    struct game_phase phases[GAME_MANAGER_PHASES];
    int64_t ticked_ms;
    int64_t trusts_silence_at_ms; /* before it, nobody is gone for having said nothing */
    int64_t counts_ahead_at_ms;   /* before it, nobody is to blame for steps too far ahead … */
    int64_t steps_skipped;        /* … by no more than these */
    struct {
        enum game_slot state;
        bool lacks_rooms;
        int room_count;
    } slots[SLOT_COUNT];              /* without has_slots only the counts are kept */
    int home;                         /* -1: none */
    bool draining;                    /* before a stop */
    bool refuses_rooms;               /* the operator's wish */
    struct game_manager_stats totals; /* the counters of it */
};

/* An unused room, blank but for its serial; NULL when there is none. manager_list_room() follows. */
struct room *manager_take_room(struct game_manager *manager);

/* Puts a room whose game is set into the indexes and on the clock. */
void manager_list_room(struct game_manager *manager, struct room *room, struct now now);

/* The end of a match is withheld until its result is safe, or for so long as is bearable. */
void manager_hold(struct game_manager *manager, struct room *room, const char *match_id,
                  struct now now);
void manager_release(struct game_manager *manager, struct room *room);

/* Notes that the room's match is over while its result is not safe yet. */
void manager_protect_end(struct game_manager *manager, struct room *room, const char *match_id);

/* The room closes: its row is to go, at once or when the result of its last match is safe. */
void manager_forget_row(struct game_manager *manager, struct room *room);

/*
 * Puts an event into the room's log. Who comes and goes while an end waits is told once, as it stands
 * then: the log cannot overflow by it.
 */
void manager_log_event(struct room *room, const struct game_event *event);
bool manager_is_held(struct game_manager *manager, struct room *room, struct now now);

/*
 * Of this slot: ends of matches that are not safe (all, or those of rooms that are closed), and rooms whose
 * end has not been taken note of.
 */
void manager_drop_unsafe(struct game_manager *manager, int slot);
void manager_drop_gone(struct game_manager *manager, int slot);
int manager_count_unsafe(const struct game_manager *manager, int slot, bool only_closed);
int manager_count_gone(const struct game_manager *manager, int slot);

/* The room's checkpoint, whether one is due or not. False: it is to be tried again. */
bool manager_save(struct game_manager *manager, struct room *room, struct now now);

/*
 * Has a checkpoint taken when one is due: something happened that the last one lacks, or a match is
 * under way and it is old.
 */
void manager_checkpoint(struct game_manager *manager, struct room *room, struct now now);

/* A room is closed, so its checkpoint is to go; said again in each tick until it was taken. */
void manager_note_gone(struct game_manager *manager, const char *room_code);
void manager_tell_gone(struct game_manager *manager);

/* Opens a room with nobody in it; NULL when there is none left. */
struct room *manager_open_room(struct game_manager *manager, uint8_t winning_score, bool is_public,
                               struct now now);

/* Sends everybody away and forgets the room. `code` is what its sessions are closed with. */
void manager_close_room(struct game_manager *manager, struct room *room, enum session_close code,
                        bool was_cancelled, struct now now);

struct room *manager_find_room(struct game_manager *manager, const char *code);

/*
 * The part of that which says nothing to anybody else: sends everybody away, and takes the room out of
 * every index.
 */
void manager_remove_room(struct game_manager *manager, struct room *room, enum session_close code);

/* ---- slots ---- */

/* Whether the slot is this process' at this moment; always true without has_slots. */
bool manager_slot_runs(const struct game_manager *manager, int slot);

/*
 * Before an update: whether the room stands still because its slot is not certain. When that is over,
 * it goes on here, and whoever is in it is told.
 */
bool manager_stands_still(struct game_manager *manager, struct room *room, struct now now);

/* Before anything is sent: whether nothing may be, so that it is only taken note of. */
bool manager_may_not_send(struct game_manager *manager, struct room *room, struct now now);

/* Keeps the rooms' order by code, as one is opened and as one is closed. */
void manager_sort_in(struct game_manager *manager, struct room *room);
void manager_sort_out(struct game_manager *manager, const struct room *room);

/* Keeps the index of tokens true after a seat was taken, freed or given another token. */
void manager_index_seat(struct game_manager *manager, struct room *room, int seat);

/* The seat of any room that this token holds; NULL for none. */
struct seat_claim *manager_find_claim(struct game_manager *manager, const char *token);

/* The seat in `room` whose holder has this token; 0 for none. In constant time per seat. */
int manager_seat_by_token(const struct room *room, const char *token);

/*
 * The seat that belongs to this user; 0 for none, for "" (a guest), and for who was kicked. The id is no
 * secret.
 */
int manager_seat_by_identity(const struct room *room, const char *user_id);

/* Takes note of what happened, for the room's sessions and for match_over, and has it sent. */
void manager_publish(struct game_manager *manager, struct room *room,
                     const struct game_events *events, struct now now);

/* Counts that somebody ran into a limit. */
void manager_note_limit(struct game_manager *manager, enum game_limit limit);
/*
 * Before a step: tells binary sessions what they could not foresee. After it: notes what they know now.
 * Both do nothing in a room without such sessions.
 */
void manager_tell_unforeseen(struct game_manager *manager, struct room *room, struct now now);
void manager_note_foreseen(struct room *room);

/* All binary sessions of the room get a keyframe at its next update. */
void manager_owe_keyframes(struct room *room);

/* A session from the pool, opening; NULL when there is none. Gives one back. */
struct player_session *manager_take_session(struct game_manager *manager, struct room *room,
                                            void *connection, struct now now);
void manager_free_session(struct game_manager *manager, struct player_session *session);

/* Where it is kept who the session is: a blank one at first. Forgets it, if there is one. */
struct session_identity *manager_take_identity(struct game_manager *manager,
                                               struct player_session *session);
void manager_forget_identity(struct game_manager *manager, struct player_session *session);

/* Puts an opened session into the room's list, or takes it out. */
void manager_enter_room(struct room *room, struct player_session *session);
void manager_leave_room(struct room *room, struct player_session *session);

/* A departed room that is still remembered; NULL for none. */
struct departed_room *manager_find_departed(struct game_manager *manager, const char *code,
                                            struct now now);

/* A guest's id and, when none was given, name. */
void manager_name_guest(struct game_player *player);
void manager_name_nameless(struct game_player *player);

#endif
