/*
 * ipc_lane: see ipc_lane.h. A lane has one wagon. Who finds it free leads it: takes along those who wait,
 * has the message carried on his own thread, hands the replies out, and passes the wagon on to the first
 * of those who have come meanwhile. A caller is on his own stack: nobody touches him once his semaphore
 * was posted, or once he has left the queue or his seat because his time was over.
 */
#include "ipc/ipc_lane.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "ipc/ipc_client.h" /* the names of its failures */
#include "ipc/ipc_sequence.h"

enum {
    ALONE_MS = 10000 /* how long nobody travels together when the other end knows no sequences */
};

/* What a caller is told when he has to go by himself. */
enum {
    GO_ALONE = -1000
};

enum stage {
    WAITING,    /* in the queue */
    LEADING,    /* has the wagon; the semaphore says so */
    TRAVELLING, /* in a wagon of somebody else's */
    DELIVERED   /* has his result; the semaphore says so */
};

struct caller {
    struct caller *next; /* in the queue */
    const char *request;
    size_t length;
    char *reply;
    size_t reply_size;
    int64_t until_ms;
    _Atomic(enum stage) stage; /* set under the lane's lock, after `result` */
    long result;
    sem_t turn;
};

struct wagon {
    struct caller *riders[IPC_SEQUENCE_MAX]; /* the leader first; NULL: left it */
    size_t count;
    char message[IPC_MESSAGE_MAX];
    char answer[IPC_MESSAGE_MAX];
};

struct ipc_lane {
    ipc_lane_carry carry;
    void *arg;
    pthread_mutex_t lock; /* guards what follows */
    bool is_under_way;    /* somebody leads the wagon */
    struct caller *first; /* the queue: only while it is under way */
    struct caller *last;
    int64_t alone_until_ms;
    struct wagon wagon; /* its riders are guarded by the lock, its texts the leader's */
};

struct ipc_lane *ipc_lane_new(ipc_lane_carry carry, void *arg)
{
    struct ipc_lane *lane = calloc(1, sizeof *lane);

    if (lane == NULL)
        return NULL;
    lane->carry = carry;
    lane->arg = arg;
    pthread_mutex_init(&lane->lock, NULL);
    return lane;
}

void ipc_lane_free(struct ipc_lane *lane)
{
    if (lane == NULL)
        return;
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}

static int left_ms(int64_t until_ms)
{
    const int64_t left = until_ms - clock_read().mono_ms;

    return left > 0 ? (int)left : 0;
}

static long go_alone(struct ipc_lane *lane, const struct caller *caller)
{
    return lane->carry(lane->arg, caller->request, caller->length, left_ms(caller->until_ms),
                       caller->reply, caller->reply_size);
}

/* ---- the queue; the lock is held ----------------------------------------------------- */

static void enqueue(struct ipc_lane *lane, struct caller *caller)
{
    if (lane->last != NULL)
        lane->last->next = caller;
    else
        lane->first = caller;
    lane->last = caller;
}

static struct caller *dequeue(struct ipc_lane *lane)
{
    struct caller *caller = lane->first;

    if (caller == NULL)
        return NULL;
    lane->first = caller->next;
    if (lane->first == NULL)
        lane->last = NULL;
    caller->next = NULL;
    return caller;
}

static void leave_queue(struct ipc_lane *lane, const struct caller *caller)
{
    struct caller *before = NULL;

    for (struct caller *each = lane->first; each != caller; each = each->next)
        before = each;
    if (before != NULL)
        before->next = caller->next;
    else
        lane->first = caller->next;
    if (lane->last == caller)
        lane->last = before;
}

/* ---- the wagon ----------------------------------------------------------------------- */

/* The lock is held. Returns who leads it next, to be posted; NULL: nobody waits. */
static struct caller *pass_on(struct ipc_lane *lane)
{
    struct caller *next = dequeue(lane);

    if (next != NULL)
        next->stage = LEADING;
    else
        lane->is_under_way = false;
    return next;
}

/* The lock is held: a rider's request is his own until it is in the message. Returns its length, and
 * until when the last of them waits. */
static size_t board(struct ipc_lane *lane, struct caller *leader, int64_t *until_ms)
{
    struct wagon *wagon = &lane->wagon;
    struct caller *rider = leader;
    char *end = wagon->message;

    wagon->count = 0;
    *until_ms = leader->until_ms;
    while (rider != NULL) {
        wagon->riders[wagon->count++] = rider;
        end = ipc_sequence_add(end, rider->request, rider->length);
        if (*until_ms < rider->until_ms)
            *until_ms = rider->until_ms;
        rider = wagon->count < IPC_SEQUENCE_MAX ? dequeue(lane) : NULL;
        if (rider != NULL)
            rider->stage = TRAVELLING;
    }
    return (size_t)(end - wagon->message);
}

/* What the caller gets who has `text` for an answer. */
static long deliver(const struct caller *caller, const struct ipc_text *text)
{
    if (text->length > caller->reply_size)
        return IPC_CLIENT_FAILED;
    memcpy(caller->reply, text->bytes, text->length);
    return (long)text->length;
}

/* The lock is held. Gives everybody in the wagon his result. */
static void hand_out(struct ipc_lane *lane, long got)
{
    struct wagon *wagon = &lane->wagon;
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    size_t count =
        got > 0 ? ipc_sequence_split(wagon->answer, (size_t)got, texts, IPC_SEQUENCE_MAX) : 0;
    long failure = got < 0 ? got : IPC_CLIENT_FAILED;

    if (got >= 0 && !ipc_sequence_is(wagon->answer, (size_t)got)) {
        lane->alone_until_ms = clock_read().mono_ms + ALONE_MS;
        failure = GO_ALONE;
    }
    for (size_t i = 0; i < wagon->count; i++) {
        struct caller *rider = wagon->riders[i];

        if (rider == NULL)
            continue;
        rider->result = count == wagon->count ? deliver(rider, &texts[i]) : failure;
        rider->stage = DELIVERED;
    }
}

/* The lock is held, and released. */
static long lead(struct ipc_lane *lane, struct caller *leader)
{
    struct wagon *wagon = &lane->wagon;
    struct caller *riders[IPC_SEQUENCE_MAX];
    struct caller *next;
    int64_t until_ms;
    const size_t length = board(lane, leader, &until_ms);
    const size_t count = wagon->count;

    pthread_mutex_unlock(&lane->lock);
    if (count == 1) {
        leader->result = go_alone(lane, leader);
        pthread_mutex_lock(&lane->lock);
    } else {
        const long got = lane->carry(lane->arg, wagon->message, length, left_ms(until_ms),
                                     wagon->answer, sizeof wagon->answer);

        pthread_mutex_lock(&lane->lock);
        hand_out(lane, got);
        memcpy(riders, wagon->riders, count * sizeof riders[0]);
    }
    next = pass_on(lane);
    pthread_mutex_unlock(&lane->lock);
    if (next != NULL)
        sem_post(&next->turn);
    for (size_t i = 1; i < count; i++)
        if (riders[i] != NULL)
            sem_post(&riders[i]->turn);
    return leader->result;
}

/* ---- the others ---------------------------------------------------------------------- */

/* Waits for the semaphore, at most until the caller's time is over. Returns whether it came. */
static bool await_turn(struct caller *caller)
{
    const struct timespec until = {.tv_sec = caller->until_ms / 1000,
                                   .tv_nsec = caller->until_ms % 1000 * 1000000};
    int result;

    do
        result = sem_clockwait(&caller->turn, CLOCK_MONOTONIC, &until);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/* It is posted, or about to be, and then nobody knows the caller any more. */
static void await_post(struct caller *caller)
{
    while (sem_wait(&caller->turn) != 0)
        continue;
}

static void leave_wagon(struct wagon *wagon, const struct caller *caller)
{
    for (size_t i = 0; i < wagon->count; i++)
        if (wagon->riders[i] == caller)
            wagon->riders[i] = NULL;
}

/* His time is over. The lock is held, and released. */
static long give_up(struct ipc_lane *lane, struct caller *caller)
{
    const enum stage stage = caller->stage;
    struct caller *next = NULL;

    if (stage == WAITING)
        leave_queue(lane, caller);
    else if (stage == TRAVELLING)
        leave_wagon(&lane->wagon, caller);
    else if (stage == LEADING)
        next = pass_on(lane);
    pthread_mutex_unlock(&lane->lock);
    if (next != NULL)
        sem_post(&next->turn);
    if (stage == LEADING || stage == DELIVERED)
        await_post(caller);
    return stage == DELIVERED ? caller->result : IPC_CLIENT_TIMEOUT;
}

/* The lock is held, and released. */
static long wait(struct ipc_lane *lane, struct caller *caller)
{
    bool is_turn;

    enqueue(lane, caller);
    pthread_mutex_unlock(&lane->lock);
    is_turn = await_turn(caller);
    if (is_turn && caller->stage == DELIVERED)
        return caller->result;
    pthread_mutex_lock(&lane->lock);
    return is_turn ? lead(lane, caller) : give_up(lane, caller);
}

long ipc_lane_call(struct ipc_lane *lane, const char *request, size_t length, int timeout_ms,
                   char *reply, size_t reply_size)
{
    const int64_t now_ms = clock_read().mono_ms;
    struct caller caller = {.request = request,
                            .length = length,
                            .reply = reply,
                            .reply_size = reply_size,
                            .until_ms = now_ms + timeout_ms,
                            .stage = WAITING};
    long result;

    pthread_mutex_lock(&lane->lock);
    if (length > IPC_SEQUENCE_TEXT_MAX || now_ms < lane->alone_until_ms) {
        pthread_mutex_unlock(&lane->lock);
        return go_alone(lane, &caller);
    }
    sem_init(&caller.turn, 0, 0);
    if (lane->is_under_way) {
        result = wait(lane, &caller);
    } else {
        lane->is_under_way = true;
        result = lead(lane, &caller);
    }
    sem_destroy(&caller.turn);
    return result == GO_ALONE ? go_alone(lane, &caller) : result;
}
