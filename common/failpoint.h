/*
 * failpoint: places where a test can have the process die, or wait, to see what a death right there
 * leaves behind. Only in builds with --enable-failpoints (and in those with sanitizers, which the
 * end-to-end tests run); in any other FAILPOINT() is nothing at all, not even its name.
 *
 * What happens where is said by the environment, PONG_FAILPOINT, a list of clauses, separated by
 * commas: [AFTER>]NAME[:N][=sleep:MS]. The N-th time (else the first) that a thread meets the place
 * NAME, the process is killed with SIGKILL, or with =sleep:MS that thread alone waits for so long
 * (at most FAILPOINT_SLEEP_MAX_MS). With AFTER> the place is only counted once the place AFTER has been
 * met. Each clause acts once; two with one name are looked at in order. What is done is said on
 * stderr first. A list that cannot be read ends the process with FAILPOINT_EXIT_BAD_LIST at the first
 * place that it meets. Without the variable a place does nothing.
 */
#ifndef PONG_COMMON_FAILPOINT_H
#define PONG_COMMON_FAILPOINT_H

#ifdef PONG_FAILPOINTS

enum {
    FAILPOINT_CLAUSES_MAX = 8,
    FAILPOINT_NAME_SIZE = 48,
    FAILPOINT_SLEEP_MAX_MS = 60 * 1000,
    FAILPOINT_EXIT_BAD_LIST = 86,
};

#define FAILPOINT(name) failpoint_meet(name)

/* Does what PONG_FAILPOINT, read at the first call, says about this place. Any thread. */
void failpoint_meet(const char *name);

#else

#define FAILPOINT(name) ((void)0)

#endif

#endif
