/*
 * fcgi_workers: the threads that take requests off the listening socket and have them answered.
 * libfcgi is used here alone. Must not know what is asked or answered.
 */
#ifndef PONG_API_FCGI_WORKERS_H
#define PONG_API_FCGI_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "api-fcgi/request.h"
#include "api-fcgi/response.h"

/* Answers one request. Called on any of the threads, many at once. */
typedef void (*fcgi_answer)(void *arg, const struct request *request, struct response *response);

struct fcgi_workers;

/*
 * Starts `threads` threads that accept on `descriptor`. SIGUSR1 is used to wake them and must be
 * blocked in the caller's thread, as must be every signal that the threads shall not take. Returns
 * NULL and a sentence in error[] on failure.
 */
struct fcgi_workers *fcgi_workers_start(int descriptor, int threads, fcgi_answer answer, void *arg,
                                        char *error, size_t error_size);

/* Tells the threads to end: no request is accepted any more, those in progress are finished. Call
 * before the first await. */
void fcgi_workers_stop(struct fcgi_workers *workers);

/*
 * Wakes the threads that wait for a request, so that they notice the stop, and says whether all
 * have ended. Call again and again, some milliseconds apart: one may have begun to wait just after
 * it was woken.
 */
bool fcgi_workers_await(struct fcgi_workers *workers);

/* Frees them; all must have ended. */
void fcgi_workers_free(struct fcgi_workers *workers);

#endif
