/*
 * wire: the least of WebSocket (RFC 6455) that pong-floor needs: a request's path and key, the
 * answer, heads of frames, and the client's masked frames. Pure: bytes in, bytes out.
 *
 * It must not grow: no extension, no fragments, nothing that a site would need to be safe.
 */
#ifndef PONG_BENCH_FLOOR_WIRE_H
#define PONG_BENCH_FLOOR_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_REQUEST_MAX = 4096,
    WIRE_PATH_SIZE = 64, /* with its NUL; room codes are short */
    WIRE_ANSWER_SIZE = 256,
    WIRE_HEAD_MAX = 4,                         /* of a frame that the server sends */
    WIRE_PAYLOAD_MAX = 65535,                  /* of such a frame */
    WIRE_INPUT_MAX = 512,                      /* payload of a client's frame, as gamed's limit */
    WIRE_INPUT_FRAME_MAX = WIRE_INPUT_MAX + 8, /* with head and mask */
};

enum wire_opcode {
    WIRE_TEXT = 1,
    WIRE_BINARY = 2,
    WIRE_CLOSE = 8,
    WIRE_PING = 9,
    WIRE_PONG = 10,
};

struct wire_request {
    char path[WIRE_PATH_SIZE]; /* without the query */
    char key[25];
    char protocol[32]; /* the first one offered; "" when none is */
};

/*
 * A frame that a client has sent; the payload lies in the bytes it was read from, unmasked.
 */
struct wire_input {
    int opcode;
    const uint8_t *payload;
    size_t length;
};

/* Returns the request's length, 0 when it is not all there, -1 when it is none for a WebSocket. */
int wire_read_request(const char *bytes, size_t length, struct wire_request *request);

/* Writes the 101 that accepts the request; returns its length, or -1 when there is no SHA-1. */
int wire_write_answer(const struct wire_request *request, char answer[WIRE_ANSWER_SIZE]);

/* Writes the head of an unmasked frame of at most WIRE_PAYLOAD_MAX; returns its length. */
size_t wire_write_head(uint8_t head[WIRE_HEAD_MAX], int opcode, size_t length);

/*
 * Reads one frame and unmasks it where it lies. Returns its length, 0 when it is not all there, -1
 * when it is unmasked, a fragment or over WIRE_INPUT_MAX.
 */
int wire_read_input(uint8_t *bytes, size_t length, struct wire_input *input);

#endif
