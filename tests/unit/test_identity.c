/* Unit tests of api-fcgi/identity: JWTs good and bad, seat tokens, the trusted header, guests. */
#include "api-fcgi/identity.h"

#include <jwt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY        "a key of the tests which has at least 32 bytes"
#define OLD_KEY    "the key before that, of at least 32 bytes as well"
#define SEAT_TOKEN "0123456789abcdef0123456789abcdef"

enum {
    NOW = 1767323045
};

static struct identity_config config;
static struct identity identity;
static char error[256];
static char authorization[8192];
static const char *user_header;
static const char *cookies;

static const char *fake_param(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "HTTP_AUTHORIZATION") == 0)
        return authorization[0] != '\0' ? authorization : NULL;
    if (strcmp(name, "HTTP_COOKIE") == 0)
        return cookies;
    return strcmp(name, "HTTP_X_USER_ID") == 0 ? user_header : NULL;
}

static size_t fake_read(void *arg, char *out, size_t size)
{
    (void)arg;
    (void)out;
    (void)size;
    return 0;
}

static const char *identify(void)
{
    static const struct request_source source = {fake_param, fake_read, NULL};
    struct request request;

    request_init(&request, &source);
    return identity_identify(&config, &request, NOW, &identity);
}

static const char *identify_bearer(const char *token)
{
    snprintf(authorization, sizeof authorization, "Bearer %s", token);
    return identify();
}

/* A token with these claims, which lasts until the next one is made. */
static const char *sign(const char *claims, jwt_alg_t algorithm, const char *key)
{
    static char text[4096];
    jwt_t *jwt;
    char *token;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(
        jwt_set_alg(jwt, algorithm, (const unsigned char *)key, key != NULL ? (int)strlen(key) : 0),
        0);
    token = jwt_encode_str(jwt);
    assert_non_null(token);
    snprintf(text, sizeof text, "%s", token);
    free(token);
    jwt_free(jwt);
    return text;
}

/* Signs the claims and shows them. */
static const char *identify_claims(const char *claims, jwt_alg_t algorithm, const char *key)
{
    return identify_bearer(sign(claims, algorithm, key));
}

/* With this token in the address, a Bearer and cookies; "" for none. */
static const char *at_handshake(const char *argument, const char *bearer, const char *cookie)
{
    static const struct request_source source = {fake_param, fake_read, NULL};
    struct request request;

    snprintf(authorization, sizeof authorization, bearer[0] != '\0' ? "Bearer %s" : "%s", bearer);
    cookies = cookie;
    request_init(&request, &source);
    return identity_at_handshake(&config, &request, argument, NOW, &identity);
}

static int configure(void **state)
{
    (void)state;
    authorization[0] = '\0';
    user_header = NULL;
    cookies = NULL;
    return identity_configure(&config, KEY, "", error, sizeof error);
}

static void nobody_is_a_guest(void **state)
{
    (void)state;
    assert_null(identify());
    assert_string_equal(identity.user_id, "");
    assert_string_equal(identity.username, "");
    assert_string_equal(identity.seat_token, "");
}

static void a_seat_token_is_kept(void **state)
{
    (void)state;
    assert_null(identify_bearer(SEAT_TOKEN));
    assert_string_equal(identity.seat_token, SEAT_TOKEN);
    assert_string_equal(identity.user_id, "");
}

static void a_jwt_names_the_user(void **state)
{
    (void)state;
    assert_null(identify_claims("{\"user_id\":\"u-7\",\"exp\":1767323100,\"username\":\"Zoë\"}",
                                JWT_ALG_HS256, KEY));
    assert_string_equal(identity.user_id, "u-7");
    assert_string_equal(identity.username, "Zoë");
    assert_null(identify_claims("{\"user_id\":42,\"exp\":1767323100.5}", JWT_ALG_HS256, KEY));
    assert_string_equal(identity.user_id, "42");
    assert_string_equal(identity.username, "");
}

static void a_username_that_cannot_be_used_is_left_out(void **state)
{
    (void)state;
    assert_null(identify_claims("{\"user_id\":1,\"exp\":1767323100,\"username\":\"a\\nb\"}",
                                JWT_ALG_HS256, KEY));
    assert_string_equal(identity.username, "");
    assert_null(
        identify_claims("{\"user_id\":1,\"exp\":1767323100,\"username\":7}", JWT_ALG_HS256, KEY));
    assert_null(identify_claims(
        "{\"user_id\":1,\"exp\":1767323100,\"username\":\"012345678901234567890123456789012\"}",
        JWT_ALG_HS256, KEY));
    assert_string_equal(identity.username, "");
}

static void times_are_enforced_with_30_seconds_of_leeway(void **state)
{
    (void)state;
    assert_null(
        identify_claims("{\"user_id\":1,\"exp\":1767323016}", JWT_ALG_HS256, KEY)); /* NOW - 29 */
    assert_non_null(strstr(
        identify_claims("{\"user_id\":1,\"exp\":1767323015}", JWT_ALG_HS256, KEY), "expired"));
    assert_non_null(strstr(identify_claims("{\"user_id\":1}", JWT_ALG_HS256, KEY), "expiry"));
    assert_non_null(
        strstr(identify_claims("{\"user_id\":1,\"exp\":\"soon\"}", JWT_ALG_HS256, KEY), "expiry"));
    assert_non_null(
        strstr(identify_claims("{\"user_id\":1,\"exp\":null}", JWT_ALG_HS256, KEY), "expiry"));
    assert_non_null(identify_claims("{\"user_id\":1,\"exp\":-1}", JWT_ALG_HS256, KEY));
    assert_null(identify_claims("{\"user_id\":1,\"exp\":1767329999,\"nbf\":1767323075}",
                                JWT_ALG_HS256, KEY)); /* NOW + 30 */
    assert_non_null(identify_claims("{\"user_id\":1,\"exp\":1767329999,\"nbf\":1767323076}",
                                    JWT_ALG_HS256, KEY));
    assert_non_null(
        identify_claims("{\"user_id\":1,\"exp\":1767329999,\"nbf\":\"x\"}", JWT_ALG_HS256, KEY));
}

static void a_jwt_without_a_user_is_refused(void **state)
{
    static const char *const bad[] = {
        "{\"exp\":1767323100}",
        "{\"exp\":1767323100,\"user_id\":null}",
        "{\"exp\":1767323100,\"user_id\":\"\"}",
        "{\"exp\":1767323100,\"user_id\":{}}",
        "{\"exp\":1767323100,\"user_id\":true}",
        "{\"exp\":1767323100,\"user_id\":1.5}",
        "{\"exp\":1767323100,\"user_id\":\"a\\nb\"}",
        "{\"exp\":1767323100,\"user_id\":\"guest-abcdefgh\"}",
        "{\"exp\":1767323100,\"user_id\":\"bot-hard\"}",
        "{\"exp\":1767323100,\"user_id\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *refusal = identify_claims(bad[i], JWT_ALG_HS256, KEY);

        if (refusal == NULL)
            fail_msg("taken: %s", bad[i]);
        assert_string_equal(identity.user_id, "");
    }
    assert_null(identify_claims("{\"exp\":1767323100,\"user_id\":\"guest\"}", JWT_ALG_HS256, KEY));
}

static void only_hs256_with_our_key_is_a_signature(void **state)
{
    static const char claims[] = "{\"user_id\":1,\"exp\":1767323100}";
    /* {"alg":"none"} . {"user_id":1,"exp":1767323100} */
    static const char unsigned_token[] =
        "eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoxLCJleHAiOjE3NjczMjMxMDB9.";
    size_t length;

    (void)state;
    assert_non_null(identify_claims(claims, JWT_ALG_HS384, KEY));
    assert_non_null(identify_claims(claims, JWT_ALG_HS512, KEY));
    assert_non_null(identify_claims(claims, JWT_ALG_HS256, KEY "x"));
    assert_non_null(identify_claims(claims, JWT_ALG_HS256, OLD_KEY));
    assert_non_null(identify_claims(claims, JWT_ALG_NONE, NULL));
    assert_non_null(identify_bearer(unsigned_token));
    /* One bit of a good token's signature, of its claims and of its header. */
    assert_null(identify_claims(claims, JWT_ALG_HS256, KEY));
    length = strlen(authorization);
    for (size_t i = strlen("Bearer "); i < length - 1; i++) {
        char kept = authorization[i];

        if (kept == '.')
            continue;
        authorization[i] = kept == 'A' ? 'B' : 'A';
        assert_non_null(identify());
        authorization[i] = kept;
    }
    assert_null(identify());
}

static void any_of_several_keys_is_enough(void **state)
{
    static const char claims[] = "{\"user_id\":1,\"exp\":1767323100}";

    (void)state;
    assert_int_equal(identity_configure(&config, KEY " , third key", "", error, sizeof error), 0);
    assert_int_equal(config.key_count, 2);
    assert_string_equal(config.keys[0], KEY);
    assert_string_equal(config.keys[1], "third key");
    assert_null(identify_claims(claims, JWT_ALG_HS256, KEY));
    assert_null(identify_claims(claims, JWT_ALG_HS256, "third key"));
    assert_non_null(identify_claims(claims, JWT_ALG_HS256, OLD_KEY));
}

static void malformed_tokens_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "a.b",
                                      "a.b.c",
                                      "..",
                                      "a.b.c.d",
                                      "0123456789ABCDEF0123456789ABCDEF",
                                      SEAT_TOKEN "0",
                                      "e30.e30.e30",
                                      "eyJhbGciOiJIUzI1NiJ9..",
                                      "\xff.\xff.\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (identify_bearer(bad[i]) == NULL)
            fail_msg("taken: %s", bad[i]);
}

static void any_bytes_do_no_harm(void **state)
{
    (void)state;
    srandom(20260102);
    for (int round = 0; round < 5000; round++) {
        char token[200];
        size_t length = (size_t)random() % (sizeof token - 1);

        for (size_t i = 0; i < length; i++)
            token[i] = "eyJhbGciOiJIUzI1NiJ9..A_-=\xff"[random() % 27];
        token[length] = '\0';
        assert_non_null(identify_bearer(token));
    }
}

static void without_a_key_a_jwt_is_refused_saying_so(void **state)
{
    (void)state;
    assert_int_equal(identity_configure(&config, "", "", error, sizeof error), 0);
    assert_non_null(
        strstr(identify_claims("{\"user_id\":1,\"exp\":1767323100}", JWT_ALG_HS256, KEY),
               "no key is configured"));
    assert_null(identify_bearer(SEAT_TOKEN));
}

static void the_trusted_header_names_the_user(void **state)
{
    (void)state;
    user_header = "u-9";
    assert_null(identify());
    assert_string_equal(identity.user_id, ""); /* it is trusted only where it was asked for */
    assert_int_equal(identity_configure(&config, KEY, "X-User-Id", error, sizeof error), 0);
    assert_string_equal(config.header_param, "HTTP_X_USER_ID");
    assert_null(identify());
    assert_string_equal(identity.user_id, "u-9");
    assert_null(identify_bearer(SEAT_TOKEN));
    assert_string_equal(identity.user_id, "u-9");
    assert_string_equal(identity.seat_token, SEAT_TOKEN);
    assert_null(identify_claims("{\"user_id\":1,\"exp\":1767323100}", JWT_ALG_HS256, KEY));
    assert_string_equal(identity.user_id, "1"); /* what is signed counts more */
    authorization[0] = '\0';
    user_header = "";
    assert_null(identify());
    assert_string_equal(identity.user_id, "");
    user_header = "guest-abcdefgh";
    assert_non_null(identify());
    user_header = "\xff";
    assert_non_null(identify());
}

static void at_a_handshake_the_address_counts_first_then_bearer_then_cookie(void **state)
{
    char one[512];
    char two[512];
    char three[600];

    (void)state;
    snprintf(one, sizeof one, "%s", sign("{\"user_id\":1,\"exp\":1767323100}", JWT_ALG_HS256, KEY));
    snprintf(two, sizeof two, "%s", sign("{\"user_id\":2,\"exp\":1767323100}", JWT_ALG_HS256, KEY));
    snprintf(three, sizeof three, "a=b; access_token=%s",
             sign("{\"user_id\":3,\"exp\":1767323100,\"username\":\"Cy\"}", JWT_ALG_HS256, KEY));
    assert_null(at_handshake(one, two, three));
    assert_string_equal(identity.user_id, "1");
    assert_null(at_handshake("", two, three));
    assert_string_equal(identity.user_id, "2");
    assert_null(at_handshake("", "", three));
    assert_string_equal(identity.user_id, "3");
    assert_string_equal(identity.username, "Cy");
    assert_null(at_handshake("$", "", three));
    assert_string_equal(identity.user_id, "3");
    assert_null(at_handshake("", "", ""));
    assert_string_equal(identity.user_id, "");
    memmove(one + 1, one, strlen(one) + 1);
    one[0] = '$';
    assert_null(at_handshake(one, two, three));
    assert_string_equal(identity.user_id, "1");
    assert_null(at_handshake("$" SEAT_TOKEN, two, three));
    assert_string_equal(identity.seat_token, SEAT_TOKEN);
    assert_string_equal(identity.user_id, "");
    user_header = "u-9";
    assert_int_equal(identity_configure(&config, KEY, "X-User-Id", error, sizeof error), 0);
    assert_null(at_handshake(SEAT_TOKEN, "", ""));
    assert_string_equal(identity.user_id, "u-9");
    assert_null(at_handshake("", "", three));
    assert_string_equal(identity.user_id, "3");
}

static void at_a_handshake_a_bad_token_is_refused_unless_a_seat_cookie_goes_with_it(void **state)
{
    char old[600];
    char with_seat[700];

    (void)state;
    snprintf(old, sizeof old, "access_token=%s",
             sign("{\"user_id\":3,\"exp\":1767300000}", JWT_ALG_HS256, KEY));
    assert_non_null(strstr(at_handshake("", "", old), "expired"));
    assert_non_null(at_handshake("", "", "access_token=x"));
    assert_null(at_handshake("", "", "access_token="));
    snprintf(with_seat, sizeof with_seat, "%s; pong_seat_2=" SEAT_TOKEN, old);
    assert_null(at_handshake("", "", with_seat));
    assert_string_equal(identity.user_id, "");
    /* but never one that is shown on purpose, unless it stands in the address and has expired */
    assert_non_null(at_handshake("", old + strlen("access_token="), with_seat));
    assert_non_null(at_handshake("x", "", with_seat));
    assert_non_null(at_handshake("$$" SEAT_TOKEN, "", ""));
}

static void at_a_handshake_an_expired_token_in_the_address_is_passed_over_beside_a_seat_cookie(
    void **state)
{
    static const char seat_cookie[] = "pong_seat_2=" SEAT_TOKEN;
    static const char expired[] = "{\"user_id\":3,\"exp\":1767300000}";
    static const char good[] = "{\"user_id\":4,\"exp\":1767323100}";
    char old[512];
    char cookie[700];

    (void)state;
    snprintf(old, sizeof old, "%s", sign(expired, JWT_ALG_HS256, KEY));
    assert_non_null(strstr(at_handshake(old, "", ""), "expired"));
    assert_non_null(strstr(at_handshake(old, "", "pong_seat_2=x"), "expired"));
    assert_null(at_handshake(old, "", seat_cookie));
    assert_string_equal(identity.user_id, "");
    /* who has come by a newer one since is known by that */
    snprintf(cookie, sizeof cookie, "%s; access_token=%s", seat_cookie,
             sign(good, JWT_ALG_HS256, KEY));
    assert_null(at_handshake(old, "", cookie));
    assert_string_equal(identity.user_id, "4");
    assert_non_null(strstr(at_handshake(old, "", cookie + sizeof seat_cookie), "expired"));
    /* no other fault is passed over */
    assert_non_null(at_handshake(sign(expired, JWT_ALG_HS256, OLD_KEY), "", seat_cookie));
    assert_non_null(at_handshake(sign(expired, JWT_ALG_HS512, KEY), "", seat_cookie));
    assert_non_null(at_handshake(sign("{\"user_id\":3}", JWT_ALG_HS256, KEY), "", seat_cookie));
    assert_non_null(at_handshake(
        sign("{\"user_id\":\"bot-x\",\"exp\":1767323100}", JWT_ALG_HS256, KEY), "", seat_cookie));
}

static void at_a_handshake_without_keys_what_the_login_gave_is_passed_over(void **state)
{
    char token[512];
    char cookie[600];

    (void)state;
    assert_int_equal(identity_configure(&config, "", "", error, sizeof error), 0);
    snprintf(token, sizeof token, "%s",
             sign("{\"user_id\":1,\"exp\":1767323100}", JWT_ALG_HS256, KEY));
    snprintf(cookie, sizeof cookie, "access_token=%s", token);
    assert_null(at_handshake(token, "", cookie));
    assert_string_equal(identity.user_id, "");
    assert_null(at_handshake(token, SEAT_TOKEN, ""));
    assert_string_equal(identity.seat_token, SEAT_TOKEN);
    assert_non_null(strstr(at_handshake("", token, ""), "no key"));
    assert_non_null(at_handshake("a.b.c", "", ""));
}

static void a_wrong_configuration_is_told_without_the_key(void **state)
{
    char wide[IDENTITY_KEY_SIZE + 1];

    (void)state;
    memset(wide, 'k', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_int_equal(identity_configure(&config, wide, "", error, sizeof error), -1);
    assert_null(strstr(error, "kkk"));
    assert_int_equal(identity_configure(&config, "SECRET,,b", "", error, sizeof error), -1);
    assert_null(strstr(error, "SECRET"));
    assert_int_equal(identity_configure(&config, "SECRET,", "", error, sizeof error), -1);
    assert_int_equal(identity_configure(&config, "1,2,3,4,5,6,7,8", "", error, sizeof error), 0);
    assert_int_equal(identity_configure(&config, "1,2,3,4,5,6,7,8,9", "", error, sizeof error), -1);
    assert_int_equal(identity_configure(&config, " ", "", error, sizeof error), 0);
    assert_int_equal(config.key_count, 0);
    assert_int_equal(identity_configure(&config, "", "X User", error, sizeof error), -1);
    assert_int_equal(identity_configure(&config, "", wide, error, sizeof error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_is_a_guest, configure),
        cmocka_unit_test_setup(a_seat_token_is_kept, configure),
        cmocka_unit_test_setup(a_jwt_names_the_user, configure),
        cmocka_unit_test_setup(a_username_that_cannot_be_used_is_left_out, configure),
        cmocka_unit_test_setup(times_are_enforced_with_30_seconds_of_leeway, configure),
        cmocka_unit_test_setup(a_jwt_without_a_user_is_refused, configure),
        cmocka_unit_test_setup(only_hs256_with_our_key_is_a_signature, configure),
        cmocka_unit_test_setup(any_of_several_keys_is_enough, configure),
        cmocka_unit_test_setup(malformed_tokens_are_refused, configure),
        cmocka_unit_test_setup(any_bytes_do_no_harm, configure),
        cmocka_unit_test_setup(without_a_key_a_jwt_is_refused_saying_so, configure),
        cmocka_unit_test_setup(the_trusted_header_names_the_user, configure),
        cmocka_unit_test_setup(at_a_handshake_the_address_counts_first_then_bearer_then_cookie,
                               configure),
        cmocka_unit_test_setup(
            at_a_handshake_an_expired_token_in_the_address_is_passed_over_beside_a_seat_cookie,
            configure),
        cmocka_unit_test_setup(
            at_a_handshake_a_bad_token_is_refused_unless_a_seat_cookie_goes_with_it, configure),
        cmocka_unit_test_setup(at_a_handshake_without_keys_what_the_login_gave_is_passed_over,
                               configure),
        cmocka_unit_test_setup(a_wrong_configuration_is_told_without_the_key, configure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
