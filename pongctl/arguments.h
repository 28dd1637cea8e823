/*
 * arguments: what pongctl is asked to do, from its command line and environment. It must not do any of
 * it.
 */
#ifndef PONG_PONGCTL_ARGUMENTS_H
#define PONG_PONGCTL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/random.h"
#include "ipc/ipc_message.h"

enum command {
    COMMAND_ROOMS,
    COMMAND_ROOM,
    COMMAND_RESULTS,
    COMMAND_RETRY,
    COMMAND_DRAIN,
    COMMAND_KICK,
    COMMAND_STATS,
    COMMAND_HEALTH,
};

struct arguments {
    enum command command;
    const char *control; /* the control socket's path */
    bool json;
    bool states[IPC_RESULT_STATE_COUNT]; /* results: those to be listed */
    bool all_failed;                     /* retry: instead of match_id */
    bool off, wait;                      /* drain */
    char match_id[UUID_SIZE];            /* retry */
    char room_code[ROOM_CODE_SIZE];      /* room, kick; canonical */
    int seat;                            /* kick: 1 or 2 */
};

enum arguments_outcome {
    ARGUMENTS_RUN,
    ARGUMENTS_DONE, /* --help or --version was printed */
    ARGUMENTS_BAD,  /* error[] says what is wrong */
};

/*
 * Reads argv, whose strings *arguments may point into. Options may stand anywhere. Call once, before
 * threads.
 */
enum arguments_outcome arguments_read(int argc, char **argv, struct arguments *arguments,
                                      char *error, size_t error_size);

#endif
