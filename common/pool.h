/*
 * pool: things of one size, of which there are at most as many as a flag allows. Its memory is taken at
 * start as address space, and becomes the machine's when a thing is first taken; what was given back is
 * taken again first, the last one before all others. So a pool costs what its busiest moment needed, and
 * taking allocates nothing. It must not know what is kept there.
 *
 * All functions: any thread, one at a time for each pool.
 */
#ifndef PONG_COMMON_POOL_H
#define PONG_COMMON_POOL_H

#include <stddef.h>

/*
 * Of what is looked at all the time, and in no order, large pages save the processor much of the looking up
 * where it is; the first thing that is taken then costs a whole one, 2 MB. A wish: where the system has
 * none, small ones do.
 */
enum pool_pages {
    POOL_SMALL_PAGES,
    POOL_LARGE_PAGES
};

struct pool {
    unsigned char *memory;
    size_t count, size; /* of the things; bytes of one */
    size_t touched;     /* so many, the first ones, were taken at some time … */
    void *given_back;   /* … and are free again: each begins with the address of the next */
};

/*
 * For `count` things of `size` bytes: a sizeof, and at least a pointer's. Returns 0, or -1 when there is no
 * memory: then the pool has none of them.
 */
int pool_init(struct pool *pool, size_t count, size_t size, enum pool_pages pages);

/* Gives up its memory, with whatever is in use. A pool that is all zero, or was not to be had, is fine. */
void pool_free(struct pool *pool);

/* One of them; NULL when all are in use. What is in it is whatever was, but for its first pointer. */
void *pool_take(struct pool *pool);

/* Gives one back that was taken from this pool. */
void pool_give(struct pool *pool, void *thing);

#endif
