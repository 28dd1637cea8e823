/*
 * Who is sent what, and when. Nothing here waits: what cannot be written now is owed, not queued.
 */
#include "gamed/game_output.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

static void write_frame(struct game_output *output, struct player_session *session,
                        enum game_output_kind kind, struct frame *frame, struct now now)
{
    assert(frame->length > 0 && output->can_write(session));
    if (!output->write(output->arg, session, frame))
        return;
    output->stats.frames[kind]++;
    output->stats.bytes[kind] += frame->length;
    session->sent_ms = now.mono_ms;
}

static struct frame *state_frame(struct frame *frame, const struct room *room,
                                 enum messages_state_form form, struct now now)
{
    struct game_view view;
    if (frame->length == 0) {
        game_state_view(&room->game, &view);
        frame->length =
            messages_state(&room->game, &view, form, now.unix_ms, frame->text, sizeof frame->text);
    }
    return frame;
}

/* player_joined to the joiner himself. */
static struct frame *welcome_frame(struct game_output *output, const struct room *room,
                                   const struct player_session *session, struct now now)
{
    struct frame *frame = &output->single;
    const char *player_id = "", *username = "", *token = "";
    if (session->seat) {
        const struct game_player *player = &room->game.seats[session->seat - 1].player;
        player_id = player->player_id;
        username = player->username;
        token = player_session_fresh_token(session);
    } else if (output->greeting_to == session) {
        player_id = output->greeting_for->player_id;
        username = output->greeting_for->username;
    }
    frame->length = messages_welcome(session->seat, player_id, username, token, now.unix_ms,
                                     frame->text, sizeof frame->text);
    return frame;
}

/*
 * The answer to join_game: the state, who you are, and the state once more, as deployed front ends
 * expect. A socket that fills up in between gets the rest later.
 */
static void greet(struct game_output *output, const struct room *room,
                  struct player_session *session, struct now now)
{
    while (session->owed_greeting && output->can_write(session)) {
        switch (session->owed_greeting--) {
        case 3:
            write_frame(output, session, GAME_OUTPUT_STATE,
                        state_frame(&output->state, room, MESSAGES_STATE_FULL, now), now);
            break;
        case 2:
            write_frame(output, session, GAME_OUTPUT_EVENT,
                        welcome_frame(output, room, session, now), now);
            player_session_note_token_told(session);
            break;
        default:
            if (!session->is_binary)
                write_frame(output, session, GAME_OUTPUT_STATE,
                            state_frame(&output->joined, room, MESSAGES_STATE_JOINED, now), now);
            session->owed_full = false;
            break;
        }
    }
}

static void send_event(struct game_output *output, const struct room *room,
                       const struct game_event *event, struct player_session *session,
                       struct now now)
{
    if (event->type == GAME_EVENT_NEW_MATCH) {
        write_frame(output, session, GAME_OUTPUT_STATE,
                    state_frame(&output->state, room, MESSAGES_STATE_FULL, now), now);
        return;
    }
    if (event->type == GAME_EVENT_JOINED && session->seat == event->player &&
        session->owed_greeting) {
        greet(output, room, session, now);
        return;
    }
    if (event->type == GAME_EVENT_RESUMED && session->is_binary)
        return; /* foreseen */
    struct frame *frame = &output->event;
    if (frame->length == 0)
        frame->length =
            messages_event(&room->game, event, now.unix_ms, frame->text, sizeof frame->text);
    write_frame(output, session, GAME_OUTPUT_EVENT, frame, now);
    if (event->type != GAME_EVENT_JOINED || session->is_binary)
        return;
    if (output->can_write(session))
        write_frame(output, session, GAME_OUTPUT_STATE,
                    state_frame(&output->joined, room, MESSAGES_STATE_JOINED, now), now);
    else
        session->owed_full = true;
}

/* Brings every session that can be written to up to the newest event. */
static void send_events(struct game_output *output, struct room *room, struct now now)
{
    uint32_t behind = 0;
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (room->log_next - session->next_event > behind && output->can_write(session))
            behind = room->log_next - session->next_event;
    }
    for (uint32_t number = room->log_next - behind; number != room->log_next; number++) {
        output->event.length = 0;
        DL_FOREACH (room->sessions, session) {
            bool is_being_greeted =
                session->owed_greeting && session->owed_greeting < SESSION_GREETING_MESSAGES;
            if (session->next_event == number && !is_being_greeted && output->can_write(session)) {
                send_event(output, room, &room->log[number % ROOM_LOG_SIZE], session, now);
                session->next_event = number + 1;
            }
        }
    }
}

/* The update, encoded once; whoever missed one gets the newest full state instead. */
static void send_update(struct game_output *output, struct room *room, struct now now)
{
    struct frame *delta = &output->delta;
    if (room->session_count == room->binary_count)
        return;
    delta->length = messages_delta(&room->game, &room->shown, &room->fresh, now.unix_ms,
                                   delta->text, sizeof delta->text);
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (session->is_bot || session->is_binary)
            continue;
        if (!output->can_write(session)) {
            session->owed_full |= delta->length > 0;
            output->stats.updates_passed_over += delta->length > 0;
        } else if (session->owed_full) {
            session->owed_full = false;
            write_frame(output, session, GAME_OUTPUT_STATE,
                        state_frame(&output->state, room, MESSAGES_STATE_FULL, now), now);
        } else if (delta->length > 0) {
            write_frame(output, session, GAME_OUTPUT_DELTA, delta, now);
        }
    }
}

/* Who sits where and is called what comes by deltas, which binary sessions do not get. */
static void send_names(struct game_output *output, struct room *room, struct now now)
{
    const struct game_view *shown = &room->shown, *fresh = &room->fresh;
    bool are_new =
        memcmp(shown->id_version, fresh->id_version, sizeof shown->id_version) != 0 ||
        memcmp(shown->name_version, fresh->name_version, sizeof shown->name_version) != 0;
    struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (!session->is_binary)
            continue;
        session->owed_full |= are_new;
        if (!session->owed_full || !session->welcomed || !output->can_write(session))
            continue;
        session->owed_full = false;
        write_frame(output, session, GAME_OUTPUT_STATE,
                    state_frame(&output->state, room, MESSAGES_STATE_FULL, now), now);
    }
}

/* A newcomer has not heard why the game stands still. */
static void send_standing(struct game_output *output, const struct room *room,
                          struct player_session *session, struct now now)
{
    struct game_event event;
    if (!game_state_standing(&room->game, &event) || !output->can_write(session))
        return;
    struct frame *frame = &output->single;
    frame->length =
        messages_event(&room->game, &event, now.unix_ms, frame->text, sizeof frame->text);
    write_frame(output, session, GAME_OUTPUT_EVENT, frame, now);
}

void game_output_room(struct game_output *output, struct room *room, struct now now)
{
    struct player_session *session;
    output->state.length = 0;
    output->joined.length = 0;
    DL_FOREACH (room->sessions, session) {
        if (!session->welcomed && output->can_write(session)) {
            session->welcomed = true;
            session->owed_full = false;
            write_frame(output, session, GAME_OUTPUT_STATE,
                        state_frame(&output->state, room, MESSAGES_STATE_FULL, now), now);
            send_standing(output, room, session, now);
        }
    }
    send_events(output, room, now);
    DL_FOREACH (room->sessions, session) {
        if (session->owed_greeting)
            greet(output, room, session, now);
    }
    if (!room->update_due || room->session_count == 0)
        return;
    if (room->binary_count > 0) {
        send_names(output, room, now);
        game_output_binary(output, room, now);
    }
    send_update(output, room, now);
}

/* ---- replies ------------------------------------------------------------------------- */

static void reply(struct game_output *output, struct player_session *session, struct now now)
{
    if (session->state == SESSION_OPEN && output->can_write(session))
        write_frame(output, session, GAME_OUTPUT_REPLY, &output->single, now);
}

void game_output_error(struct game_output *output, struct player_session *session, const char *code,
                       const char *sentence, struct now now)
{
    struct frame *frame = &output->single;
    frame->length = messages_error(code, sentence, frame->text, sizeof frame->text);
    reply(output, session, now);
}

void game_output_refusal(struct game_output *output, struct player_session *session,
                         enum game_refusal refusal, struct now now)
{
    struct frame *frame = &output->single;
    frame->length = messages_refusal(refusal, frame->text, sizeof frame->text);
    reply(output, session, now);
}

void game_output_pong(struct game_output *output, struct player_session *session, double time,
                      struct now now)
{
    struct frame *frame = &output->single;
    frame->length =
        messages_pong(time, session->room->game.pong.step, frame->text, sizeof frame->text);
    reply(output, session, now);
}
