/*
 * A table of places. A ticket's name is the number of its place and a secret, so nothing is searched.
 * All live equally long: those outstanding, in the order of their issue, are in the order of their end
 * too, and the oldest make room.
 */
#include "gamed/tickets.h"

#include <stdlib.h>
#include <string.h>

enum {
    NOWHERE = TICKETS_MAX,
    SWEPT_PER_ISSUE = 2 /* expired ones that an issue clears away: more than it adds */
};

struct place {
    struct admission admission;
    unsigned char secret[TICKET_SECRET_BYTES];
    int64_t until_ms; /* CLOCK_MONOTONIC */
    bool is_taken;
    uint32_t next, prev; /* of those that are taken, by age; `next` also chains the free ones */
};

struct tickets {
    size_t max;
    size_t touched; /* places from here on were never used */
    uint32_t free;  /* the chain of those that were */
    uint32_t oldest, newest;
    struct tickets_stats stats;
    struct place places[];
};

static const char digits[] = "0123456789abcdef";

struct tickets *tickets_new(size_t max)
{
    struct tickets *tickets = calloc(1, sizeof *tickets + max * sizeof *tickets->places);
    if (!tickets)
        return NULL;
    tickets->max = max;
    tickets->free = tickets->oldest = tickets->newest = NOWHERE;
    return tickets;
}

void tickets_free(struct tickets *tickets)
{
    free(tickets);
}

/* Gives a taken place back, and forgets what was in it. */
static void clear(struct tickets *tickets, uint32_t index)
{
    struct place *place = &tickets->places[index];
    if (place->prev != NOWHERE)
        tickets->places[place->prev].next = place->next;
    else
        tickets->oldest = place->next;
    if (place->next != NOWHERE)
        tickets->places[place->next].prev = place->prev;
    else
        tickets->newest = place->prev;
    memset(place, 0, sizeof *place);
    place->next = tickets->free;
    tickets->free = index;
    tickets->stats.outstanding--;
}

static void sweep(struct tickets *tickets, struct now now)
{
    for (int i = 0; i < SWEPT_PER_ISSUE && tickets->oldest != NOWHERE; i++) {
        if (now.mono_ms < tickets->places[tickets->oldest].until_ms)
            return;
        clear(tickets, tickets->oldest);
        tickets->stats.expired++;
    }
}

/* A free place; NOWHERE when there is none. */
static uint32_t take_place(struct tickets *tickets)
{
    uint32_t index = tickets->free;
    if (index != NOWHERE)
        tickets->free = tickets->places[index].next;
    else if (tickets->touched < tickets->max)
        index = (uint32_t)tickets->touched++;
    return index;
}

static void write_name(uint32_t index, const unsigned char *secret, char out[TICKET_SIZE])
{
    for (int i = TICKET_PLACE_DIGITS; i-- > 0; index >>= 4)
        out[i] = digits[index & 15];
    for (size_t i = 0; i < TICKET_SECRET_BYTES; i++) {
        out[TICKET_PLACE_DIGITS + 2 * i] = digits[secret[i] >> 4];
        out[TICKET_PLACE_DIGITS + 2 * i + 1] = digits[secret[i] & 15];
    }
    out[TICKET_LENGTH] = '\0';
}

int tickets_issue(struct tickets *tickets, const struct admission *admission, struct now now,
                  char out[TICKET_SIZE])
{
    sweep(tickets, now);
    uint32_t index = take_place(tickets);
    if (index == NOWHERE) {
        tickets->stats.refused_full++;
        return TICKETS_FULL;
    }
    struct place *place = &tickets->places[index];
    place->admission = *admission;
    random_bytes(place->secret, sizeof place->secret);
    place->until_ms = now.mono_ms + TICKET_LIFE_MS;
    place->is_taken = true;
    place->next = NOWHERE;
    place->prev = tickets->newest;
    if (tickets->newest != NOWHERE)
        tickets->places[tickets->newest].next = index;
    else
        tickets->oldest = index;
    tickets->newest = index;
    tickets->stats.issued++;
    tickets->stats.outstanding++;
    write_name(index, place->secret, out);
    return TICKETS_OK;
}

/* Reads lower-case hexadecimal digits; returns whether they are. */
static bool read_digits(const char *text, size_t count, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        *value = *value << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* The place that a name speaks of; NOWHERE when it is none of a ticket. */
static uint32_t read_name(const struct tickets *tickets, const char *text,
                          unsigned char secret[TICKET_SECRET_BYTES])
{
    uint32_t index, value;
    if (strnlen(text, TICKET_SIZE) != TICKET_LENGTH ||
        !read_digits(text, TICKET_PLACE_DIGITS, &index) || index >= tickets->touched)
        return NOWHERE;
    for (size_t i = 0; i < TICKET_SECRET_BYTES; i++) {
        if (!read_digits(text + TICKET_PLACE_DIGITS + 2 * i, 2, &value))
            return NOWHERE;
        secret[i] = (unsigned char)value;
    }
    return index;
}

int tickets_redeem(struct tickets *tickets, const char *text, struct now now,
                   struct admission *admission)
{
    unsigned char secret[TICKET_SECRET_BYTES];
    uint32_t index = read_name(tickets, text, secret);
    if (index == NOWHERE || !tickets->places[index].is_taken ||
        !text_equal_constant_time(tickets->places[index].secret, secret, sizeof secret)) {
        tickets->stats.refused_unknown++;
        return TICKETS_UNKNOWN;
    }
    struct place *place = &tickets->places[index];
    bool is_expired = now.mono_ms >= place->until_ms;
    if (is_expired) {
        tickets->stats.refused_expired++;
        tickets->stats.expired++;
    } else {
        *admission = place->admission;
        tickets->stats.redeemed++;
    }
    clear(tickets, index);
    return is_expired ? TICKETS_EXPIRED : TICKETS_OK;
}

void tickets_stats(const struct tickets *tickets, struct tickets_stats *stats)
{
    *stats = tickets->stats;
}
