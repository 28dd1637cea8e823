/* Unit tests of ipc/ipc_message: what one end writes the other reads; what is malformed is refused,
 * field by field. */
#include "ipc/ipc_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN_A  "0123456789abcdef0123456789abcdef"
#define TOKEN_B  "fedcba9876543210fedcba9876543210"
#define MATCH_ID "0190163d-8694-4739-aea5-966c26f8ad91"

static int decode(const char *text, struct ipc_request *request)
{
    char *exact =
        malloc(strlen(text)); /* no NUL at its end, so that the sanitizer sees a read past it */
    int result;

    memcpy(exact, text, strlen(text));
    result = ipc_request_decode(exact, strlen(text), request);
    free(exact);
    return result;
}

static void assert_round_trip(const struct ipc_request *request)
{
    char text[IPC_MESSAGE_MAX];
    struct ipc_request read;
    long length = ipc_request_encode(request, text, sizeof text);

    assert_true(length > 0);
    assert_int_equal(ipc_request_decode(text, (size_t)length, &read), IPC_OK);
    assert_int_equal(read.op, request->op);
    assert_int_equal(read.deadline_unix_ms, request->deadline_unix_ms);
    assert_string_equal(read.user_id, request->user_id);
    assert_string_equal(read.username, request->username);
    assert_int_equal(read.token_count, request->token_count);
    for (size_t i = 0; i < read.token_count; i++) {
        assert_string_equal(read.tokens[i].token, request->tokens[i].token);
        assert_int_equal(read.tokens[i].from_cookie, request->tokens[i].from_cookie);
    }
    assert_string_equal(read.new_token, request->new_token);
    assert_string_equal(read.room_code, request->room_code);
    assert_int_equal(read.is_public, request->is_public);
    assert_int_equal(read.takes_attachment, request->takes_attachment);
    assert_string_equal(read.bot_level, request->bot_level);
    assert_int_equal(read.winning_score, request->winning_score);
    assert_string_equal(read.after, request->after);
    assert_int_equal(read.result_state, request->result_state);
    assert_int_equal(read.after_serial, request->after_serial);
    assert_string_equal(read.match_id, request->match_id);
    assert_int_equal(read.is_on, request->is_on);
    assert_int_equal(read.seat, request->seat);
    assert_string_equal(read.address, request->address);
    assert_int_equal(read.guests_denied, request->guests_denied);
}

static void requests_come_out_as_they_went_in(void **state)
{
    struct ipc_request request = {.op = IPC_LIST};

    (void)state;
    assert_round_trip(&request);
    for (int op = 0; op < IPC_OP_COUNT; op++) {
        request = (struct ipc_request){
            .op = (enum ipc_op)op,
            .deadline_unix_ms = INT64_C(1767323045678),
            .user_id = "user \"7\"",
            .username = "Zoë 🏓",
            .tokens = {{TOKEN_A, true}, {TOKEN_B, false}, {TOKEN_A, false}, {TOKEN_B, true}},
            .token_count = IPC_TOKENS_MAX,
            .new_token = TOKEN_B,
            .room_code = "A1B2C3",
            .address = "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255",
            .guests_denied = true,
            .takes_attachment = true,
            .is_public = true,
            .bot_level = "normal",
            .winning_score = 21,
            .after = "A1B2C2",
            .after_serial = INT64_MAX,
            .match_id = MATCH_ID,
            .seat = 2,
        };
        request.is_on = op == IPC_DRAIN; /* nobody else says so */
        for (int i = 0; i < (op == IPC_RESULTS ? IPC_RESULT_STATE_COUNT : 1); i++) {
            request.result_state = (enum ipc_result_state)i;
            assert_round_trip(&request);
        }
    }
    request = (struct ipc_request){.op = IPC_DRAIN};
    assert_round_trip(&request);
}

static void the_wire_form_is_as_agreed(void **state)
{
    struct ipc_request request = {.op = IPC_JOIN,
                                  .deadline_unix_ms = 5,
                                  .tokens = {{TOKEN_A, true}},
                                  .token_count = 1,
                                  .new_token = TOKEN_B,
                                  .room_code = "A1B2C3"};
    char text[512];
    long length = ipc_request_encode(&request, text, sizeof text - 1);

    (void)state;
    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text,
                        "{\"v\":1,\"op\":\"join\",\"deadline\":5,\"tokens\":[{\"token\":\"" TOKEN_A
                        "\",\"cookie\":true}],"
                        "\"new_token\":\"" TOKEN_B "\",\"room_code\":\"A1B2C3\"}");
    assert_string_equal(ipc_op_name(IPC_HEALTH), "health");
    assert_string_equal(ipc_op_name(IPC_METRICS), "metrics");
    request = (struct ipc_request){
        .op = IPC_RESULTS, .result_state = IPC_RESULT_NOT_POSTED, .after_serial = 50};
    length = ipc_request_encode(&request, text, sizeof text - 1);
    text[length] = '\0';
    assert_string_equal(
        text, "{\"v\":1,\"op\":\"results\",\"state\":\"not_posted\",\"after_serial\":50}");
    request = (struct ipc_request){.op = IPC_DRAIN};
    length = ipc_request_encode(&request, text, sizeof text - 1);
    text[length] = '\0';
    assert_string_equal(text, "{\"v\":1,\"op\":\"drain\",\"on\":false}");
}

static void a_buffer_that_is_too_small_is_told(void **state)
{
    struct ipc_request request = {.op = IPC_LIST};
    char text[8];
    json_t *reply = ipc_reply_ok();

    (void)state;
    assert_int_equal(ipc_request_encode(&request, text, sizeof text), IPC_BAD_MESSAGE);
    assert_int_equal(ipc_reply_encode(reply, text, sizeof text), IPC_BAD_MESSAGE);
    json_decref(reply);
}

static void versions_and_ops_are_told_apart_from_nonsense(void **state)
{
    struct ipc_request request;

    (void)state;
    assert_int_equal(decode("{\"v\":1,\"op\":\"list\"}", &request), IPC_OK);
    assert_int_equal(decode("{\"v\":1,\"op\":\"list\",\"later\":{\"a\":[1]}}", &request), IPC_OK);
    assert_int_equal(decode("{\"v\":2,\"op\":\"list\"}", &request), IPC_BAD_VERSION);
    assert_int_equal(decode("{\"v\":0,\"op\":\"list\"}", &request), IPC_BAD_VERSION);
    assert_int_equal(decode("{\"v\":1,\"op\":\"dance\"}", &request), IPC_UNKNOWN_OP);
    assert_int_equal(decode("{\"v\":1,\"op\":\"\"}", &request), IPC_UNKNOWN_OP);
    assert_int_equal(decode("{\"v\":1,\"op\":7}", &request), IPC_BAD_MESSAGE);
    assert_int_equal(decode("{\"v\":1}", &request), IPC_BAD_MESSAGE);
    assert_int_equal(decode("{\"op\":\"list\"}", &request), IPC_BAD_MESSAGE);
    assert_int_equal(decode("{\"v\":\"1\",\"op\":\"list\"}", &request), IPC_BAD_MESSAGE);
}

static void malformed_requests_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "7",
        "{\"v\":1,\"op\":\"list\"} {}",
        "{\"v\":1,\"v\":1,\"op\":\"list\"}",
        "{\"v\":1,\"op\":\"list\",\"deadline\":-1}",
        "{\"v\":1,\"op\":\"list\",\"deadline\":1.5}",
        "{\"v\":1,\"op\":\"list\",\"deadline\":\"1\"}",
        "{\"v\":1,\"op\":\"list\",\"user_id\":7}",
        "{\"v\":1,\"op\":\"list\",\"user_id\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
        "{\"v\":1,\"op\":\"list\",\"username\":\"\\u202e\"}",
        "{\"v\":1,\"op\":\"list\",\"username\":null}",
        "{\"v\":1,\"op\":\"list\",\"username\":\"a\\u0000b\"}",
        "{\"v\":1,\"op\":\"list\",\"username\":\"\xff\"}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":{}}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[7]}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[{}]}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[{\"token\":\"" TOKEN_A "\"}]}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[{\"token\":\"" TOKEN_A "\",\"cookie\":1}]}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[{\"token\":\"short\",\"cookie\":true}]}",
        "{\"v\":1,\"op\":\"list\",\"tokens\":[{},{},{},{},{}]}",
        "{\"v\":1,\"op\":\"create\"}",
        "{\"v\":1,\"op\":\"quick\"}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "0\"}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"0123456789ABCDEF0123456789ABCDEF\"}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"winning_score\":0}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"winning_score\":22}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"winning_score\":10.0}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"visibility\":\"secret\"}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"visibility\":true}",
        "{\"v\":1,\"op\":\"create\",\"new_token\":\"" TOKEN_A "\",\"bot_level\":\"expert\"}",
        "{\"v\":1,\"op\":\"join\",\"new_token\":\"" TOKEN_A "\"}",
        "{\"v\":1,\"op\":\"check\"}",
        "{\"v\":1,\"op\":\"cancel\"}",
        "{\"v\":1,\"op\":\"check\",\"room_code\":\"a1b2c3\"}",
        "{\"v\":1,\"op\":\"check\",\"room_code\":\"A1B2C\"}",
        "{\"v\":1,\"op\":\"check\",\"room_code\":7}",
        "{\"v\":1,\"op\":\"admit\",\"address\":\"::1\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"localhost\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"10.0.0.1\\n\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"0000:0000:0000:0000:0000:0000:0000:0000:00000000\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"::1\",\"guests\":\"allow\"}",
        "{\"v\":1,\"op\":\"admit\",\"room_code\":\"A1B2C3\",\"address\":\"::1\",\"guests\":true}",
        "{\"v\":1,\"op\":\"list\",\"address\":\"localhost\"}",
        "{\"v\":1,\"op\":\"list\",\"user_id\":\"a\\nb\"}",
        "{\"v\":1,\"op\":\"rooms\",\"after\":\"a1b2c3\"}",
        "{\"v\":1,\"op\":\"rooms\",\"after\":\"A1B2C3D\"}",
        "{\"v\":1,\"op\":\"rooms\",\"after\":7}",
        "{\"v\":1,\"op\":\"room\"}",
        "{\"v\":1,\"op\":\"results\"}",
        "{\"v\":1,\"op\":\"results\",\"state\":\"\"}",
        "{\"v\":1,\"op\":\"results\",\"state\":\"lost\"}",
        "{\"v\":1,\"op\":\"results\",\"state\":\"failed\",\"after_serial\":-1}",
        "{\"v\":1,\"op\":\"results\",\"state\":\"failed\",\"after_serial\":\"1\"}",
        "{\"v\":1,\"op\":\"list\",\"state\":\"lost\"}",
        "{\"v\":1,\"op\":\"retry\"}",
        "{\"v\":1,\"op\":\"retry\",\"match_id\":\"" MATCH_ID "0\"}",
        "{\"v\":1,\"op\":\"retry\",\"match_id\":\"0190163D-8694-4739-aea5-966c26f8ad91\"}",
        "{\"v\":1,\"op\":\"drain\"}",
        "{\"v\":1,\"op\":\"drain\",\"on\":1}",
        "{\"v\":1,\"op\":\"kick\",\"room_code\":\"A1B2C3\"}",
        "{\"v\":1,\"op\":\"kick\",\"seat\":1}",
        "{\"v\":1,\"op\":\"kick\",\"room_code\":\"A1B2C3\",\"seat\":0}",
        "{\"v\":1,\"op\":\"kick\",\"room_code\":\"A1B2C3\",\"seat\":3}",
        "{\"v\":1,\"op\":\"kick\",\"room_code\":\"A1B2C3\",\"seat\":\"1\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ipc_request request;

        if (decode(bad[i], &request) != IPC_BAD_MESSAGE)
            fail_msg("taken: %s", bad[i]);
    }
}

static void over_the_limit_is_refused_before_it_is_read(void **state)
{
    static const char begin[] = "{\"v\":1,\"op\":\"list\"}";
    static char text[IPC_MESSAGE_MAX + 1];
    struct ipc_request request;
    json_t *reply;

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, begin, strlen(begin));
    assert_int_equal(ipc_request_decode(text, IPC_MESSAGE_MAX, &request), IPC_OK);
    assert_int_equal(ipc_request_decode(text, IPC_MESSAGE_MAX + 1, &request), IPC_BAD_MESSAGE);
    assert_int_equal(ipc_reply_decode(text, IPC_MESSAGE_MAX + 1, &reply), IPC_BAD_MESSAGE);
}

static void mutilated_requests_do_no_harm(void **state)
{
    struct ipc_request request = {.op = IPC_CREATE,
                                  .username = "Zoë",
                                  .tokens = {{TOKEN_A, true}},
                                  .token_count = 1,
                                  .new_token = TOKEN_B,
                                  .bot_level = "hard",
                                  .winning_score = 3,
                                  .room_code = "A1B2C3"};
    char good[512];
    long length = ipc_request_encode(&request, good, sizeof good);

    (void)state;
    assert_true(length > 0);
    srandom(20260102);
    for (int round = 0; round < 50000; round++) {
        size_t cut = round % 2 == 0 ? (size_t)length : (size_t)(random() % (length + 1));
        char *text = malloc(cut + 1);

        memcpy(text, good, cut);
        for (long flips = random() % 4; flips > 0 && cut > 0; flips--)
            text[(size_t)random() % cut] = (char)random();
        ipc_request_decode(text, cut, &request);
        free(text);
    }
}

static void deep_nesting_is_refused_without_harm(void **state)
{
    static char text[IPC_MESSAGE_MAX];
    struct ipc_request request;

    (void)state;
    memset(text, '[', sizeof text);
    assert_int_equal(ipc_request_decode(text, sizeof text, &request), IPC_BAD_MESSAGE);
}

static void replies_come_out_as_they_went_in(void **state)
{
    char text[IPC_MESSAGE_MAX];
    json_t *reply = ipc_reply_ok();
    json_t *read;
    long length;

    (void)state;
    assert_int_equal(json_object_set_new(reply, "room_code", json_string("A1B2C3")), 0);
    length = ipc_reply_encode(reply, text, sizeof text);
    json_decref(reply);
    assert_true(length > 0);
    assert_int_equal(ipc_reply_decode(text, (size_t)length, &read), IPC_OK);
    assert_true(json_is_true(json_object_get(read, "ok")));
    assert_string_equal(json_string_value(json_object_get(read, "room_code")), "A1B2C3");
    json_decref(read);

    reply = ipc_reply_error("room_full", "Room is full");
    length = ipc_reply_encode(reply, text, sizeof text);
    json_decref(reply);
    assert_int_equal(ipc_reply_decode(text, (size_t)length, &read), IPC_OK);
    assert_true(json_is_false(json_object_get(read, "ok")));
    assert_string_equal(json_string_value(json_object_get(read, "code")), "room_full");
    assert_string_equal(json_string_value(json_object_get(read, "error")), "Room is full");
    json_decref(read);
}

static void what_is_attached_comes_as_it_is(void **state)
{
    static const char state_text[] = "{\"ball_x\":1.50, \"name\":\"a\\nb\"}";
    const size_t state_length = sizeof state_text - 1;
    char text[IPC_MESSAGE_MAX];
    json_t *reply = ipc_reply_ok();
    json_t *read;
    long length, both;

    (void)state;
    length = ipc_reply_encode(reply, text, sizeof text);
    json_decref(reply);
    both = ipc_reply_attach(text, (size_t)length, sizeof text, state_text, state_length);
    assert_int_equal(both, length + 1 + (long)state_length);
    assert_int_equal(ipc_reply_decode(text, (size_t)both, &read), IPC_OK);
    assert_true(json_is_true(json_object_get(read, "ok")));
    assert_string_equal(json_string_value(json_object_get(read, "attachment")), state_text);
    json_decref(read);

    /* to the last byte that there is */
    assert_int_equal(ipc_reply_attach(text, (size_t)length, (size_t)both, state_text, state_length),
                     both);
    assert_int_equal(
        ipc_reply_attach(text, (size_t)length, (size_t)both - 1, state_text, state_length),
        IPC_BAD_MESSAGE);
    assert_int_equal(ipc_reply_attach(text, (size_t)length, 3, state_text, state_length),
                     IPC_BAD_MESSAGE);
    assert_int_equal(ipc_reply_decode(text, (size_t)length, &read), IPC_OK);
    assert_null(json_object_get(read, "attachment"));
    json_decref(read);
}

static void malformed_replies_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"v\":1}",
        "{\"v\":1,\"ok\":1}",
        "{\"v\":1,\"ok\":false}",
        "{\"v\":1,\"ok\":false,\"code\":\"x\"}",
        "{\"v\":1,\"ok\":false,\"code\":7,\"error\":\"x\"}",
        "{\"ok\":true}",
        "{\"v\":1,\"ok\":true,\"ok\":true}",
        "{\"v\":1,\"ok\":true}\n", /* nothing attached */
        "{\"v\":1,\"ok\":true} {}",
        "{\"v\":1,\"ok\":true}{}",
        "{\"v\":1,\"ok\":true}\n\xff",
    };
    json_t *reply;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ipc_reply_decode(bad[i], strlen(bad[i]), &reply) != IPC_BAD_MESSAGE)
            fail_msg("taken: %s", bad[i]);
    static const char with_nul[] = "{\"v\":1,\"ok\":true}\n{}\0";
    assert_int_equal(ipc_reply_decode(with_nul, sizeof with_nul - 1, &reply), IPC_BAD_MESSAGE);
    assert_int_equal(ipc_reply_decode("{\"v\":2,\"ok\":true}", 17, &reply), IPC_BAD_VERSION);
}

static void a_reply_over_the_limit_is_not_written(void **state)
{
    static char text[2 * IPC_MESSAGE_MAX];
    static char wide[IPC_MESSAGE_MAX];
    json_t *reply = ipc_reply_ok();

    (void)state;
    memset(wide, 'x', sizeof wide - 1);
    json_object_set_new(reply, "text", json_string(wide));
    assert_int_equal(ipc_reply_encode(reply, text, sizeof text), IPC_BAD_MESSAGE);
    json_decref(reply);
}

/* jansson's heap, of which the n-th allocation fails. */
static long allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void out_of_memory_at_any_point_is_an_error(void **state)
{
    struct ipc_request request = {.op = IPC_CREATE,
                                  .deadline_unix_ms = 5,
                                  .user_id = "u",
                                  .username = "n",
                                  .tokens = {{TOKEN_A, true}},
                                  .token_count = 1,
                                  .new_token = TOKEN_B,
                                  .takes_attachment = true,
                                  .room_code = "A1B2C3",
                                  .is_public = true,
                                  .bot_level = "hard",
                                  .winning_score = 3,
                                  .after = "A1B2C2",
                                  .after_serial = 7,
                                  .match_id = MATCH_ID,
                                  .seat = 2};
    struct ipc_request read;
    char good[512];
    char text[512];
    long length = ipc_request_encode(&request, good, sizeof good);
    long result = IPC_NO_MEMORY;

    (void)state;
    json_set_alloc_funcs(failing_malloc, free);
    for (long n = 0; result != length; n++) {
        allocations_left = n;
        result = ipc_request_encode(&request, text, sizeof text);
        assert_true(result == IPC_NO_MEMORY || result == length);
        assert_true(n < 1000);
    }
    result = IPC_BAD_MESSAGE;
    for (long n = 0; result != IPC_OK; n++) {
        allocations_left = n;
        result = ipc_request_decode(good, (size_t)length, &read);
        assert_true(n < 1000);
    }
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_out_as_they_went_in),
        cmocka_unit_test(the_wire_form_is_as_agreed),
        cmocka_unit_test(a_buffer_that_is_too_small_is_told),
        cmocka_unit_test(versions_and_ops_are_told_apart_from_nonsense),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(over_the_limit_is_refused_before_it_is_read),
        cmocka_unit_test(mutilated_requests_do_no_harm),
        cmocka_unit_test(deep_nesting_is_refused_without_harm),
        cmocka_unit_test(replies_come_out_as_they_went_in),
        cmocka_unit_test(what_is_attached_comes_as_it_is),
        cmocka_unit_test(malformed_replies_are_refused),
        cmocka_unit_test(a_reply_over_the_limit_is_not_written),
        cmocka_unit_test(out_of_memory_at_any_point_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
