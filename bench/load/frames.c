/*
 * Frames: short ones are nearly all there are.
 */
#include "bench/load/frames.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIN = 0x80,
    MASKED = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_SIZE = 4,
    IN_MAX = 1 << 20,
    STATUS_AT = 9, /* "HTTP/1.1 101" */
    STATUS_LINE_MIN = 12
};

size_t frames_upgrade(const char *host, const char *target, const char *subprotocol,
                      char out[FRAMES_UPGRADE_MAX])
{
    /* The key is no secret: it only has to be 16 bytes in base64. */
    const int length = snprintf(
        out, FRAMES_UPGRADE_MAX,
        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cG9uZy1sb2FkLXBsYXllcg==\r\n%s%s%s\r\n",
        target, host, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
        subprotocol ? "\r\n" : "");
    return length > 0 && length < FRAMES_UPGRADE_MAX ? (size_t)length : 0;
}

size_t frames_upgrade_answer(const unsigned char *bytes, size_t length, int *status)
{
    const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    *status = 0;
    if (length > STATUS_LINE_MIN && memcmp(bytes, "HTTP/1.1 ", STATUS_AT) == 0)
        *status = (int)strtol((const char *)bytes + STATUS_AT, NULL, 10);
    return (size_t)(end - bytes) + 4;
}

size_t frames_write(int opcode, const void *payload, size_t length, uint32_t mask,
                    unsigned char out[FRAMES_OUT_HEAD + FRAMES_OUT_MAX])
{
    assert(length <= FRAMES_OUT_MAX);
    const unsigned char *from = payload;
    unsigned char *at = out;
    unsigned char key[MASK_SIZE];
    *at++ = (unsigned char)(FIN | opcode);
    if (length < LENGTH_16) {
        *at++ = (unsigned char)(MASKED | length);
    } else {
        *at++ = MASKED | LENGTH_16;
        *at++ = (unsigned char)(length >> 8);
        *at++ = (unsigned char)(length & 0xff);
    }
    memcpy(key, &mask, sizeof key);
    memcpy(at, key, sizeof key);
    at += sizeof key;
    for (size_t i = 0; i < length; i++)
        *at++ = from[i] ^ key[i % MASK_SIZE];
    return (size_t)(at - out);
}

enum frames_outcome frames_read(const unsigned char *bytes, size_t length, struct frame *frame)
{
    size_t head = 2;
    if (length < head)
        return FRAMES_MORE;
    if (!(bytes[0] & FIN) || bytes[0] & RESERVED || bytes[1] & MASKED)
        return FRAMES_BAD;
    uint64_t size = bytes[1] & LENGTH;
    if (size >= LENGTH_16) {
        const size_t wide = size == LENGTH_16 ? 2 : 8;
        head += wide;
        if (length < head)
            return FRAMES_MORE;
        size = 0;
        for (size_t i = 2; i < 2 + wide; i++)
            size = size << 8 | bytes[i];
    }
    if (size > IN_MAX)
        return FRAMES_BAD;
    if (length - head < size)
        return FRAMES_MORE;
    frame->opcode = bytes[0] & OPCODE;
    frame->payload = bytes + head;
    frame->length = (size_t)size;
    frame->size = head + (size_t)size;
    return FRAMES_WHOLE;
}
