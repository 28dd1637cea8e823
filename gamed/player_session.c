/*
 * What one connection may do, without its socket.
 */
#include "gamed/player_session.h"

#include <string.h>

enum {
    CREDIT_PER_MESSAGE = 1000,
    BURST_SECONDS = 2
};

void player_session_init(struct player_session *session, struct room *room, void *connection,
                         int messages_per_second, struct now now)
{
    memset(session, 0, sizeof *session);
    session->state = SESSION_OPENING;
    session->room = room;
    session->connection = connection;
    session->rate_credit = messages_per_second * BURST_SECONDS * CREDIT_PER_MESSAGE;
    session->rate_at_ms = now.mono_ms;
    session->owed_full = true;
    session->owed_keyframe = true;
    session->input_credit = 2 * SESSION_INPUTS_PER_SECOND;
    session->sent_ms = now.mono_ms;
    session->heard_ms = now.mono_ms;
    session->pinged_ms = now.mono_ms;
    for (int i = 0; i < SESSION_BAD_MESSAGES_MAX; i++)
        session->bad_at_ms[i] = (uint32_t)now.mono_ms - SESSION_BAD_WINDOW_MS;
}

bool player_session_allow_message(struct player_session *session, int messages_per_second,
                                  struct now now)
{
    const int64_t full = (int64_t)messages_per_second * BURST_SECONDS * CREDIT_PER_MESSAGE;
    int64_t credit = session->rate_credit + (now.mono_ms - session->rate_at_ms) *
                                                messages_per_second * CREDIT_PER_MESSAGE / 1000;
    if (credit > full)
        credit = full;
    session->rate_at_ms = now.mono_ms;
    bool allowed = credit >= CREDIT_PER_MESSAGE;
    session->rate_credit = (int32_t)(allowed ? credit - CREDIT_PER_MESSAGE : credit);
    return allowed;
}

const char *player_session_fresh_token(const struct player_session *session)
{
    return session->identity ? session->identity->fresh_token : "";
}

void player_session_note_token_told(struct player_session *session)
{
    if (session->identity)
        session->identity->fresh_token[0] = '\0';
}

bool player_session_count_bad(struct player_session *session, struct now now)
{
    /* after this one is in, the ring's next place holds the one that came nine before it */
    const uint32_t now_ms = (uint32_t)now.mono_ms;
    session->bad_at_ms[session->bad_next] = now_ms;
    session->bad_next = (uint8_t)((session->bad_next + 1) % SESSION_BAD_MESSAGES_MAX);
    return now_ms - session->bad_at_ms[session->bad_next] < SESSION_BAD_WINDOW_MS;
}

int player_session_key(struct player_session *session, enum session_key key, bool is_down)
{
    if (is_down) {
        session->keys_down |= (uint8_t)key;
        return key == SESSION_KEY_UP ? -1 : 1;
    }
    session->keys_down &= (uint8_t) ~(unsigned)key;
    if (session->keys_down & SESSION_KEY_UP)
        return -1;
    return session->keys_down & SESSION_KEY_DOWN ? 1 : 0;
}

bool player_session_allow_input(struct player_session *session, uint32_t step)
{
    const uint32_t full = 2 * SESSION_INPUTS_PER_SECOND;
    /* 60 steps a second refill 30 inputs, in halves: one a step */
    uint32_t credit = session->input_credit + (step - session->input_credit_at);
    session->input_credit_at = step;
    if (credit > full)
        credit = full;
    bool is_allowed = credit >= 2;
    session->input_credit = (uint16_t)(is_allowed ? credit - 2 : credit);
    return is_allowed;
}
