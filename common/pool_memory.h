/*
 * pool_memory: the memory of a pool that is taken at start and is as large as a flag allows. It is all
 * zero, and none of it is the machine's before it is written to, so a pool costs what is in use; its pages
 * are large ones where the system has some, as what lies in a pool is looked at in no order. It must not
 * know what is kept there.
 *
 * All functions: any thread.
 */
#ifndef PONG_COMMON_POOL_MEMORY_H
#define PONG_COMMON_POOL_MEMORY_H

#include <stddef.h>

/* Room for `count` things of `size` bytes; NULL when there is no memory. */
void *pool_memory_take(size_t count, size_t size);

/* Gives back what was taken by the same count and size. NULL is fine. */
void pool_memory_give(void *memory, size_t count, size_t size);

#endif
