/*
 * instance_source: one look at the instances: by asking each gamed that was named for its health, or by
 * reading what all say of themselves in Redis. Must not know who is asked what. One thread.
 */
#ifndef PONG_API_INSTANCE_SOURCE_H
#define PONG_API_INSTANCE_SOURCE_H

#include <stdbool.h>

#include "api-fcgi/instance_table.h"
#include "ipc/ipc_client.h"

/* Asks the gamed of a row for its health and takes in what it answers, within timeout_ms; without an
 * answer the row is as before, but not fresh. Returns whether there was one. */
bool instance_source_ask(struct ipc_client *client, struct instance_view *view, int timeout_ms);

/* After all rows were asked: whose slots are nobody's. */
void instance_source_conclude(struct instance_table *table);

#endif
