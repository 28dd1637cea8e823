/*
 * The handshake's hash is OpenSSL's, which the daemons link anyway.
 */
#include "bench/floor/wire.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

static const char KEY_SUFFIX[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Copies a header's value, up to its line's or its first item's end; "" when it is too long. */
static void copy_value(const char *value, const char *end, char *out, size_t out_size)
{
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    size_t length = 0;
    while (value + length < end && !strchr(" \t\r,", value[length]))
        length++;
    if (length >= out_size)
        length = 0;
    memcpy(out, value, length);
    out[length] = '\0';
}

static void read_header(const char *line, const char *end, struct wire_request *request)
{
    static const char key[] = "Sec-WebSocket-Key:", protocol[] = "Sec-WebSocket-Protocol:";
    if (strncasecmp(line, key, strlen(key)) == 0)
        copy_value(line + strlen(key), end, request->key, sizeof request->key);
    else if (strncasecmp(line, protocol, strlen(protocol)) == 0)
        copy_value(line + strlen(protocol), end, request->protocol, sizeof request->protocol);
}

/* The first line's path, without what follows a question mark. */
static int read_path(const char *line, const char *end, struct wire_request *request)
{
    static const char method[] = "GET ";
    if (strncmp(line, method, strlen(method)) != 0)
        return -1;
    line += strlen(method);
    size_t length = 0;
    while (line + length < end && line[length] != ' ' && line[length] != '?')
        length++;
    if (line + length == end || length == 0 || length >= sizeof request->path)
        return -1;
    memcpy(request->path, line, length);
    request->path[length] = '\0';
    return 0;
}

int wire_read_request(const char *bytes, size_t length, struct wire_request *request)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return length < WIRE_REQUEST_MAX ? 0 : -1;
    memset(request, 0, sizeof *request);
    const char *line_end = memchr(bytes, '\r', (size_t)(end - bytes) + 1);
    if (read_path(bytes, line_end, request) != 0)
        return -1;
    while (line_end < end) {
        const char *line = line_end + 2;
        line_end = memchr(line, '\r', (size_t)(end - line) + 1);
        if (!line_end)
            return -1;
        read_header(line, line_end, request);
    }
    /* 16 bytes in base64 */
    return strlen(request->key) == 24 ? (int)(end + 4 - bytes) : -1;
}

int wire_write_answer(const struct wire_request *request, char answer[WIRE_ANSWER_SIZE])
{
    char text[sizeof request->key + sizeof KEY_SUFFIX];
    unsigned char sum[SHA_DIGEST_LENGTH];
    unsigned char accept[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
    int length = snprintf(text, sizeof text, "%s%s", request->key, KEY_SUFFIX);
    if (EVP_Digest(text, (size_t)length, sum, NULL, EVP_sha1(), NULL) != 1)
        return -1;
    EVP_EncodeBlock(accept, sum, sizeof sum);
    return snprintf(answer, WIRE_ANSWER_SIZE,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                    accept, request->protocol[0] ? "Sec-WebSocket-Protocol: " : "",
                    request->protocol, request->protocol[0] ? "\r\n" : "");
}

size_t wire_write_head(uint8_t head[WIRE_HEAD_MAX], int opcode, size_t length)
{
    head[0] = (uint8_t)(0x80 | opcode);
    if (length < 126) {
        head[1] = (uint8_t)length;
        return 2;
    }
    head[1] = 126;
    head[2] = (uint8_t)(length >> 8);
    head[3] = (uint8_t)length;
    return 4;
}

int wire_read_input(uint8_t *bytes, size_t length, struct wire_input *input)
{
    if (length < 2)
        return 0;
    if ((bytes[0] & 0xf0) != 0x80 || (bytes[0] & 0x0f) == 0 || (bytes[1] & 0x80) == 0)
        return -1;
    size_t payload = bytes[1] & 0x7f, head = 2;
    if (payload == 127)
        return -1;
    if (payload == 126) {
        head = 4;
        if (length < head)
            return 0;
        payload = (size_t)bytes[2] << 8 | bytes[3];
    }
    if (payload > WIRE_INPUT_MAX)
        return -1;
    size_t frame = head + 4 + payload;
    if (length < frame)
        return 0;
    const uint8_t *mask = bytes + head;
    uint8_t *first = bytes + head + 4;
    for (size_t i = 0; i < payload; i++)
        first[i] ^= mask[i % 4];
    input->opcode = bytes[0] & 0x0f;
    input->payload = first;
    input->length = payload;
    return (int)frame;
}
