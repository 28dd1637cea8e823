/*
 * gamed_survey: what all instances say, as one answer. Must not know who hears it.
 */
#ifndef PONG_API_GAMED_SURVEY_H
#define PONG_API_GAMED_SURVEY_H

#include <jansson.h>

#include "api-fcgi/instances.h"
#include "api-fcgi/metrics.h"

/*
 * The public rooms of all, at most 100: the newest of each first. Returns 0 and a reply with "rooms",
 * owned by the caller; a reply that says why not; or a negative enum ipc_client_error when nobody
 * answered within IPC_DEADLINE_MS. Any thread.
 */
long gamed_survey_list(struct instances *instances, struct metrics *metrics, json_t **reply);

/*
 * Whether games can be played. Returns 0 and {"status": "ok" | "degraded" | "draining", "draining",
 * "degraded": [words] where there are any}, owned by the caller: what at least one says, with the words
 * of all who serve, and "instances" where one of them does not. A negative enum ipc_client_error when
 * nobody serves. Any thread.
 */
long gamed_survey_health(struct instances *instances, struct metrics *metrics, json_t **reply);

#endif
