/*
 * fuzz: what the fuzz targets share: a reader that takes an input apart. A target asserts what must
 * hold of any input; an assertion that fails is a finding, as is a sanitizer's report. Tests only.
 *
 * Taking from an input that is used up gives zeros, so that each input means something.
 */
#ifndef PONG_TESTS_FUZZ_H
#define PONG_TESTS_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's; https://llvm.org/docs/LibFuzzer.html. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at, *end;
};

static inline size_t fuzz_left(const struct fuzz_input *input)
{
    return (size_t)(input->end - input->at);
}

/* Up to eight bytes, the lowest first. */
static inline uint64_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && input->at < input->end; i++)
        value |= (uint64_t)*input->at++ << 8 * i;
    return value;
}

/*
 * A copy of the next bytes, at most `max` of them and none behind `stop`, which is taken as well;
 * ended by NUL. Of exactly that size, so that a read beyond it is seen. The caller frees it.
 */
static inline char *fuzz_take_text(struct fuzz_input *input, int stop, size_t max, size_t *length)
{
    size_t count = 0;
    while (count < max && count < fuzz_left(input) && input->at[count] != stop)
        count++;
    char *text = malloc(count + 1);
    assert(text);
    memcpy(text, input->at, count);
    text[count] = '\0';
    input->at += count;
    if (input->at < input->end && *input->at == stop)
        input->at++;
    if (length)
        *length = count;
    return text;
}

#endif
