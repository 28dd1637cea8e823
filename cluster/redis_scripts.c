/*
 * redis_scripts: see redis_scripts.h. A script runs as a whole: nobody else's command comes between its
 * comparison of the lease and its writes. Keys that are made in a script have the hash tag of those that are given.
 */
#include "cluster/redis_scripts.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "cluster/redis_link.h"

/* renew: keys: lease, last; arguments: claim, life in ms, 0 or 1: may be set although `last` is forgotten too.
 * 2: it was gone and is set again, so everything is to be written anew. 0: Redis has forgotten both; wait until
 * nobody else can be alive, then ask with 1. */
static const char renew[] =
    "local cur = redis.call('GET', KEYS[1])\n"
    "if cur == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1 end\n"
    "if cur then return -1 end\n"
    "local last = redis.call('GET', KEYS[2])\n"
    "if last == ARGV[1] or (not last and ARGV[3] == '1') then\n"
    "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) redis.call('SET', KEYS[2], ARGV[1]) return 2\n"
    "end\n"
    "if last then return -1 end\n"
    "return 0\n";

/* claim: keys: lease, last, fence of rooms, fence of results, handovers; arguments: claim, life in ms, slot.
 * 0: somebody has it. */
static const char claim[] =
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end\n"
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) redis.call('SET', KEYS[2], ARGV[1])\n"
    "redis.call('DEL', KEYS[3], KEYS[4]) redis.call('HDEL', KEYS[5], ARGV[3])\n"
    "return 1\n";

/* release: keys: lease, last, rooms, pending; arguments: claim, 0 or 1: although something is in it. 0: there is. */
static const char release[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "if ARGV[2] ~= '1' and redis.call('HLEN', KEYS[3]) + redis.call('ZCARD', KEYS[4]) > 0 then return 0 end\n"
    "redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[2], '-') return 1\n";

/* hand: keys: lease, last, fence of rooms, fence of results, handovers; arguments: claim, the successor's new claim,
 * life in ms, slot, the successor's id. */
static const char hand[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) redis.call('SET', KEYS[2], ARGV[2])\n"
    "redis.call('DEL', KEYS[3], KEYS[4]) redis.call('HSET', KEYS[5], ARGV[4], ARGV[5] .. ' ' .. ARGV[2]) return 1\n";

/* loaded: keys: lease, handovers; arguments: claim, slot. */
static const char loaded[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
                             "redis.call('HDEL', KEYS[2], ARGV[2]) return 1\n";

/* watch: keys: instances, handovers, then of each slot the lease, of each last, of each rooms, of each pending;
 * arguments: id and record of this instance, or two empty words, which only read. Answers {Unix ms, {{lease, last,
 * ms to live, leftovers} of each slot}, {slot, 'id claim', …}, {id, 'ms record', …}}; leftovers are counted where
 * there is no lease. Records that nobody has renewed for a minute are removed, and those from the future, before
 * the clock went back. A server that takes no writes (full, or with a disk that fails) is looked at all the same. */
static const char watch[] =
    "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local stamp = string.format('%.0f', now)\n"
    "if ARGV[2] ~= '' then redis.pcall('HSET', KEYS[1], ARGV[1], stamp .. ' ' .. ARGV[2]) end\n"
    "local slots = {}\n"
    "for i = 1, 32 do\n"
    "  local lease = redis.call('GET', KEYS[2 + i]) or ''\n"
    "  local e = {lease, redis.call('GET', KEYS[34 + i]) or '', 0, 0}\n"
    "  if lease ~= '' then e[3] = redis.call('PTTL', KEYS[2 + i])\n"
    "  else e[4] = redis.call('HLEN', KEYS[66 + i]) + redis.call('ZCARD', KEYS[98 + i]) end\n"
    "  slots[i] = e\n"
    "end\n"
    "local all = redis.call('HGETALL', KEYS[1])\n"
    "if ARGV[2] ~= '' then\n"
    "  for i = 1, #all, 2 do\n"
    "    local at = tonumber(string.match(all[i + 1], '^%d+') or '0')\n"
    "    if math.abs(now - at) > 60000 then redis.pcall('HDEL', KEYS[1], all[i]) end\n"
    "  end\n"
    "end\n"
    "return {stamp, slots, redis.call('HGETALL', KEYS[2]), all}\n";

/* leave: keys: instances; arguments: id. */
static const char leave[] = "redis.call('HDEL', KEYS[1], ARGV[1]) return 1\n";

/* rooms: keys: lease, fence, rooms; arguments: claim, batch, n, n times code and row, then codes of rooms that are gone.
 * 0: the batch came late, and is void. */
static const char rooms[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then return 0 end\n"
    "redis.call('SET', KEYS[2], ARGV[2])\n"
    "local n = tonumber(ARGV[3]) local at = 4\n"
    "for i = 1, n do redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1]) at = at + 2 end\n"
    "for i = at, #ARGV do redis.call('HDEL', KEYS[3], ARGV[i]) end\n"
    "return 1\n";

/* results: keys: lease, fence, results, serial, settled, the four of states; arguments: claim, batch, 0: insert, which leaves
 * an id that is there alone, or 1: update, slot, then for each id, state, next attempt, settled, tail, body. The tail
 * is 'CODE CREATED SETTLED ATTEMPTS LAST_STATUS REFUSED_SINCE'. An update keeps the bytes of the body. 0: came late. */
static const char results[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then return 0 end\n"
    "redis.call('SET', KEYS[2], ARGV[2])\n"
    "for i = 5, #ARGV, 6 do\n"
    "  local id, state, nxt, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]\n"
    "  local old, serial = redis.call('HGET', KEYS[3], id), nil\n"
    "  if not old or ARGV[3] == '1' then\n"
    "    if old then\n"
    "      local os, oslot\n"
    "      serial, os, oslot = string.match(old, '^(%d+) (%d) %-?%d+ (%w)')\n"
    "      redis.call('ZREM', KEYS[6 + tonumber(os)], id) redis.call('ZREM', KEYS[5], id)\n"
    "      redis.call('ZREM', '{pong}:pending:' .. oslot, serial .. ' ' .. id)\n"
    "      body = string.sub(old, string.find(old, '\\n', 1, true) + 1)\n"
    "    else serial = string.format('%016.0f', redis.call('INCR', KEYS[4])) end\n"
    "    redis.call('HSET', KEYS[3], id, table.concat({serial, state, nxt, ARGV[4], ARGV[i + 4]}, ' ') .. '\\n' .. body)\n"
    "    redis.call('ZADD', KEYS[6 + tonumber(state)], tonumber(serial), id)\n"
    "    if state == '0' then redis.call('ZADD', '{pong}:pending:' .. ARGV[4], nxt, serial .. ' ' .. id)\n"
    "    elseif state ~= '2' then redis.call('ZADD', KEYS[5], ARGV[i + 3], id) end\n"
    "  end\n"
    "end\n"
    "return 1\n";

/* purge: keys: lease, results, settled, states 1 and 3; arguments: claim, settled before this Unix ms, how many at most.
 * Answers how many were removed. A live checkpoint of its match keeps a result for another hour. */
static const char purge[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "local done = 0\n"
    "for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])) do\n"
    "  local e = redis.call('HGET', KEYS[2], id)\n"
    "  local code = e and string.match(e, '^%d+ %d %-?%d+ %w (%w+)')\n"
    "  local room = code and redis.call('HGET', '{pong}:rooms:' .. string.sub(code, 1, 1), code)\n"
    "  if room and string.find(room, id, 1, true) then redis.call('ZADD', KEYS[3], tonumber(ARGV[2]) + 3600000, id)\n"
    "  else redis.call('HDEL', KEYS[2], id) redis.call('ZREM', KEYS[3], id)\n"
    "    redis.call('ZREM', KEYS[4], id) redis.call('ZREM', KEYS[5], id) done = done + 1 end\n"
    "end\n"
    "return done\n";

/* aside: keys: lease, rooms, list of rows that are no rooms; arguments: claim, how many of these to keep, then code and row
 * as it was read, which is moved if it is the same still. */
static const char aside[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end\n"
    "for i = 3, #ARGV, 2 do\n"
    "  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then\n"
    "    redis.call('LPUSH', KEYS[3], ARGV[i] .. ' ' .. ARGV[i + 1]) redis.call('HDEL', KEYS[2], ARGV[i])\n"
    "  end\n"
    "end\n"
    "redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[2]) - 1)\n"
    "return 1\n";

const char *const redis_script_text[REDIS_SCRIPT_COUNT] = {
    [REDIS_SCRIPT_RENEW] = renew, [REDIS_SCRIPT_CLAIM] = claim,   [REDIS_SCRIPT_RELEASE] = release,
    [REDIS_SCRIPT_HAND] = hand,   [REDIS_SCRIPT_LOADED] = loaded, [REDIS_SCRIPT_WATCH] = watch,
    [REDIS_SCRIPT_LEAVE] = leave, [REDIS_SCRIPT_ROOMS] = rooms,   [REDIS_SCRIPT_RESULTS] = results,
    [REDIS_SCRIPT_PURGE] = purge, [REDIS_SCRIPT_ASIDE] = aside,
};

/* ---- calls ----------------------------------------------------------------------------------------- */

enum {
    SHA1_HEX_SIZE = 2 * SHA_DIGEST_LENGTH + 1
};

/* Written once, by whoever needs them first. */
static char sums[REDIS_SCRIPT_COUNT][SHA1_HEX_SIZE];
static pthread_once_t sums_once = PTHREAD_ONCE_INIT;

static void make_sums(void)
{
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        const char *text = redis_script_text[i];
        unsigned char sum[SHA_DIGEST_LENGTH];

        SHA1((const unsigned char *)text, strlen(text), sum);
        for (size_t at = 0; at < sizeof sum; at++)
            snprintf(sums[i] + 2 * at, 3, "%02x", sum[at]);
    }
}

void redis_script_add(struct redis_link *link, enum redis_script script, int key_count,
                      const char *const *keys, int arg_count, const char *const *args,
                      const size_t *arg_sizes)
{
    size_t count = 3 + (size_t)key_count + (size_t)arg_count;
    const char **words = malloc(count * sizeof *words);
    size_t *sizes = malloc(count * sizeof *sizes);
    char key_number[16];
    size_t used = 0;

    pthread_once(&sums_once, make_sums);
    if (!words || !sizes) {
        redis_link_add(link, 0, NULL, NULL); /* so that the round fails */
        goto out;
    }
    snprintf(key_number, sizeof key_number, "%d", key_count);
    words[used++] = "EVALSHA";
    words[used++] = sums[script];
    words[used++] = key_number;
    for (int i = 0; i < key_count; i++)
        words[used++] = keys[i];
    for (size_t i = 0; i < used; i++)
        sizes[i] = strlen(words[i]);
    for (int i = 0; i < arg_count; i++, used++) {
        words[used] = args[i];
        sizes[used] = arg_sizes ? arg_sizes[i] : strlen(args[i]);
    }
    assert(used == count);
    redis_link_add(link, (int)count, words, sizes);
out:
    free(words);
    free(sizes);
}
