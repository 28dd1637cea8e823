/*
 * ipc_lane: callers who travel together. One message between two processes costs nng a dozen wake-ups,
 * however much is in it; so while a caller's message is under way, those who come meanwhile wait, and
 * then go in one message of many texts (ipc_sequence.h). Nobody waits when nothing is under way, and when
 * the other end is slow, whoever makes a message full does not wait for it either: four may be under way. It
 * must not know what carries a message.
 *
 * All calls of a lane should have the same time limit, and wait at the other end for the same things: a
 * message is answered as a whole.
 */
#ifndef PONG_IPC_LANE_H
#define PONG_IPC_LANE_H

#include <stddef.h>

struct ipc_lane;

/*
 * Carries one message and waits for its answer: as ipc_client_call().
 */
typedef long (*ipc_lane_carry)(void *arg, const char *message, size_t length, int timeout_ms,
                               char *answer, size_t answer_size);

/* NULL when out of memory. */
struct ipc_lane *ipc_lane_new(ipc_lane_carry carry, void *arg);

/*
 * Sends `length` bytes and waits up to `timeout_ms` for the reply, copied to `reply`. Returns its length
 * or a negative enum ipc_client_error: what `carry` returned for the message it went in, which has the time
 * that its last caller has left; TIMEOUT when its own time was over before; or FAILED for a reply over
 * `reply_size`. Any thread.
 */
long ipc_lane_call(struct ipc_lane *lane, const char *request, size_t length, int timeout_ms,
                   char *reply, size_t reply_size);

/* No call may be in progress. NULL is fine. */
void ipc_lane_free(struct ipc_lane *lane);

#endif
