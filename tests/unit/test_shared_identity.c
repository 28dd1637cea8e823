/* Unit tests of api-fcgi/shared_identity: keys that are replaced while threads check tokens. */
#include "api-fcgi/shared_identity.h"

#include <jwt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    NOW = 1767323045,
    THREADS = 4,
    REPLACEMENTS = 400,
    REPLACEMENTS_MAX = 100000
};

static const char *const keys[2] = {"the one key which has at least 32 bytes",
                                    "the other one of at least 32 bytes as well"};
static struct shared_identity shared;
static char tokens[2][512]; /* "Bearer ...", by key */
static atomic_bool is_over, is_wrong;
static atomic_int taken[2], refused;

static const char *param(void *arg, const char *name)
{
    return strcmp(name, "HTTP_AUTHORIZATION") == 0 ? arg : NULL;
}

static size_t read_nothing(void *arg, char *out, size_t size)
{
    (void)arg;
    (void)out;
    (void)size;
    return 0;
}

static const char *identify(int key)
{
    const struct request_source source = {param, read_nothing, tokens[key]};
    struct request request;
    struct identity identity;
    request_init(&request, &source);
    const char *refusal = shared_identity_identify(&shared, &request, NOW, &identity);
    if (!refusal && strcmp(identity.user_id, "42") != 0)
        atomic_store(&is_wrong, true);
    return refusal;
}

static void sign(int key)
{
    jwt_t *jwt;
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, "{\"user_id\": 42, \"exp\": 9999999999}"), 0);
    assert_int_equal(
        jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)keys[key], (int)strlen(keys[key])),
        0);
    char *token = jwt_encode_str(jwt);
    assert_true(strlen(token) + sizeof "Bearer " <= sizeof tokens[key]);
    strcpy(tokens[key], "Bearer ");
    strcat(tokens[key], token);
    free(token);
    jwt_free(jwt);
}

static struct identity_config config_of(int key)
{
    struct identity_config config;
    char error[256];
    assert_int_equal(identity_configure(&config, keys[key], "", error, sizeof error), 0);
    return config;
}

static void *check_tokens(void *arg)
{
    (void)arg;
    for (int i = 0; !atomic_load(&is_over); i++) {
        if (identify(i % 2) == NULL)
            atomic_fetch_add(&taken[i % 2], 1);
        else
            atomic_fetch_add(&refused, 1);
    }
    return NULL;
}

static bool has_seen_all(void)
{
    return atomic_load(&taken[0]) && atomic_load(&taken[1]) && atomic_load(&refused);
}

static void test_a_replaced_key_counts_from_the_next_request_on(void **state)
{
    pthread_t threads[THREADS];
    struct identity_config config = config_of(0);
    (void)state;
    sign(0);
    sign(1);
    assert_int_equal(shared_identity_init(&shared, &config), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_tokens, NULL), 0);
    /* Both have their turns, so each of the threads' tokens is taken now and refused then. */
    for (int i = 0; i < REPLACEMENTS_MAX && (i < REPLACEMENTS || !has_seen_all()); i++) {
        config = config_of(i % 2);
        shared_identity_replace(&shared, &config);
        if (identify(i % 2) || !identify(1 - i % 2))
            atomic_store(&is_wrong, true);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    shared_identity_free(&shared);
    assert_false(atomic_load(&is_wrong));
    assert_true(has_seen_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_replaced_key_counts_from_the_next_request_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
