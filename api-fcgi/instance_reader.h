/*
 * instance_reader: reads from Redis which instances there are. It only reads. Must not know who is asked
 * what. One thread.
 */
#ifndef PONG_API_INSTANCE_READER_H
#define PONG_API_INSTANCE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api-fcgi/instance_table.h"
#include "cluster/instance_record.h"
#include "cluster/redis_link.h"

struct instance_reader;

/* Connects nowhere yet. NULL and a sentence in error[], without a password, on failure. */
struct instance_reader *instance_reader_new(const struct redis_link_config *config, char *error,
                                            size_t error_size);
void instance_reader_free(struct instance_reader *reader); /* NULL is fine */

/* Makes the table anew, within 1.5 s. False: Redis cannot be asked, and the table is as before. */
bool instance_reader_look(struct instance_reader *reader, struct instance_table *table);

/* Why it cannot, a sentence without secrets. */
const char *instance_reader_error(const struct instance_reader *reader);

/* ---- of which it is made, pure; for its tests ---- */

/* When each slot was last seen to be somebody's, or might have been; milliseconds of one clock. */
struct instance_traces {
    int64_t seen_ms[SLOT_COUNT];
};

/* After a new connection: what was there before is not known. */
void instance_traces_begin(struct instance_traces *traces, int64_t now_ms);

/*
 * What was watched, as a table. An instance that was not heard of lately is left out where another has
 * its address by now. A slot without a trace in Redis is nobody's only after it was so for 3 s: Redis may
 * have forgotten, and its owner is about to say so again.
 */
void instance_reader_fill(const struct watched *watched, struct instance_traces *traces,
                          int64_t now_ms, struct instance_table *table);

#endif
