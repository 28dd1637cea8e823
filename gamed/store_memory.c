/*
 * store_memory: the store that lives and dies with the process. For tests, and for running without
 * a disk. It must not do I/O (its log lines apart) nor take a lock: whoever uses it is one thread,
 * see store.h.
 *
 * Every entry is in a tree by match id (once per match) and in one of two lists, pending or failed,
 * oldest first. Pending ones are also in a binary heap by next attempt.
 */
#include "gamed/store.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"

struct item {
    char match_id[UUID_SIZE]; /* first: the tree compares items by it */
    struct retry_state retry;
    int64_t created_ms;
    uint64_t serial;   /* among equal times, first come first served */
    size_t heap_index; /* while pending */
    TAILQ_ENTRY(item) link;
    size_t body_size;
    char body[];
};

TAILQ_HEAD(item_list, item);

struct store_memory {
    struct store store;
    struct store_memory_limits limits;
    void *by_id;
    struct item_list pending, failed;
    size_t pending_count, failed_count;
    struct item **heap; /* pending_count of heap_size used */
    size_t heap_size;
    uint64_t serial;
};

static int compare_id(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->match_id, ((const struct item *)b)->match_id);
}

static struct item *find(struct store_memory *memory, const char *match_id)
{
    struct item key = {0};
    memcpy(key.match_id, match_id, UUID_SIZE);
    void *node = tfind(&key, &memory->by_id, compare_id);
    return node ? *(struct item **)node : NULL;
}

static bool is_before(const struct item *a, const struct item *b)
{
    if (a->retry.next_attempt_ms != b->retry.next_attempt_ms)
        return a->retry.next_attempt_ms < b->retry.next_attempt_ms;
    return a->serial < b->serial;
}

static void heap_put(struct store_memory *memory, size_t index, struct item *item)
{
    memory->heap[index] = item;
    item->heap_index = index;
}

/*
 * Moves the item up or down to where it belongs, after its time changed or it was put at the end.
 */
static void heap_settle(struct store_memory *memory, struct item *item)
{
    size_t index = item->heap_index;
    while (index > 0 && is_before(item, memory->heap[(index - 1) / 2])) {
        heap_put(memory, index, memory->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= memory->pending_count)
            break;
        if (child + 1 < memory->pending_count &&
            is_before(memory->heap[child + 1], memory->heap[child]))
            child++;
        if (!is_before(memory->heap[child], item))
            break;
        heap_put(memory, index, memory->heap[child]);
        index = child;
    }
    heap_put(memory, index, item);
}

static void remove_pending(struct store_memory *memory, struct item *item)
{
    struct item *last = memory->heap[--memory->pending_count];
    if (last != item) {
        heap_put(memory, item->heap_index, last);
        heap_settle(memory, last);
    }
    TAILQ_REMOVE(&memory->pending, item, link);
}

static void forget(struct store_memory *memory, struct item *item)
{
    tdelete(item, &memory->by_id, compare_id);
    free(item);
}

static int insert_one(struct store_memory *memory, const struct outbox_entry *entry)
{
    if (find(memory, entry->match_id))
        return STORE_OK;
    if (memory->pending_count >= memory->limits.pending_max)
        return STORE_FULL;
    if (memory->pending_count == memory->heap_size) {
        size_t size = memory->heap_size ? 2 * memory->heap_size : 64;
        struct item **heap = reallocarray(memory->heap, size, sizeof(*heap));
        if (!heap)
            return STORE_FULL;
        memory->heap = heap;
        memory->heap_size = size;
    }

    struct item *item = malloc(sizeof(*item) + entry->body_size);
    if (!item)
        return STORE_FULL;
    memcpy(item->match_id, entry->match_id, UUID_SIZE);
    item->retry = entry->retry;
    item->created_ms = entry->created_ms;
    item->serial = memory->serial++;
    item->body_size = entry->body_size;
    memcpy(item->body, entry->body, entry->body_size);
    if (!tsearch(item, &memory->by_id, compare_id)) {
        free(item);
        return STORE_FULL;
    }
    TAILQ_INSERT_TAIL(&memory->pending, item, link);
    heap_put(memory, memory->pending_count++, item);
    heap_settle(memory, item);
    return STORE_OK;
}

static int outbox_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                         size_t *inserted)
{
    struct store_memory *memory = (struct store_memory *)store;
    int outcome = STORE_OK;
    for (*inserted = 0; *inserted < count; ++*inserted) {
        assert(entries[*inserted].state == OUTBOX_PENDING &&
               entries[*inserted].body_size <= OUTBOX_BODY_MAX);
        outcome = insert_one(memory, &entries[*inserted]);
        if (outcome != STORE_OK)
            break;
    }
    return outcome;
}

static void copy_out(const struct item *item, struct outbox_entry *entry)
{
    memcpy(entry->match_id, item->match_id, UUID_SIZE);
    entry->state = OUTBOX_PENDING;
    entry->retry = item->retry;
    entry->created_ms = item->created_ms;
    entry->body_size = item->body_size;
    memcpy(entry->body, item->body, item->body_size);
}

/*
 * The first ones of a heap in order, without taking them out: the next is always among the children
 * of those already seen.
 */
static int outbox_next(struct store *store, size_t max, struct outbox_entry *entries, size_t *count)
{
    struct store_memory *memory = (struct store_memory *)store;
    size_t frontier[OUTBOX_NEXT_MAX + 2];
    size_t frontier_count = 0;

    assert(max <= OUTBOX_NEXT_MAX);
    if (memory->pending_count > 0)
        frontier[frontier_count++] = 0;
    for (*count = 0; *count < max && frontier_count > 0; ++*count) {
        size_t first = 0;
        for (size_t i = 1; i < frontier_count; i++) {
            if (is_before(memory->heap[frontier[i]], memory->heap[frontier[first]]))
                first = i;
        }
        const size_t index = frontier[first];
        copy_out(memory->heap[index], &entries[*count]);
        frontier[first] = frontier[--frontier_count];
        for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < memory->pending_count;
             child++)
            frontier[frontier_count++] = child;
    }
    return STORE_OK;
}

static void keep_failed(struct store_memory *memory, struct item *item)
{
    TAILQ_INSERT_TAIL(&memory->failed, item, link);
    if (++memory->failed_count <= memory->limits.failed_max)
        return;
    struct item *oldest = TAILQ_FIRST(&memory->failed);
    log_error("result %s: failed with status %d and dropped, as more than %zu failed: %.*s",
              oldest->match_id, oldest->retry.last_status, memory->limits.failed_max,
              (int)oldest->body_size, oldest->body);
    TAILQ_REMOVE(&memory->failed, oldest, link);
    memory->failed_count--;
    forget(memory, oldest);
}

static int outbox_update(struct store *store, const struct outbox_entry *entry)
{
    struct store_memory *memory = (struct store_memory *)store;
    struct item *item = find(memory, entry->match_id);
    /* A failed one is known here but has no next attempt any more. */
    if (!item || item->heap_index >= memory->pending_count ||
        memory->heap[item->heap_index] != item)
        return STORE_UNKNOWN;

    item->retry = entry->retry;
    switch (entry->state) {
    case OUTBOX_PENDING:
        heap_settle(memory, item);
        break;
    case OUTBOX_DELIVERED:
        remove_pending(memory, item);
        forget(memory, item);
        break;
    case OUTBOX_FAILED:
        remove_pending(memory, item);
        keep_failed(memory, item);
        break;
    }
    return STORE_OK;
}

static void outbox_count(struct store *store, struct outbox_counts *counts)
{
    const struct store_memory *memory = (const struct store_memory *)store;
    const struct item *oldest = TAILQ_FIRST(&memory->pending);
    *counts = (struct outbox_counts){
        .pending = memory->pending_count,
        .failed = memory->failed_count,
        .oldest_pending_ms = oldest ? oldest->created_ms : 0,
    };
}

static void forget_all(struct store_memory *memory, struct item_list *list)
{
    struct item *item;
    while ((item = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, item, link);
        forget(memory, item);
    }
}

static void close_memory(struct store *store)
{
    struct store_memory *memory = (struct store_memory *)store;
    if (memory->pending_count > 0 || memory->failed_count > 0)
        log_error("results lost, as they were kept in memory only: %zu not delivered, %zu failed",
                  memory->pending_count, memory->failed_count);
    forget_all(memory, &memory->pending);
    forget_all(memory, &memory->failed);
    free(memory->heap);
    free(memory);
}

static const struct store_operations operations = {
    .outbox_insert = outbox_insert,
    .outbox_next = outbox_next,
    .outbox_update = outbox_update,
    .outbox_count = outbox_count,
    .close = close_memory,
};

int store_memory_open(const struct store_memory_limits *limits, struct store **store)
{
    struct store_memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return STORE_FULL;
    memory->store.operations = &operations;
    memory->limits = *limits;
    TAILQ_INIT(&memory->pending);
    TAILQ_INIT(&memory->failed);
    *store = &memory->store;
    return STORE_OK;
}
