/*
 * name_lookup: asks the system for a host's addresses in a thread of its own, as getaddrinfo(3) keeps
 * no deadline. Must not know who asks.
 */
#ifndef PONG_CLUSTER_NAME_LOOKUP_H
#define PONG_CLUSTER_NAME_LOOKUP_H

#include <netdb.h>

struct name_lookup;

/* Begins to ask for addresses of TCP sockets. NULL: no memory, or no thread. */
struct name_lookup *name_lookup_start(const char *host, const char *port);

/*
 * Waits for the answer, `wait_ms` at most. 1: not yet there; 0: *addresses are owned by the lookup; else
 * an EAI_… value.
 */
int name_lookup_wait(struct name_lookup *lookup, int wait_ms, const struct addrinfo **addresses);

/* Forgets it, at once: a thread that still asks ends by itself. NULL is fine. */
void name_lookup_free(struct name_lookup *lookup);

#endif
