/*
 * slot_machine: see slot_machine.h. First what is asked, then what the answers mean.
 */
#include "gamed/slot_machine.h"

#include <assert.h>
#include <string.h>

void slot_machine_begin(struct slot_machine *machine, const char *id,
                        const struct slot_rules *rules, int wish)
{
    memset(machine, 0, sizeof *machine);
    memcpy(machine->id, id, strnlen(id, sizeof machine->id - 1));
    machine->rules = *rules;
    slot_rules_begin(&machine->view, wish);
}

void slot_machine_connected(struct slot_machine *machine)
{
    machine->is_new_connection = true;
    machine->must_rewrite = true;
}

static void turn(struct slot_turns *turns, enum slot_turn_kind kind, int slot)
{
    assert(turns->count < SLOT_TURNS_MAX);
    turns->turns[turns->count++] = (struct slot_turn){.kind = kind, .slot = slot};
}

/* ---- what is asked ------------------------------------------------------------------------ */

static struct slot_op *ask(struct slot_plan *plan, enum slot_op_kind kind, int slot,
                           const char *claim)
{
    assert(plan->count < SLOT_OPS_MAX);
    struct slot_op *op = &plan->ops[plan->count++];
    *op = (struct slot_op){.kind = kind, .slot = slot};
    memcpy(op->claim, claim, sizeof op->claim);
    return op;
}

static void ask_release(struct slot_own *own, int slot, struct slot_plan *plan, bool is_forced)
{
    ask(plan, SLOT_OP_RELEASE, slot, own->claim)->is_forced = is_forced;
    plan->suspended[slot] = true;
    own->valid_until_ms = 0;
    own->is_unsure = true;
    own->asked++;
}

/* Whoever has least when those are counted that are on their way to him already. */
static bool choose_successor(struct slot_machine *machine, struct slot_own *own)
{
    int extra[INSTANCES_MAX] = {0};
    for (size_t i = 0; i < machine->watched.instance_count; i++)
        for (int slot = 0; slot < SLOT_COUNT; slot++)
            if (machine->view.phase[slot] >= SLOT_HANDING &&
                strcmp(machine->own[slot].to_id, machine->watched.instances[i].id) == 0)
                extra[i] += machine->own[slot].load;
    const int chosen = slot_rules_successor(&machine->watched, machine->id, extra);
    if (chosen < 0)
        return false;
    memcpy(own->to_id, machine->watched.instances[chosen].id, sizeof own->to_id);
    claim_draw(own->new_claim);
    return true;
}

/* The same again, word for word, when it was not answered. */
static bool ask_hand(struct slot_machine *machine, int slot, struct slot_plan *plan)
{
    struct slot_own *own = &machine->own[slot];
    if (!own->is_unsure && !choose_successor(machine, own))
        return false;
    struct slot_op *op = ask(plan, SLOT_OP_HAND, slot, own->claim);
    memcpy(op->new_claim, own->new_claim, sizeof op->new_claim);
    memcpy(op->to_id, own->to_id, sizeof op->to_id);
    plan->suspended[slot] = true;
    own->valid_until_ms = 0;
    own->is_unsure = true;
    own->asked++;
    return true;
}

static void keep_after_all(struct slot_machine *machine, int slot)
{
    machine->view.phase[slot] = SLOT_OWNED;
    machine->own[slot].to_id[0] = '\0';
}

/* Only over a connection by which the slot was seen to be nobody's for long enough. */
static bool may_set_nameless(const struct slot_machine *machine, int slot, int64_t now_ms)
{
    return machine->own[slot].is_forgotten && !machine->is_new_connection &&
           slot_rules_is_quiet(&machine->view, &machine->rules, slot, now_ms);
}

static void ask_renew(struct slot_machine *machine, int slot, struct slot_plan *plan)
{
    struct slot_own *own = &machine->own[slot];
    ask(plan, SLOT_OP_RENEW, slot, own->claim)->may_set_nameless =
        may_set_nameless(machine, slot, plan->sent_ms);
    own->renewed_ms = plan->sent_ms;
}

/* Whether our record names it as ours. */
static bool is_listed(const struct slot_machine *machine, int slot, int64_t now_ms)
{
    const enum slot_phase phase = machine->view.phase[slot];
    const int64_t renewed_ms = machine->own[slot].renewed_ms;
    return phase != SLOT_FREE && phase != SLOT_HANDED && renewed_ms != 0 &&
           now_ms - renewed_ms <= SLOT_LISTED_MS;
}

static void plan_slot(struct slot_machine *machine, int slot, bool may_renew,
                      struct slot_plan *plan, struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[slot];
    const enum slot_phase phase = machine->view.phase[slot];
    if (phase == SLOT_FREE || phase == SLOT_HANDED)
        return;
    if (phase == SLOT_HANDING) {
        if (ask_hand(machine, slot, plan))
            return;
        keep_after_all(machine, slot);
        turn(turns, SLOT_TURN_NOT_HANDED, slot);
    } else if (own->is_releasing || own->is_abandoned) {
        ask_release(own, slot, plan, own->is_abandoned);
        return;
    }
    if (may_renew)
        ask_renew(machine, slot, plan);
    /* The giver's clients come as soon as it is said: by then they must be able to find us. */
    if (own->is_given && phase == SLOT_OWNED && is_listed(machine, slot, plan->sent_ms))
        ask(plan, SLOT_OP_LOADED, slot, own->claim);
}

static void plan_claim(struct slot_machine *machine, struct slot_plan *plan)
{
    struct slot_view *view = &machine->view;
    if (machine->is_draining || machine->is_new_connection ||
        plan->sent_ms - view->last_round_ms > SLOT_GAP_MS)
        return;
    bool as_home;
    const int slot = slot_rules_choose(view, &machine->rules, &machine->watched, machine->id,
                                       plan->sent_ms, &as_home);
    if (slot < 0 || machine->is_forgetting[slot])
        return;
    struct slot_own *own = &machine->own[slot];
    *own = (struct slot_own){
        .is_home = as_home, .is_unsure = true, .asked = 1, .looked_ms = view->last_round_ms};
    claim_draw(own->claim);
    view->phase[slot] = SLOT_LOADING;
    ask(plan, SLOT_OP_CLAIM, slot, own->claim);
}

void slot_machine_plan(struct slot_machine *machine, bool may_renew, int64_t now_ms,
                       struct slot_plan *plan, struct slot_turns *turns)
{
    *plan = (struct slot_plan){.sent_ms = now_ms};
    machine->is_hurried = false;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        plan_slot(machine, slot, may_renew, plan, turns);
    if (may_renew)
        plan_claim(machine, plan);
}

void slot_machine_record(const struct slot_machine *machine, int64_t now_ms,
                         struct instance_record *record)
{
    const int home = machine->view.home;
    memcpy(record->id, machine->id, sizeof record->id);
    record->home = '\0';
    if (home >= 0 && machine->view.phase[home] == SLOT_OWNED &&
        now_ms < machine->own[home].valid_until_ms)
        record->home = slot_letter(home);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        memset(record->slots[slot].claim, 0, sizeof record->slots[slot].claim);
        if (is_listed(machine, slot, now_ms))
            memcpy(record->slots[slot].claim, machine->own[slot].claim, CLAIM_SIZE);
    }
}

void slot_machine_leave(struct slot_machine *machine, struct slot_plan *plan)
{
    plan->count = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (machine->view.phase[slot] != SLOT_FREE && machine->view.phase[slot] != SLOT_HANDED)
            ask_release(&machine->own[slot], slot, plan, true);
}

/* ---- what the answers mean ----------------------------------------------------------------- */

/* It is nothing of ours any more. */
static void forget(struct slot_machine *machine, int slot, struct slot_turns *turns)
{
    turn(turns, SLOT_TURN_CLEAR, slot);
    if (machine->view.home == slot)
        machine->view.home = -1;
    machine->view.phase[slot] = SLOT_FREE;
    machine->own[slot] = (struct slot_own){0};
}

/* Its games are to be dropped; until that is done it is not taken again. */
static void send_away(struct slot_machine *machine, enum slot_turn_kind kind, int slot,
                      struct slot_turns *turns)
{
    forget(machine, slot, turns);
    machine->is_forgetting[slot] = true;
    turn(turns, kind, slot);
}

static void lose(struct slot_machine *machine, int slot, struct slot_turns *turns)
{
    machine->lost++;
    if (machine->own[slot].is_told)
        send_away(machine, SLOT_TURN_DROP, slot, turns);
    else
        forget(machine, slot, turns);
}

/* From now on its rooms can be read: nobody else writes them. */
static void take_over(struct slot_machine *machine, int slot, struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[slot];
    own->is_unsure = false;
    own->asked = 0;
    machine->view.phase[slot] = SLOT_LOADING;
    if (own->is_home)
        machine->view.home = slot;
    machine->claims++;
    machine->is_hurried = true;
    turn(turns, SLOT_TURN_SET, slot);
    turn(turns, SLOT_TURN_LOAD, slot);
}

static void take_claim(struct slot_machine *machine, int slot, const struct slot_answer *answer,
                       struct slot_turns *turns)
{
    struct slot_answer claimed = *answer;
    claimed.looked_ms = machine->own[slot].looked_ms;
    slot_rules_claimed(&machine->own[slot].hold, &machine->rules, &claimed);
    take_over(machine, slot, turns);
}

static void take_renewal(struct slot_machine *machine, int slot, long long said,
                         const struct slot_answer *answer, struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[slot];
    if (own->is_unsure) { /* of a claim that was not answered: this answers it */
        if (said < SLOT_RENEWAL_KEPT) {
            machine->view.phase[slot] = SLOT_FREE;
            *own = (struct slot_own){0};
            return;
        }
        take_claim(machine, slot, answer, turns);
    }
    if (said == SLOT_RENEWAL_LOST) {
        lose(machine, slot, turns);
        return;
    }
    const int64_t until_ms =
        slot_rules_renewed(&own->hold, &machine->rules, (enum slot_renewal)said, answer);
    own->is_forgotten = said == SLOT_RENEWAL_FORGOTTEN;
    if (said != SLOT_RENEWAL_KEPT)
        machine->must_rewrite = true;
    if (own->is_forgotten) {
        own->valid_until_ms = 0;
        turn(turns, SLOT_TURN_SUSPEND, slot);
    } else if (until_ms != 0) {
        own->valid_until_ms = until_ms;
        turn(turns, SLOT_TURN_EXTEND, slot);
        turns->turns[turns->count - 1].until_ms = until_ms;
    }
}

static void take_release(struct slot_machine *machine, int slot, long long said,
                         struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[slot];
    if (said == 0) {
        own->is_unsure = own->is_releasing = false;
        own->asked = 0;
        turn(turns, SLOT_TURN_REFUSED, slot);
        return;
    }
    /* Another's already: also when the answer to the one before was lost. */
    machine->released++;
    if (own->is_told)
        send_away(machine, SLOT_TURN_RELEASED, slot, turns);
    else
        forget(machine, slot, turns);
}

/* Either it was done, now or by the question before this one, or it is lost: the rooms are not ours to play. */
static void take_hand(struct slot_machine *machine, int slot, int64_t now_ms,
                      struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[slot];
    own->is_unsure = false;
    own->handing_ms = now_ms;
    machine->view.phase[slot] = SLOT_HANDED;
    machine->is_hurried = true;
    if (machine->view.home == slot)
        machine->view.home = -1;
    turn(turns, SLOT_TURN_CLEAR, slot);
}

/* Redis does not do such things now: it was not done. What was asked before this without an answer may have been. */
static void take_refusal(struct slot_machine *machine, const struct slot_op *op,
                         struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[op->slot];
    if (own->asked != 1)
        return;
    own->is_unsure = false;
    own->asked = 0;
    if (op->kind == SLOT_OP_CLAIM) {
        machine->view.phase[op->slot] = SLOT_FREE;
        *own = (struct slot_own){0};
    } else if (op->kind == SLOT_OP_RELEASE && own->is_releasing) {
        own->is_releasing = false;
        turn(turns, SLOT_TURN_REFUSED, op->slot);
    } else if (op->kind == SLOT_OP_HAND) {
        keep_after_all(machine, op->slot);
        turn(turns, SLOT_TURN_NOT_HANDED, op->slot);
    }
}

static void take_answer(struct slot_machine *machine, const struct slot_op *op, long long said,
                        const struct slot_answer *answer, struct slot_turns *turns)
{
    struct slot_own *own = &machine->own[op->slot];
    if (said == SLOT_REFUSED) {
        if (op->kind != SLOT_OP_RENEW && op->kind != SLOT_OP_LOADED)
            take_refusal(machine, op, turns);
        return;
    }
    switch (op->kind) {
    case SLOT_OP_RENEW:
        take_renewal(machine, op->slot, said, answer, turns);
        break;
    case SLOT_OP_CLAIM:
        if (said == 1) {
            take_claim(machine, op->slot, answer, turns);
        } else {
            machine->view.phase[op->slot] = SLOT_FREE;
            *own = (struct slot_own){0};
        }
        break;
    case SLOT_OP_RELEASE:
        take_release(machine, op->slot, said, turns);
        break;
    case SLOT_OP_HAND:
        take_hand(machine, op->slot, answer->read_ms, turns);
        break;
    case SLOT_OP_LOADED:
        own->is_given = false;
        break;
    }
}

/* A slot that is left to us, and one whose successor has loaded it. */
static void take_handover(struct slot_machine *machine, int slot, const struct slot_answer *answer,
                          struct slot_turns *turns)
{
    const struct watched_slot *seen = &machine->watched.slots[slot];
    struct slot_own *own = &machine->own[slot];
    const enum slot_phase phase = machine->view.phase[slot];
    if (phase == SLOT_HANDED && strcmp(seen->to_claim, own->new_claim) != 0) {
        send_away(machine, SLOT_TURN_DROP, slot, turns);
        machine->handed++;
    } else if (phase == SLOT_FREE && !machine->is_forgetting[slot] &&
               strcmp(seen->to_id, machine->id) == 0 && seen->to_claim[0] != '\0' &&
               strcmp(seen->to_claim, seen->claim) == 0) {
        *own = (struct slot_own){.is_given = true, .is_home = machine->view.home < 0};
        memcpy(own->claim, seen->claim, sizeof own->claim);
        slot_rules_given(&own->hold, answer);
        take_over(machine, slot, turns);
    }
}

/* How many slots' rooms the loop has that are ours, as far as we know. */
static int count_ours(const struct slot_machine *machine)
{
    int ours = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        ours += machine->own[slot].is_told && machine->view.phase[slot] != SLOT_HANDED;
    return ours;
}

/* Once every one of them was found to be so in one round; when there is none, there is nothing to write. */
static void take_rewrite(struct slot_machine *machine, const struct slot_plan *plan,
                         const long long *answers, struct slot_turns *turns)
{
    const int ours = count_ours(machine);
    int renewed = 0;
    for (size_t i = 0; i < plan->count; i++)
        renewed += plan->ops[i].kind == SLOT_OP_RENEW && answers[i] >= SLOT_RENEWAL_KEPT;
    if (!machine->must_rewrite || renewed < ours)
        return;
    machine->must_rewrite = false;
    if (ours > 0)
        turn(turns, SLOT_TURN_REWRITE, -1);
}

void slot_machine_take(struct slot_machine *machine, const struct slot_plan *plan,
                       const long long *answers, const struct watched *watched,
                       const struct slot_answer *answer, struct slot_turns *turns)
{
    for (size_t i = 0; i < plan->count; i++)
        if (answers[i] != SLOT_NO_ANSWER)
            take_answer(machine, &plan->ops[i], answers[i], answer, turns);
    take_rewrite(machine, plan, answers, turns);
    if (!watched)
        return;
    machine->watched = *watched;
    slot_rules_see(&machine->view, watched, machine->is_new_connection, answer->sent_ms,
                   answer->read_ms);
    machine->is_new_connection = false;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        take_handover(machine, slot, answer, turns);
}

void slot_machine_expire(struct slot_machine *machine, int64_t now_ms, struct slot_turns *turns)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        const struct slot_own *own = &machine->own[slot];
        const enum slot_phase phase = machine->view.phase[slot];
        if (phase == SLOT_HANDING && !own->is_unsure &&
            now_ms - own->handing_ms > SLOT_HANDING_MS) {
            keep_after_all(machine, slot);
            turn(turns, SLOT_TURN_NOT_HANDED, slot);
        } else if ((phase == SLOT_HANDED || phase == SLOT_HANDING) &&
                   now_ms - own->handing_ms > SLOT_HANDED_MS) {
            send_away(machine, SLOT_TURN_DROP, slot, turns);
            machine->handed++;
        }
    }
}

/* ---- what the loop and the reader of rooms say --------------------------------------------- */

void slot_machine_loaded(struct slot_machine *machine, int slot, bool is_read)
{
    machine->own[slot].is_told = is_read;
    machine->own[slot].is_abandoned = !is_read;
    machine->is_hurried = true;
}

void slot_machine_forgotten(struct slot_machine *machine, int slot)
{
    machine->is_forgetting[slot] = false;
}

void slot_machine_opened(struct slot_machine *machine, int slot)
{
    if (machine->view.phase[slot] != SLOT_LOADING || !machine->own[slot].is_told)
        return;
    machine->view.phase[slot] = SLOT_OWNED;
    machine->is_hurried = machine->own[slot].is_given;
}

void slot_machine_hand_over(struct slot_machine *machine, int slot, int load, int64_t now_ms)
{
    struct slot_own *own = &machine->own[slot];
    if (machine->view.phase[slot] != SLOT_OWNED || own->is_releasing)
        return;
    machine->view.phase[slot] = SLOT_HANDING;
    own->handing_ms = now_ms;
    own->load = load;
    machine->is_hurried = true;
}

void slot_machine_release(struct slot_machine *machine, int slot)
{
    if (machine->view.phase[slot] != SLOT_OWNED)
        return;
    machine->own[slot].is_releasing = true;
    machine->is_hurried = true;
}

void slot_machine_drain(struct slot_machine *machine, bool is_draining)
{
    machine->is_draining = is_draining;
}
