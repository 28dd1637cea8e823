/*
 * Replies of gamed as api-fcgi and pongctl read them (ipc/ipc_message.c), and numbers that come in
 * them, which must always make a text that Prometheus can read (api-fcgi/exposition.c).
 */
#include "tests/fuzz/fuzz.h"

#include "api-fcgi/exposition.h"
#include "common/text.h"
#include "ipc/ipc_message.h"

/* Each line is a comment or a series: a name, a blank, a value; and is ended. */
static void check_exposition(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    assert(strlen(text) == length);
    while (at < end)
        assert(text_next_character(&at, end) >= 0);
    for (const char *line = text; *line;) {
        const char *rest = strchr(line, '\n');
        assert(rest && rest > line);
        assert(line[0] == '#' ? strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0
                              : memchr(line, ' ', (size_t)(rest - line)) != NULL);
        line = rest + 1;
    }
}

static void expose(const json_t *reply)
{
    struct exposition_source sources[2] = {{.families = json_object_get(reply, "families"),
                                            .labels = json_object_get(reply, "labels")},
                                           {.families = json_object_get(reply, "families")}};
    size_t length, refused;
    char *text = exposition_write(sources, 2, &length, &refused);
    if (text)
        check_exposition(text, length);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[IPC_MESSAGE_MAX];
    json_t *reply = NULL, *again = NULL;
    int outcome = ipc_reply_decode((const char *)data, size, &reply);
    if (outcome != IPC_OK) {
        assert(outcome == IPC_BAD_MESSAGE || outcome == IPC_BAD_VERSION);
        assert(!reply);
        return 0;
    }
    assert(json_is_boolean(json_object_get(reply, "ok")));
    assert(json_is_true(json_object_get(reply, "ok")) ||
           (json_is_string(json_object_get(reply, "code")) &&
            json_is_string(json_object_get(reply, "error"))));
    expose(reply);
    long length = ipc_reply_encode(reply, text, sizeof text);
    if (length > 0) { /* without escapes it may have grown over the limit, as numbers do */
        assert(ipc_reply_decode(text, (size_t)length, &again) == IPC_OK);
        assert(json_equal(reply, again));
    }
    json_decref(again);
    json_decref(reply);
    return 0;
}
