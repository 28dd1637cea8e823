/*
 * game_history: brings the results of finished matches to user_management, on a thread of its own
 * ("results").
 *
 * The loop thread submits a result by value and never waits. The results thread makes the bytes to
 * POST, commits them to the store's outbox, tells so, posts what is due there, a few at a time, and
 * tries again by the rules of retry.h until each is delivered or given up. It must not touch the
 * game.
 *
 * With a store that is broken, results are posted all the same, from memory; what came of them is
 * told to the store when it works again. Until then a crash may lose a result that was not delivered,
 * or have one posted again.
 *
 * What a receiver may count on: every attempt of one match has the same bytes and the same
 * Idempotency-Key, and one match has never two attempts running at once. An answer that is lost is
 * followed by another attempt, so a receiver that ignores the key may record a match twice.
 */
#ifndef PONG_GAMED_GAME_HISTORY_H
#define PONG_GAMED_GAME_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/histogram.h"
#include "gamed/match_result.h"
#include "gamed/result_query.h"
#include "gamed/retry.h"
#include "gamed/store.h"

enum game_history_error {
    GAME_HISTORY_OK = 0,
    GAME_HISTORY_BAD_CONFIG = -1, /* the URL, the API key or the certificates are no use */
    GAME_HISTORY_NO_MEMORY = -2,  /* or no thread could be started */
    GAME_HISTORY_FULL = -3,       /* the mailbox is full; the result was logged and is lost */
};

struct game_history_config {
    const char *user_management_url; /* NULL or "": results wait in the outbox */
    const char *api_key;             /* NULL or "": no Authorization header */
    const char *user_management_ca;  /* PEM file, for https; NULL or "": the system's */
    bool post_bot_results;   /* else a match with a bot is kept like others, but not posted */
    bool post_guest_results; /* the same for one with a guest */
    size_t max_rooms;        /* how many matches can end at once; sizes the mailbox */
    long timeout_ms;         /* of one attempt */
    struct retry_policy retry;
    /*
     * The result of this match is committed: what is told of it now is never taken back. Called once
     * for each submitted result, posted or not, on the results thread: it must not block. With a
     * broken store it comes late, or never. NULL: not called.
     */
    void (*stored)(void *arg, const char *match_id);
    void *stored_arg;
    /*
     * Several processes share the store: whether the results of this room's slot are ours to post at
     * the moment; of the code only the first character may be there. Any thread's to answer; on the
     * results thread, must not block. When set, nothing is posted before it is stored, and a copy of
     * what is stored and neither delivered nor given up is kept for game_history_rewrite. NULL: always
     * ours.
     */
    bool (*may_post)(void *arg, const char *room_code);
    void *may_post_arg;
    /* An answer is there for game_history_answer. On the results thread. NULL: not called. */
    void (*answered)(void *arg);
    void *answered_arg;
};

/* Nothing configured, and the rest as it is meant to be in production. */
#define GAME_HISTORY_CONFIG_DEFAULT                           \
    ((struct game_history_config){.post_guest_results = true, \
                                  .max_rooms = 10000,         \
                                  .timeout_ms = 10L * 1000,   \
                                  .retry = RETRY_POLICY_DEFAULT})

enum {
    GAME_HISTORY_API_KEY_SIZE = 1024, /* bytes, the NUL included */
    GAME_HISTORY_KEEP_HOURS =
        24, /* a delivered result stays in the store, so that it is known; … */
    GAME_HISTORY_KEEP_SHARED_HOURS = 1, /* … in one that several share: that is memory (Redis) */
    GAME_HISTORY_PURGE_HOURS = 1,       /* between two looks for those that have stayed so long */
    GAME_HISTORY_STALL_MS = 1000,       /* a turn that takes longer: the store counts as broken */
};

struct game_history_stats {
    size_t pending;            /* submitted and neither delivered nor given up yet */
    size_t unsaved;            /* of all results, how many the store does not know the newest of */
    size_t failed;             /* given up and kept in the store */
    uint64_t delivered;        /* since the start */
    uint64_t attempts_failed;  /* attempts that did not deliver, since the start */
    struct histogram attempts; /* how long each attempt took, on the scale histogram_foreign */
    uint64_t lost;             /* could not even be kept, since the start; each was logged */
    int64_t oldest_pending_ms; /* how long the oldest result in the outbox has waited */
    bool store_broken;         /* it refused the last write or read of results, or stalls in one */
};

struct game_history;

/*
 * Whether the configuration can be used, for --check-config: GAME_HISTORY_OK, _BAD_CONFIG or
 * _NO_MEMORY with a sentence in error[] that never holds the key. Main thread.
 */
int game_history_check(const struct game_history_config *config, char *error, size_t error_size);

/*
 * Starts the thread, which from then on alone uses the store's outbox; what is pending there is
 * taken up. The config's strings are copied; the store stays the caller's, open until after
 * game_history_stop. Returns as game_history_check does, with *history set on GAME_HISTORY_OK.
 * Main thread, with signals blocked, before any other thread is started (libcurl's global init).
 */
int game_history_start(const struct game_history_config *config, struct store *store,
                       struct game_history **history, char *error, size_t error_size);

/*
 * Hands over the result of a match that is over; call it once per match id. One thread only (the
 * loop's); takes no lock and does no I/O but a wake-up byte to a non-blocking descriptor. A match
 * whose kind is not to be posted is kept in the store like the others, so that it is known to be over.
 *
 * The mailbox holds at least two results for each room: the one of the match that just ended and
 * the one before it. A rematch takes longer than a turn of the results thread, so it overflows
 * only when the store has stalled for at least a whole match, or has refused so many results that
 * memory is full of them (RESULT_OUTBOX_MEMORY_MAX). Then the result is written to the log in full
 * (match id, room, players, scores), counted as lost, and GAME_HISTORY_FULL is returned: nothing for
 * the caller to do.
 */
int game_history_submit(struct game_history *history, const struct match_result *result);

/*
 * Another API key ("" for none), for every attempt that begins from now on; those under way go on with
 * the one they have. Returns GAME_HISTORY_OK, or _BAD_CONFIG with a sentence in error[] that does not
 * hold the key, when the old one stays. Any thread, before game_history_stop; takes no lock.
 */
int game_history_set_api_key(struct game_history *history, const char *api_key, char *error,
                             size_t error_size);

/*
 * What the operator asks: puts a question, which is answered in the results thread's next turn.
 * Returns a ticket (0 or more), or GAME_HISTORY_FULL when RESULT_QUERIES_MAX are under way. With the
 * ticket, game_history_answer gives the answer, which stays until game_history_forget, or NULL while
 * there is none; game_history_forget gives the ticket back, answered or not, once for each. One
 * thread only (the loop's), and not after game_history_stop; none of them waits.
 */
int game_history_ask(struct game_history *history, const struct result_query *query);
const struct result_answer *game_history_answer(const struct game_history *history, int ticket);
void game_history_forget(struct game_history *history, int ticket);

/* Other slots are ours, or are so again: looks for what is due. Any thread; takes no lock. */
void game_history_slots_changed(struct game_history *history);

/* The store may have lost anything: stores again what is kept (see may_post). Any thread; takes no lock. */
void game_history_rewrite(struct game_history *history);

/*
 * The slot is another process' now: what was submitted of it so far and is not stored is dropped, and no
 * copies are kept any more. Goes the way of what is submitted, so what is submitted of the slot after it
 * counts again. False when the mailbox is full: ask again next turn, and take up no room of that slot
 * before. The thread that submits; never blocks.
 */
bool game_history_forget_slot(struct game_history *history, char slot);

/* How things stand, as of the results thread's last turn. Any thread; takes no lock. */
void game_history_stats(const struct game_history *history, struct game_history_stats *stats);

/*
 * Commits what is in the mailbox, goes on posting what is due for at most grace_ms, cuts off what
 * is still running then (it stays pending in the store), joins the thread and frees the history.
 * Blocks for grace_ms at most, plus one call into the store. NULL is fine. Main or loop thread,
 * after the last submit.
 */
void game_history_stop(struct game_history *history, int64_t grace_ms);

#endif
