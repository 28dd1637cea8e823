/*
 * ipc_message: see ipc_message.h. A reader checks every field it takes; fields it does not know are
 * passed over, so that the two programs may be of different age.
 */
#include "ipc/ipc_message.h"

#include <string.h>

static const char *const op_names[IPC_OP_COUNT] = {
    [IPC_CREATE] = "create", [IPC_JOIN] = "join",       [IPC_CHECK] = "check",
    [IPC_CANCEL] = "cancel", [IPC_QUICK] = "quick",     [IPC_LIST] = "list",
    [IPC_STATS] = "stats",   [IPC_HEALTH] = "health",   [IPC_ROOMS] = "rooms",
    [IPC_ROOM] = "room",     [IPC_RESULTS] = "results", [IPC_RETRY] = "retry",
    [IPC_DRAIN] = "drain",   [IPC_KICK] = "kick",       [IPC_METRICS] = "metrics",
    [IPC_ADMIT] = "admit",
};

const char *const ipc_result_state_words[IPC_RESULT_STATE_COUNT] = {
    [IPC_RESULT_PENDING] = "pending",
    [IPC_RESULT_FAILED] = "failed",
    [IPC_RESULT_DELIVERED] = "delivered",
    [IPC_RESULT_NOT_POSTED] = "not_posted",
};

const char *ipc_op_name(enum ipc_op op)
{
    return op_names[op];
}

/* Writes compact JSON of at most `size` bytes. */
static long write_json(const json_t *json, char *out, size_t size)
{
    size_t length = json_dumpb(json, out, size, JSON_COMPACT);

    if (length == 0)
        return IPC_NO_MEMORY;
    return length <= size ? (long)length : IPC_BAD_MESSAGE;
}

/* An absent field means an empty one, so empty ones are not sent. */
static bool set_text(json_t *object, const char *field, const char *value)
{
    return value[0] == '\0' || json_object_set_new(object, field, json_string(value)) == 0;
}

static bool set_tokens(json_t *object, const struct ipc_request *request)
{
    json_t *list;

    if (request->token_count == 0)
        return true;
    list = json_array();
    for (size_t i = 0; i < request->token_count; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:b}", "token", request->tokens[i].token,
                                                  "cookie", (int)request->tokens[i].from_cookie)) !=
            0) {
            json_decref(list);
            return false;
        }
    return json_object_set_new(object, "tokens", list) == 0;
}

static bool set_integer(json_t *object, const char *field, int64_t value)
{
    return value == 0 || json_object_set_new(object, field, json_integer(value)) == 0;
}

/* What the control socket's ops have of their own. */
static bool set_control(json_t *object, const struct ipc_request *request)
{
    const char *state =
        request->op == IPC_RESULTS ? ipc_result_state_words[request->result_state] : "";

    return set_text(object, "after", request->after) && set_text(object, "state", state) &&
           set_integer(object, "after_serial", request->after_serial) &&
           set_text(object, "match_id", request->match_id) &&
           set_integer(object, "seat", request->seat) &&
           (request->op != IPC_DRAIN ||
            json_object_set_new(object, "on", json_boolean(request->is_on)) == 0);
}

long ipc_request_encode(const struct ipc_request *request, char *out, size_t size)
{
    json_t *object = json_pack("{s:i, s:s}", "v", IPC_VERSION, "op", op_names[request->op]);
    long length = IPC_NO_MEMORY;

    if (object == NULL)
        return IPC_NO_MEMORY;
    if (request->deadline_unix_ms != 0 &&
        json_object_set_new(object, "deadline", json_integer(request->deadline_unix_ms)) != 0)
        goto out;
    if (request->winning_score != 0 &&
        json_object_set_new(object, "winning_score", json_integer(request->winning_score)) != 0)
        goto out;
    if (set_text(object, "user_id", request->user_id) &&
        set_text(object, "username", request->username) && set_tokens(object, request) &&
        set_text(object, "new_token", request->new_token) &&
        (!request->takes_attachment ||
         json_object_set_new(object, "attachment", json_true()) == 0) &&
        set_text(object, "room_code", request->room_code) &&
        set_text(object, "address", request->address) &&
        set_text(object, "guests", request->guests_denied ? "deny" : "") &&
        set_text(object, "visibility", request->is_public ? "public" : "") &&
        set_text(object, "bot_level", request->bot_level) && set_control(object, request))
        length = write_json(object, out, size < IPC_MESSAGE_MAX ? size : IPC_MESSAGE_MAX);
out:
    json_decref(object);
    return length;
}

/*
 * Reads `length` bytes into *object (owned by the caller) and checks its version. With `rest`, what
 * stands behind the object is not looked at: *rest is where that begins.
 */
static int read_object(const char *text, size_t length, size_t *rest, json_t **object)
{
    const size_t flags = JSON_REJECT_DUPLICATES | (rest ? JSON_DISABLE_EOF_CHECK : 0);
    json_error_t error;
    json_t *read;
    json_t *version;
    int result = IPC_OK;

    if (length > IPC_MESSAGE_MAX)
        return IPC_BAD_MESSAGE;
    read = json_loadb(text, length, flags, &error);
    version = json_object_get(read, "v");
    if (!json_is_object(read) || !json_is_integer(version))
        result = IPC_BAD_MESSAGE;
    else if (json_integer_value(version) != IPC_VERSION)
        result = IPC_BAD_VERSION;
    if (result == IPC_OK && rest)
        *rest = (size_t)error.position;
    if (result == IPC_OK)
        *object = read;
    else
        json_decref(read);
    return result;
}

/* Reads an optional string that fits `size` bytes. */
static bool get_text(const json_t *object, const char *field, char *out, size_t size)
{
    const json_t *value = json_object_get(object, field);

    if (value == NULL)
        return true;
    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool get_integer(const json_t *object, const char *field, int64_t min, int64_t max,
                        int64_t *out)
{
    const json_t *value = json_object_get(object, field);

    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return false;
    *out = json_integer_value(value);
    return true;
}

static bool get_tokens(const json_t *object, struct ipc_request *request)
{
    const json_t *list = json_object_get(object, "tokens");

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > IPC_TOKENS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *cookie = json_object_get(entry, "cookie");
        struct ipc_token *token = &request->tokens[i];

        if (!get_text(entry, "token", token->token, sizeof token->token) ||
            !random_is_seat_token(token->token) || !json_is_boolean(cookie))
            return false;
        token->from_cookie = json_is_true(cookie);
    }
    request->token_count = json_array_size(list);
    return true;
}

static bool get_op(const json_t *object, enum ipc_op *op, int *result)
{
    const char *name = json_string_value(json_object_get(object, "op"));

    *result = name == NULL ? IPC_BAD_MESSAGE : IPC_UNKNOWN_OP;
    for (int i = 0; name != NULL && i < IPC_OP_COUNT; i++)
        if (strcmp(name, op_names[i]) == 0) {
            *op = (enum ipc_op)i;
            return true;
        }
    return false;
}

bool ipc_is_address(const char *text)
{
    static const char characters[] = "0123456789abcdefABCDEF.:";

    return strlen(text) < IPC_ADDRESS_SIZE &&
           (strcmp(text, "unix:") == 0 ||
            (text[0] != '\0' && text[strspn(text, characters)] == '\0'));
}

/* What an op cannot do without, and what no op may carry. */
static bool is_consistent(const struct ipc_request *request)
{
    char canonical[ROOM_CODE_SIZE];
    bool seats = request->op == IPC_CREATE || request->op == IPC_JOIN || request->op == IPC_QUICK;
    bool names_room = request->op == IPC_JOIN || request->op == IPC_CHECK ||
                      request->op == IPC_CANCEL || request->op == IPC_ROOM ||
                      request->op == IPC_KICK || request->op == IPC_ADMIT;
    bool has_address = ipc_is_address(request->address);

    if (request->username[0] != '\0' &&
        !text_is_username(request->username, strlen(request->username)))
        return false;
    if (request->bot_level[0] != '\0' && bot_level_index(request->bot_level) < 0)
        return false;
    if (request->room_code[0] != '\0' &&
        (!text_room_code(request->room_code, strlen(request->room_code), canonical) ||
         strcmp(request->room_code, canonical) != 0))
        return false;
    if (request->new_token[0] != '\0' && !random_is_seat_token(request->new_token))
        return false;
    if (request->user_id[0] != '\0' &&
        !text_is_player_id(request->user_id, strlen(request->user_id)))
        return false;
    return (!seats || request->new_token[0] != '\0') &&
           (!names_room || request->room_code[0] != '\0') &&
           (has_address || (request->op != IPC_ADMIT && request->address[0] == '\0'));
}

static bool get_state(const json_t *object, struct ipc_request *request)
{
    char word[16] = "";

    if (!get_text(object, "state", word, sizeof word))
        return false;
    for (int i = 0; i < IPC_RESULT_STATE_COUNT; i++)
        if (strcmp(word, ipc_result_state_words[i]) == 0) {
            request->result_state = (enum ipc_result_state)i;
            return true;
        }
    return word[0] == '\0' && request->op != IPC_RESULTS;
}

static bool get_control(const json_t *object, struct ipc_request *request)
{
    const json_t *on = json_object_get(object, "on");
    char canonical[ROOM_CODE_SIZE];
    int64_t seat = 0;

    if (!get_text(object, "after", request->after, sizeof request->after) ||
        !get_state(object, request) ||
        !get_integer(object, "after_serial", 0, INT64_MAX, &request->after_serial) ||
        !get_text(object, "match_id", request->match_id, sizeof request->match_id) ||
        !get_integer(object, "seat", 1, 2, &seat) || (on != NULL && !json_is_boolean(on)))
        return false;
    request->is_on = json_is_true(on);
    request->seat = (int)seat;
    if (request->after[0] != '\0' &&
        (!text_room_code(request->after, strlen(request->after), canonical) ||
         strcmp(canonical, request->after) != 0))
        return false;
    if (request->match_id[0] != '\0' && !random_is_uuid(request->match_id))
        return false;
    return (request->op != IPC_DRAIN || on != NULL) && (request->op != IPC_KICK || seat != 0) &&
           (request->op != IPC_RETRY || request->match_id[0] != '\0');
}

static bool get_fields(const json_t *object, struct ipc_request *request)
{
    const json_t *attachment = json_object_get(object, "attachment");
    char visibility[8] = "private";
    char guests[8] = "";
    int64_t winning_score = 0;

    if (!get_integer(object, "deadline", 0, INT64_MAX, &request->deadline_unix_ms) ||
        !get_integer(object, "winning_score", WINNING_SCORE_MIN, WINNING_SCORE_MAX,
                     &winning_score) ||
        !get_text(object, "user_id", request->user_id, sizeof request->user_id) ||
        !get_text(object, "username", request->username, sizeof request->username) ||
        !get_tokens(object, request) ||
        !get_text(object, "new_token", request->new_token, sizeof request->new_token) ||
        !get_text(object, "room_code", request->room_code, sizeof request->room_code) ||
        !get_text(object, "address", request->address, sizeof request->address) ||
        !get_text(object, "guests", guests, sizeof guests) ||
        !get_text(object, "visibility", visibility, sizeof visibility) ||
        !get_text(object, "bot_level", request->bot_level, sizeof request->bot_level))
        return false;
    if (attachment != NULL && !json_is_boolean(attachment))
        return false;
    request->takes_attachment = json_is_true(attachment);
    request->guests_denied = strcmp(guests, "deny") == 0;
    if (guests[0] != '\0' && !request->guests_denied)
        return false;
    request->is_public = strcmp(visibility, "public") == 0;
    request->winning_score = (int)winning_score;
    return (request->is_public || strcmp(visibility, "private") == 0) &&
           get_control(object, request) && is_consistent(request);
}

int ipc_request_decode(const char *text, size_t length, struct ipc_request *request)
{
    json_t *object;
    int result = read_object(text, length, NULL, &object);

    memset(request, 0, sizeof *request);
    if (result != IPC_OK)
        return result;
    if (get_op(object, &request->op, &result))
        result = get_fields(object, request) ? IPC_OK : IPC_BAD_MESSAGE;
    json_decref(object);
    return result;
}

json_t *ipc_reply_ok(void)
{
    return json_pack("{s:i, s:b}", "v", IPC_VERSION, "ok", 1);
}

json_t *ipc_reply_error(const char *code, const char *sentence)
{
    return json_pack("{s:i, s:b, s:s, s:s}", "v", IPC_VERSION, "ok", 0, "code", code, "error",
                     sentence);
}

long ipc_reply_encode(const json_t *reply, char *out, size_t size)
{
    return write_json(reply, out, size < IPC_MESSAGE_MAX ? size : IPC_MESSAGE_MAX);
}

long ipc_reply_attach(char *reply, size_t length, size_t size, const char *json, size_t json_length)
{
    if (json_length >= size || length > size - json_length - 1)
        return IPC_BAD_MESSAGE;
    reply[length] = '\n';
    memcpy(reply + length + 1, json, json_length);
    return (long)(length + 1 + json_length);
}

/* Behind the reply: nothing, or a line feed and what is attached. */
static int read_attachment(const char *text, size_t length, json_t *reply)
{
    json_t *attachment;

    if (length == 0)
        return IPC_OK;
    /* JSON has no NUL, and who passes it on takes it for the end of the text. */
    if (text[0] != '\n' || length == 1 || memchr(text, '\0', length))
        return IPC_BAD_MESSAGE;
    attachment = json_stringn(text + 1, length - 1);
    if (attachment == NULL) /* it is no UTF-8 */
        return IPC_BAD_MESSAGE;
    return json_object_set_new(reply, "attachment", attachment) == 0 ? IPC_OK : IPC_NO_MEMORY;
}

static bool is_reply(const json_t *object)
{
    const json_t *ok = json_object_get(object, "ok");

    return json_is_true(ok) ||
           (json_is_false(ok) && json_is_string(json_object_get(object, "code")) &&
            json_is_string(json_object_get(object, "error")));
}

int ipc_reply_decode(const char *text, size_t length, json_t **reply)
{
    json_t *object;
    size_t end;
    int result = read_object(text, length, &end, &object);

    if (result != IPC_OK)
        return result;
    result = is_reply(object) ? read_attachment(text + end, length - end, object) : IPC_BAD_MESSAGE;
    if (result == IPC_OK)
        *reply = object;
    else
        json_decref(object);
    return result;
}
