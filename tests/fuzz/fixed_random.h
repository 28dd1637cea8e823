/*
 * fixed_random: getrandom(2) that gives the same bytes in each run of a target, so that what an input
 * has found once it finds again. Tests only.
 */
#ifndef PONG_TESTS_FIXED_RANDOM_H
#define PONG_TESTS_FIXED_RANDOM_H

/* Begins anew. */
void fixed_random_reset(void);

#endif
