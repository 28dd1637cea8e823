/*
 * frames: the bytes of a WebSocket as a client has them (RFC 6455): the upgrade, frames out, frames in.
 * Pure; it must not know what messages say.
 */
#ifndef PONG_BENCH_LOAD_FRAMES_H
#define PONG_BENCH_LOAD_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAMES_OUT_MAX = 512, /* payload of a frame that is sent */
    FRAMES_OUT_HEAD = 8,  /* bytes of its head, at most */
    FRAMES_UPGRADE_MAX = 1024,
    FRAMES_TEXT = 1,
    FRAMES_BINARY = 2,
    FRAMES_CLOSE = 8,
    FRAMES_PING = 9,
    FRAMES_PONG = 10
};

/* A frame in a buffer. */
struct frame {
    int opcode;
    const unsigned char *payload;
    size_t length;
    size_t size; /* with its head */
};

enum frames_outcome {
    FRAMES_WHOLE,
    FRAMES_MORE, /* more bytes are needed */
    FRAMES_BAD /* no frame that a server may send: reserved bits, a mask, a fragment, over 1 MiB */
};

/* Writes the upgrade request. Returns its length; 0 when it is too long. */
size_t frames_upgrade(const char *host, const char *target, const char *subprotocol,
                      char out[FRAMES_UPGRADE_MAX]);

/*
 * Reads the answer to it: its length with the empty line, 0 when that has not come. *status is then
 * HTTP's.
 */
size_t frames_upgrade_answer(const unsigned char *bytes, size_t length, int *status);

/* Writes a masked frame. `length` is at most FRAMES_OUT_MAX. Returns its size. */
size_t frames_write(int opcode, const void *payload, size_t length, uint32_t mask,
                    unsigned char out[FRAMES_OUT_HEAD + FRAMES_OUT_MAX]);

/* Reads the first frame of a buffer. */
enum frames_outcome frames_read(const unsigned char *bytes, size_t length, struct frame *frame);

#endif
