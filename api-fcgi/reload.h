/*
 * reload: what SIGHUP brings about: the log file is opened anew, and the JWT keys are read again. It
 * must not stop anything, whatever it finds.
 */
#ifndef PONG_API_RELOAD_H
#define PONG_API_RELOAD_H

#include "api-fcgi/shared_identity.h"

struct reload {
    const char *log_file;        /* "" for standard error */
    const char *jwt_key_file;    /* "" for none */
    const char *identity_header; /* as it was given */
    struct shared_identity *identity;
};

/* Logs what came of it. Blocks on a disk. The main thread. */
void reload_all(const struct reload *reload);

/* Warns of keys that are so short that they can be guessed. Any thread. */
void reload_warn_of_short_keys(const struct identity_config *config);

#endif
