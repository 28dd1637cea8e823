/*
 * ipc_sequence: several JSON texts in one message, as RFC 7464 has it: each behind a record separator,
 * which no JSON text contains, and before a line end. Requests that wait at the same time travel so, and
 * their replies, in the same order. A message that does not begin with the separator is one text.
 * Pure; it must not look into the texts.
 */
#ifndef PONG_IPC_SEQUENCE_H
#define PONG_IPC_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/ipc_message.h"

enum {
    IPC_SEQUENCE_MAX = 16, /* texts in a message; with more of them it is none of ours */
    /* Bytes; a text over it travels by itself. So that there is room for as many as there may be. */
    IPC_SEQUENCE_TEXT_MAX = IPC_MESSAGE_MAX / IPC_SEQUENCE_MAX - 2
};

/* Whether the message is a sequence. */
bool ipc_sequence_is(const char *message, size_t length);

/* Appends a text of IPC_SEQUENCE_TEXT_MAX bytes at most; `at` has room for it and 2 bytes more. Returns
 * where the next one goes. */
char *ipc_sequence_add(char *at, const char *text, size_t length);

/* One of the texts, in the message. */
struct ipc_text {
    const char *bytes;
    size_t length;
};

/* Finds the texts of a sequence. Returns how many there are; 0 when it is none, or of more than `max`. */
size_t ipc_sequence_split(const char *message, size_t length, struct ipc_text *texts, size_t max);

#endif
