/*
 * tally: how many of something each one has, for limits that hold per client address or per user. A
 * hash table whose memory is all taken at start; counting takes constant time. Pure; must not know
 * what is counted.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_TALLY_H
#define PONG_GAMED_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who is counted. All zero: nobody, who has no limit and is not counted. */
struct tally_key {
    uint8_t byte[17]; /* a kind and 16 bytes */
};

/*
 * The key of a client's address, in text: an IPv4 address, also written as an IPv6 one, or the /64 of an
 * IPv6 address, of which one subscriber has all. Nobody for any other text ("", "unix:").
 */
struct tally_key tally_key_of_address(const char *text);

/* The key of a user's id; nobody for "". */
struct tally_key tally_key_of_user(const char *user_id);

struct tally;

/*
 * For at most `max` things at a time, whoever has them, 1 or more, and one that is taken before it is
 * refused for another reason. NULL when out of memory.
 */
struct tally *tally_new(size_t max);
void tally_free(struct tally *tally);

/*
 * One more for `key`, unless it has `limit` already: then false. A limit of 0 is none. tally_drop()
 * must follow each one that was taken. True and nothing counted for nobody.
 */
bool tally_take(struct tally *tally, const struct tally_key *key, int limit);
void tally_drop(struct tally *tally, const struct tally_key *key);

/* How many `key` has; how many keys have any. */
int tally_count(const struct tally *tally, const struct tally_key *key);
size_t tally_keys(const struct tally *tally);

#endif
