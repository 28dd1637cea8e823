#include "tests/fuzz/fixed_random.h"

#include <stdint.h>
#include <sys/random.h>

static uint64_t state;

void fixed_random_reset(void)
{
    state = 1;
}

/* In the place of the C library's. */
ssize_t getrandom(void *out, size_t size, unsigned flags)
{
    unsigned char *at = out;
    (void)flags;
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        at[i] = (unsigned char)(state >> 56);
    }
    return (ssize_t)size;
}
