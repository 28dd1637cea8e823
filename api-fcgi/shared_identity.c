/*
 * shared_identity: see shared_identity.h.
 */
#include "api-fcgi/shared_identity.h"

/* Else requests that follow each other without a gap would keep a writer waiting for ever. */
static int init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    int result = pthread_rwlockattr_init(&attributes);

    if (result != 0)
        return -1;
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    result = pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return result == 0 ? 0 : -1;
}

int shared_identity_init(struct shared_identity *shared, const struct identity_config *config)
{
    shared->config = *config;
    return init_lock(&shared->lock);
}

void shared_identity_free(struct shared_identity *shared)
{
    pthread_rwlock_destroy(&shared->lock);
}

void shared_identity_replace(struct shared_identity *shared, const struct identity_config *config)
{
    pthread_rwlock_wrlock(&shared->lock);
    shared->config = *config;
    pthread_rwlock_unlock(&shared->lock);
}

const char *shared_identity_identify(struct shared_identity *shared, const struct request *request,
                                     int64_t now, struct identity *identity)
{
    const char *refusal;

    pthread_rwlock_rdlock(&shared->lock);
    refusal = identity_identify(&shared->config, request, now, identity);
    pthread_rwlock_unlock(&shared->lock);
    return refusal;
}

const char *shared_identity_at_handshake(struct shared_identity *shared,
                                         const struct request *request, const char *argument,
                                         int64_t now, struct identity *identity)
{
    const char *refusal;

    pthread_rwlock_rdlock(&shared->lock);
    refusal = identity_at_handshake(&shared->config, request, argument, now, identity);
    pthread_rwlock_unlock(&shared->lock);
    return refusal;
}
