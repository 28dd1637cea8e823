/*
 * What must not be lost: checkpoints of rooms, rooms taken up again, and ends of matches that are
 * announced only once their results are safe.
 */
#include "gamed/game_manager_private.h"

#include <string.h>
#include <utlist.h>

enum {
    ANNOUNCE_ANYWAY_MS = 2000
}; /* with a broken store */

/* ---- the end of a match -------------------------------------------------------------- */

void manager_hold(struct game_manager *manager, struct room *room, const char *match_id,
                  struct now now)
{
    if (room->held_since_ms)
        manager_release(manager, room);
    room->held_since_ms = now.mono_ms;
    memcpy(room->held_match_id, match_id, sizeof room->held_match_id);
    HASH_ADD(hh_held, manager->held_rooms, held_match_id, UUID_SIZE - 1, room);
}

void manager_release(struct game_manager *manager, struct room *room)
{
    if (!room->held_since_ms)
        return;
    room->held_since_ms = 0;
    manager_owe_keyframes(room); /* what they were not told meanwhile */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in there, so there is a list */
    HASH_DELETE(hh_held, manager->held_rooms, room);
}

void manager_protect_end(struct game_manager *manager, struct room *room, const char *match_id)
{
    if (room->unsafe)
        return; /* the one before it is still to be protected */
    struct unsafe_end *end = pool_take(&manager->unsafe_pool);
    if (!end)
        return; /* there are too many */
    memcpy(end->match_id, match_id, sizeof end->match_id);
    memcpy(end->room_code, room->game.room_code, sizeof end->room_code);
    end->room = room;
    room->unsafe = end;
    HASH_ADD(hh, manager->unsafe_ends, match_id, UUID_SIZE - 1, end);
}

static void end_is_safe(struct game_manager *manager, const char *match_id)
{
    struct unsafe_end *end;
    HASH_FIND(hh, manager->unsafe_ends, match_id, UUID_SIZE - 1, end);
    if (!end)
        return;
    if (end->room)
        end->room->unsafe = NULL;
    else if (!manager_find_room(manager, end->room_code)) /* else another one has the row */
        manager_note_gone(manager, end->room_code);
    HASH_DELETE(hh, manager->unsafe_ends, end);
    pool_give(&manager->unsafe_pool, end);
}

static bool is_in_slot(const char *room_code, int slot)
{
    return room_code[0] == slot_letter(slot);
}

void manager_drop_unsafe(struct game_manager *manager, int slot)
{
    struct unsafe_end *end, *after;
    HASH_ITER (hh, manager->unsafe_ends, end, after) {
        if (!is_in_slot(end->room_code, slot))
            continue;
        if (end->room)
            end->room->unsafe = NULL;
        HASH_DELETE(hh, manager->unsafe_ends, end);
        pool_give(&manager->unsafe_pool, end);
    }
}

void manager_drop_gone(struct game_manager *manager, int slot)
{
    size_t kept = 0;
    for (size_t i = 0; i < manager->gone_count; i++)
        if (!is_in_slot(manager->gone[i], slot))
            memmove(manager->gone[kept++], manager->gone[i], sizeof manager->gone[i]);
    manager->gone_count = kept;
}

int manager_count_unsafe(const struct game_manager *manager, int slot, bool only_closed)
{
    int count = 0;
    const struct unsafe_end *end;
    for (end = manager->unsafe_ends; end; end = end->hh.next)
        count += !(end->room && only_closed) && is_in_slot(end->room_code, slot);
    return count;
}

int manager_count_gone(const struct game_manager *manager, int slot)
{
    int count = 0;
    for (size_t i = 0; i < manager->gone_count; i++)
        count += is_in_slot(manager->gone[i], slot);
    return count;
}

void manager_forget_row(struct game_manager *manager, struct room *room)
{
    if (room->unsafe)
        room->unsafe->room = NULL;
    else
        manager_note_gone(manager, room->game.room_code);
    room->unsafe = NULL;
}

/* The room plays again while its row has the only trace of the match before. */
static bool row_is_taken(const struct room *room)
{
    return room->unsafe && memcmp(room->unsafe->match_id, room->game.match_id, UUID_SIZE - 1) != 0;
}

/* Of these the last one of a player says it all: who comes, goes and is waited for. */
static bool is_superseded(const struct game_event *earlier, const struct game_event *event)
{
    const bool is_presence = event->type == GAME_EVENT_JOINED || event->type == GAME_EVENT_LEFT;
    const bool was_presence =
        earlier->type == GAME_EVENT_JOINED || earlier->type == GAME_EVENT_LEFT;
    const bool are_pauses = event->type == GAME_EVENT_PAUSED && earlier->type == GAME_EVENT_PAUSED;
    return earlier->player == event->player && ((is_presence && was_presence) || are_pauses);
}

void manager_log_event(struct room *room, const struct game_event *event)
{
    const bool waits = room->held_since_ms || room->frozen_since_ms;
    for (uint32_t n = room->held_from; waits && n != room->log_next; n++) {
        struct game_event *earlier = &room->log[n % ROOM_LOG_SIZE];
        if (is_superseded(earlier, event)) {
            *earlier = *event;
            return;
        }
    }
    room->log[room->log_next++ % ROOM_LOG_SIZE] = *event;
}

bool manager_is_held(struct game_manager *manager, struct room *room, struct now now)
{
    if (room->held_since_ms && now.mono_ms - room->held_since_ms >= ANNOUNCE_ANYWAY_MS)
        manager_release(manager, room);
    return room->held_since_ms != 0;
}

void game_manager_result_stored(struct game_manager *manager, const char *match_id, struct now now)
{
    struct room *room;
    end_is_safe(manager, match_id);
    HASH_FIND(hh_held, manager->held_rooms, match_id, UUID_SIZE - 1, room);
    if (!room)
        return;
    manager_release(manager, room);
    const struct game_events nothing_new = {0};
    game_state_view(&room->game, &room->fresh);
    room->update_due = true; /* the final state comes right behind */
    manager_publish(manager, room, &nothing_new, now);
}

void game_manager_view(const struct room *room, struct game_view *view)
{
    if (room->held_since_ms)
        *view = room->shown;
    else
        game_state_view(&room->game, view);
}

/* ---- checkpoints --------------------------------------------------------------------- */

static struct room_mark mark_of(const struct room *room)
{
    struct room_mark mark;
    memset(&mark, 0, sizeof mark);
    mark.phase = room->game.pong.phase;
    for (int i = 0; i < 2; i++) {
        mark.score[i] = room->game.pong.score[i];
        mark.token_version[i] = room->game.seats[i].token_version;
        mark.name_version[i] = room->game.seats[i].name_version;
    }
    mark.log_next = room->log_next;
    return mark;
}

static bool hand_over(struct game_manager *manager, struct room *room,
                      const struct room_checkpoint *checkpoint, struct now now)
{
    if (!manager->hooks.checkpoint(manager->hooks.durable_arg, checkpoint))
        return false;
    room->checkpointed_ms = now.mono_ms;
    return true;
}

bool manager_save(struct game_manager *manager, struct room *room, struct now now)
{
    struct room_checkpoint checkpoint;
    if (row_is_taken(room))
        return true; /* until the result that it has is safe */
    game_state_save(&room->game, now, &checkpoint);
    checkpoint.creator_token = room->creator_token;
    memcpy(checkpoint.creator_id, room->creator_id, sizeof checkpoint.creator_id);
    if (!hand_over(manager, room, &checkpoint, now))
        return false;
    room->checkpointed = mark_of(room);
    return true;
}

/* The mark is that of the last whole one still. */
static void save_partial(struct game_manager *manager, struct room *room, struct now now)
{
    struct room_checkpoint checkpoint;
    game_state_save_partial(&room->game, now, &checkpoint);
    hand_over(manager, room, &checkpoint, now);
}

void manager_checkpoint(struct game_manager *manager, struct room *room, struct now now)
{
    struct room_mark mark = mark_of(room);
    if (row_is_taken(room))
        return;
    if (room->checkpointed_ms == 0 || memcmp(&mark, &room->checkpointed, sizeof mark) != 0)
        manager_save(manager, room, now);
    else if (game_state_is_under_way(&room->game) &&
             now.mono_ms - room->checkpointed_ms >= manager->config.checkpoint_ms)
        save_partial(manager, room, now);
}

void manager_note_gone(struct game_manager *manager, const char *room_code)
{
    /* More codes than rooms can only wait here with a broken store; then the oldest is forgotten. */
    if (manager->gone_count == 2 * (size_t)manager->config.max_rooms)
        memmove(manager->gone[0], manager->gone[1],
                --manager->gone_count * sizeof manager->gone[0]);
    memcpy(manager->gone[manager->gone_count++], room_code, ROOM_CODE_SIZE);
    manager_tell_gone(manager);
}

void manager_tell_gone(struct game_manager *manager)
{
    while (manager->gone_count > 0) {
        struct room_checkpoint checkpoint;
        memset(&checkpoint, 0, sizeof checkpoint);
        checkpoint.is_gone = true;
        memcpy(checkpoint.room_code, manager->gone[manager->gone_count - 1], ROOM_CODE_SIZE);
        if (!manager->hooks.checkpoint(manager->hooks.durable_arg, &checkpoint))
            return;
        manager->gone_count--;
    }
}

void game_manager_checkpoints_lost(struct game_manager *manager)
{
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        struct room *room;
        DL_FOREACH (manager->phases[i].rooms, room) {
            room->checkpointed_ms = 0;
        }
    }
}

int game_manager_checkpoint_all(struct game_manager *manager, struct now now)
{
    int missed = 0;
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        struct room *room;
        DL_FOREACH (manager->phases[i].rooms, room) {
            missed += !manager_save(manager, room, now);
        }
    }
    return missed;
}

/* ---- a room of an earlier process ---------------------------------------------------- */

static void restore_bot(struct game_manager *manager, struct room *room, int seat, struct now now)
{
    const struct game_player *player = &room->game.seats[seat - 1].player;
    struct player_session *session = manager_take_session(manager, room, NULL, now);
    if (!session)
        return; /* cannot be: the pool holds one bot a room */
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    session->is_bot = true;
    session->seat = (uint8_t)seat;
    bot_init(&session->bot, (enum bot_level)player->bot_level, seat, seed);
    session->bot.next_look = room->game.pong.step;
    manager_enter_room(room, session);
}

static bool is_of_ours(const struct game_manager *manager, const char *room_code)
{
    const int slot = slot_index(room_code[0]);
    if (!manager->config.has_slots)
        return room_code[0] == manager->config.slot;
    return slot >= 0 &&
           (manager->slots[slot].state == GAME_SLOT_LOADING ||
            (manager->slots[slot].state == GAME_SLOT_OPEN && manager->slots[slot].lacks_rooms));
}

int game_manager_restore(struct game_manager *manager, const struct room_checkpoint *checkpoint,
                         const struct match_result *result, struct now now)
{
    if (!is_of_ours(manager, checkpoint->room_code) ||
        manager_find_room(manager, checkpoint->room_code))
        return GAME_MANAGER_SERVER_FULL;
    if (result && !(checkpoint->seats[0].held && checkpoint->seats[1].held)) {
        /* from before somebody sat down who has played since: nobody could be told apart in it */
        manager_note_gone(manager, checkpoint->room_code);
        return GAME_MANAGER_OK;
    }
    struct room *room = manager_take_room(manager);
    if (!room)
        return GAME_MANAGER_SERVER_FULL;
    game_state_load(&room->game, &manager->config.rules, checkpoint, now);
    if (result)
        game_state_settle(&room->game, result, now);
    room->creator_token = checkpoint->creator_token;
    memcpy(room->creator_id, checkpoint->creator_id, sizeof room->creator_id);
    /* which address a guest had is not kept */
    room->creator = tally_key_of_user(room->creator_id);
    tally_take(manager->creators, &room->creator, 0);
    manager_list_room(manager, room, now);
    for (int seat = 1; seat <= 2; seat++) {
        manager_index_seat(manager, room, seat);
        room->claims[seat - 1].created =
            digest_equal(&room->creator_token, &room->game.seats[seat - 1].player.token);
        if (room->game.seats[seat - 1].held && room->game.seats[seat - 1].player.is_bot)
            restore_bot(manager, room, seat, now);
    }
    if (!result && room->game.pong.phase == PONG_FINISHED)
        manager_hold(manager, room, room->game.match_id, now);
    if (manager->config.has_slots)
        room->frozen_since_ms = now.mono_ms; /* until the slot is open */
    return GAME_MANAGER_OK;
}

static void submit(struct game_manager *manager, struct room *room, struct now now)
{
    struct match_result result;
    game_state_result(&room->game, &result);
    if (manager->hooks.match_over(manager->hooks.durable_arg, &result)) {
        room->held_since_ms = now.mono_ms;
        manager_protect_end(manager, room, result.match_id);
    } else {
        manager_release(manager, room);
    }
}

void game_manager_submit_restored(struct game_manager *manager, struct now now)
{
    struct room *room, *after;
    HASH_ITER (hh_held, manager->held_rooms, room, after)
        submit(manager, room, now);
}

void game_manager_submit_slot(struct game_manager *manager, int slot, struct now now)
{
    struct room *room, *after;
    HASH_ITER (hh_held, manager->held_rooms, room, after) {
        if (room->slot == slot && !room->unsafe) /* else it was submitted */
            submit(manager, room, now);
    }
}
