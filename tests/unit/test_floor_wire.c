/*
 * floor/wire: pong-floor's WebSocket. The handshake is RFC 6455's own example; frames are taken whole
 * or not at all, wherever they are cut.
 */
#include "bench/floor/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char REQUEST[] = "GET /ws/game/ABC123/?token=x HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "sec-websocket-key:  dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Protocol: pong.v2.bin, pong.v1.json\r\n"
                              "\r\n";

/* On the heap, so that a sanitizer sees a byte read too far. */
static int read_request(const char *text, size_t length, struct wire_request *request)
{
    char *bytes = malloc(length > 0 ? length : 1);
    memcpy(bytes, text, length);
    int used = wire_read_request(bytes, length, request);
    free(bytes);
    return used;
}

static void a_request_is_read_and_answered(void **state)
{
    struct wire_request request;
    char answer[WIRE_ANSWER_SIZE];
    (void)state;
    for (size_t length = 0; length < strlen(REQUEST); length++)
        assert_int_equal(read_request(REQUEST, length, &request), 0);
    assert_int_equal(read_request(REQUEST, strlen(REQUEST), &request), strlen(REQUEST));
    assert_string_equal(request.path, "/ws/game/ABC123/");
    assert_string_equal(request.key, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_string_equal(request.protocol, "pong.v2.bin");
    int answered = wire_write_answer(&request, answer);
    assert_int_equal(answered, strlen(answer));
    assert_non_null(strstr(answer, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(answer, "\r\nSec-WebSocket-Protocol: pong.v2.bin\r\n\r\n"));
}

static void what_is_no_handshake_is_refused(void **state)
{
    static const char *const requests[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /path\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nSec-WebSocket-Key:\r\n\r\n",
        "GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==dGhl\r\n\r\n",
        "GET /0123456789012345678901234567890123456789012345678901234567890123 HTTP/1.1\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    };
    struct wire_request request;
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        assert_int_equal(read_request(requests[i], strlen(requests[i]), &request), -1);
    char *endless = calloc(1, WIRE_REQUEST_MAX);
    assert_int_equal(wire_read_request(endless, WIRE_REQUEST_MAX, &request), -1);
    free(endless);
}

static void heads_have_the_shortest_length(void **state)
{
    uint8_t head[WIRE_HEAD_MAX];
    (void)state;
    assert_int_equal(wire_write_head(head, WIRE_BINARY, 125), 2);
    assert_memory_equal(head, "\x82\x7d", 2);
    assert_int_equal(wire_write_head(head, WIRE_TEXT, 126), 4);
    assert_memory_equal(head, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(wire_write_head(head, WIRE_TEXT, WIRE_PAYLOAD_MAX), 4);
    assert_memory_equal(head, "\x81\x7e\xff\xff", 4);
}

/* A client's frame of `length` bytes 0, 1, 2 …; returns its length. */
static size_t make_input(uint8_t *frame, size_t length)
{
    static const uint8_t mask[4] = {0xa5, 0x00, 0xff, 0x31};
    size_t head = wire_write_head(frame, WIRE_TEXT, length);
    frame[1] |= 0x80;
    memcpy(frame + head, mask, sizeof mask);
    for (size_t i = 0; i < length; i++)
        frame[head + 4 + i] = (uint8_t)i ^ mask[i % 4];
    return head + 4 + length;
}

static void inputs_are_read_wherever_they_are_cut(void **state)
{
    static const size_t lengths[] = {0, 5, 125, 126, WIRE_INPUT_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t frame[WIRE_INPUT_FRAME_MAX];
        size_t whole = make_input(frame, lengths[i]);
        for (size_t length = 0; length <= whole; length++) {
            struct wire_input input;
            uint8_t *bytes = malloc(length > 0 ? length : 1);
            memcpy(bytes, frame, length);
            int used = wire_read_input(bytes, length, &input);
            assert_int_equal(used, length < whole ? 0 : (int)whole);
            if (used > 0) {
                assert_int_equal(input.opcode, WIRE_TEXT);
                assert_int_equal(input.length, lengths[i]);
                for (size_t at = 0; at < input.length; at++)
                    assert_int_equal(input.payload[at], (uint8_t)at);
            } else {
                assert_memory_equal(bytes, frame, length); /* not unmasked yet */
            }
            free(bytes);
        }
    }
}

static void foul_frames_are_refused(void **state)
{
    static const char *const frames[] = {
        "\x81\x05", /* unmasked */
        "\x01\x85", /* a fragment */
        "\x80\x85", /* its continuation */
        "\xc1\x85", /* compressed */
        "\x81\xff", /* 8 bytes of length */
    };
    struct wire_input input;
    uint8_t large[WIRE_INPUT_FRAME_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        uint8_t bytes[2];
        memcpy(bytes, frames[i], sizeof bytes);
        assert_int_equal(wire_read_input(bytes, sizeof bytes, &input), -1);
    }
    make_input(large, WIRE_INPUT_MAX + 1);
    assert_int_equal(wire_read_input(large, 4, &input), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_and_answered),
        cmocka_unit_test(what_is_no_handshake_is_refused),
        cmocka_unit_test(heads_have_the_shortest_length),
        cmocka_unit_test(inputs_are_read_wherever_they_are_cut),
        cmocka_unit_test(foul_frames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
