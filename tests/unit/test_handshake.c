/*
 * handshake: paths, origins and seat tokens, as tables.
 */
#include "gamed/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T1   "0123456789abcdef0123456789abcdef"
#define T2   "fedcba9876543210fedcba9876543210"
#define T3   "00000000000000000000000000000003"
#define JWT  "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo3fQ.c2lnbmF0dXJl"
#define HOST "pong.example.org"
#define GOOD "/ws/game/A2345Z/"

static void put(char *field, const char *text)
{
    assert_true(strlen(text) < HANDSHAKE_VALUE_MAX);
    strcpy(field, text);
}

static struct handshake_request request_for(const char *path)
{
    struct handshake_request request;
    memset(&request, 0, sizeof request);
    put(request.path, path);
    put(request.host, HOST);
    return request;
}

/* ---- paths --------------------------------------------------------------------------- */

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *code; /* NULL: names no room */
    } table[] = {
        {"/ws/game/A2345Z/", "A2345Z"},
        {"/ws/game/A2345Z", "A2345Z"},
        {"/ws/game/a2345z/", "A2345Z"},
        {"/ws/game/aOo345/", "A00345"},
        {"/ws/game/AIiLl5/", "A11115"},
        {"/ws/game/000000/", "000000"},
        {"/ws/game/A2345Z//", NULL},
        {"/ws/game/A2345Z/x", NULL},
        {"/ws/game/A2345U/", NULL}, /* no digit of the alphabet, and not forgiven */
        {"/ws/game/A2345/", NULL},
        {"/ws/game/A2345ZZ/", NULL},
        {"/ws/game/ A2345/", NULL},
        {"/ws/game/A-2345/", NULL},
        {"/ws/game//", NULL},
        {"/ws/game/", NULL},
        {"/ws/game", NULL},
        {"/ws/gameA2345Z/", NULL},
        {"/WS/game/A2345Z/", NULL},
        {"ws/game/A2345Z/", NULL},
        {"/x/ws/game/A2345Z/", NULL},
        {"/ws/other/A2345Z/", NULL},
        {"/", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct handshake_request request = request_for(table[i].path);
        struct game_handshake handshake;
        memset(&handshake, 0xa5, sizeof handshake);
        int outcome = handshake_read(&request, "", &handshake);
        if (outcome != (table[i].code ? HANDSHAKE_OK : HANDSHAKE_NO_ROOM))
            fail_msg("%s: %d", table[i].path, outcome);
        if (!table[i].code)
            continue;
        assert_string_equal(handshake.room_code, table[i].code);
        assert_string_equal(handshake.token, "");
        assert_string_equal(handshake.cookie[0], "");
        assert_string_equal(handshake.cookie[1], "");
    }
}

static void test_longest_path_is_read_to_its_end(void **state)
{
    (void)state;
    struct handshake_request request = request_for(GOOD);
    struct game_handshake handshake;
    memset(request.path + strlen(GOOD), '/', sizeof request.path - strlen(GOOD) - 1);
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_NO_ROOM);
}

/* ---- tokens -------------------------------------------------------------------------- */

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *argument, *authorization, *cookie_1, *cookie_2;
        int outcome;
        const char *token, *first, *second; /* what comes of it */
    } table[] = {
        /* nothing at all */
        {"", "", "", "", HANDSHAKE_OK, "", "", ""},
        /* each alone */
        {T1, "", "", "", HANDSHAKE_OK, T1, "", ""},
        {"", "Bearer " T1, "", "", HANDSHAKE_OK, T1, "", ""},
        {"", "bearer " T1, "", "", HANDSHAKE_OK, T1, "", ""},
        {"", "BEARER   " T1, "", "", HANDSHAKE_OK, T1, "", ""},
        {"", "", T1, "", HANDSHAKE_OK, "", T1, ""},
        {"", "", "", T2, HANDSHAKE_OK, "", "", T2},
        {"", "", T1, T2, HANDSHAKE_OK, "", T1, T2},
        /* the precedence: argument, header, cookies */
        {T1, "Bearer " T2, T3, T3, HANDSHAKE_OK, T1, "", ""},
        {"", "Bearer " T2, T3, T3, HANDSHAKE_OK, T2, "", ""},
        /* a bad one that is shown outright is no less bad for a good one behind it */
        {"x", "Bearer " T1, T1, T1, HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"", "Bearer x", T1, T1, HANDSHAKE_BAD_TOKEN, "", "", ""},
        /* a leading $ is ignored, once */
        {"$" T1, "", "", "", HANDSHAKE_OK, T1, "", ""},
        {"$$" T1, "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"$", "", T1, "", HANDSHAKE_OK, "", T1, ""},
        {"", "Bearer $" T1, "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        /* a JWT names nobody where no key is configured */
        {JWT, "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"$" JWT, "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"", "Bearer " JWT, T1, "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        /* other schemes and an empty one say nothing */
        {"", "Basic dXNlcjpwYXNz", T1, "", HANDSHAKE_OK, "", T1, ""},
        {"", "Bearer ", T1, "", HANDSHAKE_OK, "", T1, ""},
        {"", "Bearer", T1, "", HANDSHAKE_OK, "", T1, ""},
        {"", "Bearer" T2, T1, "", HANDSHAKE_OK, "", T1, ""},
        /* what is not a token */
        {T1 "0", "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"0123456789abcdef0123456789abcde", "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"0123456789ABCDEF0123456789ABCDEF", "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"0123456789abcdef 123456789abcdef", "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"0123456789abcdef\xc3\xa9"
         "3456789abcdef",
         "", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        {"", "Bearer " T1 " ", "", "", HANDSHAKE_BAD_TOKEN, "", "", ""},
        /* a cookie that is not a token is no worse than none */
        {"", "", "x", T2, HANDSHAKE_OK, "", "", T2},
        {"", "", T1, "y", HANDSHAKE_OK, "", T1, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct handshake_request request = request_for(GOOD);
        struct game_handshake handshake;
        put(request.token_argument, table[i].argument);
        put(request.authorization, table[i].authorization);
        put(request.cookie[0], table[i].cookie_1);
        put(request.cookie[1], table[i].cookie_2);
        int outcome = handshake_read(&request, "", &handshake);
        if (outcome != table[i].outcome)
            fail_msg("row %zu: %d", i, outcome);
        if (outcome != HANDSHAKE_OK)
            continue;
        if (strcmp(handshake.token, table[i].token) != 0 ||
            strcmp(handshake.cookie[0], table[i].first) != 0 ||
            strcmp(handshake.cookie[1], table[i].second) != 0)
            fail_msg("row %zu: \"%s\" \"%s\" \"%s\"", i, handshake.token, handshake.cookie[0],
                     handshake.cookie[1]);
    }
}

static void test_longest_values_are_refused_not_overrun(void **state)
{
    (void)state;
    struct handshake_request request = request_for(GOOD);
    struct game_handshake handshake;
    memset(request.token_argument, '0', HANDSHAKE_VALUE_MAX - 1);
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_BAD_TOKEN);
    request.token_argument[0] = '\0';
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_OK);
    memset(request.origin, 'o', HANDSHAKE_VALUE_MAX - 1);
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_BAD_ORIGIN);
}

/* ---- origins ------------------------------------------------------------------------- */

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host, *allowed;
        int outcome;
    } table[] = {
        /* not a browser */
        {"", HOST, "", HANDSHAKE_OK},
        {"", "", "", HANDSHAKE_OK},
        /* the site itself */
        {"https://" HOST, HOST, "", HANDSHAKE_OK},
        {"http://" HOST, HOST, "", HANDSHAKE_OK},
        {"https://PONG.Example.ORG", HOST, "", HANDSHAKE_OK},
        {"https://" HOST, "Pong.Example.Org", "", HANDSHAKE_OK},
        {"http://127.0.0.1:8080", "127.0.0.1:8080", "", HANDSHAKE_OK},
        {"http://[::1]:8080", "[::1]:8080", "", HANDSHAKE_OK},
        /* another port is another site */
        {"http://127.0.0.1:8081", "127.0.0.1:8080", "", HANDSHAKE_BAD_ORIGIN},
        {"http://127.0.0.1", "127.0.0.1:8080", "", HANDSHAKE_BAD_ORIGIN},
        {"http://127.0.0.1:8080", "127.0.0.1", "", HANDSHAKE_BAD_ORIGIN},
        /* strangers, and those that look like the site */
        {"https://evil.example", HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://" HOST ".evil.example", HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://evil-" HOST, HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://evil.example/://" HOST, HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://user@" HOST, HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://", HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"https://", "", "", HANDSHAKE_BAD_ORIGIN},
        {HOST, HOST, "", HANDSHAKE_BAD_ORIGIN},
        /* a sandboxed or local page, whatever is allowed */
        {"null", HOST, "", HANDSHAKE_BAD_ORIGIN},
        {"null", "null", "", HANDSHAKE_BAD_ORIGIN},
        {"null", HOST, "null", HANDSHAKE_BAD_ORIGIN},
        {"NULL", HOST, "https://a.example null", HANDSHAKE_BAD_ORIGIN},
        /* the list: by blanks or commas, without case, whole words */
        {"https://a.example", HOST, "https://a.example", HANDSHAKE_OK},
        {"https://A.Example", HOST, "https://a.example", HANDSHAKE_OK},
        {"https://b.example:444", HOST, "https://a.example https://b.example:444", HANDSHAKE_OK},
        {"https://b.example", HOST, " https://a.example, https://b.example ,", HANDSHAKE_OK},
        {"https://c.example", HOST, "https://a.example,https://b.example", HANDSHAKE_BAD_ORIGIN},
        {"https://a.example", HOST, "https://a.example:444", HANDSHAKE_BAD_ORIGIN},
        {"https://a.example:444", HOST, "https://a.example", HANDSHAKE_BAD_ORIGIN},
        {"http://a.example", HOST, "https://a.example", HANDSHAKE_BAD_ORIGIN},
        {"https://a.exampl", HOST, "https://a.example", HANDSHAKE_BAD_ORIGIN},
        {"https://a.example", HOST, " ,, ", HANDSHAKE_BAD_ORIGIN},
        {"https://" HOST, HOST, "https://a.example", HANDSHAKE_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct handshake_request request = request_for(GOOD);
        struct game_handshake handshake;
        put(request.origin, table[i].origin);
        put(request.host, table[i].host);
        int outcome = handshake_read(&request, table[i].allowed, &handshake);
        if (outcome != table[i].outcome)
            fail_msg("row %zu, \"%s\" at \"%s\": %d", i, table[i].origin, table[i].host, outcome);
    }
}

/* A foreign page learns nothing about a token by the answer. */
static void test_foreign_origin_is_refused_before_any_token_is_looked_at(void **state)
{
    (void)state;
    struct handshake_request request = request_for(GOOD);
    struct game_handshake handshake;
    put(request.origin, "https://evil.example");
    put(request.token_argument, "x");
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_BAD_ORIGIN);
    put(request.token_argument, T1);
    put(request.cookie[0], T2);
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_BAD_ORIGIN);
    assert_string_equal(handshake.token, "");
    assert_string_equal(handshake.cookie[0], "");
}

/* Behind TLS the site's own page came by TLS too: what came without could be anybody's on the way. */
static void test_scheme_of_own_site(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *proto, *allowed;
        int outcome;
    } table[] = {
        {"https://" HOST, "https", "", HANDSHAKE_OK},
        {"HTTPS://" HOST, "https", "", HANDSHAKE_OK},
        {"http://" HOST, "https", "", HANDSHAKE_BAD_ORIGIN},
        {"httpsx://" HOST, "https", "", HANDSHAKE_BAD_ORIGIN},
        {"http://" HOST, "https", "http://" HOST, HANDSHAKE_OK},
        {"http://" HOST, "http", "", HANDSHAKE_OK},
        {"https://" HOST, "http", "", HANDSHAKE_OK}, /* TLS ended before nginx */
        {"http://" HOST, "", "", HANDSHAKE_OK},
        {"", "https", "", HANDSHAKE_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct handshake_request request = request_for(GOOD);
        struct game_handshake handshake;
        put(request.origin, table[i].origin);
        put(request.proto, table[i].proto);
        int outcome = handshake_read(&request, table[i].allowed, &handshake);
        if (outcome != table[i].outcome)
            fail_msg("row %zu: %d", i, outcome);
    }
}

static void test_ticket_says_all_that_tokens_could(void **state)
{
    (void)state;
    struct handshake_request request = request_for(GOOD);
    struct game_handshake handshake;
    put(request.ticket, "x");
    put(request.token_argument, "bad");
    put(request.cookie[0], T1);
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_OK);
    assert_string_equal(handshake.room_code, "A2345Z");
    assert_string_equal(handshake.token, "");
    assert_string_equal(handshake.cookie[0], "");
    put(request.origin, "https://evil.example");
    assert_int_equal(handshake_read(&request, "", &handshake), HANDSHAKE_BAD_ORIGIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_longest_path_is_read_to_its_end),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_longest_values_are_refused_not_overrun),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_foreign_origin_is_refused_before_any_token_is_looked_at),
        cmocka_unit_test(test_scheme_of_own_site),
        cmocka_unit_test(test_ticket_says_all_that_tokens_could),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
