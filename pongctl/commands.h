/*
 * commands: each command of pongctl as questions to gamed and one JSON document of what came back, all
 * pages together. The documents are described in pongctl(1). It must not know how they are shown.
 */
#ifndef PONG_PONGCTL_COMMANDS_H
#define PONG_PONGCTL_COMMANDS_H

#include <jansson.h>

#include "pongctl/arguments.h"
#include "pongctl/gamed_call.h"

/*
 * Does what is asked for. On GAMED_CALL_OK *document is the caller's. So it may be on GAMED_CALL_REFUSED,
 * when a part was refused; else it is NULL. call->error says what is wrong.
 */
enum gamed_call_error commands_run(const struct arguments *arguments, struct gamed_call *call,
                                   json_t **document);

#endif
