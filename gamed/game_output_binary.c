/*
 * What sessions of pong.v2.bin are sent beside their text messages: events, keyframes, heartbeats.
 */
#include "gamed/game_output.h"

#include <string.h>
#include <utlist.h>

#include "gamed/updates.h"

enum {
    HEARTBEAT_QUIET_STEPS = 60, /* after so long without any update */
    HEARTBEAT_STEPS = 120,      /* in any case, or the checksum would not be seen */
};

/* Whether it knows all that was told so far; who does not waits for a keyframe. */
static bool is_up_to_date(const struct player_session *session)
{
    return session->is_binary && !session->owed_keyframe;
}

static struct frame *update_frame(struct game_output *output, const unsigned char *bytes,
                                  size_t length)
{
    struct frame *frame = &output->update;
    frame->is_binary = true;
    frame->length = length;
    memcpy(frame->text, bytes, length);
    return frame;
}

/* False when the socket does not take it now: then a keyframe is owed. */
static bool send_bytes(struct game_output *output, struct player_session *session,
                       enum game_output_kind kind, const unsigned char *bytes, size_t length,
                       struct now now)
{
    if (!output->can_write(session)) {
        session->owed_keyframe = true;
        output->stats.updates_passed_over++;
        return false;
    }
    if (!output->write(output->arg, session, update_frame(output, bytes, length)))
        return false;
    session->sent_ms = now.mono_ms;
    session->updated_step = session->room->game.pong.step;
    output->stats.frames[kind]++;
    output->stats.bytes[kind] += length;
    return true;
}

/* What the session knows of the next step because it is its own doing. */
static unsigned own_fields(const struct player_session *session)
{
    const struct game *game = &session->room->game;
    if (session->seat == 0 ||
        game->seats[session->seat - 1].inputs.applied_step != game->pong.step + 1)
        return 0;
    return session->seat == 1 ? UPDATES_TARGET_1 : UPDATES_TARGET_2;
}

void game_output_unforeseen(struct game_output *output, struct room *room, struct now now)
{
    const struct pong *pong = &room->game.pong;
    unsigned fields = updates_difference(&room->foreseen, pong);
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        unsigned char bytes[UPDATES_SIZE];
        unsigned news = is_up_to_date(session) ? fields & ~own_fields(session) : 0;
        if (news) {
            size_t length = updates_event(news, pong->step + 1, pong, bytes);
            send_bytes(output, session, GAME_OUTPUT_UPDATE, bytes, length, now);
        }
    }
}

void game_output_input(struct game_output *output, struct room *room,
                       const struct player_session *from, uint32_t step, int32_t target,
                       struct now now)
{
    unsigned char bytes[UPDATES_SIZE];
    size_t length = updates_target(from->seat, step, target, bytes);
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (session != from && is_up_to_date(session))
            send_bytes(output, session, GAME_OUTPUT_UPDATE, bytes, length, now);
    }
}

/* The state, and what is known already of the steps to come. */
static void send_keyframe(struct game_output *output, struct player_session *session,
                          struct now now)
{
    const struct game *game = &session->room->game;
    unsigned char bytes[UPDATES_SIZE];
    if ((int32_t)(game->pong.step - session->keyframe_step) < 0 || !output->can_write(session))
        return;
    session->owed_keyframe = session->was_refused = false;
    if (!send_bytes(output, session, GAME_OUTPUT_KEYFRAME, bytes,
                    updates_keyframe(&game->pong, bytes), now))
        return;
    session->checked_step = game->pong.step;
    for (int seat = 1; seat <= 2; seat++) {
        const struct game_inputs *inputs = &game->seats[seat - 1].inputs;
        for (size_t i = 0; i < inputs->count && !session->owed_keyframe; i++) {
            if (game_state_input_is_told(game, seat, i))
                send_bytes(output, session, GAME_OUTPUT_UPDATE, bytes,
                           updates_target(seat, game_state_input_step(game, seat, i),
                                          inputs->list[i].target, bytes),
                           now);
        }
    }
}

void game_output_binary(struct game_output *output, struct room *room, struct now now)
{
    const struct pong *pong = &room->game.pong;
    unsigned char heartbeat[UPDATES_SIZE];
    size_t length = 0;
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (!session->is_binary || !session->welcomed)
            continue;
        if (session->is_refused_ahead && (int32_t)(pong->step - session->refused_to) >= 0) {
            session->is_refused_ahead = false;
            session->owed_keyframe = true;
        }
        if (session->owed_keyframe) {
            send_keyframe(output, session, now);
            continue;
        }
        if (pong->step - session->updated_step < HEARTBEAT_QUIET_STEPS &&
            pong->step - session->checked_step < HEARTBEAT_STEPS)
            continue;
        if (session->updated_step == pong->step)
            continue; /* told of the next step already, which the checksum would contain */
        if (length == 0)
            length = updates_heartbeat(pong, heartbeat);
        if (send_bytes(output, session, GAME_OUTPUT_HEARTBEAT, heartbeat, length, now))
            session->checked_step = pong->step;
    }
}
