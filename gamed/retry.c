/*
 * retry: see retry.h.
 */
#include "gamed/retry.h"

#include <assert.h>

enum retry_class retry_classify(int status)
{
    if (status >= 200 && status < 300)
        return RETRY_CLASS_DELIVERED;
    switch (status) {
    case 401:
    case 403:
    case 404:
        return RETRY_CLASS_REFUSED;
    case 408:
    case 409:
    case 425:
    case 429:
        return RETRY_CLASS_BACKOFF;
    default:
        return status >= 300 && status < 500 ? RETRY_CLASS_PERMANENT : RETRY_CLASS_BACKOFF;
    }
}

/* A number in 0…ceiling, as uniform as `random`. */
static int64_t scale(int64_t ceiling, uint32_t random)
{
    assert(ceiling >= 0 && ceiling <= INT32_MAX);
    return (int64_t)(((uint64_t)ceiling + 1) * random >> 32);
}

int64_t retry_backoff_ms(const struct retry_policy *policy, uint32_t attempts, uint32_t random)
{
    assert(attempts > 0);
    int64_t ceiling = policy->base_ms;
    for (uint32_t i = 1; i < attempts && ceiling < policy->max_ms; i++)
        ceiling *= 2;
    return scale(ceiling < policy->max_ms ? ceiling : policy->max_ms, random);
}

static int64_t retry_after_ms(const struct retry_policy *policy, int64_t seconds, uint32_t random)
{
    /* Compared as seconds: the peer may name a number that overflows as milliseconds. */
    int64_t asked = seconds > policy->after_max_ms / 1000 ? policy->after_max_ms : seconds * 1000;
    return asked + scale(policy->base_ms, random);
}

enum retry_verdict retry_decide(const struct retry_policy *policy, struct retry_state *state,
                                const struct retry_answer *answer, int64_t now_ms, uint32_t random)
{
    const enum retry_class class = retry_classify(answer->status);

    if (state->attempts < UINT32_MAX)
        state->attempts++;
    state->last_status = answer->status;
    if (class != RETRY_CLASS_REFUSED)
        state->refused_since_ms = 0;
    else if (state->refused_since_ms == 0)
        state->refused_since_ms = now_ms;

    switch (class) {
    case RETRY_CLASS_DELIVERED:
        return RETRY_DELIVERED;
    case RETRY_CLASS_PERMANENT:
        return RETRY_GIVE_UP;
    case RETRY_CLASS_REFUSED:
        if (now_ms - state->refused_since_ms >= policy->refused_for_ms)
            return RETRY_GIVE_UP;
        state->next_attempt_ms = now_ms + policy->refused_every_ms;
        return RETRY_LATER;
    case RETRY_CLASS_BACKOFF:
        break;
    }
    state->next_attempt_ms =
        now_ms + (answer->retry_after_s > 0 ? retry_after_ms(policy, answer->retry_after_s, random)
                                            : retry_backoff_ms(policy, state->attempts, random));
    return RETRY_LATER;
}

void retry_gate_note(struct retry_gate *gate, const struct retry_policy *policy,
                     enum retry_verdict verdict, int64_t now_ms)
{
    if (verdict != RETRY_LATER) {
        gate->failures = 0;
        return;
    }
    if (gate->failures < RETRY_GATE_FAILURES)
        gate->failures++;
    gate->next_ms = now_ms + policy->base_ms;
}

bool retry_gate_is_shut(const struct retry_gate *gate)
{
    return gate->failures >= RETRY_GATE_FAILURES;
}
