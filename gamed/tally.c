/*
 * Open addressing with linear probing, at most half full. Clients choose their keys, so where a key
 * lies depends on a secret: nobody can have keys share a place.
 */
#include "gamed/tally.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/random.h"

enum {
    SECRET_BYTES = 16,
    KIND_IPV4 = 1,
    KIND_IPV6 = 2,
    KIND_USER = 3,
    IPV4_BYTES = 4,
    NET_BYTES = 8 /* of an IPv6 address: its /64 */
};

struct entry {
    struct tally_key key;
    int count;     /* 0: free */
    uint32_t home; /* where it would lie if nobody else were there */
};

struct tally {
    unsigned char secret[SECRET_BYTES];
    size_t mask; /* size - 1, the size being a power of two */
    size_t keys;
    struct entry entries[];
};

/* ---- keys ---------------------------------------------------------------------------- */

struct tally_key tally_key_of_address(const char *text)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct tally_key key = {{0}};
    struct in6_addr v6;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        key.byte[0] = KIND_IPV4;
        memcpy(key.byte + 1, &v4, IPV4_BYTES);
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        bool is_v4 = memcmp(&v6, mapped, sizeof mapped) == 0;
        key.byte[0] = is_v4 ? KIND_IPV4 : KIND_IPV6;
        memcpy(key.byte + 1, v6.s6_addr + (is_v4 ? sizeof mapped : 0),
               is_v4 ? IPV4_BYTES : NET_BYTES);
    }
    return key;
}

struct tally_key tally_key_of_user(const char *user_id)
{
    struct tally_key key = {{0}};
    if (!user_id[0])
        return key;
    struct digest digest = digest_of(user_id, strlen(user_id));
    key.byte[0] = KIND_USER;
    memcpy(key.byte + 1, digest.byte, sizeof key.byte - 1);
    return key;
}

static bool is_nobody(const struct tally_key *key)
{
    return key->byte[0] == 0;
}

/* ---- the table ----------------------------------------------------------------------- */

struct tally *tally_new(size_t max)
{
    size_t size = 2;
    while (size < 2 * (max + 1))
        size *= 2;
    struct tally *tally = calloc(1, sizeof *tally + size * sizeof *tally->entries);
    if (!tally)
        return NULL;
    tally->mask = size - 1;
    random_bytes(tally->secret, sizeof tally->secret);
    return tally;
}

void tally_free(struct tally *tally)
{
    free(tally);
}

static size_t home_of(const struct tally *tally, const struct tally_key *key)
{
    unsigned char text[SECRET_BYTES + sizeof key->byte];
    uint32_t home;
    memcpy(text, tally->secret, SECRET_BYTES);
    memcpy(text + SECRET_BYTES, key->byte, sizeof key->byte);
    struct digest digest = digest_of(text, sizeof text);
    memcpy(&home, digest.byte, sizeof home);
    return home & tally->mask;
}

/* Where the key is, or the free place where it would be put. */
static size_t place_of(const struct tally *tally, const struct tally_key *key, size_t home)
{
    size_t at = home;
    while (tally->entries[at].count > 0 && memcmp(&tally->entries[at].key, key, sizeof *key) != 0)
        at = (at + 1) & tally->mask;
    return at;
}

bool tally_take(struct tally *tally, const struct tally_key *key, int limit)
{
    if (is_nobody(key))
        return true;
    size_t home = home_of(tally, key);
    struct entry *entry = &tally->entries[place_of(tally, key, home)];
    if (limit > 0 && entry->count >= limit)
        return false;
    if (entry->count++ > 0)
        return true;
    assert(tally->keys <= tally->mask / 2); /* else more was taken than tally_new() was told */
    tally->keys++;
    entry->key = *key;
    entry->home = (uint32_t)home;
    return true;
}

/* Fills the gap, so that whoever had to give way to the one who is gone is still found. */
static void close_gap(struct tally *tally, size_t gap)
{
    for (size_t at = (gap + 1) & tally->mask; tally->entries[at].count > 0;
         at = (at + 1) & tally->mask) {
        size_t way = (at - tally->entries[at].home) & tally->mask;
        if (way < ((at - gap) & tally->mask))
            continue; /* it would come to lie before its home */
        tally->entries[gap] = tally->entries[at];
        tally->entries[at].count = 0;
        gap = at;
    }
}

void tally_drop(struct tally *tally, const struct tally_key *key)
{
    if (is_nobody(key))
        return;
    size_t at = place_of(tally, key, home_of(tally, key));
    assert(tally->entries[at].count > 0);
    if (--tally->entries[at].count > 0)
        return;
    tally->keys--;
    close_gap(tally, at);
}

int tally_count(const struct tally *tally, const struct tally_key *key)
{
    return is_nobody(key) ? 0 : tally->entries[place_of(tally, key, home_of(tally, key))].count;
}

size_t tally_keys(const struct tally *tally)
{
    return tally->keys;
}
