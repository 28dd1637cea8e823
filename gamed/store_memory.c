/*
 * store_memory: the store that lives and dies with the process. For tests, and for running without
 * a disk. It must not do I/O (its log lines apart) nor take a lock: whoever uses it is one thread,
 * see store.h.
 *
 * Every entry is in a tree by match id (once per match) and in one of two lists, pending or failed,
 * by serial. Pending ones are also in a binary heap by next attempt. Settled ones and checkpoints
 * are of use to a later process only, so they are not kept at all.
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
    enum outbox_state state;  /* pending or failed */
    struct retry_state retry;
    int64_t created_ms, settled_ms;
    int64_t serial;    /* among equal times, first come first served */
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
    int64_t serial;
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

/* Makes sure that one more pending entry has a place in the heap. */
static int reserve_pending(struct store_memory *memory)
{
    if (memory->pending_count >= memory->limits.pending_max)
        return STORE_FULL;
    if (memory->pending_count < memory->heap_size)
        return STORE_OK;
    size_t size = memory->heap_size ? 2 * memory->heap_size : 64;
    struct item **heap = reallocarray(memory->heap, size, sizeof(*heap));
    if (!heap)
        return STORE_FULL;
    memory->heap = heap;
    memory->heap_size = size;
    return STORE_OK;
}

/* Lists stay in the order of serials when an old entry comes into one. */
static void list_insert(struct item_list *list, struct item *item)
{
    struct item *before = TAILQ_LAST(list, item_list);
    while (before && before->serial > item->serial)
        before = TAILQ_PREV(before, item_list, link);
    if (before)
        TAILQ_INSERT_AFTER(list, before, item, link);
    else
        TAILQ_INSERT_HEAD(list, item, link);
}

static void add_pending(struct store_memory *memory, struct item *item)
{
    item->state = OUTBOX_PENDING;
    list_insert(&memory->pending, item);
    heap_put(memory, memory->pending_count++, item);
    heap_settle(memory, item);
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

static void add_failed(struct store_memory *memory, struct item *item)
{
    item->state = OUTBOX_FAILED;
    list_insert(&memory->failed, item);
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

static void remove_from_its_list(struct store_memory *memory, struct item *item)
{
    if (item->state == OUTBOX_PENDING) {
        remove_pending(memory, item);
    } else {
        TAILQ_REMOVE(&memory->failed, item, link);
        memory->failed_count--;
    }
}

static bool is_kept(enum outbox_state state)
{
    return state == OUTBOX_PENDING || state == OUTBOX_FAILED;
}

static int insert_one(struct store_memory *memory, const struct outbox_entry *entry)
{
    if (!is_kept(entry->state) || find(memory, entry->match_id))
        return STORE_OK;
    if (entry->state == OUTBOX_PENDING && reserve_pending(memory) != STORE_OK)
        return STORE_FULL;

    struct item *item = malloc(sizeof(*item) + entry->body_size);
    if (!item)
        return STORE_FULL;
    memcpy(item->match_id, entry->match_id, UUID_SIZE);
    item->retry = entry->retry;
    item->created_ms = entry->created_ms;
    item->settled_ms = entry->settled_ms;
    item->serial = ++memory->serial;
    item->body_size = entry->body_size;
    memcpy(item->body, entry->body, entry->body_size);
    if (!tsearch(item, &memory->by_id, compare_id)) {
        free(item);
        return STORE_FULL;
    }
    if (entry->state == OUTBOX_PENDING)
        add_pending(memory, item);
    else
        add_failed(memory, item);
    return STORE_OK;
}

static int outbox_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                         size_t *inserted)
{
    struct store_memory *memory = (struct store_memory *)store;
    int outcome = STORE_OK;
    for (*inserted = 0; *inserted < count; ++*inserted) {
        assert(entries[*inserted].body_size <= OUTBOX_BODY_MAX);
        outcome = insert_one(memory, &entries[*inserted]);
        if (outcome != STORE_OK)
            break;
    }
    return outcome;
}

static void copy_out(const struct item *item, struct outbox_entry *entry)
{
    memset(entry, 0, offsetof(struct outbox_entry, body));
    memcpy(entry->match_id, item->match_id, UUID_SIZE);
    entry->state = item->state;
    entry->retry = item->retry;
    entry->created_ms = item->created_ms;
    entry->settled_ms = item->settled_ms;
    entry->serial = item->serial;
    entry->body_size = item->body_size;
    memcpy(entry->body, item->body, item->body_size);
}

/*
 * The first ones of a heap in order, without taking them out: the next is always among the children
 * of those already seen.
 */
static size_t first_of_heap(const struct store_memory *memory, size_t max,
                            const struct item **first)
{
    size_t frontier[OUTBOX_NEXT_MAX + 2];
    size_t frontier_count = 0, count = 0;

    if (memory->pending_count > 0)
        frontier[frontier_count++] = 0;
    for (; count < max && frontier_count > 0; count++) {
        size_t least = 0;
        for (size_t i = 1; i < frontier_count; i++) {
            if (is_before(memory->heap[frontier[i]], memory->heap[frontier[least]]))
                least = i;
        }
        const size_t index = frontier[least];
        first[count] = memory->heap[index];
        frontier[least] = frontier[--frontier_count];
        for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < memory->pending_count;
             child++)
            frontier[frontier_count++] = child;
    }
    return count;
}

/* The first ones after a place: all are looked at, as only who cannot write here asks for them. */
static size_t first_after(const struct store_memory *memory, const struct outbox_place *after,
                          size_t max, const struct item **first)
{
    const struct item place = {.retry.next_attempt_ms = after->next_attempt_ms,
                               .serial = after->serial};
    size_t count = 0;
    for (size_t i = 0; i < memory->pending_count; i++) {
        const struct item *item = memory->heap[i];
        size_t at = count;
        if (!is_before(&place, item))
            continue;
        while (at > 0 && is_before(item, first[at - 1]))
            at--;
        if (at == max)
            continue;
        if (count < max)
            count++;
        memmove(&first[at + 1], &first[at], (count - at - 1) * sizeof(*first));
        first[at] = item;
    }
    return count;
}

static int outbox_next(struct store *store, const struct outbox_place *after, size_t max,
                       struct outbox_entry *entries, size_t *count)
{
    const struct store_memory *memory = (struct store_memory *)store;
    const struct item *first[OUTBOX_NEXT_MAX];

    assert(max <= OUTBOX_NEXT_MAX);
    *count = after ? first_after(memory, after, max, first) : first_of_heap(memory, max, first);
    for (size_t i = 0; i < *count; i++)
        copy_out(first[i], &entries[i]);
    return STORE_OK;
}

/* Whether the entry can be taken, so that a batch is taken as a whole or not at all. */
static int prepare_update(struct store_memory *memory, const struct outbox_entry *entry,
                          size_t *new_pending)
{
    const struct item *item = find(memory, entry->match_id);
    if (entry->state != OUTBOX_PENDING || (item && item->state == OUTBOX_PENDING))
        return STORE_OK;
    ++*new_pending;
    return memory->pending_count + *new_pending <= memory->limits.pending_max ? STORE_OK
                                                                              : STORE_FULL;
}

static int update_one(struct store_memory *memory, const struct outbox_entry *entry)
{
    struct item *item = find(memory, entry->match_id);
    if (!item)
        return insert_one(memory, entry);
    if (item->state != OUTBOX_PENDING && entry->state == OUTBOX_PENDING &&
        reserve_pending(memory) != STORE_OK)
        return STORE_FULL;

    item->retry = entry->retry;
    item->settled_ms = entry->settled_ms;
    if (item->state == OUTBOX_PENDING && entry->state == OUTBOX_PENDING) {
        heap_settle(memory, item);
        return STORE_OK;
    }
    remove_from_its_list(memory, item);
    if (entry->state == OUTBOX_PENDING)
        add_pending(memory, item);
    else if (entry->state == OUTBOX_FAILED)
        add_failed(memory, item);
    else
        forget(memory, item);
    return STORE_OK;
}

static int outbox_update(struct store *store, const struct outbox_entry *entries, size_t count)
{
    struct store_memory *memory = (struct store_memory *)store;
    size_t new_pending = 0;
    for (size_t i = 0; i < count; i++) {
        if (prepare_update(memory, &entries[i], &new_pending) != STORE_OK)
            return STORE_FULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (update_one(memory, &entries[i]) != STORE_OK)
            return STORE_FULL;
    }
    return STORE_OK;
}

static int outbox_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    const struct item *item = find((struct store_memory *)store, match_id);
    if (!item)
        return STORE_UNKNOWN;
    copy_out(item, entry);
    return STORE_OK;
}

static int outbox_list(struct store *store, enum outbox_state state, int64_t after, size_t max,
                       struct outbox_entry *entries, size_t *count)
{
    struct store_memory *memory = (struct store_memory *)store;
    const struct item *item;

    assert(max <= OUTBOX_NEXT_MAX);
    *count = 0;
    if (!is_kept(state))
        return STORE_OK;
    TAILQ_FOREACH(item, state == OUTBOX_PENDING ? &memory->pending : &memory->failed, link)
    {
        if (*count == max)
            break;
        /* cppcheck-suppress uninitvar; it is what the loop is at */
        if (item->serial > after)
            copy_out(item, &entries[(*count)++]);
    }
    return STORE_OK;
}

static int outbox_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    (void)store;
    (void)before_ms;
    *purged = 0;
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

static int rooms_save(struct store *store, const struct room_checkpoint *const *list, size_t count)
{
    (void)store;
    (void)list;
    (void)count;
    return STORE_OK;
}

static int rooms_load(struct store *store,
                      void (*each)(void *arg, const struct room_checkpoint *checkpoint), void *arg)
{
    (void)store;
    (void)each;
    (void)arg;
    return STORE_OK;
}

static void health(const struct store *store, struct store_health *out)
{
    (void)store;
    *out = (struct store_health){0};
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
    .outbox_find = outbox_find,
    .outbox_list = outbox_list,
    .outbox_purge = outbox_purge,
    .outbox_count = outbox_count,
    .rooms_save = rooms_save,
    .rooms_load = rooms_load,
    .health = health,
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
