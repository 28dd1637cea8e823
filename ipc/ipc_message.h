/*
 * ipc_message: the requests and replies between api-fcgi and gamed, and their JSON form. Pure:
 * jansson only, no socket, no clock.
 *
 * A request is {"v": 1, "op": …, "deadline": Unix ms, …}; a reply is {"v": 1, "ok": true, …} or
 * {"v": 1, "ok": false, "code": …, "error": …}. Behind a reply and a line feed may stand an
 * attachment, JSON that is to be passed on as it is: so nobody has to read it in order to write it
 * again. Rule that keeps it honest: a field is only ever added; a field that changes its meaning gets
 * a new IPC_VERSION.
 */
#ifndef PONG_IPC_MESSAGE_H
#define PONG_IPC_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/random.h"
#include "common/room_options.h"
#include "common/text.h"

/* Bytes; both ends refuse more. A full list of 100 rooms stays well under it. Deadline of a whole
 * exchange in milliseconds. */
enum {
    IPC_VERSION = 1,
    IPC_MESSAGE_MAX = 65536,
    IPC_DEADLINE_MS = 2000
};

/* What a socket lets through: a message and nng's own header, which its limit counts too. */
enum {
    IPC_WIRE_MAX = IPC_MESSAGE_MAX + 64
};

/* The longest text of an IPv6 address, and NUL. */
enum {
    IPC_ADDRESS_SIZE = 46
};

enum ipc_op {
    IPC_CREATE,
    IPC_JOIN,
    IPC_CHECK,
    IPC_CANCEL,
    IPC_QUICK,
    IPC_LIST,
    IPC_STATS,
    IPC_HEALTH,
    IPC_METRICS,
    IPC_ADMIT,
    /* on the control socket only */
    IPC_ROOMS,
    IPC_ROOM,
    IPC_RESULTS,
    IPC_RETRY,
    IPC_DRAIN,
    IPC_KICK,
    IPC_OP_COUNT
};

/* Which results are asked for; the words on the wire are ipc_result_state_words. */
enum ipc_result_state {
    IPC_RESULT_PENDING,
    IPC_RESULT_FAILED,
    IPC_RESULT_DELIVERED,
    IPC_RESULT_NOT_POSTED,
    IPC_RESULT_STATE_COUNT
};
extern const char *const ipc_result_state_words[IPC_RESULT_STATE_COUNT];

enum ipc_error {
    IPC_OK = 0,
    IPC_BAD_MESSAGE = -1, /* not JSON, not an object, a field of a wrong type or out of its range,
                             over IPC_MESSAGE_MAX */
    IPC_BAD_VERSION = -2,
    IPC_UNKNOWN_OP = -3,
    IPC_NO_MEMORY = -4,
};

/* A seat token that the caller showed, and how: a cookie is shared by all tabs of a browser, so it
 * proves less about intent. */
struct ipc_token {
    char token[SEAT_TOKEN_SIZE];
    bool from_cookie;
};
enum {
    IPC_TOKENS_MAX = 4
};

struct ipc_request {
    enum ipc_op op;
    int64_t deadline_unix_ms; /* the sender waits no longer; 0: none */
    /* who asks */
    char user_id[PLAYER_ID_SIZE]; /* verified identity; "" for a guest */
    char username[USERNAME_SIZE]; /* "" when none was given */
    struct ipc_token tokens[IPC_TOKENS_MAX];
    size_t token_count;
    /* create, join, quick: the seat token to be given out, which is also the request's id: sent
     * twice, it acts once */
    char new_token[SEAT_TOKEN_SIZE];
    /* create, join, quick: the reply's game_state may be its attachment; else it is a field */
    bool takes_attachment;
    /* join, check, cancel, admit, room, kick: canonical */
    char room_code[ROOM_CODE_SIZE];
    /* admit, create, join, quick */
    char address[IPC_ADDRESS_SIZE]; /* of the client, as nginx sees it */
    /* admit */
    bool guests_denied; /* who has no user_id may not take a free seat */
    /* create */
    bool is_public;
    char bot_level[BOT_LEVEL_SIZE]; /* "" for a human opponent, else one of bot_level_words */
    int winning_score;              /* WINNING_SCORE_MIN…MAX; 0: the default */
    /* rooms: the page that follows this code; "" for the first */
    char after[ROOM_CODE_SIZE];
    /* results: the page that follows this number, a page's `next`; 0 for the first */
    enum ipc_result_state result_state;
    int64_t after_serial;
    /* retry */
    char match_id[UUID_SIZE];
    /* drain: whether new rooms are refused from now on */
    bool is_on;
    /* kick: 1 or 2 */
    int seat;
};

/* Whether it can be nginx's $remote_addr: the text of an IPv4 or IPv6 address, or "unix:". */
bool ipc_is_address(const char *text);

/* The word of an op on the wire, e.g. "create". */
const char *ipc_op_name(enum ipc_op op);

/* Writes the request as JSON; returns its length, or a negative enum ipc_error. Any thread. */
long ipc_request_encode(const struct ipc_request *request, char *out, size_t size);

/* Reads `length` bytes into *request. Never trusts them. Returns 0 or a negative enum ipc_error.
 * Any thread. */
int ipc_request_decode(const char *text, size_t length, struct ipc_request *request);

/*
 * A successful reply to which the caller adds the op's own fields, or a failure. NULL when out of
 * memory. The caller owns it.
 */
json_t *ipc_reply_ok(void);
json_t *ipc_reply_error(const char *code, const char *sentence);

/* Writes the reply as JSON; returns its length or a negative enum ipc_error (IPC_BAD_MESSAGE: over
 * `size`). */
long ipc_reply_encode(const json_t *reply, char *out, size_t size);

/*
 * Attaches JSON to the encoded reply of `length` bytes that stands in `reply`, of `size` bytes. Returns
 * the length of both, or IPC_BAD_MESSAGE: over `size`.
 */
long ipc_reply_attach(char *reply, size_t length, size_t size, const char *json,
                      size_t json_length);

/*
 * Reads a reply: *reply (owned by the caller) is an object with v = 1 and a boolean ok; a failure
 * has strings code and error; what is attached is its string `attachment`. Returns 0 or a negative
 * enum ipc_error.
 */
int ipc_reply_decode(const char *text, size_t length, json_t **reply);

#endif
