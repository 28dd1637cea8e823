/*
 * The WebSocket end. Each callback of the library is one call here; the life of a connection is:
 * admitted (on_upgrade), open, closing (nothing but a close frame is written), gone.
 */
#include "gamed/game_consumer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bucket.h"
#include "common/failpoint.h"
#include "common/pool.h"
#include "common/seat_cookies.h"
#include "gamed/game_input.h"
#include "gamed/game_output.h"
#include "gamed/handshake.h"
#include "gamed/messages.h"
#include "gamed/read_watch.h"

enum {
    /* of a connection; longer messages, which are rare, arrive in pieces. At least 125, for control frames */
    RX_BUFFER_SIZE = 192,
    /* pieces of the longest message: the library receives LWS_PRE more at a time, and hands out two */
    PIECES_MAX =
        2 * ((MESSAGES_CLIENT_MAX + RX_BUFFER_SIZE + LWS_PRE - 1) / (RX_BUFFER_SIZE + LWS_PRE)),
    PING_PAYLOAD_SIZE = 4,
    COOKIES_MAX = 8192, /* bytes; the library takes no longer head */
    CLOSE_PATIENCE_SECONDS =
        2, /* a close frame that the peer does not take within it is given up */
    SOCKET_RESERVE =
        64, /* sockets beyond max_connections, for handshakes that are only there to be refused */
    HANDSHAKE_BURST_SECONDS = 2,
    FRAME_SHORT = 126, /* bytes from which a frame's head has two more for its length */
    /* what lws_partial_buffered() looks at, in Debian 12's build; to fetch anything else is no harm */
    WSI_UNSENT_AT = 0x2d0,
    LATE_SLACK_MS = 100, /* the library's timers may be so early */
};

#define BINARY_PROTOCOL "pong.v2.bin"

/* A socket, from when it is accepted until it is gone. */
struct connection {
    /* what each write needs, and what fits into the same line of the cache */
    struct lws *wsi;
    int fd;
    bool closing;         /* nothing but a close frame is written any more */
    bool close_frame_due; /* as soon as the socket takes it */
    bool is_answered;     /* its request, by a status */
    enum session_close close_code;
    struct player_session *session; /* NULL until its handshake is admitted */
    int64_t accepted_ms;
    struct read_watched reading;
    /* a message that came in pieces; NULL most of the time */
    char *partial;
    size_t partial_length;
};

static_assert(offsetof(struct frame, text) ==
                  offsetof(struct frame, headroom) + sizeof((struct frame *)NULL)->headroom,
              "a frame's head is written before its text");
static_assert((int)PIECES_MAX <= (int)READ_LIMIT_READS_PER_MESSAGE,
              "long messages would pass for a flood");
static_assert(MESSAGES_SIZE <= UINT16_MAX, "of a longer frame the head is another");

struct game_consumer {
    struct game_consumer_config config;
    struct game_manager *manager;
    struct now (*now)(void);
    struct pool connections;
    int socket_count, handshake_count;
    struct bucket handshakes;
    struct read_watch watch; /* of those that have a session */
    uint64_t limits[GAME_CONSUMER_LIMITS];
    uint64_t ticket_refusals;
    struct game_output output;
    struct game_input input;
};

/* ---- writing ------------------------------------------------------------------------- */

/*
 * Whether the library has sent all that it was given, its own pings' answers too. While it has not, a frame
 * that is sent would come in the middle of another, and one that it is given would be put behind what
 * it has buffered, without end.
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

/* Nothing more is written to it, a close frame neither. */
static void give_up(struct connection *connection)
{
    connection->closing = true;
    kill_connection(connection);
}

/* Before the frame's text, unmasked and whole (RFC 6455, 5.2); returns its length. */
static size_t put_head(struct frame *frame, unsigned char *text)
{
    const size_t length = frame->length < FRAME_SHORT ? 2 : FRAME_HEADROOM;
    unsigned char *head = text - length;
    head[0] = frame->is_binary ? 0x82 : 0x81;
    if (length == 2) {
        head[1] = (unsigned char)frame->length;
    } else {
        head[1] = 126;
        head[2] = (unsigned char)(frame->length >> 8);
        head[3] = (unsigned char)(frame->length & 0xff);
    }
    return length;
}

/*
 * Writes one frame; a game_output's write function. Straight to the socket, which nearly always takes
 * it whole: the library's own way there reads six more lines of memory, which are seldom in the cache
 * when there are thousands of connections. What the socket does not take, and what goes wrong, is the
 * library's business; a raw write needs no LWS_PRE bytes before it.
 *
 * A process that stood still since the room was looked at may have lost it meanwhile, and then the rest of
 * its clients is not told: whoever is not told has missed something, and is to come back for it.
 */
static bool write_frame(void *arg, struct player_session *session, struct frame *frame)
{
    struct game_consumer *consumer = arg;
    struct connection *connection = session->connection;
    if (!game_manager_room_runs(consumer->manager, session->room)) {
        give_up(connection);
        return false;
    }
    unsigned char *text = (unsigned char *)frame + offsetof(struct frame, text);
    const size_t head = put_head(frame, text), length = head + frame->length;
    ssize_t sent = send(connection->fd, text - head, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    FAILPOINT("frame-sent");
    if (sent == (ssize_t)length)
        return true;
    sent = sent < 0 ? 0 : sent;
    if (lws_write(connection->wsi, text - head + sent, length - (size_t)sent, LWS_WRITE_RAW) >= 0)
        return true;
    give_up(connection);
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

static void session_ahead(void *arg, const struct player_session *session)
{
    const struct connection *connection = session->connection;
    (void)arg;
    __builtin_prefetch((const char *)connection->wsi + WSI_UNSENT_AT);
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    struct game_consumer *consumer = arg;
    struct connection *connection = session->connection;
    if (!can_write(session) || !game_manager_room_runs(consumer->manager, session->room))
        return;
    /* with a payload, because the library keeps the answer to an empty ping to itself */
    unsigned char ping[LWS_PRE + PING_PAYLOAD_SIZE] = {0};
    if (lws_write(connection->wsi, ping + LWS_PRE, PING_PAYLOAD_SIZE, LWS_WRITE_PING) < 0)
        give_up(connection);
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

/* ---- floods -------------------------------------------------------------------------- */

/* The library keeps what it has read already and hands it out when reading goes on. */
static void set_reading(void *arg, struct read_watched *watched, bool reads)
{
    struct connection *connection =
        (struct connection *)((char *)watched - offsetof(struct connection, reading));
    (void)arg;
    if (lws_rx_flow_control(connection->wsi, reads) < 0)
        kill_connection(connection);
}

void game_consumer_turn(struct game_consumer *consumer)
{
    read_watch_turn(&consumer->watch, consumer->now());
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
    struct now now = consumer->now();
    read_watch_note_read(&consumer->watch, &connection->reading, now);
    if (connection->closing || session->state != SESSION_OPEN)
        return;
    bool is_last = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    if (connection->partial_length + length + lws_remaining_packet_payload(wsi) >
        (size_t)consumer->config.max_message_bytes) {
        free_partial(connection);
        game_manager_session_close(consumer->manager, session, SESSION_CLOSE_TOO_BIG, now);
        return;
    }
    if (is_last && !connection->partial) {
        game_input_message(&consumer->input, session, bytes, length, lws_frame_is_binary(wsi), now);
        return;
    }
    if (!connection->partial && !(connection->partial = malloc(MESSAGES_CLIENT_MAX))) {
        game_manager_session_close(consumer->manager, session, SESSION_CLOSE_DROP, now);
        return;
    }
    memcpy(connection->partial + connection->partial_length, bytes, length);
    connection->partial_length += length;
    if (is_last) {
        game_input_message(&consumer->input, session, connection->partial,
                           connection->partial_length, lws_frame_is_binary(wsi), now);
        free_partial(connection);
    }
}

static void on_pong(struct game_consumer *consumer, struct connection *connection)
{
    struct now now = consumer->now();
    connection->session->heard_ms = now.mono_ms;
    connection->session->is_alive = true;
    read_watch_note_read(&consumer->watch, &connection->reading, now);
}

/* ---- handshake ----------------------------------------------------------------------- */

/* What is too long to be read must not pass for missing: this is a bad origin and a bad token. */
#define TOO_LONG "Bearer x"

static void copy_header(struct lws *wsi, enum lws_token_indexes token, char *out)
{
    if (lws_hdr_copy(wsi, out, HANDSHAKE_VALUE_MAX, token) < 0)
        snprintf(out, HANDSHAKE_VALUE_MAX, "%s",
                 lws_hdr_total_length(wsi, token) > 0 ? TOO_LONG : "");
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
            snprintf(out, HANDSHAKE_VALUE_MAX, "%s", is_too_long ? TOO_LONG : "");
            return;
        }
        if (strncmp(argument, name, sizeof name - 1) == 0) {
            snprintf(out, HANDSHAKE_VALUE_MAX, "%s", argument + sizeof name - 1);
            return;
        }
    }
}

/* A header that the library does not know; `name` as it wants it, "x-some-thing:". */
static void copy_custom_header(struct lws *wsi, const char *name, char *out)
{
    int length = (int)strlen(name);
    if (lws_hdr_custom_copy(wsi, out, HANDSHAKE_VALUE_MAX, name, length) < 0)
        snprintf(out, HANDSHAKE_VALUE_MAX, "%s",
                 lws_hdr_custom_length(wsi, name, length) > 0 ? TOO_LONG : "");
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
    copy_custom_header(wsi, "x-forwarded-proto:", request->proto);
    copy_custom_header(wsi, "x-pong-ticket:", request->ticket);
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
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (connection)
        connection->is_answered = true;
    if (lws_return_http_status(wsi, status, NULL) < 0)
        return -1;
    return 1;
}

/* With the limit's own code, out of which nginx makes the answer's body. */
static int refuse_by_limit(struct lws *wsi, unsigned status, const char *code)
{
    static const char name[] = "x-pong-refusal:", retry_name[] = "retry-after:";
    unsigned char buffer[LWS_PRE + 512], *start = buffer + LWS_PRE, *at = start;
    unsigned char *end = buffer + sizeof buffer;
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (connection)
        connection->is_answered = true;
    if (lws_add_http_common_headers(wsi, status, "text/plain", 0, &at, end) ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)code,
                                    (int)strlen(code), &at, end) ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)retry_name,
                                    (const unsigned char *)"1", 1, &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end))
        return -1;
    return 1;
}

static int refuse_by_manager(struct lws *wsi, int error)
{
    switch (error) {
    case GAME_MANAGER_TOO_MANY_SPECTATORS:
        return refuse_by_limit(wsi, 429, "too_many_spectators");
    case GAME_MANAGER_TOO_MANY_CONNECTIONS:
        return refuse_by_limit(wsi, 429, "too_many_connections");
    case GAME_MANAGER_SERVER_FULL:
        return refuse_by_limit(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "server_full");
    default:
        return refuse(wsi, status_of_manager(error));
    }
}

/* Whether the listener is to close a socket at once. */
static bool refuse_socket(struct game_consumer *consumer, int fd)
{
    const struct game_consumer_config *config = &consumer->config;
    if (consumer->socket_count >= config->max_connections + SOCKET_RESERVE) {
        consumer->limits[GAME_CONSUMER_SOCKETS]++;
        return true;
    }
    if (consumer->handshake_count >= config->max_handshakes) {
        consumer->limits[GAME_CONSUMER_HANDSHAKES]++;
        return true;
    }
    /* The kernel takes it as a wish; a client is behind by no more than this and the frame in hand. */
    if (config->send_buffer_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &config->send_buffer_bytes,
                   sizeof config->send_buffer_bytes);
    return false;
}

/* A place for the socket; refuse_socket() has seen to it that there is one. */
static void on_accepted(struct game_consumer *consumer, struct lws *wsi)
{
    struct connection *connection = pool_take(&consumer->connections);
    consumer->handshake_count++;
    assert(connection);
    memset(connection, 0, sizeof *connection);
    connection->wsi = wsi;
    connection->fd = lws_get_socket_fd(wsi);
    connection->accepted_ms = consumer->now().mono_ms;
    lws_set_opaque_user_data(wsi, connection);
}

/* The address of a peer without a ticket: nobody's for a unix socket. */
static void copy_peer_address(struct lws *wsi, char *out)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    out[0] = '\0';
    if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size) != 0)
        return;
    if (peer.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, out, CLIENT_ADDRESS_SIZE);
    else if (peer.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&peer)->sin6_addr, out, CLIENT_ADDRESS_SIZE);
}

/*
 * What the request's ticket says, or, where it has none and needs none, what its tokens do. Returns 0 or
 * the status to refuse it with. A ticket is used up first, whatever else is wrong.
 */
static unsigned look_at(struct game_consumer *consumer, const struct handshake_request *request,
                        struct admission *admission)
{
    struct game_handshake handshake;
    bool has_ticket = request->ticket[0] != '\0';
    if (has_ticket ? tickets_redeem(consumer->config.tickets, request->ticket, consumer->now(),
                                    admission) != TICKETS_OK
                   : consumer->config.tickets_required) {
        consumer->ticket_refusals++;
        return HTTP_STATUS_PRECONDITION_FAILED;
    }
    int error = handshake_read(request, consumer->config.allowed_origins, &handshake);
    if (error != HANDSHAKE_OK)
        return status_of_handshake(error);
    if (has_ticket && strcmp(admission->room_code, handshake.room_code) != 0) {
        consumer->ticket_refusals++;
        return HTTP_STATUS_PRECONDITION_FAILED;
    }
    if (!has_ticket)
        error = game_manager_examine(consumer->manager, &handshake, consumer->now(), admission);
    return error != GAME_MANAGER_OK ? status_of_manager(error) : 0;
}

/* The library takes any version for the one that it speaks (RFC 6455: 13). */
static bool is_version_spoken(struct lws *wsi)
{
    char version[4] = "";
    return lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_VERSION) > 0 &&
           strcmp(version, "13") == 0;
}

static bool may_shake_hands(struct game_consumer *consumer, struct now now)
{
    const int rate = consumer->config.handshakes_per_second;
    return bucket_take(&consumer->handshakes, rate, HANDSHAKE_BURST_SECONDS * rate, now.mono_ms);
}

/* Before the upgrade: a session is reserved, or the answer is an HTTP status. */
static int on_upgrade(struct game_consumer *consumer, struct lws *wsi)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    struct now now = consumer->now();
    struct handshake_request request;
    struct admission admission = {0};
    unsigned status = HTTP_STATUS_BAD_REQUEST;
    if (is_version_spoken(wsi)) {
        read_request(wsi, &request);
        status = look_at(consumer, &request, &admission);
    }
    /* to look is cheap; who proves a seat must be back in it before its game is lost */
    bool has_seat = !status && admission.proven;
    if (!has_seat && !may_shake_hands(consumer, now)) {
        consumer->limits[GAME_CONSUMER_HANDSHAKE_RATE]++;
        return refuse_by_limit(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "server_busy");
    }
    if (status)
        return refuse(wsi, status);
    if (!admission.address[0])
        copy_peer_address(wsi, admission.address);
    int error =
        game_manager_enter(consumer->manager, &admission, connection, now, &connection->session);
    if (error != GAME_MANAGER_OK)
        return refuse_by_manager(wsi, error);
    consumer->handshake_count--;
    read_watch_add(&consumer->watch, &connection->reading, connection->fd, now);
    return 0;
}

/* A socket that never got further than its handshake: was it for its taking too long? */
static void end_handshake(struct game_consumer *consumer, const struct connection *connection)
{
    int64_t took_ms = consumer->now().mono_ms - connection->accepted_ms;
    consumer->handshake_count--;
    if (!connection->is_answered &&
        took_ms >= consumer->config.handshake_seconds * INT64_C(1000) - LATE_SLACK_MS)
        consumer->limits[GAME_CONSUMER_HANDSHAKE_TIME]++;
}

/* The socket is gone. */
static void on_gone(struct game_consumer *consumer, struct lws *wsi)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (!connection)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    connection->wsi = NULL;
    free_partial(connection);
    if (connection->session) {
        read_watch_remove(&consumer->watch, &connection->reading);
        game_manager_session_gone(consumer->manager, connection->session, consumer->now());
    } else {
        end_handshake(consumer, connection);
    }
    pool_give(&consumer->connections, connection);
}

static void on_writable(struct connection *connection)
{
    if (connection->close_frame_due && !lws_partial_buffered(connection->wsi))
        write_close_frame(connection);
}

static int on_plain_http(struct lws *wsi)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    connection->is_answered = true;
    if (lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL) < 0)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct game_consumer *consumer = lws_context_user(lws_get_context(wsi));
    struct connection *connection = lws_get_opaque_user_data(wsi);
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return refuse_socket(consumer, (int)(intptr_t)in);
    case LWS_CALLBACK_WSI_CREATE:
        consumer->socket_count++;
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        on_accepted(consumer, wsi);
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
        on_pong(consumer, connection);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (connection) {
            /* most likely the library has answered a ping */
            read_watch_note_read(&consumer->watch, &connection->reading, consumer->now());
            on_writable(connection);
        }
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
    const size_t places = (size_t)config->max_connections + SOCKET_RESERVE;
    if (consumer) {
        consumer->watch.messages_per_second = config->messages_per_second;
        consumer->watch.set_reading = set_reading;
    }
    if (!consumer ||
        pool_init(&consumer->connections, places, sizeof(struct connection), POOL_LARGE_PAGES) !=
            0 ||
        read_watch_init(&consumer->watch, places) != 0) {
        game_consumer_free(consumer);
        return NULL;
    }
    consumer->config = *config;
    consumer->now = now;
    bucket_init(&consumer->handshakes, HANDSHAKE_BURST_SECONDS * config->handshakes_per_second,
                now().mono_ms);
    return consumer;
}

void game_consumer_set_manager(struct game_consumer *consumer, struct game_manager *manager)
{
    consumer->manager = manager;
    consumer->output.can_write = can_write;
    consumer->output.write = write_frame;
    consumer->output.arg = consumer;
    consumer->input.manager = manager;
    consumer->input.output = &consumer->output;
    consumer->input.messages_per_second = consumer->config.messages_per_second;
}

void game_consumer_free(struct game_consumer *consumer)
{
    if (!consumer)
        return;
    pool_free(&consumer->connections);
    read_watch_free(&consumer->watch);
    free(consumer);
}

void game_consumer_stats(const struct game_consumer *consumer, struct game_consumer_stats *stats)
{
    *stats = (struct game_consumer_stats){
        .output = consumer->output.stats,
        .input = consumer->input.stats,
        .sockets = consumer->socket_count,
        .handshakes = consumer->handshake_count,
        .paused = consumer->watch.paused_count,
        .ticket_refusals = consumer->ticket_refusals,
    };
    memcpy(stats->limits, consumer->limits, sizeof stats->limits);
    stats->limits[GAME_CONSUMER_FLOOD] = consumer->watch.pauses;
}

void game_consumer_fill_hooks(struct game_consumer *consumer, struct game_manager_hooks *hooks)
{
    hooks->arg = consumer;
    hooks->output_ready = output_ready;
    hooks->unforeseen = unforeseen;
    hooks->input_taken = input_taken;
    hooks->session_ahead = session_ahead;
    hooks->session_quiet = session_quiet;
    hooks->session_close = session_close;
}
