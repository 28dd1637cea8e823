/*
 * Requests on gamed's IPC and control sockets (ipc/ipc_message.c), by themselves or as a sequence
 * (ipc/ipc_sequence.c). Whatever is accepted is within its bounds, and the same request written anew is
 * read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "ipc/ipc_message.h"
#include "ipc/ipc_sequence.h"

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

static void check_text(const char *bytes, size_t size)
{
    static char text[IPC_MESSAGE_MAX];
    struct ipc_request request, again;
    int outcome = ipc_request_decode(bytes, size, &request);
    if (outcome != IPC_OK) {
        assert(outcome >= IPC_UNKNOWN_OP && outcome <= IPC_BAD_MESSAGE);
        return;
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    const char *end = (const char *)data;
    const size_t count = ipc_sequence_split((const char *)data, size, texts, IPC_SEQUENCE_MAX);
    assert(count == 0 || ipc_sequence_is((const char *)data, size));
    for (size_t i = 0; i < count; i++) {
        assert(texts[i].bytes > end &&
               texts[i].bytes + texts[i].length <= (const char *)data + size);
        assert(!memchr(texts[i].bytes, 0x1e, texts[i].length));
        end = texts[i].bytes + texts[i].length;
        check_text(texts[i].bytes, texts[i].length);
    }
    if (count == 0)
        check_text((const char *)data, size);
    return 0;
}
