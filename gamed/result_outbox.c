/*
 * result_outbox: see result_outbox.h. What memory has of a match supersedes what the store has.
 */
#include "gamed/result_outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* When memory is short, an item is not added, instead of an end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "common/log.h"

struct result_item {
    UT_hash_handle hh;
    struct result_item *prev, *next;
    int64_t number;            /* higher than those before it */
    bool is_new;               /* the store has never had it */
    struct outbox_entry entry; /* last: only as much of the body as there is, is there */
};

/* Where a page of a list begins: a serial of the store, or from here on an item's number. A number
 * that JSON readers know exactly. */
#define IN_MEMORY (INT64_C(1) << 52)

static const struct outbox_place from_the_beginning = {INT64_MIN, INT64_MIN};

void result_outbox_init(struct result_outbox *outbox, struct store *store,
                        void (*stored)(void *arg, const char *match_id), void *stored_arg)
{
    memset(outbox, 0, sizeof(*outbox));
    outbox->store = store;
    outbox->stored = stored;
    outbox->stored_arg = stored_arg;
    outbox->passed = from_the_beginning;
    outbox->is_proof_due = true;
}

void result_outbox_keep_copies(struct result_outbox *outbox)
{
    outbox->keeps_copies = true;
}

void result_outbox_rewrite(struct result_outbox *outbox)
{
    result_copies_rewrite(&outbox->copies);
}

/* ---- in memory ----------------------------------------------------------------------- */

static struct result_item *find(const struct result_outbox *outbox, const char *match_id)
{
    struct result_item *item;
    HASH_FIND_STR(outbox->by_id, match_id, item);
    return item;
}

static bool add(struct result_outbox *outbox, const struct outbox_entry *entry, bool is_new)
{
    struct result_item *item = malloc(offsetof(struct result_item, entry.body) + entry->body_size);
    if (!item)
        return false;
    outbox_entry_copy(&item->entry, entry);
    item->is_new = is_new;
    item->number = ++outbox->last_number;
    item->hh.tbl = NULL;
    HASH_ADD_STR(outbox->by_id, entry.match_id, item);
    if (!item->hh.tbl) {
        free(item);
        return false;
    }
    DL_APPEND(outbox->items, item);
    outbox->item_count++;
    outbox->new_count += is_new;
    return true;
}

static void drop(struct result_outbox *outbox, struct result_item *item)
{
    assert(outbox->by_id); /* as it has this one */
    HASH_DEL(outbox->by_id, item);
    DL_DELETE(outbox->items, item);
    outbox->item_count--;
    outbox->new_count -= item->is_new;
    free(item);
}

void result_outbox_free(struct result_outbox *outbox)
{
    while (outbox->items)
        drop(outbox, outbox->items);
    result_copies_free(&outbox->copies);
}

void result_outbox_forget_slot(struct result_outbox *outbox, char slot)
{
    struct result_item *item, *next;
    DL_FOREACH_SAFE (outbox->items, item, next) {
        if (outbox_entry_slot(&item->entry) == slot)
            drop(outbox, item);
    }
    result_copies_forget_slot(&outbox->copies, slot);
}

bool result_outbox_add(struct result_outbox *outbox, const struct outbox_entry *entry)
{
    if (find(outbox, entry->match_id))
        return true;
    return outbox->item_count < RESULT_OUTBOX_MEMORY_MAX && add(outbox, entry, true);
}

bool result_outbox_update(struct result_outbox *outbox, const struct outbox_entry *entry)
{
    struct result_item *item = find(outbox, entry->match_id);
    if (!item)
        return add(outbox, entry, false);
    item->entry.state = entry->state;
    item->entry.retry = entry->retry;
    item->entry.settled_ms = entry->settled_ms;
    /* To the end: those before it have waited longer. */
    DL_DELETE(outbox->items, item);
    DL_APPEND(outbox->items, item);
    item->number = ++outbox->last_number;
    return true;
}

/* ---- to the store -------------------------------------------------------------------- */

static void note_write(struct result_outbox *outbox, int outcome, int64_t now_ms)
{
    const bool failed = outcome != STORE_OK;
    const bool had_failed = atomic_exchange(&outbox->write_failed, failed);
    if (failed)
        outbox->write_at_ms = now_ms + RESULT_OUTBOX_STORE_RETRY_MS;
    if (failed && !had_failed)
        log_error("the outbox of results %s; results wait in memory%s",
                  outcome == STORE_FULL ? "is full" : "cannot be written",
                  outbox->keeps_copies ? "" : " and are posted from there");
    else if (!failed && had_failed)
        log_info("the outbox of results takes results again");
}

static bool note_read(struct result_outbox *outbox, int outcome, int64_t now_ms)
{
    const bool failed = outcome != STORE_OK;
    const bool had_failed = atomic_exchange(&outbox->read_failed, failed);
    if (failed)
        outbox->read_at_ms = now_ms + RESULT_OUTBOX_STORE_RETRY_MS;
    if (failed && !had_failed)
        log_error("the outbox of results cannot be read; what is in it waits");
    else if (!failed && had_failed)
        log_info("the outbox of results can be read again");
    return !failed;
}

/* Copies the first items of a kind into the batch; returns how many. */
static size_t gather(struct result_outbox *outbox, bool is_new)
{
    const struct result_item *item;
    size_t count = 0;
    DL_FOREACH (outbox->items, item) {
        if (item->is_new == is_new)
            outbox_entry_copy(&outbox->batch[count++], &item->entry);
        if (count == RESULT_OUTBOX_BATCH)
            break;
    }
    return count;
}

/* The store has the first `count` of the batch now. */
static void drop_batch(struct result_outbox *outbox, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct result_item *item = find(outbox, outbox->batch[i].match_id);
        const bool is_new = item->is_new;
        if (outbox->keeps_copies && outbox->batch[i].state == OUTBOX_PENDING)
            result_copies_keep(&outbox->copies, &outbox->batch[i]);
        else
            result_copies_drop(&outbox->copies, outbox->batch[i].match_id);
        drop(outbox, item);
        if (is_new && outbox->stored)
            outbox->stored(outbox->stored_arg, outbox->batch[i].match_id);
    }
}

/* Gives the store again what it may have lost: it knows what it has. */
static int rewrite_some(struct result_outbox *outbox)
{
    size_t done = 0;
    const size_t count = result_copies_due(&outbox->copies, outbox->batch, RESULT_OUTBOX_BATCH);
    const int outcome = store_outbox_insert(outbox->store, outbox->batch, count, &done);
    result_copies_done(&outbox->copies, done);
    return outcome;
}

static bool has_work(const struct result_outbox *outbox)
{
    return outbox->items || outbox->copies.next_due;
}

/* One commit of the changes, if there are any, else of new results, else of copies. */
static int flush_some(struct result_outbox *outbox)
{
    size_t done = 0;
    size_t count = outbox->item_count > outbox->new_count ? gather(outbox, false) : 0;
    int outcome;
    if (!outbox->items)
        return rewrite_some(outbox);
    if (count > 0) {
        outcome = store_outbox_update(outbox->store, outbox->batch, count);
        done = outcome == STORE_OK ? count : 0;
    } else {
        count = gather(outbox, true);
        outcome = store_outbox_insert(outbox->store, outbox->batch, count, &done);
    }
    drop_batch(outbox, done);
    if (done > 0)
        outbox->passed = from_the_beginning;
    return outcome;
}

/* Without anything to write, a disk that refuses would go unnoticed, and so would its getting well. */
static int prove(struct result_outbox *outbox)
{
    size_t none;
    return store_outbox_insert(outbox->store, outbox->batch, 0, &none);
}

void result_outbox_flush_anyway(struct result_outbox *outbox, int64_t now_ms)
{
    int outcome = STORE_OK;
    if (!has_work(outbox) && outbox->is_proof_due) {
        outcome = prove(outbox);
        note_write(outbox, outcome, now_ms);
    }
    while (has_work(outbox) && outcome == STORE_OK) {
        outcome = flush_some(outbox);
        note_write(outbox, outcome, now_ms);
    }
    outbox->is_proof_due = outcome != STORE_OK;
}

void result_outbox_flush(struct result_outbox *outbox, int64_t now_ms)
{
    if (now_ms >= outbox->write_at_ms)
        result_outbox_flush_anyway(outbox, now_ms);
}

/* ---- what is next -------------------------------------------------------------------- */

/* Puts the entry in its place by time; what there is no place for falls off the end. */
static void insert_sorted(struct outbox_entry *entries, size_t *count, size_t max,
                          const struct outbox_entry *entry)
{
    size_t at = *count;
    while (at > 0 && entries[at - 1].retry.next_attempt_ms > entry->retry.next_attempt_ms)
        at--;
    if (at == max)
        return;
    if (*count < max)
        ++*count;
    memmove(&entries[at + 1], &entries[at], (*count - at - 1) * sizeof(*entries));
    outbox_entry_copy(&entries[at], entry);
}

/* Keeps those of the page that memory does not know better. */
static size_t keep_unknown(const struct result_outbox *outbox, struct outbox_entry *entries,
                           size_t found)
{
    size_t kept = 0;
    for (size_t i = 0; i < found; i++) {
        if (find(outbox, entries[i].match_id))
            continue;
        if (kept < i)
            outbox_entry_copy(&entries[kept], &entries[i]);
        kept++;
    }
    return kept;
}

/*
 * Those of the store that memory does not know better. While it cannot be written, what has become
 * of the first ones is in memory only, and the store gives them out again and again: those at its
 * head are passed by for good, so that the ones behind them have their turn and looking stays cheap.
 * When memory is full of such, the rest waits: what came of it could not be kept.
 */
static void add_from_store(struct result_outbox *outbox, int64_t now_ms, size_t max,
                           struct outbox_entry *entries, size_t *count)
{
    size_t found = max;
    bool is_head = true;
    struct outbox_place after = outbox->passed;
    if (now_ms < outbox->read_at_ms || outbox->item_count >= RESULT_OUTBOX_MEMORY_MAX)
        return;
    while (*count < max && found > 0) {
        const size_t wanted = max - *count;
        struct outbox_entry *page = &entries[*count];
        if (!note_read(outbox, store_outbox_next(outbox->store, &after, wanted, page, &found),
                       now_ms))
            return;
        if (found > 0)
            after = (struct outbox_place){page[found - 1].retry.next_attempt_ms,
                                          page[found - 1].serial};
        const size_t kept = keep_unknown(outbox, page, found);
        is_head = is_head && kept == 0;
        if (is_head && found > 0)
            outbox->passed = after;
        *count += kept;
        if (found < wanted)
            break;
    }
}

size_t result_outbox_next(struct result_outbox *outbox, int64_t now_ms, size_t max,
                          struct outbox_entry *entries)
{
    const struct result_item *item, *first_later = NULL;
    size_t count = 0, due = 0;
    assert(max <= OUTBOX_NEXT_MAX);
    add_from_store(outbox, now_ms, max, entries, &count);
    DL_FOREACH (outbox->items, item) {
        if (item->entry.state != OUTBOX_PENDING || (outbox->keeps_copies && item->is_new))
            continue;
        const int64_t next_ms = item->entry.retry.next_attempt_ms;
        if (next_ms <= now_ms) {
            insert_sorted(entries, &count, max, &item->entry);
            if (++due == max) /* there are more of them than anybody can use */
                break;
        } else if (!first_later || next_ms < first_later->entry.retry.next_attempt_ms) {
            first_later = item;
        }
    }
    if (first_later)
        insert_sorted(entries, &count, max, &first_later->entry);
    return count;
}

/* ---- what there is ------------------------------------------------------------------- */

int result_outbox_find(struct result_outbox *outbox, const char *match_id,
                       struct outbox_entry *entry)
{
    const struct result_item *item = find(outbox, match_id);
    if (!item)
        return store_outbox_find(outbox->store, match_id, entry);
    outbox_entry_copy(entry, &item->entry);
    return STORE_OK;
}

/* Adds items after that number to the page. Returns where the next page begins; 0: there is none. */
static int64_t list_memory(const struct result_outbox *outbox, enum outbox_state state,
                           int64_t after, size_t max, struct outbox_entry *entries, size_t *count)
{
    const struct result_item *item;
    DL_FOREACH (outbox->items, item) {
        if (item->entry.state != state || item->number <= after)
            continue;
        if (*count == max)
            return IN_MEMORY + after;
        outbox_entry_copy(&entries[(*count)++], &item->entry);
        after = item->number;
    }
    return 0;
}

int result_outbox_list(struct result_outbox *outbox, enum outbox_state state, int64_t after,
                       size_t max, struct outbox_entry *entries, size_t *count, int64_t *next)
{
    const bool is_of_store = after < IN_MEMORY;
    int outcome = STORE_OK;
    assert(max > 0);
    *count = 0;
    *next = 0;
    if (is_of_store) {
        outcome = store_outbox_list(outbox->store, state, after, max, entries, count);
        *next = *count == max ? entries[max - 1].serial : 0;
        *count = keep_unknown(outbox, entries, *count);
    }
    if (*next == 0)
        *next =
            list_memory(outbox, state, is_of_store ? 0 : after - IN_MEMORY, max, entries, count);
    return outcome;
}

void result_outbox_count(const struct result_outbox *outbox, struct outbox_counts *counts)
{
    const struct result_item *item;
    store_outbox_count(outbox->store, counts);
    DL_FOREACH (outbox->items, item) {
        const bool is_pending = item->entry.state == OUTBOX_PENDING;
        counts->failed += item->entry.state == OUTBOX_FAILED;
        if (item->is_new)
            counts->pending += is_pending;
        else if (!is_pending && counts->pending > 0)
            counts->pending--; /* what the store still takes for pending */
        if (item->is_new && is_pending &&
            (counts->oldest_pending_ms == 0 || item->entry.created_ms < counts->oldest_pending_ms))
            counts->oldest_pending_ms = item->entry.created_ms;
    }
}

bool result_outbox_purge(struct result_outbox *outbox, int64_t before_ms)
{
    size_t purged;
    return store_outbox_purge(outbox->store, before_ms, &purged) == STORE_OK &&
           purged == OUTBOX_PURGE_MAX;
}

int64_t result_outbox_write_at(const struct result_outbox *outbox)
{
    return has_work(outbox) || outbox->is_proof_due ? outbox->write_at_ms : RESULT_OUTBOX_NEVER;
}

int64_t result_outbox_read_at(const struct result_outbox *outbox)
{
    return atomic_load(&outbox->read_failed) ? outbox->read_at_ms : RESULT_OUTBOX_NEVER;
}

bool result_outbox_is_saved(const struct result_outbox *outbox)
{
    return !has_work(outbox);
}

/* ---- last words ---------------------------------------------------------------------- */

static struct result_item *first_new(const struct result_outbox *outbox)
{
    struct result_item *item;
    DL_FOREACH (outbox->items, item) {
        if (item->is_new)
            return item;
    }
    return NULL;
}

const struct outbox_entry *result_outbox_first_new(const struct result_outbox *outbox)
{
    const struct result_item *item = first_new(outbox);
    return item ? &item->entry : NULL;
}

void result_outbox_forget_new(struct result_outbox *outbox)
{
    struct result_item *item = first_new(outbox);
    if (item)
        drop(outbox, item);
}
