/*
 * shared_identity: the configuration of identity that all threads use, and that can be replaced while
 * they do. Must not know where a new one comes from.
 */
#ifndef PONG_API_SHARED_IDENTITY_H
#define PONG_API_SHARED_IDENTITY_H

#include <pthread.h>
#include <stdint.h>

#include "api-fcgi/identity.h"

struct shared_identity {
    pthread_rwlock_t
        lock; /* for the configuration; held for reading while a request is looked at */
    struct identity_config config;
};

/* Begins with a copy of `config`. Returns 0, or -1 when the system has no lock to give. */
int shared_identity_init(struct shared_identity *shared, const struct identity_config *config);
void shared_identity_free(struct shared_identity *shared);

/* Every request that is looked at from now on goes by a copy of `config`. Waits for those that are. Any thread. */
void shared_identity_replace(struct shared_identity *shared, const struct identity_config *config);

/* As identity_identify(), by the present configuration. Any thread, many at once. */
const char *shared_identity_identify(struct shared_identity *shared, const struct request *request,
                                     int64_t now, struct identity *identity);

/* As identity_at_handshake(), likewise. */
const char *shared_identity_at_handshake(struct shared_identity *shared,
                                         const struct request *request, const char *argument,
                                         int64_t now, struct identity *identity);

#endif
