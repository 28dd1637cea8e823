/*
 * pool_memory: see pool_memory.h. Its own mapping, because the allocator decides by itself what is zeroed by
 * writing to it.
 */
#include "common/pool_memory.h"

#include <stdint.h>
#include <sys/mman.h>

/* Bytes of a mapping; 0: more than there can be. */
static size_t bytes_of(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        return 1;
    return count > SIZE_MAX / 2 / size ? 0 : count * size;
}

void *pool_memory_take(size_t count, size_t size)
{
    const size_t bytes = bytes_of(count, size);
    if (bytes == 0)
        return NULL;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* a wish: where there are no large pages, small ones do */
    madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void pool_memory_give(void *memory, size_t count, size_t size)
{
    if (memory)
        munmap(memory, bytes_of(count, size));
}
