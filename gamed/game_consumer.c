/*
 * The WebSocket end. Each callback of the library is one call here; the life of a connection is:
 * admitted (on_upgrade), open, closing (nothing but a close frame is written), gone.
 */
#include "gamed/game_consumer.h"

#include <assert.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/seat_cookies.h"
#include "gamed/game_input.h"
#include "gamed/game_output.h"
#include "gamed/handshake.h"
#include "gamed/messages.h"

enum {
    RX_BUFFER_SIZE = 256, /* of a connection; longer messages arrive in pieces (it
                             dominates the memory) */
    PING_PAYLOAD_SIZE = 4,
    COOKIES_MAX = 8192, /* bytes; the library takes no longer head */
    CLOSE_PATIENCE_SECONDS =
        2, /* a close frame that the peer does not take within it is given up */
    SOCKET_RESERVE =
        64, /* sockets beyond max_connections, for handshakes that are only there to be refused */
};

#define BINARY_PROTOCOL "pong.v2.bin"

struct connection {
    struct lws *wsi;
    struct player_session *session;
    struct connection *next; /* in the pool */
    bool closing;            /* nothing but a close frame is written any more */
    bool close_frame_due;    /* as soon as the socket takes it */
    enum session_close close_code;
    /* a message that came in pieces; NULL most of the time */
    char *partial;
    size_t partial_length;
};

static_assert(FRAME_HEADROOM >= LWS_PRE, "the library writes the frame's head before its text");

struct game_consumer {
    struct game_consumer_config config;
    struct game_manager *manager;
    struct now (*now)(void);
    struct connection *connections;
    struct connection *free_connections;
    int socket_count;
    uint64_t sockets_refused, full_refusals;
    struct game_output output;
    struct game_input input;
};

/* ---- writing ------------------------------------------------------------------------- */

/*
 * Never lws_write() on a connection that is still sending its last frame: the library would append
 * the new one to what it has buffered, without end, and drop the head of the one after it.
 */
static bool can_write(const struct player_session *session)
{
    const struct connection *connection = session->connection;
    return connection && connection->wsi && !connection->closing &&
           !lws_partial_buffered(connection->wsi);
}

/*
 * Sets the library's timer for the connection. It is the library's own wake-up that looks at its
 * timers, so one that is set from the tick has to ring it, or it is seen at the next socket's event.
 */
static void set_timeout(struct connection *connection, int seconds)
{
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, seconds);
    lws_cancel_service(lws_get_context(connection->wsi));
}

/* A connection that fails is killed from the loop, never from within a callback of another. */
static void kill_connection(struct connection *connection)
{
    set_timeout(connection, LWS_TO_KILL_ASYNC);
}

/* Writes one frame; a game_output's write function. */
static bool write_frame(struct player_session *session, struct frame *frame)
{
    struct connection *connection = session->connection;
    enum lws_write_protocol kind = frame->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (lws_write(connection->wsi, (unsigned char *)frame->text, frame->length, kind) >= 0)
        return true;
    connection->closing = true;
    kill_connection(connection);
    return false;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    struct game_consumer *consumer = arg;
    game_output_room(&consumer->output, room, now);
}

static void unforeseen(void *arg, struct room *room, struct now now)
{
    struct game_consumer *consumer = arg;
    game_output_unforeseen(&consumer->output, room, now);
}

static void input_taken(void *arg, struct room *room, const struct player_session *from,
                        uint32_t step, int32_t target, struct now now)
{
    struct game_consumer *consumer = arg;
    game_output_input(&consumer->output, room, from, step, target, now);
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    struct connection *connection = session->connection;
    (void)arg;
    if (!can_write(session))
        return;
    /* with a payload, because the library keeps the answer to an empty ping to itself */
    unsigned char ping[LWS_PRE + PING_PAYLOAD_SIZE] = {0};
    if (lws_write(connection->wsi, ping + LWS_PRE, PING_PAYLOAD_SIZE, LWS_WRITE_PING) < 0) {
        connection->closing = true;
        kill_connection(connection);
    }
    session->sent_ms = now.mono_ms;
}

/*
 * 4000–4499 say "come back"; deployed v1 clients do so only after an unclean close, so they get no
 * frame.
 */
static bool closes_without_frame(const struct player_session *session, enum session_close code)
{
    return code == SESSION_CLOSE_DROP || (code >= 4000 && code < 4500 && !session->is_binary);
}

/*
 * Our own close frame, because the library's way (lws_close_reason() and returning -1) loses it: its
 * libuv glue, as Debian builds it, closes the socket a second time before the frame is out.
 */
static void write_close_frame(struct connection *connection)
{
    /* FIN and opcode 8, two bytes, the code (RFC 6455, 5.5.1) */
    unsigned char frame[LWS_PRE + 4] = {0};
    unsigned char *head = frame + LWS_PRE;
    head[0] = 0x88;
    head[1] = 2;
    head[2] = (unsigned char)(connection->close_code >> 8);
    head[3] = (unsigned char)(connection->close_code & 0xff);
    connection->close_frame_due = false;
    if (lws_write(connection->wsi, head, 4, LWS_WRITE_RAW) < 0)
        kill_connection(connection);
}

/* The session is out of its room already; what is left is to tell the peer, and not to wait long. */
static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    struct connection *connection = session->connection;
    (void)arg;
    if (!connection->wsi || connection->closing)
        return;
    connection->closing = true;
    connection->close_code = code;
    if (closes_without_frame(session, code)) {
        kill_connection(connection);
        return;
    }
    connection->close_frame_due = true;
    set_timeout(connection, CLOSE_PATIENCE_SECONDS);
    if (lws_partial_buffered(connection->wsi))
        lws_callback_on_writable(connection->wsi);
    else
        write_close_frame(connection);
}

/* ---- receiving ----------------------------------------------------------------------- */

static void free_partial(struct connection *connection)
{
    free(connection->partial);
    connection->partial = NULL;
    connection->partial_length = 0;
}

/*
 * Most messages come whole and are read where they lie; pieces are put together in a buffer that
 * lives only so long.
 */
static void on_receive(struct game_consumer *consumer, struct connection *connection,
                       const char *bytes, size_t length)
{
    struct lws *wsi = connection->wsi;
    struct player_session *session = connection->session;
    if (connection->closing || session->state != SESSION_OPEN)
        return;
    bool is_last = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    if (connection->partial_length + length + lws_remaining_packet_payload(wsi) >
        MESSAGES_CLIENT_MAX) {
        free_partial(connection);
        game_manager_session_close(consumer->manager, session, SESSION_CLOSE_TOO_BIG,
                                   consumer->now());
        return;
    }
    if (is_last && !connection->partial) {
        game_input_message(&consumer->input, session, bytes, length, lws_frame_is_binary(wsi),
                           consumer->now());
        return;
    }
    if (!connection->partial && !(connection->partial = malloc(MESSAGES_CLIENT_MAX))) {
        game_manager_session_close(consumer->manager, session, SESSION_CLOSE_DROP, consumer->now());
        return;
    }
    memcpy(connection->partial + connection->partial_length, bytes, length);
    connection->partial_length += length;
    if (is_last) {
        game_input_message(&consumer->input, session, connection->partial,
                           connection->partial_length, lws_frame_is_binary(wsi), consumer->now());
        free_partial(connection);
    }
}

/* ---- handshake ----------------------------------------------------------------------- */

/* What is too long to be read must not pass for missing: this is a bad origin and a bad token. */
#define TOO_LONG "Bearer x"

static void copy_header(struct lws *wsi, enum lws_token_indexes token, char *out)
{
    if (lws_hdr_copy(wsi, out, HANDSHAKE_VALUE_MAX, token) < 0)
        strcpy(out, lws_hdr_total_length(wsi, token) > 0 ? TOO_LONG : "");
}

/*
 * The arguments come decoded, one by one. One that does not fit ends the library's own search by name,
 * as if there were none.
 */
static void copy_token_argument(struct lws *wsi, char *out)
{
    static const char name[] = "token=";
    char argument[HANDSHAKE_VALUE_MAX];
    for (int i = 0;; i++) {
        int length =
            lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length < 0) {
            bool is_too_long = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0;
            strcpy(out, is_too_long ? TOO_LONG : "");
            return;
        }
        if (strncmp(argument, name, sizeof name - 1) == 0) {
            strcpy(out, argument + sizeof name - 1);
            return;
        }
    }
}

static void read_request(struct lws *wsi, struct handshake_request *request)
{
    static char cookies[COOKIES_MAX]; /* the loop thread's */
    memset(request, 0, sizeof *request);
    copy_header(wsi, WSI_TOKEN_GET_URI, request->path);
    copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, request->authorization);
    copy_header(wsi, WSI_TOKEN_ORIGIN, request->origin);
    copy_header(wsi, WSI_TOKEN_HOST, request->host);
    if (lws_hdr_copy(wsi, cookies, sizeof cookies, WSI_TOKEN_HTTP_COOKIE) > 0)
        seat_cookies_read(cookies, request->cookie);
    copy_token_argument(wsi, request->token_argument);
}

static unsigned status_of_manager(int error)
{
    switch (error) {
    case GAME_MANAGER_ROOM_NOT_FOUND:
        return HTTP_STATUS_NOT_FOUND;
    case GAME_MANAGER_GAME_OVER:
        return HTTP_STATUS_GONE;
    case GAME_MANAGER_BAD_TOKEN:
        return HTTP_STATUS_UNAUTHORIZED;
    case GAME_MANAGER_TOO_MANY_SPECTATORS:
        return 429;
    default:
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    }
}

static unsigned status_of_handshake(int error)
{
    switch (error) {
    case HANDSHAKE_BAD_TOKEN:
        return HTTP_STATUS_UNAUTHORIZED;
    case HANDSHAKE_BAD_ORIGIN:
        return HTTP_STATUS_FORBIDDEN;
    default:
        return HTTP_STATUS_NOT_FOUND;
    }
}

static int refuse(struct lws *wsi, unsigned status)
{
    if (lws_return_http_status(wsi, status, NULL) < 0)
        return -1;
    return 1;
}

/* Whether the listener is to close a socket at once. */
static bool refuse_socket(struct game_consumer *consumer)
{
    bool is_full = consumer->socket_count >= consumer->config.max_connections + SOCKET_RESERVE;
    consumer->sockets_refused += is_full;
    return is_full;
}

/* Before the upgrade: a session is reserved, or the answer is an HTTP status. */
static int on_upgrade(struct game_consumer *consumer, struct lws *wsi)
{
    struct handshake_request request;
    struct game_handshake handshake;
    read_request(wsi, &request);
    int error = handshake_read(&request, consumer->config.allowed_origins, &handshake);
    if (error != HANDSHAKE_OK)
        return refuse(wsi, status_of_handshake(error));

    struct connection *connection = consumer->free_connections;
    if (!connection) {
        consumer->full_refusals++;
        return refuse(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    struct player_session *session;
    error =
        game_manager_admit(consumer->manager, &handshake, connection, consumer->now(), &session);
    if (error != GAME_MANAGER_OK)
        return refuse(wsi, status_of_manager(error));
    LL_DELETE(consumer->free_connections, connection);
    memset(connection, 0, sizeof *connection);
    connection->wsi = wsi;
    connection->session = session;
    lws_set_opaque_user_data(wsi, connection);
    return 0;
}

/* The socket is gone, or never got further than its handshake. */
static void on_gone(struct game_consumer *consumer, struct lws *wsi)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (!connection)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    connection->wsi = NULL;
    free_partial(connection);
    game_manager_session_gone(consumer->manager, connection->session, consumer->now());
    LL_PREPEND(consumer->free_connections, connection);
}

static void on_writable(struct connection *connection)
{
    if (connection->close_frame_due && !lws_partial_buffered(connection->wsi))
        write_close_frame(connection);
}

static int on_plain_http(struct lws *wsi)
{
    if (lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL) < 0)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct game_consumer *consumer = lws_context_user(lws_get_context(wsi));
    struct connection *connection = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return refuse_socket(consumer);
    case LWS_CALLBACK_WSI_CREATE:
        consumer->socket_count++;
        return 0;
    case LWS_CALLBACK_HTTP:
        return on_plain_http(wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return strcmp(in, "websocket") == 0 ? on_upgrade(consumer, wsi) : -1;
    case LWS_CALLBACK_ESTABLISHED:
        connection->session->is_binary = strcmp(lws_get_protocol(wsi)->name, BINARY_PROTOCOL) == 0;
        game_manager_session_open(consumer->manager, connection->session, consumer->now());
        return 0;
    case LWS_CALLBACK_RECEIVE:
        on_receive(consumer, connection, in, length);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        connection->session->heard_ms = consumer->now().mono_ms;
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (connection)
            on_writable(connection);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return connection->closing ? -1
                                   : 0; /* the answer to ours, or one that the library answers */
    case LWS_CALLBACK_CLOSED:
        on_gone(consumer, wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        on_gone(consumer, wsi);
        consumer->socket_count--;
        return 0;
    default:
        return 0;
    }
}

const struct lws_protocols *game_consumer_protocols(void)
{
    static const struct lws_protocols protocols[] = {
        /* tx_packet_size: without it the library writes at most rx_buffer_size bytes at a time */
        {.name = "pong.v1.json",
         .callback = callback,
         .rx_buffer_size = RX_BUFFER_SIZE,
         .tx_packet_size = MESSAGES_SIZE},
        {.name = BINARY_PROTOCOL,
         .callback = callback,
         .rx_buffer_size = RX_BUFFER_SIZE,
         .tx_packet_size = MESSAGES_SIZE},
        {.name = NULL},
    };
    return protocols;
}

/* ---- life of the module -------------------------------------------------------------- */

struct game_consumer *game_consumer_new(const struct game_consumer_config *config,
                                        struct now (*now)(void))
{
    struct game_consumer *consumer = calloc(1, sizeof *consumer);
    size_t count = (size_t)config->max_connections + SOCKET_RESERVE;
    if (!consumer || !(consumer->connections = calloc(count, sizeof *consumer->connections))) {
        free(consumer);
        return NULL;
    }
    consumer->config = *config;
    consumer->now = now;
    for (size_t i = count; i-- > 0;)
        LL_PREPEND(consumer->free_connections, &consumer->connections[i]);
    return consumer;
}

void game_consumer_set_manager(struct game_consumer *consumer, struct game_manager *manager)
{
    consumer->manager = manager;
    consumer->output.can_write = can_write;
    consumer->output.write = write_frame;
    consumer->input.manager = manager;
    consumer->input.output = &consumer->output;
    consumer->input.messages_per_second = consumer->config.messages_per_second;
}

void game_consumer_free(struct game_consumer *consumer)
{
    if (!consumer)
        return;
    free(consumer->connections);
    free(consumer);
}

void game_consumer_stats(const struct game_consumer *consumer, struct game_consumer_stats *stats)
{
    *stats = (struct game_consumer_stats){
        .output = consumer->output.stats,
        .input = consumer->input.stats,
        .sockets = consumer->socket_count,
        .sockets_refused = consumer->sockets_refused,
        .full_refusals = consumer->full_refusals,
    };
}

void game_consumer_fill_hooks(struct game_consumer *consumer, struct game_manager_hooks *hooks)
{
    hooks->arg = consumer;
    hooks->output_ready = output_ready;
    hooks->unforeseen = unforeseen;
    hooks->input_taken = input_taken;
    hooks->session_quiet = session_quiet;
    hooks->session_close = session_close;
}
