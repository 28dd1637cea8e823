/*
 * gamed_question: asks gamed one thing and counts how that went. Must not know what is done with the
 * answer.
 */
#ifndef PONG_API_GAMED_QUESTION_H
#define PONG_API_GAMED_QUESTION_H

#include <jansson.h>

#include "api-fcgi/metrics.h"
#include "ipc/ipc_client.h"
#include "ipc/ipc_message.h"

/*
 * Asks, and waits up to `timeout_ms`; sets the request's deadline by that. Returns 0 and a well-formed
 * reply (ipc_reply_decode) that the caller owns, or a negative enum ipc_client_error. Any thread.
 */
long gamed_question_ask(struct ipc_client *gamed, struct metrics *metrics,
                        struct ipc_request *request, int timeout_ms, json_t **reply);

#endif
