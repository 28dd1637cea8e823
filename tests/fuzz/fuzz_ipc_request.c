/*
 * Requests on gamed's IPC and control sockets (ipc/ipc_message.c). Whatever is accepted is within its
 * bounds, and the same request written anew is read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "ipc/ipc_message.h"

static void check_bounds(const struct ipc_request *request)
{
    char code[ROOM_CODE_SIZE];
    assert(request->op < IPC_OP_COUNT);
    assert(request->deadline_unix_ms >= 0 && request->after_serial >= 0);
    assert(memchr(request->user_id, '\0', sizeof request->user_id));
    assert(memchr(request->username, '\0', sizeof request->username));
    assert(!request->username[0] || text_is_username(request->username, strlen(request->username)));
    assert(request->token_count <= IPC_TOKENS_MAX);
    for (size_t i = 0; i < request->token_count; i++)
        assert(random_is_seat_token(request->tokens[i].token));
    assert(!request->new_token[0] || random_is_seat_token(request->new_token));
    assert(!request->room_code[0] ||
           (text_room_code(request->room_code, strlen(request->room_code), code) &&
            strcmp(code, request->room_code) == 0));
    assert(!request->bot_level[0] || bot_level_index(request->bot_level) >= 0);
    assert(request->winning_score == 0 || (request->winning_score >= WINNING_SCORE_MIN &&
                                           request->winning_score <= WINNING_SCORE_MAX));
    assert(request->result_state < IPC_RESULT_STATE_COUNT);
    assert(!request->match_id[0] || random_is_uuid(request->match_id));
    assert(request->seat >= 0 && request->seat <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[IPC_MESSAGE_MAX];
    struct ipc_request request, again;
    int outcome = ipc_request_decode((const char *)data, size, &request);
    if (outcome != IPC_OK) {
        assert(outcome >= IPC_UNKNOWN_OP && outcome <= IPC_BAD_MESSAGE);
        return 0;
    }
    check_bounds(&request);
    /* Of what an op does not use nothing is sent. */
    if (request.op != IPC_RESULTS)
        request.result_state = IPC_RESULT_PENDING;
    if (request.op != IPC_DRAIN)
        request.is_on = false;
    long length = ipc_request_encode(&request, text, sizeof text);
    assert(length > 0);
    assert(ipc_request_decode(text, (size_t)length, &again) == IPC_OK);
    assert(memcmp(&request, &again, sizeof request) == 0);
    return 0;
}
