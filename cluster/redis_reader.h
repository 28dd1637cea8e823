/*
 * redis_reader: hiredis' reader of replies, with a bound: an array's length is believed, and taken memory for,
 * before a single element has come. Must not know what the replies are.
 */
#ifndef PONG_CLUSTER_REDIS_READER_H
#define PONG_CLUSTER_REDIS_READER_H

enum {
    REDIS_READER_ELEMENTS_MAX = 1 << 20
};

struct redisReader; /* of hiredis: redisReaderFree() */

/* A reader for which a longer array is an error. NULL: no memory. Any thread. */
struct redisReader *redis_reader_new(void);

#endif
