/*
 * slot_rules: see slot_rules.h.
 */
#include "gamed/slot_rules.h"

#include <limits.h>
#include <string.h>

/* Of a reply's clock, which counts whole milliseconds. */
enum {
    ROUNDING_MS = 2
};

struct slot_rules slot_rules_of(int64_t life_ms)
{
    return (struct slot_rules){
        .life_ms = life_ms,
        .margin_ms = SLOT_MARGIN_MS,
        .round_ms = SLOT_ROUND_MS,
        .quiet_ms = life_ms + SLOT_GAP_MS,
    };
}

void slot_rules_begin(struct slot_view *view, int wish)
{
    *view = (struct slot_view){.home = -1, .wish = wish};
}

/* ---- what is seen of others ------------------------------------------------------------- */

static bool is_released(const char *last)
{
    return strcmp(last, "-") == 0;
}

/*
 * Whether something about the slot says that its owner was alive since the look before. A lease that
 * ends in its time says nothing; one that is gone before its time was set by somebody whom Redis has forgotten.
 */
static bool has_moved(const struct slot_view *view, const struct slot_sight *before,
                      const struct watched_slot *slot, int64_t sent_ms, int64_t now_ms)
{
    if (strcmp(before->last, slot->last) != 0)
        return true;
    if (slot->claim[0] == '\0')
        return before->claim[0] != '\0' && before->ttl_ms > now_ms - view->last_round_ms;
    if (strcmp(before->claim, slot->claim) != 0)
        return true;
    return slot->ttl_ms > before->ttl_ms - (sent_ms - view->last_read_ms) + ROUNDING_MS;
}

void slot_rules_see(struct slot_view *view, const struct watched *watched, bool is_new_connection,
                    int64_t sent_ms, int64_t now_ms)
{
    const bool is_gap =
        is_new_connection || view->last_round_ms == 0 || now_ms - view->last_round_ms > SLOT_GAP_MS;
    if (is_new_connection)
        view->opened_ms = sent_ms;
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct watched_slot *slot = &watched->slots[i];
        struct slot_sight *sight = &view->sight[i];
        if (is_gap || has_moved(view, sight, slot, sent_ms, now_ms))
            sight->moved_ms = now_ms;
        memcpy(sight->claim, slot->claim, sizeof sight->claim);
        memcpy(sight->last, slot->last, sizeof sight->last);
        sight->ttl_ms = slot->ttl_ms;
    }
    view->last_round_ms = sent_ms;
    view->last_read_ms = now_ms;
}

bool slot_rules_is_quiet(const struct slot_view *view, const struct slot_rules *rules, int slot,
                         int64_t now_ms)
{
    const struct slot_sight *sight = &view->sight[slot];
    if (view->last_round_ms == 0 || now_ms - view->opened_ms < rules->quiet_ms)
        return false;
    return is_released(sight->last) || now_ms - sight->moved_ms >= rules->quiet_ms;
}

/* ---- who claims what --------------------------------------------------------------------- */

/* Whether a live instance says that it renews the slot's lease, whatever became of that. */
static bool is_listed(const struct watched *watched, const char *my_id, int slot)
{
    for (size_t i = 0; i < watched->instance_count; i++)
        if (watched->is_fresh[i] && watched->instances[i].slots[slot].claim[0] != '\0' &&
            strcmp(watched->instances[i].id, my_id) != 0)
            return true;
    return false;
}

static bool may_be_claimed(const struct slot_view *view, const struct slot_rules *rules,
                           const struct watched *watched, const char *my_id, int slot,
                           int64_t now_ms)
{
    return view->phase[slot] == SLOT_FREE && view->sight[slot].claim[0] == '\0' &&
           slot_rules_is_quiet(view, rules, slot, now_ms) && !is_listed(watched, my_id, slot);
}

/* How many of those that can adopt a slot come before this one: they have less load. */
static int rank_of(const struct watched *watched, const char *my_id)
{
    int my_load = INT_MAX;
    for (size_t i = 0; i < watched->instance_count; i++)
        if (strcmp(watched->instances[i].id, my_id) == 0)
            my_load = watched->instances[i].load;
    int rank = 0;
    for (size_t i = 0; i < watched->instance_count; i++) {
        const struct instance_record *other = &watched->instances[i];
        if (watched->is_fresh[i] && !other->draining && other->home != '\0' &&
            (other->load < my_load || (other->load == my_load && strcmp(other->id, my_id) < 0)))
            rank++;
    }
    return rank;
}

/* The digit's place, as instances' ids are drawn evenly. */
static int first_of(const char *my_id)
{
    const int digit = my_id[0] >= 'a' ? my_id[0] - 'a' + 10 : my_id[0] - '0';
    return digit >= 0 && digit < 16 ? digit * (SLOT_COUNT / 16) : 0;
}

static int choose_home(const struct slot_view *view, const struct slot_rules *rules,
                       const struct watched *watched, const char *my_id, int64_t now_ms)
{
    if (view->wish >= 0 && may_be_claimed(view, rules, watched, my_id, view->wish, now_ms))
        return view->wish;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (watched->slots[i].leftovers > 0 &&
            may_be_claimed(view, rules, watched, my_id, i, now_ms))
            return i;
    for (int n = 0; n < SLOT_COUNT; n++) {
        const int slot = (first_of(my_id) + n) % SLOT_COUNT;
        if (may_be_claimed(view, rules, watched, my_id, slot, now_ms))
            return slot;
    }
    return -1;
}

/* Whether those with less load have had their time to take it. */
static bool is_my_turn(const struct slot_view *view, const struct slot_rules *rules, int slot,
                       int rank, int64_t now_ms)
{
    const struct slot_sight *sight = &view->sight[slot];
    const int64_t quiet_ms = is_released(sight->last) ? 0 : rules->quiet_ms;
    return now_ms - sight->moved_ms >= quiet_ms + (int64_t)rank * SLOT_RANK_MS;
}

int slot_rules_choose(const struct slot_view *view, const struct slot_rules *rules,
                      const struct watched *watched, const char *my_id, int64_t now_ms,
                      bool *as_home)
{
    *as_home = view->home < 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (view->phase[i] == SLOT_LOADING)
            return -1;
    if (*as_home)
        return choose_home(view, rules, watched, my_id, now_ms);
    const int rank = rank_of(watched, my_id);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (watched->slots[i].leftovers > 0 &&
            may_be_claimed(view, rules, watched, my_id, i, now_ms) &&
            is_my_turn(view, rules, i, rank, now_ms))
            return i;
    return -1;
}

int slot_rules_successor(const struct watched *watched, const char *my_id, const int *extra)
{
    int best = -1;
    int64_t best_load = 0;
    for (size_t i = 0; i < watched->instance_count; i++) {
        const struct instance_record *other = &watched->instances[i];
        if (!watched->is_fresh[i] || other->draining || strcmp(other->id, my_id) == 0)
            continue;
        const int64_t load = (int64_t)other->load + (extra ? extra[i] : 0);
        if (best < 0 || load < best_load) {
            best = (int)i;
            best_load = load;
        }
    }
    return best;
}

/* ---- the owner's side -------------------------------------------------------------------- */

static void note_server(struct slot_hold *hold, const struct slot_answer *answer)
{
    const size_t length = strnlen(answer->server, sizeof hold->server - 1);
    memcpy(hold->server, answer->server, length);
    hold->server[length] = '\0';
}

/* How long a renewal counts: another's that was counted just before is over then, too. */
static int64_t use_ms(const struct slot_rules *rules)
{
    return rules->life_ms - rules->margin_ms;
}

void slot_rules_claimed(struct slot_hold *hold, const struct slot_rules *rules,
                        const struct slot_answer *answer)
{
    const bool is_late = answer->read_ms - answer->looked_ms > SLOT_LOOK_MS;
    hold->counts_from_ms = answer->read_ms + (is_late ? use_ms(rules) : SLOT_CLAIM_STANDS_MS);
    note_server(hold, answer);
}

void slot_rules_given(struct slot_hold *hold, const struct slot_answer *answer)
{
    hold->counts_from_ms = answer->read_ms;
    note_server(hold, answer);
}

int64_t slot_rules_renewed(struct slot_hold *hold, const struct slot_rules *rules,
                           enum slot_renewal renewal, const struct slot_answer *answer)
{
    const bool is_same_server =
        answer->server[0] != '\0' && strcmp(hold->server, answer->server) == 0;
    note_server(hold, answer);
    if (renewal == SLOT_RENEWAL_RESET) {
        hold->counts_from_ms = answer->read_ms + SLOT_RESET_STANDS_MS;
        if (!is_same_server && answer->opened_ms + use_ms(rules) > hold->counts_from_ms)
            hold->counts_from_ms = answer->opened_ms + use_ms(rules);
    }
    if (renewal != SLOT_RENEWAL_KEPT || answer->sent_ms < hold->counts_from_ms)
        return 0;
    return answer->sent_ms + use_ms(rules);
}
