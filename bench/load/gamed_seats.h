/*
 * gamed_seats: how seats of gamed are asked for over REST, for both its wires.
 */
#ifndef PONG_BENCH_LOAD_GAMED_SEATS_H
#define PONG_BENCH_LOAD_GAMED_SEATS_H

#include "bench/load/load.h"

enum {
    GAMED_WINNING_SCORE = 21 /* the longest matches */
};

void gamed_seats_ask(const struct load_room *room, int number, struct wire_request *request);
bool gamed_seats_answer(struct load_room *room, int number, int status, const char *body,
                        size_t length);
void gamed_seats_target(const struct load_room *room, const struct seat *seat, char *out,
                        size_t size);

enum gamed_text {
    GAMED_TEXT_OTHER,
    GAMED_TEXT_REFUSAL,  /* an `error`: it is counted */
    GAMED_TEXT_GAME_OVER /* the rematch is asked for */
};

/* What both wires do with a text. */
enum gamed_text gamed_seats_text(struct load *load, struct client *client, const char *text,
                                 size_t length);

#endif
