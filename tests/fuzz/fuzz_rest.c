/*
 * REST requests, and what nginx asks about handshakes (/_admit), from the parameters of FastCGI to the
 * answer's bytes (api-fcgi/), with a gamed made up here. Whatever is asked: gamed is only ever sent requests that it understands, and the answer is
 * one that no header or body of a stranger can break out of.
 *
 * An input is lines: method, path, content type, content length, Authorization, Cookie, user header,
 * path and query of the handshake, client's address, origin, method of the preflight, what gamed does
 * (p a place or a ticket, e an error, r the next line, n nothing); then the body.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdio.h>

#include "api-fcgi/exposition.h"
#include "api-fcgi/service.h"
#include "common/log.h"
#include "ipc/ipc_client.h"
#include "ipc/ipc_message.h"
#include "tests/fuzz/fixed_random.h"

#define TICKET "00010123456789abcdef0123456789abcdef"

enum {
    LINES = 14,
    REPLY_LINE = 13,
    NOTHING_ELSE = -1 /* no byte: the text goes on to the end of the input */
};

static const char *const names[LINES] = {"REQUEST_METHOD",
                                         "SCRIPT_NAME",
                                         "CONTENT_TYPE",
                                         "CONTENT_LENGTH",
                                         "HTTP_AUTHORIZATION",
                                         "HTTP_COOKIE",
                                         "HTTP_X_USER",
                                         "PONG_PATH",
                                         "PONG_QUERY",
                                         "REMOTE_ADDR",
                                         "HTTP_ORIGIN",
                                         "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
                                         NULL,
                                         NULL};

static struct world {
    char *lines[LINES];
    char *body;
    size_t body_length;
    int questions;
} world;

static const char *param(void *arg, const char *name)
{
    (void)arg;
    for (int i = 0; i < LINES; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return world.lines[i][0] ? world.lines[i] : NULL;
    return NULL;
}

static size_t read_body(void *arg, char *out, size_t size)
{
    (void)arg;
    size_t count = size < world.body_length ? size : world.body_length;
    memcpy(out, world.body, count);
    return count;
}

/* ---- gamed --------------------------------------------------------------------------- */

#define STATE "{\"status\":\"WAITING\",\"ball_x\":450}"

static json_t *placement(const struct ipc_request *request)
{
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "room_code",
                        json_string(request->room_code[0] ? request->room_code : "A00001"));
    json_object_set_new(reply, "player_number", json_integer(1 + request->is_public));
    json_object_set_new(reply, "username", json_string(request->username));
    json_object_set_new(reply, "seat_token", json_string(request->new_token));
    json_object_set_new(reply, "created", json_boolean(request->op == IPC_CREATE));
    return reply;
}

static json_t *admission(void)
{
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "ticket", json_string(TICKET));
    return reply;
}

/* In the place of ipc/ipc_client.c. Nobody looks into a client. */
struct ipc_client *ipc_client_open(const char *url, int max_waiting, char *error, size_t error_size)
{
    static char nothing;
    (void)url, (void)max_waiting, (void)error, (void)error_size;
    return (struct ipc_client *)&nothing;
}

void ipc_client_close(struct ipc_client *client)
{
    (void)client;
}

long ipc_client_call(struct ipc_client *client, const char *request, size_t length, int timeout_ms,
                     char *reply, size_t reply_size)
{
    struct ipc_request asked;
    const char *what = world.lines[REPLY_LINE - 1], *raw = world.lines[REPLY_LINE];
    (void)client;
    world.questions++;
    assert(timeout_ms > 0);
    assert(ipc_request_decode(request, length, &asked) == IPC_OK);
    assert(asked.op <= IPC_ADMIT); /* what is the operator's is never asked for a stranger */
    if (asked.op == IPC_ADMIT)
        assert(asked.room_code[0] && asked.address[0]);
    if (what[0] == 'n')
        return IPC_CLIENT_TIMEOUT;
    if (what[0] == 'r') {
        assert(strlen(raw) <= reply_size);
        memcpy(reply, raw, strlen(raw));
        return (long)strlen(raw);
    }
    json_t *object = what[0] == 'e'          ? ipc_reply_error(raw, "A sentence")
                     : asked.op == IPC_ADMIT ? admission()
                                             : placement(&asked);
    long written = object ? ipc_reply_encode(object, reply, reply_size) : IPC_CLIENT_FAILED;
    if (written >= 0 && asked.takes_attachment)
        written = ipc_reply_attach(reply, (size_t)written, reply_size, STATE, sizeof STATE - 1);
    json_decref(object);
    return written < 0 ? IPC_CLIENT_FAILED : written;
}

long ipc_client_call_together(struct ipc_client *client, enum ipc_client_lane lane,
                              const char *request, size_t length, int timeout_ms, char *reply,
                              size_t reply_size)
{
    assert(lane < IPC_LANE_COUNT);
    return ipc_client_call(client, request, length, timeout_ms, reply, reply_size);
}

/* ---- what an answer must be ------------------------------------------------------------ */

/* Lines of a name, a colon and printable text; an empty one at the end and nowhere else. */
static void check_head(const char *head, size_t length)
{
    assert(strlen(head) == length && length > 4);
    assert(strcmp(head + length - 4, "\r\n\r\n") == 0);
    for (const char *line = head; line < head + length - 2;) {
        const char *end = strstr(line, "\r\n"), *colon = strchr(line, ':');
        assert(end > line && colon && colon > line && colon < end);
        for (const char *at = line; at < end; at++)
            assert((unsigned char)*at >= 0x20 && *at != 0x7f);
        for (const char *at = line; at < colon; at++)
            assert(*at > 0x20 && *at < 0x7f);
        line = end + 2;
    }
}

static void check_body(const struct response *response)
{
    if (strcmp(response->content_type, EXPOSITION_CONTENT_TYPE) == 0)
        return;
    json_t *body = json_loadb(response_body(response), response->body_length, 0, NULL);
    const json_t *success = json_object_get(body, "success");
    assert(json_is_boolean(success) && json_is_true(success) == (response->status < 400));
    if (response->status >= 400)
        assert(json_is_string(json_object_get(body, "code")) &&
               json_is_string(json_object_get(body, "error")));
    json_decref(body);
}

static struct service service;
static struct response response;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct identity_config config;
    char error[256];
    (void)argc, (void)argv;
    assert(log_open("/dev/null", error, sizeof error) == 0);
    assert(identity_configure(&config, "a key of the fuzzers, of 32 bytes", "X-User", error,
                              sizeof error) == 0);
    assert(shared_identity_init(&service.identity, &config) == 0);
    service.rooms.metrics = service.metrics_api.metrics = &service.metrics;
    service.rooms.identity = &service.identity;
    service.rooms.cookie_domain = "";
    assert(cors_add(&service.cors, "https://www.example.org", error, sizeof error) == 0);
    service.admit.metrics = &service.metrics;
    service.admit.identity = &service.identity;
    service.admit.deadline_ms = 300;
    service.admit.max_asking = service.admit.max_admitting = 1;
    service.metrics.version = "fuzz";
    static struct option_list gamed = {.count = 1, .value = {"ipc://fuzz"}};
    const struct instances_config config_of_instances = {.gamed = &gamed, .max_waiting = 1};
    struct instances *instances = instances_open(&config_of_instances, error, sizeof error);
    assert(instances);
    service.rooms.instances = service.admit.instances = service.metrics_api.instances = instances;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct request_source source = {.param = param, .read = read_body};
    struct fuzz_input input = {.at = data, .end = data + size};
    struct request request;
    char head[RESPONSE_HEAD_MAX];
    fixed_random_reset();
    for (int i = 0; i < LINES; i++)
        world.lines[i] = fuzz_take_text(&input, '\n', size, NULL);
    world.body = fuzz_take_text(&input, NOTHING_ELSE, size, &world.body_length);
    world.questions = 0;
    service.admit.allows_guests = service.rooms.allows_guests =
        !strstr(world.lines[REPLY_LINE - 1], "!");

    request_init(&request, &source);
    service_answer(&service, &request, &response);
    assert(world.questions <= 1);
    assert(response.status >= 200 && response.status <= 599);
    assert(response.status != 401 || world.questions == 0);
    assert(atomic_load(&service.admit.asking) == 0 && atomic_load(&service.admit.admitting) == 0);
    check_head(head, response_write_head(&response, head));
    check_body(&response);

    response_free(&response);
    for (int i = 0; i < LINES; i++)
        free(world.lines[i]);
    free(world.body);
    return 0;
}
