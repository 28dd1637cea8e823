/*
 * redis_link: see redis_link.h. A round's commands lie in one buffer; the replies of the last round lie
 * in a list until the next begins.
 */
#include "cluster/redis_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "cluster/redis_reader.h"
#include "cluster/redis_scripts.h"
#include "cluster/redis_socket.h"
#include "cluster/redis_url.h"

enum {
    PAUSE_MS = 100,
    LONG_PAUSE_MS = 250,
    LONG_PAUSE_FROM = 3, /* failures in a row */
    RUN_ID_SIZE = 41,
    NAME_SIZE = 64,
    PIECE = 65536,       /* bytes fed to hiredis at once, which copies them */
    KEPT_BYTES = 1 << 20 /* a buffer over this is given back after its round */
};

struct redis_link {
    struct redis_url url;
    char name[NAME_SIZE];
    struct redis_dialer *dialer;
    struct redis_socket *stream; /* NULL: closed */
    redisReader *reader;         /* of this connection */
    uint64_t generation;
    char run_id[RUN_ID_SIZE];
    int failures; /* since the last round that was answered */
    int64_t next_open_ms;
    char error[REDIS_LINK_ERROR_SIZE];

    /* the round */
    char *out;
    size_t out_size, out_room;
    size_t expected;
    bool has_failed; /* a command could not be added */
    struct redisReply **replies;
    size_t reply_count, reply_room;
};

/* ---- a link ---------------------------------------------------------------------------------------- */

int redis_link_check(const char *url, char *error, size_t error_size)
{
    struct redis_url read;
    int outcome = redis_url_read(url, &read, error, error_size);

    explicit_bzero(&read, sizeof read);
    return outcome < 0 ? REDIS_LINK_BAD_URL : REDIS_LINK_OK;
}

int redis_link_new(const struct redis_link_config *config, struct redis_link **link)
{
    struct redis_link *new = calloc(1, sizeof *new);
    int outcome;

    if (!new)
        return REDIS_LINK_NO_MEMORY;
    snprintf(new->name, sizeof new->name, "%s", config->name);
    if (redis_url_read(config->url, &new->url, new->error, sizeof new->error) < 0) {
        redis_link_free(new);
        return REDIS_LINK_BAD_URL;
    }
    outcome =
        redis_dialer_new(&new->url, config->ca_file, &new->dialer, new->error, sizeof new->error);
    if (outcome < 0) {
        redis_link_free(new);
        return outcome == REDIS_SOCKET_NO_MEMORY ? REDIS_LINK_NO_MEMORY : REDIS_LINK_BAD_URL;
    }
    *link = new;
    return REDIS_LINK_OK;
}

static void free_replies(struct redis_link *link)
{
    for (size_t i = 0; i < link->reply_count; i++)
        freeReplyObject(link->replies[i]);
    link->reply_count = 0;
}

static void close_connection(struct redis_link *link)
{
    redis_socket_close(link->stream);
    link->stream = NULL;
    if (link->reader)
        redisReaderFree(link->reader);
    link->reader = NULL;
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    close_connection(link);
    free_replies(link);
    redis_dialer_free(link->dialer);
    free(link->replies);
    free(link->out);
    explicit_bzero(&link->url, sizeof link->url);
    free(link);
}

/* Closes it for a reason that error[] tells, and has it stay closed for a while. */
static int fail(struct redis_link *link, int error)
{
    close_connection(link);
    link->failures++;
    link->next_open_ms =
        redis_socket_now_ms() + (link->failures < LONG_PAUSE_FROM ? PAUSE_MS : LONG_PAUSE_MS);
    return error;
}

bool redis_link_is_open(const struct redis_link *link)
{
    return link->stream != NULL;
}

uint64_t redis_link_generation(const struct redis_link *link)
{
    return link->generation;
}

const char *redis_link_run_id(const struct redis_link *link)
{
    return link->run_id;
}

const char *redis_link_error(const struct redis_link *link)
{
    return link->error;
}

/* ---- a round --------------------------------------------------------------------------------------- */

void redis_link_begin(struct redis_link *link)
{
    free_replies(link);
    link->out_size = 0;
    link->expected = 0;
    link->has_failed = false;
    if (link->out_room > KEPT_BYTES) {
        free(link->out);
        link->out = NULL;
        link->out_room = 0;
    }
}

/* Room for `more` bytes of commands. */
static bool reserve(struct redis_link *link, size_t more)
{
    size_t needed = link->out_size + more;
    size_t room = link->out_room < 4096 ? 4096 : link->out_room;
    char *grown;

    if (link->out && needed <= link->out_room)
        return true;
    if (needed > REDIS_LINK_REPLY_MAX)
        return false;
    while (room < needed)
        room *= 2;
    grown = realloc(link->out, room);
    if (!grown)
        return false;
    link->out = grown;
    link->out_room = room;
    return true;
}

void redis_link_add(struct redis_link *link, int argc, const char *const *argv, const size_t *sizes)
{
    char *command = NULL;
    int size = argc < 1 ? -1 : redisFormatCommandArgv(&command, argc, (const char **)argv, sizes);

    if (size < 0 || !reserve(link, (size_t)size)) {
        link->has_failed = true;
    } else {
        memcpy(link->out + link->out_size, command, (size_t)size);
        link->out_size += (size_t)size;
        link->expected++;
    }
    free(command);
}

/* Room for the list of replies. */
static bool reserve_replies(struct redis_link *link)
{
    struct redisReply **grown;

    if (link->expected <= link->reply_room)
        return true;
    grown = realloc(link->replies, link->expected * sizeof(struct redisReply *));
    if (!grown)
        return false;
    link->replies = grown;
    link->reply_room = link->expected;
    return true;
}

/* Takes what replies the reader has complete. -1: it has something else than replies. */
static int take_replies(struct redis_link *link)
{
    while (link->reply_count < link->expected) {
        void *reply = NULL;

        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            snprintf(link->error, sizeof link->error, "what was answered is no Redis protocol");
            return -1;
        }
        if (!reply)
            return 0;
        link->replies[link->reply_count++] = reply;
    }
    return 0;
}

/* Reads all there is. -1 with a sentence in error[]. */
static int receive(struct redis_link *link, size_t *total)
{
    char piece[PIECE];
    ssize_t got;

    while (link->reply_count < link->expected &&
           (got = redis_socket_read(link->stream, piece, sizeof piece)) != 0) {
        if (got < 0) {
            snprintf(link->error, sizeof link->error, "the connection was cut");
            return -1;
        }
        *total += (size_t)got;
        if (*total > REDIS_LINK_REPLY_MAX) {
            snprintf(link->error, sizeof link->error, "more than %d MiB were answered",
                     REDIS_LINK_REPLY_MAX >> 20);
            return -1;
        }
        if (redisReaderFeed(link->reader, piece, (size_t)got) != REDIS_OK) {
            snprintf(link->error, sizeof link->error, "no memory for replies");
            return -1;
        }
        if (take_replies(link) < 0)
            return -1;
    }
    return 0;
}

/* Sends and receives until all replies are there. Both at once: neither side's buffers have to hold a
 * whole round. -1 with a sentence in error[]. */
static int exchange(struct redis_link *link, int64_t deadline_ms)
{
    size_t sent = 0;
    size_t total = 0;
    bool is_late = false; /* what has come while this process was stopped is read all the same */

    for (;;) {
        while (sent < link->out_size) {
            ssize_t taken =
                redis_socket_write(link->stream, link->out + sent, link->out_size - sent);

            if (taken < 0) {
                snprintf(link->error, sizeof link->error, "the connection was cut");
                return -1;
            }
            if (taken == 0)
                break;
            sent += (size_t)taken;
        }
        if (receive(link, &total) < 0)
            return -1;
        if (link->reply_count == link->expected)
            return 0;
        if (is_late || !redis_socket_wait(link->stream, sent < link->out_size, deadline_ms)) {
            snprintf(link->error, sizeof link->error, "no answer in time");
            return -1;
        }
        is_late = redis_socket_now_ms() >= deadline_ms;
    }
}

/* Whether an error reply says that this server, or this connection, is of no use at present. Redis 6 wraps
 * what went wrong inside a script. */
static bool is_fatal(const struct redisReply *reply)
{
    static const char *const codes[] = {"NOSCRIPT ", "LOADING ", "READONLY ", "MASTERDOWN ",
                                        "NOAUTH "};

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const char *place = strstr(reply->str, codes[i]);

        if (place == reply->str ||
            (place && place[-1] == '-' && strncmp(reply->str, "ERR Error running script", 24) == 0))
            return true;
    }
    return false;
}

/* Sends the round, reads its replies. The connection stays as it is after an error; error[] tells. */
static int run_round(struct redis_link *link, int64_t deadline_ms)
{
    assert(link->reply_count == 0); /* one run after each begin */
    if (link->has_failed || !reserve_replies(link)) {
        snprintf(link->error, sizeof link->error, "no memory for a round, or it is too large");
        return REDIS_LINK_NO_MEMORY;
    }
    return exchange(link, deadline_ms) < 0 ? REDIS_LINK_DOWN : REDIS_LINK_OK;
}

int redis_link_run(struct redis_link *link, int deadline_ms, struct redisReply *const **replies,
                   size_t *count)
{
    int outcome;

    if (!link->stream)
        return REDIS_LINK_DOWN;
    outcome = run_round(link, redis_socket_now_ms() + deadline_ms);
    if (outcome == REDIS_LINK_NO_MEMORY)
        return outcome;
    if (outcome < 0)
        return fail(link, outcome);
    for (size_t i = 0; i < link->reply_count; i++) {
        if (is_fatal(link->replies[i])) {
            snprintf(link->error, sizeof link->error, "Redis says: %.200s", link->replies[i]->str);
            return fail(link, REDIS_LINK_DOWN);
        }
    }
    link->failures = 0;
    *replies = link->replies;
    *count = link->reply_count;
    return REDIS_LINK_OK;
}

/* ---- opening --------------------------------------------------------------------------------------- */

static void add_words(struct redis_link *link, const char *first, const char *second,
                      const char *third)
{
    const char *words[] = {first, second, third};

    redis_link_add(link, third ? 3 : 2, words, NULL);
}

static void add_greeting(struct redis_link *link)
{
    const struct redis_url *url = &link->url;
    char db[16];

    if (url->user[0] != '\0')
        add_words(link, "AUTH", url->user, url->password);
    else if (url->password[0] != '\0')
        add_words(link, "AUTH", url->password, NULL);
    snprintf(db, sizeof db, "%d", url->db);
    if (url->db != 0)
        add_words(link, "SELECT", db, NULL);
    add_words(link, "CLIENT", "SETNAME", link->name);
    add_words(link, "INFO", "server", NULL);
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++)
        add_words(link, "SCRIPT", "LOAD", redis_script_text[i]);
}

/* The line run_id:DIGITS of INFO's answer. */
static void read_run_id(struct redis_link *link, const struct redisReply *reply)
{
    const char *text = redis_reply_text(reply, NULL);
    const char *line = text ? strstr(text, "run_id:") : NULL;
    size_t length = line ? strspn(line + 7, "0123456789abcdef") : 0;

    link->run_id[0] = '\0';
    if (length == RUN_ID_SIZE - 1) {
        memcpy(link->run_id, line + 7, length);
        link->run_id[length] = '\0';
    }
}

/* Whether an error is of the server's present state, not of what it was asked. */
static bool is_passing(const char *error)
{
    return strncmp(error, "LOADING ", 8) == 0 || strncmp(error, "BUSY ", 5) == 0 ||
           strncmp(error, "MASTERDOWN ", 11) == 0;
}

/* Looks through the answers to add_greeting(). AUTH's own is not told, as Redis may quote there what it
 * was sent; a name and INFO may be denied to this user, and then are done without. */
static int check_greeting(struct redis_link *link)
{
    size_t next = 0;
    size_t name;

    if (link->url.password[0] != '\0' && link->replies[next++]->type == REDIS_REPLY_ERROR) {
        snprintf(link->error, sizeof link->error, "Redis refuses the user or the password");
        return REDIS_LINK_REFUSED;
    }
    if (link->url.db != 0)
        next++;
    name = next++;
    read_run_id(link, link->replies[next]);
    for (size_t i = link->url.password[0] != '\0' ? 1 : 0; i < link->reply_count; i++) {
        if (link->replies[i]->type != REDIS_REPLY_ERROR)
            continue;
        if ((i == name || i == next) && strncmp(link->replies[i]->str, "NOAUTH", 6) != 0)
            continue;
        snprintf(link->error, sizeof link->error, "Redis says: %.200s", link->replies[i]->str);
        return is_passing(link->replies[i]->str) ? REDIS_LINK_DOWN : REDIS_LINK_REFUSED;
    }
    return REDIS_LINK_OK;
}

int redis_link_open(struct redis_link *link)
{
    int64_t now_ms = redis_socket_now_ms();
    int64_t deadline_ms = now_ms + REDIS_LINK_OPEN_MS;
    int outcome;

    if (link->stream)
        return REDIS_LINK_OK;
    if (link->failures > 0 && now_ms < link->next_open_ms)
        return REDIS_LINK_DOWN;
    outcome = redis_dialer_connect(link->dialer, deadline_ms, &link->stream, link->error,
                                   sizeof link->error);
    if (outcome < 0)
        return fail(link, outcome == REDIS_SOCKET_REFUSED ? REDIS_LINK_REFUSED : REDIS_LINK_DOWN);
    link->reader = redis_reader_new();
    if (!link->reader)
        return fail(link, REDIS_LINK_DOWN);
    redis_link_begin(link);
    add_greeting(link);
    outcome = run_round(link, deadline_ms);
    if (outcome == REDIS_LINK_OK)
        outcome = check_greeting(link);
    if (link->out)
        explicit_bzero(link->out, link->out_size); /* it held the password */
    redis_link_begin(link);
    if (outcome < 0)
        return fail(link, outcome == REDIS_LINK_REFUSED ? REDIS_LINK_REFUSED : REDIS_LINK_DOWN);
    link->generation++;
    return REDIS_LINK_OK;
}

/* ---- replies --------------------------------------------------------------------------------------- */

long long redis_reply_integer(const struct redisReply *reply, long long fallback)
{
    return reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : fallback;
}

const char *redis_reply_text(const struct redisReply *reply, size_t *size)
{
    if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
        return NULL;
    if (size)
        *size = reply->len;
    return reply->str;
}
