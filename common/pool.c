/*
 * pool: see pool.h. Its own mapping, because the allocator decides by itself what it writes to, and on what
 * pages it is.
 */
#include "common/pool.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Of a mapping, which cannot be empty; 0: more than there can be. */
static size_t bytes_of(size_t count, size_t size)
{
    if (count == 0)
        return 1;
    return count > SIZE_MAX / 2 / size ? 0 : count * size;
}

int pool_init(struct pool *pool, size_t count, size_t size, enum pool_pages pages)
{
    assert(size >= sizeof(void *));
    *pool = (struct pool){.size = size};
    const size_t bytes = bytes_of(count, size);
    if (bytes == 0)
        return -1;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    if (pages == POOL_LARGE_PAGES)
        madvise(memory, bytes, MADV_HUGEPAGE);
    pool->memory = memory;
    pool->count = count;
    return 0;
}

void pool_free(struct pool *pool)
{
    if (pool->memory)
        munmap(pool->memory, bytes_of(pool->count, pool->size));
    *pool = (struct pool){0};
}

void *pool_take(struct pool *pool)
{
    void *thing = pool->given_back;
    if (thing)
        memcpy(&pool->given_back, thing, sizeof pool->given_back);
    else if (pool->touched < pool->count)
        thing = pool->memory + pool->size * pool->touched++;
    return thing;
}

void pool_give(struct pool *pool, void *thing)
{
    memcpy(thing, &pool->given_back, sizeof pool->given_back);
    pool->given_back = thing;
}
