/*
 * slot_machine: what this process does about the 32 slots: from what Redis answered and the loop wished for
 * to the next questions, and from their answers to what is true of each slot now.
 *
 * Pure: questions leave as a plan and answers come back as numbers, so that the whole of it runs in a
 * test against a Redis that stalls and forgets. It must not know connections, threads or games. One thread
 * at a time (the slots thread).
 *
 *     FREE --claimed, or given by a handover--> LOADING --opened--> OWNED
 *     LOADING, OWNED --another's lease stands--> FREE
 *     OWNED --hand_over--> HANDING --it is the successor's--> HANDED --he has loaded, or 3 s--> FREE
 *     OWNED --release--> FREE, or OWNED when there is something in it after all
 *
 * A question whose answer never came (a plan without a take) may have been carried out, or may still be,
 * however late. So what gives a slot away is asked again, word for word, until it is answered, and the slot is not
 * taken back; a claim is followed by a renewal, which tells whether it is ours.
 */
#ifndef PONG_GAMED_SLOT_MACHINE_H
#define PONG_GAMED_SLOT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/instance_record.h"
#include "cluster/slot_keys.h"
#include "gamed/slot_rules.h"

enum {
    SLOT_HANDED_MS = 3000,  /* how long a successor's word that it has loaded is waited for */
    SLOT_HANDING_MS = 3000, /* how long it is tried to give a slot away */
    SLOT_LISTED_MS = 500,   /* so long after its last renewal a slot stands in our record */
    SLOT_OPS_MAX = 2 * SLOT_COUNT,
    SLOT_TURNS_MAX = 8 * SLOT_COUNT
};

/* A script to be run; its arguments. */
enum slot_op_kind {
    SLOT_OP_RENEW,
    SLOT_OP_CLAIM,
    SLOT_OP_RELEASE,
    SLOT_OP_HAND,
    SLOT_OP_LOADED
};

struct slot_op {
    enum slot_op_kind kind;
    int slot;
    char claim[CLAIM_SIZE];
    bool may_set_nameless;        /* of RENEW */
    bool is_forced;               /* of RELEASE */
    char new_claim[CLAIM_SIZE];   /* of HAND */
    char to_id[INSTANCE_ID_SIZE]; /* of HAND */
};

/* One round's. From before it is sent none of `suspended` is valid any more. */
struct slot_plan {
    struct slot_op ops[SLOT_OPS_MAX];
    size_t count;
    bool suspended[SLOT_COUNT];
    int64_t sent_ms;
};

/* What has become true, to be carried out in this order. */
enum slot_turn_kind {
    SLOT_TURN_SET,     /* ours under slot_machine_claim(), not valid yet */
    SLOT_TURN_EXTEND,  /* valid until until_ms */
    SLOT_TURN_SUSPEND, /* valid no more, the claim stays */
    SLOT_TURN_CLEAR,   /* not ours any more */
    SLOT_TURN_LOAD,    /* read its rooms, give them to the loop, then slot_machine_loaded */
    /* Told to the loop: */
    SLOT_TURN_DROP,
    SLOT_TURN_RELEASED,
    SLOT_TURN_REFUSED,
    SLOT_TURN_NOT_HANDED,
    SLOT_TURN_REWRITE, /* slot is -1 */
};

struct slot_turn {
    enum slot_turn_kind kind;
    int slot;
    int64_t until_ms;
};

struct slot_turns {
    struct slot_turn turns[SLOT_TURNS_MAX];
    size_t count;
};

/* A slot that is not FREE. */
struct slot_own {
    char claim[CLAIM_SIZE];
    struct slot_hold hold;
    bool is_home;
    bool is_unsure;             /* a claim, release or handover was sent and not answered */
    int asked;                  /* how often it was, the last time not counted that was answered */
    bool is_told;               /* the loop has its rooms */
    bool is_given;              /* it came by a handover, whose end is still to be told */
    bool is_forgotten;          /* Redis knows nothing of it */
    bool is_releasing;          /* empty as far as the loop knows */
    bool is_abandoned;          /* its rooms cannot be read */
    int64_t valid_until_ms;     /* 0: it is not valid yet, or any more */
    int64_t renewed_ms;         /* when its last renewal was sent; 0: none */
    int64_t looked_ms;          /* the look on which its claim rests */
    int64_t handing_ms;         /* since when it is to be given away, or is given */
    char new_claim[CLAIM_SIZE]; /* its successor's */
    char to_id[INSTANCE_ID_SIZE];
    int load; /* by which its successor's grows */
};

struct slot_machine {
    char id[INSTANCE_ID_SIZE];
    struct slot_rules rules;
    struct slot_view view;
    struct slot_own own[SLOT_COUNT];
    struct watched watched; /* the last look; instance_count 0 before the first */
    bool is_forgetting
        [SLOT_COUNT];  /* DROP or RELEASED was told: not ours again before all of it is forgotten */
    bool is_draining;  /* claims nothing */
    bool must_rewrite; /* once all slots are renewed */
    bool is_new_connection; /* nothing was seen over it yet */
    bool is_hurried;        /* the next round should not wait */
    uint64_t claims, lost, handed, released;
};

/* About 190 kB of state, owning nothing. `wish`: the slot preferred as home, -1: any. */
void slot_machine_begin(struct slot_machine *machine, const char *id,
                        const struct slot_rules *rules, int wish);

/* There is a new connection: everything may have happened meanwhile. */
void slot_machine_connected(struct slot_machine *machine);

/*
 * The questions of the round that is sent now. `may_renew`: the loop has turned since the last
 * renewal. What it finds out without asking (nobody to hand a slot to) is put to *turns.
 */
void slot_machine_plan(struct slot_machine *machine, bool may_renew, int64_t now_ms,
                       struct slot_plan *plan, struct slot_turns *turns);

/* The id, the slots and the home as they are to stand in the record that goes with the plan: a home when rooms
 * can be opened in it. */
void slot_machine_record(const struct slot_machine *machine, int64_t now_ms,
                         struct instance_record *record);

/*
 * The round's answers, one for each op (what the script said; SLOT_REFUSED: Redis has refused it, it was not done; SLOT_NO_ANSWER: not understood), and the look that
 * came last in it, NULL when that was not understood. answer->looked_ms is not looked at.
 */
enum {
    SLOT_NO_ANSWER = -100,
    SLOT_REFUSED = -101
};
void slot_machine_take(struct slot_machine *machine, const struct slot_plan *plan,
                       const long long *answers, const struct watched *watched,
                       const struct slot_answer *answer, struct slot_turns *turns);

/* What time alone brings about, whether there is a connection or not. */
void slot_machine_expire(struct slot_machine *machine, int64_t now_ms, struct slot_turns *turns);

/* After SLOT_TURN_LOAD: the rooms were read and the loop has them; or they cannot be, and the slot is given up. */
void slot_machine_loaded(struct slot_machine *machine, int slot, bool is_read);

/* After SLOT_TURN_DROP or SLOT_TURN_RELEASED: nothing of the slot waits to be stored any more. */
void slot_machine_forgotten(struct slot_machine *machine, int slot);

/* What the loop wishes. One that does not fit the slot's phase is dropped. */
void slot_machine_opened(struct slot_machine *machine, int slot);
void slot_machine_hand_over(struct slot_machine *machine, int slot, int load, int64_t now_ms);
void slot_machine_release(struct slot_machine *machine, int slot);
void slot_machine_drain(struct slot_machine *machine, bool is_draining);

/* The plan of the last round: everything that is ours is released, whatever is in it. */
void slot_machine_leave(struct slot_machine *machine, struct slot_plan *plan);

#endif
