/*
 * game_output: decides what each session of a room is sent, and in which order. The bytes are encoded
 * once and handed to a socket's write function; it must not know sockets itself.
 *
 * A room's update is encoded once and the same bytes go to every session, straight from the tick.
 * Nothing is queued: a session that cannot be written to is passed over, and is sent the newest full
 * state afterwards. Only events wait for it, in the room's log.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_GAME_OUTPUT_H
#define PONG_GAMED_GAME_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/game_manager.h"
#include "gamed/messages.h"

/* Bytes before a frame's text that belong to whoever writes it, for the head of the frame: as many as
 * RFC 6455 (5.2) wants for what is shorter than 64 KiB. */
enum {
    FRAME_HEADROOM = 4
};

struct frame {
    size_t length;  /* of the text; 0: not encoded yet */
    bool is_binary; /* else it is text */
    unsigned char headroom[FRAME_HEADROOM];
    char text[MESSAGES_SIZE];
};

enum game_output_kind {
    GAME_OUTPUT_DELTA,
    GAME_OUTPUT_STATE, /* full */
    GAME_OUTPUT_EVENT, /* what happened, to the room or to one */
    GAME_OUTPUT_REPLY, /* to what one session said */
    /* of pong.v2.bin */
    GAME_OUTPUT_UPDATE, /* what could not be foreseen */
    GAME_OUTPUT_KEYFRAME,
    GAME_OUTPUT_HEARTBEAT,
    GAME_OUTPUT_KINDS
};

struct game_output_stats {
    uint64_t frames[GAME_OUTPUT_KINDS];
    uint64_t bytes[GAME_OUTPUT_KINDS]; /* of their texts */
    uint64_t updates_passed_over;      /* not sent, as the socket had not taken the last one */
};

struct game_output {
    /* Whether the session's socket has taken all it was given. False for a bot. */
    bool (*can_write)(const struct player_session *session);
    /* Writes one frame. Only called when can_write; false when the connection is no more. */
    bool (*write)(void *arg, struct player_session *session, struct frame *frame);
    void *arg; /* of write */
    struct game_output_stats stats;
    /* the join_game being answered, for what a spectator said of himself; NULL outside of it */
    const struct player_session *greeting_to;
    const struct client_message *greeting_for;
    /* encoded once, written to many */
    struct frame state, joined, event, delta, single, update;
};

/*
 * Brings the room's sessions up to date: first states, events, answers to join_game, and the update
 * when one is due.
 */
void game_output_room(struct game_output *output, struct room *room, struct now now);

/* The manager's hooks of these names, for the binary sessions of the room. */
void game_output_unforeseen(struct game_output *output, struct room *room, struct now now);
void game_output_input(struct game_output *output, struct room *room,
                       const struct player_session *from, uint32_t step, int32_t target,
                       struct now now);

/* With an update: keyframes that are owed, and heartbeats; a part of game_output_room(). */
void game_output_binary(struct game_output *output, struct room *room, struct now now);

/*
 * Answers one session. A reply is not owed: who cannot be written to does not get it.
 */
void game_output_error(struct game_output *output, struct player_session *session, const char *code,
                       const char *sentence, struct now now);
void game_output_refusal(struct game_output *output, struct player_session *session,
                         enum game_refusal refusal, struct now now);
void game_output_pong(struct game_output *output, struct player_session *session, double time,
                      struct now now);

#endif
