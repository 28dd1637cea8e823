/*
 * ipc_lane: see ipc_lane.h. A lane has a few wagons. Who finds none under way leads one at once; who comes
 * while one is waits for it to come back, or leads a further one when so many wait that it is full. The
 * leader takes those who wait along, has the message carried on his own thread, hands the replies out, and
 * passes the wagon on. Everything but carrying is done under the lane's lock, and a caller is on his own
 * stack: nobody touches him after he has left the queue or his seat, or has his result.
 */
#include "ipc/ipc_lane.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "ipc/ipc_client.h" /* the names of its failures */
#include "ipc/ipc_sequence.h"

enum {
    WAGONS = 4, /* messages under way, when the other end is slow: 64 callers wait for it then */
    ALONE_MS = 10000 /* how long nobody travels together when the other end knows no sequences */
};

/* What a caller is told when he has to go by himself. */
enum {
    GO_ALONE = -1000
};

enum stage {
    WAITING,    /* in the queue */
    LEADING,    /* has a wagon */
    TRAVELLING, /* in a wagon of somebody else's */
    DELIVERED   /* has his result */
};

struct wagon;

struct caller {
    struct caller *next; /* in the queue */
    const char *request;
    size_t length;
    char *reply;
    size_t reply_size;
    int64_t until_ms;
    enum stage stage;
    struct wagon *wagon; /* that he leads, or is in */
    long result;
    pthread_cond_t news; /* his stage is another */
};

struct wagon {
    struct wagon *next;                      /* of those that stand */
    struct caller *riders[IPC_SEQUENCE_MAX]; /* the leader first; NULL: left it */
    size_t count;
    /* the leader's, without the lock */
    char message[IPC_MESSAGE_MAX];
    char answer[IPC_MESSAGE_MAX];
};

struct ipc_lane {
    ipc_lane_carry carry;
    void *arg;
    pthread_mutex_t lock; /* guards what follows, and callers */
    struct caller *first; /* the queue: only while a wagon is under way */
    struct caller *last;
    size_t queued;
    int64_t alone_until_ms;
    struct wagon *standing;
    int under_way;
    struct wagon wagons[WAGONS];
};

struct ipc_lane *ipc_lane_new(ipc_lane_carry carry, void *arg)
{
    struct ipc_lane *lane = calloc(1, sizeof *lane);

    if (lane == NULL)
        return NULL;
    lane->carry = carry;
    lane->arg = arg;
    for (int i = 0; i < WAGONS; i++) {
        lane->wagons[i].next = lane->standing;
        lane->standing = &lane->wagons[i];
    }
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
    lane->queued++;
}

static void leave_queue(struct ipc_lane *lane, struct caller *caller)
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
    caller->next = NULL;
    lane->queued--;
}

static struct caller *dequeue(struct ipc_lane *lane)
{
    struct caller *caller = lane->first;

    if (caller != NULL)
        leave_queue(lane, caller);
    return caller;
}

/* ---- wagons; the lock is held -------------------------------------------------------- */

static void set_off(struct ipc_lane *lane, struct caller *leader)
{
    leader->wagon = lane->standing;
    leader->stage = LEADING;
    lane->standing = leader->wagon->next;
    lane->under_way++;
}

static void tell(struct caller *caller, enum stage stage)
{
    caller->stage = stage;
    pthread_cond_signal(&caller->news);
}

/*
 * Who leads next is the last of those who will be in it, since it comes back when his time is over at the
 * latest.
 */
static void pass_on(struct ipc_lane *lane, struct wagon *wagon)
{
    struct caller *next = lane->first;

    for (size_t i = 1; next != NULL && next->next != NULL && i < IPC_SEQUENCE_MAX; i++)
        next = next->next;
    if (next == NULL) {
        wagon->next = lane->standing;
        lane->standing = wagon;
        lane->under_way--;
        return;
    }
    leave_queue(lane, next);
    next->wagon = wagon;
    tell(next, LEADING);
}

/* A rider's request is his own until it is in the message. Returns its length. */
static size_t board(struct ipc_lane *lane, struct caller *leader)
{
    struct wagon *wagon = leader->wagon;
    struct caller *rider = leader;
    char *end = wagon->message;

    wagon->count = 0;
    while (rider != NULL) {
        wagon->riders[wagon->count++] = rider;
        end = ipc_sequence_add(end, rider->request, rider->length);
        rider = wagon->count < IPC_SEQUENCE_MAX ? dequeue(lane) : NULL;
        if (rider != NULL) {
            rider->wagon = wagon;
            rider->stage = TRAVELLING;
        }
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

/* Gives everybody in the wagon his result. */
static void hand_out(struct ipc_lane *lane, struct wagon *wagon, long got)
{
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
        tell(rider, DELIVERED);
    }
}

/* ---- callers; the lock is held, and is when they return ------------------------------ */

static long lead(struct ipc_lane *lane, struct caller *leader)
{
    struct wagon *wagon = leader->wagon;
    const size_t length = board(lane, leader);
    const bool is_by_himself = wagon->count == 1;
    long got;

    pthread_mutex_unlock(&lane->lock);
    if (is_by_himself)
        got = go_alone(lane, leader);
    else
        got = lane->carry(lane->arg, wagon->message, length, left_ms(leader->until_ms),
                          wagon->answer, sizeof wagon->answer);
    pthread_mutex_lock(&lane->lock);
    if (is_by_himself)
        leader->result = got;
    else
        hand_out(lane, wagon, got);
    pass_on(lane, wagon);
    return leader->result;
}

/* His time is over. */
static long give_up(struct ipc_lane *lane, struct caller *caller)
{
    if (caller->stage == WAITING)
        leave_queue(lane, caller);
    else
        for (size_t i = 0; i < caller->wagon->count; i++)
            if (caller->wagon->riders[i] == caller)
                caller->wagon->riders[i] = NULL;
    return IPC_CLIENT_TIMEOUT;
}

static long wait(struct ipc_lane *lane, struct caller *caller)
{
    const struct timespec until = {.tv_sec = caller->until_ms / 1000,
                                   .tv_nsec = caller->until_ms % 1000 * 1000000};
    int result = 0;

    while (result != ETIMEDOUT && (caller->stage == WAITING || caller->stage == TRAVELLING))
        result = pthread_cond_clockwait(&caller->news, &lane->lock, CLOCK_MONOTONIC, &until);
    switch (caller->stage) {
    case DELIVERED:
        return caller->result;
    case LEADING:
        return lead(lane, caller);
    default:
        return give_up(lane, caller);
    }
}

static long travel(struct ipc_lane *lane, struct caller *caller)
{
    if (lane->under_way > 0) {
        enqueue(lane, caller);
        if (lane->queued < IPC_SEQUENCE_MAX || lane->standing == NULL)
            return wait(lane, caller);
        leave_queue(lane, caller);
    }
    set_off(lane, caller);
    return lead(lane, caller);
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
                            .stage = WAITING,
                            .news = PTHREAD_COND_INITIALIZER};
    long result = GO_ALONE;

    pthread_mutex_lock(&lane->lock);
    if (length <= IPC_SEQUENCE_TEXT_MAX && now_ms >= lane->alone_until_ms)
        result = travel(lane, &caller);
    pthread_mutex_unlock(&lane->lock);
    pthread_cond_destroy(&caller.news);
    return result == GO_ALONE ? go_alone(lane, &caller) : result;
}
