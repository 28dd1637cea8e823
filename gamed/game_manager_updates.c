/*
 * Clients that step the simulation by themselves: what they could not foresee, and the inputs that
 * they send ahead of time.
 */
#include "gamed/game_manager_private.h"

#include <string.h>
#include <utlist.h>

enum {
    KEYFRAME_PUT_OFF_MAX = 120 /* steps */
};

void manager_tell_unforeseen(struct game_manager *manager, struct room *room, struct now now)
{
    /* An end that waits for its result is followed by keyframes. */
    if (room->binary_count == 0 || room->held_since_ms ||
        memcmp(&room->foreseen, &room->game.pong, sizeof room->foreseen) == 0 ||
        (manager->config.has_slots && manager_may_not_send(manager, room, now)))
        return;
    manager->hooks.unforeseen(manager->hooks.arg, room, now);
    room->foreseen = room->game.pong;
}

/* They foresee a countdown of the usual length; where the operator chose another, that is news. */
void manager_note_foreseen(struct room *room)
{
    const struct pong *pong = &room->game.pong;
    if (room->binary_count == 0)
        return;
    room->foreseen = *pong;
    if (pong->phase == PONG_SERVING && pong->steps_left == pong->serve_steps)
        room->foreseen.steps_left = PONG_SERVE_STEPS;
}

void manager_owe_keyframes(struct room *room)
{
    struct player_session *session;
    if (room->binary_count == 0)
        return;
    DL_FOREACH (room->sessions, session)
        session->owed_keyframe = session->is_binary;
}

/*
 * It thinks that its paddle will obey at that step, and keeps thinking so over a keyframe of an earlier
 * one; but one that goes on and on must not put its keyframe off for ever: there is one more then. What
 * is refused before the keyframe is refused without a word: after a stall of ours a client names steps
 * too far ahead until it knows better.
 */
static int refuse(struct player_session *session, uint32_t step, int outcome)
{
    uint32_t present = session->room->game.pong.step;
    bool is_again = session->owed_keyframe && session->was_refused;
    if (!is_again)
        session->refused_step = present;
    session->was_refused = true;
    session->owed_keyframe = true;
    const int32_t ahead = (int32_t)(step - present);
    const bool is_believed = ahead > 0 && ahead <= KEYFRAME_PUT_OFF_MAX;
    const bool may_wait = (int32_t)(step - session->refused_step) <= KEYFRAME_PUT_OFF_MAX;
    if (is_believed && !may_wait) {
        session->is_refused_ahead = true;
        session->refused_to = step;
    } else if (is_believed && (int32_t)(step - session->keyframe_step) > 0) {
        session->keyframe_step = step;
    }
    return is_again ? GAME_MANAGER_INPUT_AGAIN : outcome;
}

/* By so much as steps were skipped, or are about to be, a client's clock is ahead by no fault of its own. */
static bool is_our_stall(const struct game_manager *manager, const struct room *room, uint32_t step,
                         struct now now)
{
    const int64_t ahead = (int32_t)(step - room->game.pong.step);
    const int64_t waited_ms = now.mono_ms - manager->ticked_ms;
    int64_t behind = now.mono_ms < manager->counts_ahead_at_ms ? manager->steps_skipped : 0;
    if (waited_ms * manager->config.update_hz > GAME_MANAGER_CATCH_UP_MAX * INT64_C(1000))
        behind += waited_ms * PONG_STEPS_PER_SECOND / 1000;
    return ahead > GAME_INPUT_AHEAD_MAX && ahead <= GAME_INPUT_AHEAD_MAX + behind;
}

int game_manager_input(struct game_manager *manager, struct player_session *session, uint32_t step,
                       uint16_t target, struct now now)
{
    struct room *room = session->room;
    if (session->seat == 0)
        return GAME_MANAGER_INPUT_NOT_A_PLAYER;
    if (!player_session_allow_input(session, room->game.pong.step))
        return refuse(session, step, GAME_MANAGER_INPUT_TOO_MANY);
    if (session->has_input && (int32_t)(step - session->input_step) <= 0)
        return refuse(session, step, GAME_MANAGER_INPUT_BAD);
    switch (game_state_input(&room->game, session->seat, step, target)) {
    case GAME_STEER_REFUSED:
        return refuse(session, step,
                      target <= PONG_PADDLE_Y_MAX && is_our_stall(manager, room, step, now)
                          ? GAME_MANAGER_INPUT_AHEAD
                          : GAME_MANAGER_INPUT_BAD);
    case GAME_STEER_LATE:
        session->owed_keyframe = true;
        manager_tell_unforeseen(manager, room, now);
        break;
    case GAME_STEER_TAKEN:
        if (room->binary_count > 1 && !room->held_since_ms)
            manager->hooks.input_taken(manager->hooks.arg, room, session, step, target, now);
        break;
    default:
        break;
    }
    session->has_input = true;
    session->input_step = step;
    return GAME_MANAGER_INPUT_OK;
}

void game_manager_resync(struct game_manager *manager, struct player_session *session,
                         struct now now)
{
    (void)manager;
    if (!session->is_binary ||
        (session->resync_ms && now.mono_ms - session->resync_ms < SESSION_RESYNC_MS))
        return;
    session->resync_ms = now.mono_ms;
    session->owed_keyframe = true;
}
