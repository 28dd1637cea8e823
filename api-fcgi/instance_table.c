/*
 * instance_table: see instance_table.h.
 */
#include "api-fcgi/instance_table.h"

#include <string.h>

/* Somebody who looks for an opponent is sent to the first instance up to that load, and is in no hurry
 * to even out loads: 2 × the least one's, and this. */
enum {
    QUICK_LOAD_SLACK = 100
};

int instance_table_owner(const struct instance_table *table, int slot)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->view[i].slots & (UINT32_C(1) << slot))
            return (int)i;
    return -1;
}

bool instance_table_collides(const struct instance_table *table, int *slot)
{
    uint32_t seen = 0;

    for (size_t i = 0; i < table->count; i++) {
        uint32_t twice = seen & table->view[i].slots;

        if (twice != 0) {
            *slot = 0;
            while (!(twice & (UINT32_C(1) << *slot)))
                (*slot)++;
            return true;
        }
        seen |= table->view[i].slots;
    }
    return false;
}

static bool have_one_address(const struct instance_view *a, const struct instance_view *b)
{
    return a->is_fresh && b->is_fresh &&
           (strcmp(a->ipc, b->ipc) == 0 || (a->ws[0] != '\0' && strcmp(a->ws, b->ws) == 0));
}

int instance_table_twin(const struct instance_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t earlier = 0; earlier < i; earlier++)
            if (have_one_address(&table->view[earlier], &table->view[i]))
                return (int)i;
    return -1;
}

/* How willing an instance is to open a room; the best ones alone are candidates. */
enum willingness {
    GONE,      /* not heard of lately */
    UNWILLING, /* it will say why not */
    WILLING
};

static enum willingness willingness_of(const struct instance_view *view)
{
    if (!view->is_fresh)
        return GONE;
    return view->draining || !view->has_home ? UNWILLING : WILLING;
}

/* Fills in the indices of those that are as willing as any; *best is how much. Returns how many. */
static size_t candidates(const struct instance_table *table, int not_this,
                         int out[INSTANCE_TABLE_MAX], enum willingness *best)
{
    size_t count = 0;

    *best = GONE;
    for (size_t i = 0; i < table->count; i++) {
        enum willingness willingness = willingness_of(&table->view[i]);

        if ((int)i == not_this || willingness < *best)
            continue;
        if (willingness > *best)
            count = 0;
        *best = willingness;
        out[count++] = (int)i;
    }
    return count;
}

int instance_table_for_create(const struct instance_table *table, int not_this, uint32_t random_a,
                              uint32_t random_b)
{
    int list[INSTANCE_TABLE_MAX];
    enum willingness best;
    uint32_t count = (uint32_t)candidates(table, not_this, list, &best);
    uint32_t a, b;

    if (count == 0)
        return -1;
    a = random_a % count;
    if (count == 1)
        return list[a];
    b = random_b % (count - 1);
    b += b >= a; /* any of the others */
    return table->view[list[b]].load < table->view[list[a]].load ? list[b] : list[a];
}

int instance_table_for_quick(const struct instance_table *table, int not_this, uint32_t random_a,
                             uint32_t random_b)
{
    int list[INSTANCE_TABLE_MAX];
    enum willingness best;
    size_t count = candidates(table, not_this, list, &best);
    const struct instance_view *most, *least;

    if (count == 0 || best != WILLING)
        return instance_table_for_create(table, not_this, random_a, random_b);
    most = least = &table->view[list[0]];
    for (size_t i = 1; i < count; i++) {
        const struct instance_view *view = &table->view[list[i]];

        if (view->waiting > most->waiting)
            most = view;
        if (view->load < least->load)
            least = view;
    }
    if (most->waiting > 0)
        return (int)(most - table->view);
    for (size_t i = 0; i < count; i++)
        if (table->view[list[i]].load <= 2 * (int64_t)least->load + QUICK_LOAD_SLACK)
            return list[i];
    return (int)(least - table->view);
}
