/*
 * ipc_sequence: see ipc_sequence.h.
 */
#include "ipc/ipc_sequence.h"

#include <assert.h>
#include <string.h>

static const char separator = '\x1e';

bool ipc_sequence_is(const char *message, size_t length)
{
    return length > 0 && message[0] == separator;
}

char *ipc_sequence_add(char *at, const char *text, size_t length)
{
    assert(length <= IPC_SEQUENCE_TEXT_MAX);
    *at++ = separator;
    memcpy(at, text, length);
    at += length;
    *at++ = '\n';
    return at;
}

size_t ipc_sequence_split(const char *message, size_t length, struct ipc_text *texts, size_t max)
{
    const char *const end = message + length;
    size_t count = 0;

    if (!ipc_sequence_is(message, length))
        return 0;
    for (const char *at = message + 1; at != NULL; count++) {
        const char *next = memchr(at, separator, (size_t)(end - at));
        size_t left = (size_t)((next != NULL ? next : end) - at);

        if (count == max)
            return 0;
        left -= left > 0 && at[left - 1] == '\n';
        texts[count] = (struct ipc_text){.bytes = at, .length = left};
        at = next != NULL ? next + 1 : NULL;
    }
    return count;
}
