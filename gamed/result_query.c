/*
 * result_query: see result_query.h. A slot is its asker's while free or answered, and the results
 * thread's while asked; a question whose asker is gone is freed by the results thread.
 */
#include "gamed/result_query.h"

#include <assert.h>
#include <string.h>

#include "gamed/result_body.h"
#include "gamed/result_outbox.h"

enum phase {
    FREE,
    ASKED,
    ANSWERED,
    ABANDONED
};

int result_queries_ask(struct result_queries *queries, const struct result_query *query)
{
    for (int i = 0; i < RESULT_QUERIES_MAX; i++) {
        struct result_query_slot *slot = &queries->slots[i];
        if (atomic_load(&slot->phase) != FREE)
            continue;
        slot->query = *query;
        atomic_store(&slot->phase, ASKED);
        return i;
    }
    return -1;
}

const struct result_answer *result_queries_answer(const struct result_queries *queries, int ticket)
{
    assert(ticket >= 0 && ticket < RESULT_QUERIES_MAX);
    const struct result_query_slot *slot = &queries->slots[ticket];
    return atomic_load(&slot->phase) == ANSWERED ? &slot->answer : NULL;
}

void result_queries_forget(struct result_queries *queries, int ticket)
{
    assert(ticket >= 0 && ticket < RESULT_QUERIES_MAX);
    struct result_query_slot *slot = &queries->slots[ticket];
    int phase = ASKED;
    if (!atomic_compare_exchange_strong(&slot->phase, &phase, ABANDONED))
        atomic_store(&slot->phase, FREE);
}

/* ---- the results thread's ------------------------------------------------------------ */

static void add_row(struct result_answer *answer, const struct outbox_entry *entry)
{
    struct result_row *row = &answer->rows[answer->count++];
    memset(row, 0, sizeof(*row));
    memcpy(row->match_id, entry->match_id, sizeof(row->match_id));
    row->state = entry->state;
    row->retry = entry->retry;
    row->created_ms = entry->created_ms;
    row->settled_ms = entry->settled_ms;
    row->is_readable = result_body_read(entry->body, entry->body_size, &row->result) == 0;
}

static void list(const struct result_query *query, struct result_answer *answer,
                 struct result_outbox *outbox)
{
    struct outbox_entry entries[RESULT_QUERY_ROWS_MAX];
    const size_t max = query->max < RESULT_QUERY_ROWS_MAX ? query->max : RESULT_QUERY_ROWS_MAX;
    size_t count = 0;
    const int outcome =
        result_outbox_list(outbox, query->state, query->after, max, entries, &count, &answer->next);
    answer->outcome = outcome == STORE_OK ? RESULT_QUERY_OK : RESULT_QUERY_BROKEN;
    for (size_t i = 0; i < count; i++)
        add_row(answer, &entries[i]);
}

/* Finds the entry and shows it, or says why not. */
static bool find(const struct result_query *query, struct result_answer *answer,
                 struct result_outbox *outbox, struct outbox_entry *entry)
{
    const int outcome = result_outbox_find(outbox, query->match_id, entry);
    answer->outcome = outcome == STORE_OK        ? RESULT_QUERY_OK
                      : outcome == STORE_UNKNOWN ? RESULT_QUERY_UNKNOWN
                                                 : RESULT_QUERY_BROKEN;
    if (outcome == STORE_OK)
        add_row(answer, entry);
    return outcome == STORE_OK;
}

/* Whatever its attempts brought so far counts no more. */
static void retry(const struct result_query *query, struct result_answer *answer,
                  struct result_outbox *outbox, int64_t now_ms)
{
    struct outbox_entry entry;
    if (!find(query, answer, outbox, &entry))
        return;
    if (entry.state != OUTBOX_FAILED && entry.state != OUTBOX_PENDING) {
        answer->outcome = RESULT_QUERY_REFUSED;
        return;
    }
    entry.state = OUTBOX_PENDING;
    entry.settled_ms = 0;
    entry.retry =
        (struct retry_state){.last_status = entry.retry.last_status, .next_attempt_ms = now_ms};
    if (!result_outbox_update(outbox, &entry)) {
        answer->outcome = RESULT_QUERY_NO_MEMORY;
        return;
    }
    answer->count = 0;
    add_row(answer, &entry);
}

static void serve(struct result_query_slot *slot, struct result_outbox *outbox, int64_t now_ms)
{
    struct outbox_entry entry;
    slot->answer.count = 0;
    slot->answer.next = 0;
    switch (slot->query.kind) {
    case RESULT_QUERY_LIST:
        list(&slot->query, &slot->answer, outbox);
        break;
    case RESULT_QUERY_FIND:
        find(&slot->query, &slot->answer, outbox, &entry);
        break;
    case RESULT_QUERY_RETRY:
        retry(&slot->query, &slot->answer, outbox, now_ms);
        break;
    }
}

bool result_queries_serve(struct result_queries *queries, struct result_outbox *outbox,
                          int64_t now_ms)
{
    bool served = false;
    for (int i = 0; i < RESULT_QUERIES_MAX; i++) {
        struct result_query_slot *slot = &queries->slots[i];
        int phase = atomic_load(&slot->phase);
        if (phase == ASKED) {
            serve(slot, outbox, now_ms);
            served = true;
            atomic_compare_exchange_strong(&slot->phase, &phase, ANSWERED);
        }
        if (phase == ABANDONED) /* as found, or as the exchange found it */
            atomic_store(&slot->phase, FREE);
    }
    return served;
}
