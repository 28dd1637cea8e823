/*
 * gamed_seats: how seats of gamed are asked for over REST, for both its wires.
 */
#ifndef PONG_BENCH_LOAD_GAMED_SEATS_H
#define PONG_BENCH_LOAD_GAMED_SEATS_H

#include "bench/load/load.h"

enum {
    GAMED_WINNING_SCORE = 21 /* the longest matches */
};

void gamed_seats_ask(const struct room *room, int number, struct wire_request *request);
bool gamed_seats_answer(struct room *room, int number, int status, const char *body, size_t length);
void gamed_seats_target(const struct room *room, const struct seat *seat, char *out, size_t size);

/*
 * What both wires do with a text: an `error` is counted, a match that ended is played again. True when
 * the text was one of these.
 */
bool gamed_seats_text(struct load *load, struct client *client, const char *text, size_t length);

#endif
