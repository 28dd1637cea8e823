/*
 * PlayerSession: one connection's life in a room: seat or spectator, what it may still send, what
 * it is owed. A bot is a session without a connection. Pure; must not know sockets, messages or
 * rooms other than by pointer.
 *
 * Memory: a session's size is a compile-time constant; nothing is ever queued for it. Events wait
 * in the room's ring (room_log), of which a session only has its place.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_PLAYER_SESSION_H
#define PONG_GAMED_PLAYER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/random.h"
#include "common/text.h"
#include "gamed/bot.h"
#include "gamed/tally.h"
#include "gamed/tickets.h"

enum session_state {
    SESSION_FREE,    /* in the pool */
    SESSION_OPENING, /* the handshake was admitted, the socket is not upgraded yet: no seat, counts
                        against the limits */
    SESSION_OPEN,    /* in its room */
    SESSION_CLOSING, /* out of its room; waits for its connection to go, then it is freed */
};

/* Close codes; protocol.md "Close codes". */
enum session_close {
    SESSION_CLOSE_DROP = 0, /* no close frame: deployed clients then reconnect */
    SESSION_CLOSE_POLICY = 1008,
    SESSION_CLOSE_TOO_BIG = 1009,
    SESSION_CLOSE_RESTARTING = 4000,
    SESSION_CLOSE_MOVED = 4001, /* the room is another process' now: come back at once */
    SESSION_CLOSE_TOO_SLOW = 4002,
    SESSION_CLOSE_REPLACED = 4501,
    SESSION_CLOSE_BAD_MESSAGES = 4502,
    SESSION_CLOSE_ROOM_CLOSED = 4503,
    SESSION_CLOSE_KICKED = 4504,
    SESSION_CLOSE_NEVER_JOINED = 4505,
};

enum {
    SESSION_PING_AFTER_MS = 2000,  /* nothing was sent for so long: ping */
    SESSION_ASK_AFTER_MS = 15000,  /* nothing was heard for so long: ping, even who is sent a lot */
    SESSION_ANSWER_MS = 5000,      /* what the first answer of who is asked at once may take */
    SESSION_GONE_AFTER_MS = 45000, /* nothing was heard for so long: gone */
    SESSION_BAD_MESSAGES_MAX = 10, /* within … */
    SESSION_GREETING_MESSAGES = 3,
    SESSION_BAD_WINDOW_MS = 60000, /* … a minute: closed */
    SESSION_INPUTS_PER_SECOND = 30,
    SESSION_RESYNC_MS = 1000, /* at most one keyframe for the asking in so long */
};

enum session_key {
    SESSION_KEY_UP = 1,
    SESSION_KEY_DOWN = 2
};

struct room;

/*
 * Who a session is: of a user until he has his seat for good, of a guest who gets one by join_game until he
 * was told its token. Most have none of it, so it has a place of its own.
 */
struct session_identity {
    char user_id[PLAYER_ID_SIZE];      /* by his ticket; "" for a guest */
    char username[USERNAME_SIZE];      /* likewise; "" unknown */
    char fresh_token[SEAT_TOKEN_SIZE]; /* that join_game gave it, for its greeting; else "" */
};

/* What each update looks at stands first, what each message from it touches next. */
struct player_session {
    struct player_session *next, *prev; /* in the room while open */
    struct room *room;   /* while open; while opening only if its serial is still room_serial */
    void *connection;    /* the consumer's; NULL for a bot */
    uint32_t next_event; /* number of the next event of the room's log that it has not been sent */
    uint32_t updated_step; /* after which its last binary message was sent */
    uint32_t checked_step; /* after which its last keyframe or heartbeat was sent */
    bool is_bot;
    bool is_binary; /* it steps the simulation itself and speaks pong.v2.bin, else pong.v1.json */
    bool welcomed;  /* it has been sent its first state */
    bool owed_full; /* the newest full state */
    bool owed_keyframe;    /* and nothing else until it has it */
    uint8_t owed_greeting; /* how many of the messages that answer join_game are still to be sent */
    uint8_t seat;          /* 1, 2, or 0: spectator */
    bool has_input : 1;
    bool is_refused_ahead : 1; /* one more keyframe is owed once it is step refused_to */
    uint32_t input_step;       /* that its last input named */
    uint32_t input_credit_at;  /* step */
    /* what it may send, and when it was last heard and written to */
    int64_t heard_ms;
    int64_t sent_ms;
    int64_t pinged_ms; /* when it was last asked whether it is still there */
    int64_t rate_at_ms;
    int32_t rate_credit;   /* in thousandths of a message */
    uint16_t input_credit; /* in halves of an input */
    bool is_alive;         /* it has sent a well-formed message, or a pong frame */
    enum session_state state;
    uint32_t room_serial;
    uint8_t slot;   /* index of its room's, which it may outlive */
    struct bot bot; /* of a bot */

    /* who it is */
    uint8_t proven;    /* bit 1 << seat: the handshake proved that this seat is his … */
    uint16_t claim[2]; /* … while its token has this version; void once the seat has another */
    bool
        settled; /* join_game has named or confirmed the seat: it is not moved to another any more */
    bool greeted;                      /* its join_game was announced to the room */
    bool may_sit;                      /* may take a free seat by join_game */
    struct session_identity *identity; /* NULL: nothing is to be known, or no more */
    struct tally_key client; /* who it counts for: his address; nobody where that is not known */
    int64_t opened_ms;

    /* when the last bad messages came, on a clock that begins anew every 49 days */
    uint32_t bad_at_ms[SESSION_BAD_MESSAGES_MAX];
    uint8_t bad_next;   /* of that ring */
    uint8_t keys_down;  /* enum session_key */
    bool uses_position; /* its first paddle_position ended key control */

    /* of pong.v2.bin */
    int64_t resync_ms;      /* when it last asked for a keyframe; 0: never */
    uint32_t keyframe_step; /* a keyframe that is owed is not before this step */
    bool was_refused;       /* an input since its last keyframe, … */
    uint32_t refused_step;  /* … the first of them after this step */
    uint32_t
        refused_to; /* the last step that was named by one, too late to put off a keyframe for */
};

/* Puts a session into the state of a fresh connection: opening, spectator, owed the full state. */
void player_session_init(struct player_session *session, struct room *room, void *connection,
                         int messages_per_second, struct now now);

/*
 * A message came: may it be looked at? A bucket of two seconds' worth, refilled at
 * `messages_per_second`; what is over the rate is to be dropped, not punished.
 */
bool player_session_allow_message(struct player_session *session, int messages_per_second,
                                  struct now now);

/*
 * An input came while the game was at `step`: is it within SESSION_INPUTS_PER_SECOND? A bucket of one
 * second's worth, by the game's own clock.
 */
bool player_session_allow_input(struct player_session *session, uint32_t step);

/* The token that join_game gave it and that it is still to be told; "" for none. Notes that it was told. */
const char *player_session_fresh_token(const struct player_session *session);
void player_session_note_token_told(struct player_session *session);

/* A malformed message came. Returns whether it was one too many within a minute. */
bool player_session_count_bad(struct player_session *session, struct now now);

/*
 * A key went down or up. Returns the direction that the paddle has now: -1 up, 1 down, 0 stop. The
 * key pressed last wins while both are down.
 */
int player_session_key(struct player_session *session, enum session_key key, bool is_down);

#endif
