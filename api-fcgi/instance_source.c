/*
 * instance_source: see instance_source.h.
 */
#include "api-fcgi/instance_source.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "ipc/ipc_message.h"

enum {
    QUESTION_SIZE = 256
};

/* The reply, owned by the caller; NULL: there is none. */
static json_t *ask(struct ipc_client *client, int timeout_ms)
{
    struct ipc_request question = {.op = IPC_HEALTH,
                                   .deadline_unix_ms = clock_read().unix_ms + timeout_ms};
    char bytes[QUESTION_SIZE];
    long length = ipc_request_encode(&question, bytes, sizeof bytes);
    char *text = length < 0 ? NULL : malloc(IPC_MESSAGE_MAX);
    json_t *reply = NULL;

    if (text == NULL)
        return NULL;
    length = ipc_client_call(client, bytes, (size_t)length, timeout_ms, text, IPC_MESSAGE_MAX);
    if (length < 0 || ipc_reply_decode(text, (size_t)length, &reply) != IPC_OK)
        reply = NULL;
    free(text);
    return reply;
}

/* A count that may be missing. */
static int read_count(const json_t *reply, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(reply, name));

    if (value < 0)
        return 0;
    return value < INT_MAX ? (int)value : INT_MAX;
}

static uint32_t read_slots(const json_t *reply)
{
    const char *letters = json_string_value(json_object_get(reply, "slots"));
    uint32_t slots = 0;

    for (; letters != NULL && *letters != '\0'; letters++)
        if (slot_index(*letters) >= 0)
            slots |= UINT32_C(1) << slot_index(*letters);
    return slots;
}

bool instance_source_ask(struct ipc_client *client, struct instance_view *view, int timeout_ms)
{
    json_t *reply = ask(client, timeout_ms);
    const char *ws = json_string_value(json_object_get(reply, "ws"));

    view->is_fresh = json_is_true(json_object_get(reply, "ok"));
    if (view->is_fresh) {
        view->is_known = true;
        view->slots = read_slots(reply);
        view->load = read_count(reply, "load");
        view->waiting = read_count(reply, "waiting");
        view->draining = json_is_true(json_object_get(reply, "draining"));
        view->has_home = view->slots != 0;
        if (ws != NULL && strlen(ws) < sizeof view->ws)
            memcpy(view->ws, ws, strlen(ws) + 1);
    }
    json_decref(reply);
    return view->is_fresh;
}

void instance_source_conclude(struct instance_table *table)
{
    uint32_t owned = 0;

    table->nobodys = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!table->view[i].is_known)
            return; /* any slot may be that one's */
        owned |= table->view[i].slots;
    }
    table->nobodys = ~owned;
}
