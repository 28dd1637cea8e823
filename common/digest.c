#include "common/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* EVP_sha256() would have the library look the algorithm up each time, which takes longer than its work. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); /* for as long as the process lives */
}

struct digest digest_of(const void *bytes, size_t size)
{
    struct digest digest;
    pthread_once(&once, fetch);
    if (sha256 == NULL || EVP_Digest(bytes, size, digest.byte, NULL, sha256, NULL) != 1)
        abort(); /* out of memory for a few bytes: nothing after this would be safe */
    return digest;
}

bool digest_is_nothing(const struct digest *digest)
{
    static const struct digest nothing;
    return CRYPTO_memcmp(digest->byte, nothing.byte, DIGEST_SIZE) == 0;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    bool of_something = !digest_is_nothing(a);
    return CRYPTO_memcmp(a->byte, b->byte, DIGEST_SIZE) == 0 && of_something;
}

void digest_to_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest->byte[i] >> 4];
        out[2 * i + 1] = digits[digest->byte[i] & 15];
    }
    out[DIGEST_HEX_SIZE - 1] = '\0';
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_from_hex(const char *hex, struct digest *digest)
{
    if (strlen(hex) != DIGEST_HEX_SIZE - 1)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest->byte[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
