/*
 * What a message brings about. Rules are not here: the manager refuses, this only says so.
 */
#include "gamed/game_input.h"

#include "gamed/messages.h"
#include "gamed/updates.h"

static const char WHAT_INPUTS_ARE[] =
    "an input is for a step after the last one's, at most 30 ahead, and in the court";

static void bad_message(struct game_input *input, struct player_session *session, const char *code,
                        const char *why, struct now now)
{
    input->stats.messages[GAME_INPUT_MALFORMED]++;
    game_output_error(input->output, session, code, why, now);
    if (player_session_count_bad(session, now))
        game_manager_session_close(input->manager, session, SESSION_CLOSE_BAD_MESSAGES, now);
}

static void hello(struct game_input *input, struct player_session *session,
                  const struct client_message *message, struct now now)
{
    input->output->greeting_to = session;
    input->output->greeting_for = message;
    game_manager_hello(input->manager, session, message->player_id, message->username, now);
    input->output->greeting_to = NULL;
    input->output->greeting_for = NULL;
}

/* Does what the message says. Returns GAME_OK or the rules' refusal. */
static int obey(struct game_input *input, struct player_session *session,
                const struct client_message *message, struct now now)
{
    struct game_manager *manager = input->manager;
    int number = message->player_number ? message->player_number : session->seat;
    enum session_key key = message->key_is_up ? SESSION_KEY_UP : SESSION_KEY_DOWN;
    switch (message->type) {
    case CLIENT_JOIN_GAME:
        hello(input, session, message, now);
        return GAME_OK;
    case CLIENT_PADDLE_POSITION:
        game_manager_steer(manager, session, number, message->target);
        return GAME_OK;
    case CLIENT_KEY_EVENT:
        game_manager_key(manager, session, number, key, message->is_down);
        return GAME_OK;
    case CLIENT_RESUME_GAME:
        return game_manager_resume(manager, session);
    case CLIENT_PAUSE_GAME:
        return game_manager_pause(manager, session, now);
    case CLIENT_REMATCH:
        return game_manager_rematch(manager, session, now);
    case CLIENT_PING:
        game_output_pong(input->output, session, message->time, now);
        return GAME_OK;
    case CLIENT_RESYNC:
        game_manager_resync(manager, session, now);
        return GAME_OK;
    case CLIENT_PONG:
        return GAME_OK; /* having been heard is all that it is for */
    }
    return GAME_OK;
}

/* A binary message: an input. */
static void take_input(struct game_input *input, struct player_session *session, const char *bytes,
                       size_t length, struct now now)
{
    struct updates_input wish;
    if (!session->is_binary) {
        bad_message(input, session, "bad_message", "this protocol has no binary messages", now);
        return;
    }
    if (!updates_input_read(bytes, length, &wish)) {
        bad_message(input, session, "bad_message", "a binary message is an input of 5 bytes", now);
        return;
    }
    session->is_alive = true;
    uint32_t step = updates_step_near(session->room->game.pong.step, wish.step);
    switch (game_manager_input(input->manager, session, step, wish.target, now)) {
    case GAME_MANAGER_INPUT_BAD:
        bad_message(input, session, "bad_message", WHAT_INPUTS_ARE, now);
        break;
    case GAME_MANAGER_INPUT_AHEAD:
        input->stats.messages[GAME_INPUT_REFUSED]++;
        game_output_error(input->output, session, "bad_message", WHAT_INPUTS_ARE, now);
        break;
    case GAME_MANAGER_INPUT_TOO_MANY:
        input->stats.messages[GAME_INPUT_REFUSED]++;
        game_output_error(input->output, session, "rate_limited",
                          "At most 30 inputs a second are taken", now);
        break;
    case GAME_MANAGER_INPUT_AGAIN:
        input->stats.messages[GAME_INPUT_REFUSED]++;
        break;
    default:
        input->stats.messages[GAME_INPUT_OK]++;
        break;
    }
}

void game_input_message(struct game_input *input, struct player_session *session, const char *text,
                        size_t length, bool is_binary, struct now now)
{
    struct client_message message;
    const char *why;
    session->heard_ms = now.mono_ms;
    if (!game_manager_room_runs(input->manager, session->room))
        return; /* unread: it may be another process' room by now, and is no fault of the client's */
    if (!player_session_allow_message(session, input->messages_per_second, now)) {
        input->stats.messages[GAME_INPUT_RATE_LIMITED]++;
        return;
    }
    if (is_binary) {
        take_input(input, session, text, length, now);
        return;
    }
    int outcome = messages_cache_parse(&input->known, text, length, &message, &why);
    if (outcome == MESSAGES_OK && message.type == CLIENT_RESYNC && !session->is_binary) {
        outcome = MESSAGES_UNKNOWN_TYPE;
        why = "resync is for pong.v2.bin";
    }
    if (outcome == MESSAGES_OK) {
        session->is_alive = true;
        int refusal = obey(input, session, &message, now);
        input->stats.messages[refusal == GAME_OK ? GAME_INPUT_OK : GAME_INPUT_REFUSED]++;
        if (refusal != GAME_OK)
            game_output_refusal(input->output, session, (enum game_refusal)refusal, now);
    } else {
        bad_message(input, session,
                    outcome == MESSAGES_UNKNOWN_TYPE ? "unknown_type" : "bad_message", why, now);
    }
}
