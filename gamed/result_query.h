/*
 * result_query: what the operator asks about results, on its way from one thread (the loop's) to one
 * other (the results thread) and back, by value, in a few slots. No lock and no system call, so
 * neither side ever waits for the other.
 */
#ifndef PONG_GAMED_RESULT_QUERY_H
#define PONG_GAMED_RESULT_QUERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/match_result.h"
#include "gamed/store.h"

struct result_outbox;

enum {
    RESULT_QUERIES_MAX = 4,    /* under way at the same time */
    RESULT_QUERY_ROWS_MAX = 50 /* in one answer */
};

enum result_query_kind {
    RESULT_QUERY_LIST,  /* a page of the results in one state, the oldest first */
    RESULT_QUERY_FIND,  /* one result, in whatever state */
    RESULT_QUERY_RETRY, /* has one that failed, or is pending, tried now */
};

struct result_query {
    enum result_query_kind kind;
    enum outbox_state state;  /* of a list */
    int64_t after;            /* of a list: `next` of the page before; 0 begins */
    size_t max;               /* of a list: at most RESULT_QUERY_ROWS_MAX */
    char match_id[UUID_SIZE]; /* of the others */
};

enum result_query_outcome {
    RESULT_QUERY_OK = 0,
    RESULT_QUERY_UNKNOWN = -1, /* there is no such result */
    RESULT_QUERY_REFUSED = -2, /* it is delivered, or not to be posted: see its row */
    RESULT_QUERY_BROKEN = -3,  /* the store cannot be read; rows are what memory has */
    RESULT_QUERY_NO_MEMORY = -4,
};

/* A result as the operator sees it. */
struct result_row {
    char match_id[UUID_SIZE];
    enum outbox_state state;
    struct retry_state retry;
    int64_t created_ms, settled_ms; /* Unix milliseconds; settled_ms 0 while it is pending */
    bool is_readable; /* whether `result` could be made of the bytes that are posted */
    struct match_result result;
};

struct result_answer {
    enum result_query_outcome outcome;
    size_t count;
    int64_t next; /* of a list: `after` for the next page; 0: this is the last */
    struct result_row rows[RESULT_QUERY_ROWS_MAX];
};

struct result_query_slot {
    _Atomic int phase; /* whose it is */
    struct result_query query;
    struct result_answer answer;
};

/* Zeroed before use. */
struct result_queries {
    struct result_query_slot slots[RESULT_QUERIES_MAX];
};

/* Puts a question; returns a ticket (0 or more), or -1 when too many are under way. Asking thread. */
int result_queries_ask(struct result_queries *queries, const struct result_query *query);

/* The answer, which stays until it is forgotten; NULL: not yet. Asking thread. */
const struct result_answer *result_queries_answer(const struct result_queries *queries, int ticket);

/* Gives the ticket back, answered or not; call it once for each. Asking thread. */
void result_queries_forget(struct result_queries *queries, int ticket);

/*
 * Answers what is asked. Returns whether there was anything; a retry makes something due. The results
 * thread.
 */
bool result_queries_serve(struct result_queries *queries, struct result_outbox *outbox,
                          int64_t now_ms);

#endif
