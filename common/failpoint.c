/*
 * failpoint: see failpoint.h. The list is read once; after that only counters change.
 */
#include "common/failpoint.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct clause {
    char after[FAILPOINT_NAME_SIZE]; /* "": counted from the start on */
    char name[FAILPOINT_NAME_SIZE];
    long nth;
    long sleep_ms; /* 0: kill */
    atomic_bool is_armed;
    _Atomic long met; /* while armed */
};

static struct clause clauses[FAILPOINT_CLAUSES_MAX];
static size_t clause_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- the list ------------------------------------------------------------------------ */

/* Takes a name off the front of *text. */
static bool read_name(const char **text, char out[FAILPOINT_NAME_SIZE])
{
    const size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length >= FAILPOINT_NAME_SIZE)
        return false;
    memcpy(out, *text, length);
    out[length] = '\0';
    *text += length;
    return true;
}

/* Takes a number from 1 to max off the front of *text. */
static bool read_number(const char **text, long max, long *out)
{
    char *end;
    if (**text < '1' || **text > '9')
        return false;
    errno = 0;
    *out = strtol(*text, &end, 10);
    *text = end;
    return errno == 0 && *out <= max;
}

/* Whether *text begins with this; then it is taken off. */
static bool skip(const char **text, const char *what)
{
    const size_t length = strlen(what);
    if (strncmp(*text, what, length) != 0)
        return false;
    *text += length;
    return true;
}

static bool read_clause(const char **text, struct clause *clause)
{
    if (!read_name(text, clause->name))
        return false;
    if (skip(text, ">")) {
        memcpy(clause->after, clause->name, sizeof clause->after);
        if (!read_name(text, clause->name))
            return false;
    }
    clause->nth = 1;
    if (skip(text, ":") && !read_number(text, 1000000, &clause->nth))
        return false;
    if (skip(text, "=") &&
        !(skip(text, "sleep:") && read_number(text, FAILPOINT_SLEEP_MAX_MS, &clause->sleep_ms)))
        return false;
    atomic_store(&clause->is_armed, clause->after[0] == '\0');
    return true;
}

static void read_list(void)
{
    const char *list = getenv("PONG_FAILPOINT");
    const char *text = list;
    if (!list || !*list)
        return;
    do {
        if (clause_count == FAILPOINT_CLAUSES_MAX ||
            !read_clause(&text, &clauses[clause_count++])) {
            fprintf(stderr, "failpoint: PONG_FAILPOINT cannot be read: %s\n", list);
            _exit(FAILPOINT_EXIT_BAD_LIST);
        }
    } while (skip(&text, ","));
    if (*text) {
        fprintf(stderr, "failpoint: PONG_FAILPOINT cannot be read: %s\n", list);
        _exit(FAILPOINT_EXIT_BAD_LIST);
    }
}

/* ---- at a place ---------------------------------------------------------------------- */

static void act(const struct clause *clause)
{
    fprintf(stderr, "failpoint: %s at %s\n", clause->sleep_ms ? "waiting" : "killed", clause->name);
    if (clause->sleep_ms == 0) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause(); /* nothing more is done on this thread */
    }
    struct timespec left = {.tv_sec = clause->sleep_ms / 1000,
                            .tv_nsec = clause->sleep_ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void failpoint_meet(const char *name)
{
    pthread_once(&once, read_list);
    for (size_t i = 0; i < clause_count; i++) {
        struct clause *clause = &clauses[i];
        if (strcmp(clause->name, name) == 0 && atomic_load(&clause->is_armed) &&
            atomic_fetch_add(&clause->met, 1) + 1 == clause->nth)
            act(clause);
        if (strcmp(clause->after, name) == 0)
            atomic_store(&clause->is_armed, true);
    }
}
