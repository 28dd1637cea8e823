/*
 * slot_owner: the loop's end of slots, with a real GameManager and fakes of the three threads: the
 * slots thread's news are what a test says, the others' stores are as full and as quick as it says.
 */
#include "gamed/slot_owner.h"

#include <stdlib.h>
#include <string.h>

#include "gamed/game_history.h"
#include "gamed/room_keeper.h"
#include "gamed/slot_keeper.h"
#include "gamed/slot_load.h"
#include "gamed/slots.h"
#include "tests/unit/game_world.h"

enum {
    NEWS_MAX = 16,
    ASKED_MAX = 64,
};

static struct fakes {
    struct slot_news news[NEWS_MAX];
    size_t news_count;
    char asked[ASKED_MAX]; /* "OA" for OPENED of slot A, "D-" for DRAIN, … */
    bool is_ring_full;
    int told_count, load, waiting;
    bool draining;
    uint64_t promised, saved;
    size_t unsaved;
    char forgotten[ASKED_MAX];         /* by the rooms thread … */
    char forgotten_results[ASKED_MAX]; /* … and by the results thread */
    bool is_mailbox_full;
    int changed, rooms_rewritten, results_rewritten, wakes;
} fakes;
static struct slot_owner *owner;

/* ---- the fakes -------------------------------------------------------------------------- */

bool slot_keeper_next(struct slot_keeper *keeper, struct slot_news *news)
{
    (void)keeper;
    if (fakes.news_count == 0)
        return false;
    *news = fakes.news[0];
    memmove(fakes.news, fakes.news + 1, --fakes.news_count * sizeof fakes.news[0]);
    return true;
}

int slot_keeper_ask(struct slot_keeper *keeper, enum slot_wish wish, int slot)
{
    static const char letters[] = {[SLOT_WISH_OPENED] = 'O',
                                   [SLOT_WISH_HAND_OVER] = 'H',
                                   [SLOT_WISH_RELEASE] = 'R',
                                   [SLOT_WISH_DRAIN] = 'D',
                                   [SLOT_WISH_CLAIM] = 'C'};
    const char text[] = {letters[wish], slot < 0 ? '-' : slot_letter(slot), ' ', '\0'};
    (void)keeper;
    if (fakes.is_ring_full)
        return SLOT_KEEPER_FULL;
    assert_true(strlen(fakes.asked) + sizeof text < sizeof fakes.asked);
    strcat(fakes.asked, text);
    return SLOT_KEEPER_OK;
}

void slot_keeper_tell(struct slot_keeper *keeper, int load, int waiting, bool draining)
{
    (void)keeper;
    fakes.told_count++;
    fakes.load = load;
    fakes.waiting = waiting;
    fakes.draining = draining;
}

uint64_t room_keeper_saved(const struct room_keeper *keeper)
{
    (void)keeper;
    return fakes.saved;
}

bool room_keeper_forget_slot(struct room_keeper *keeper, char slot)
{
    (void)keeper;
    if (fakes.is_mailbox_full)
        return false;
    strncat(fakes.forgotten, &slot, 1);
    return true;
}

void room_keeper_rewrite(struct room_keeper *keeper)
{
    (void)keeper;
    fakes.rooms_rewritten++;
}

void game_history_stats(const struct game_history *history, struct game_history_stats *stats)
{
    (void)history;
    *stats = (struct game_history_stats){.unsaved = fakes.unsaved};
}

void game_history_slots_changed(struct game_history *history)
{
    (void)history;
    fakes.changed++;
}

void game_history_rewrite(struct game_history *history)
{
    (void)history;
    fakes.results_rewritten++;
}

bool game_history_forget_slot(struct game_history *history, char slot)
{
    (void)history;
    strncat(fakes.forgotten_results, &slot, 1);
    return true;
}

bool slots_is_valid(const struct slots *slots, int index)
{
    (void)slots;
    return !(world.lost_slots >> index & 1);
}

static uint64_t promised(void *arg)
{
    assert_ptr_equal(arg, &fakes);
    return fakes.promised;
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &fakes);
    fakes.wakes++;
}

/* ---- a world with an owner -------------------------------------------------------------- */

static int slot_a, slot_b;

static int set_up_with(int max_rooms)
{
    struct game_manager_config config = usual;
    memset(&fakes, 0, sizeof fakes);
    config.has_slots = true;
    config.max_rooms = max_rooms;
    open_world(&config);
    slot_a = slot_index('A');
    slot_b = slot_index('B');
    const struct slot_owner_config owner_config = {
        .manager = world.manager, .promised = promised, .wake = wake, .arg = &fakes};
    owner = slot_owner_new(&owner_config);
    assert_non_null(owner);
    return 0;
}

static int set_up_owner(void **state)
{
    (void)state;
    return set_up_with(MAX_ROOMS);
}

static int set_up_big(void **state)
{
    (void)state;
    return set_up_with(300);
}

static int tear_down_owner(void **state)
{
    while (fakes.news_count > 0)
        free(fakes.news[--fakes.news_count].load);
    slot_owner_free(owner);
    world.lost_slots = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (game_manager_slot(world.manager, slot) != GAME_SLOT_NONE)
            game_manager_slot_set(world.manager, slot, GAME_SLOT_OPEN);
    game_manager_slot_set(world.manager, slot_a, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, slot_a);
    game_manager_refuse_rooms(world.manager, false);
    return tear_down(state);
}

/* As the loop does it: a turn each 50 ms at least. */
static void turns(int64_t ms)
{
    const int64_t end = world.now.mono_ms + ms;
    while (world.now.mono_ms < end) {
        run_ms(end - world.now.mono_ms < 50 ? end - world.now.mono_ms : 50);
        assert_true(slot_owner_turn(owner, world.now) - world.now.mono_ns <=
                    SLOT_OWNER_TURN_MS * MILLISECOND);
    }
}

static void tell(enum slot_news_kind kind, int slot)
{
    assert_true(fakes.news_count < NEWS_MAX);
    fakes.news[fakes.news_count++] = (struct slot_news){.kind = kind, .slot = slot};
    slot_owner_news(owner, world.now);
}

/* The slots thread has claimed a slot with so many rooms in it, all like `like` but for their codes. */
static void tell_loaded(int slot, bool is_home, size_t count, const struct room_checkpoint *like)
{
    struct slot_load *load = calloc(1, sizeof *load + count * sizeof load->rooms[0]);
    assert_non_null(load);
    load->slot = slot;
    load->count = count;
    for (size_t i = 0; i < count; i++) {
        load->rooms[i].checkpoint = *like;
        load->rooms[i].checkpoint.room_code[0] = slot_letter(slot);
        load->rooms[i].checkpoint.room_code[1] = slot_letter((int)(i / 32));
        load->rooms[i].checkpoint.room_code[2] = slot_letter((int)(i % 32));
        for (int seat = 0; seat < 2; seat++)
            load->rooms[i].checkpoint.seats[seat].token.byte[0] ^= (unsigned char)i;
    }
    assert_true(fakes.news_count < NEWS_MAX);
    fakes.news[fakes.news_count++] = (struct slot_news){
        .kind = SLOT_NEWS_LOADED, .slot = slot, .is_home = is_home, .load = load};
    slot_owner_news(owner, world.now);
}

static void have_home(void)
{
    tell_loaded(slot_a, true, 0, &(struct room_checkpoint){0});
    assert_int_equal(game_manager_home(world.manager), slot_a);
    assert_string_equal(fakes.asked, "OA ");
    fakes.asked[0] = '\0';
}

static struct slot_owner_stats owner_stats(void)
{
    struct slot_owner_stats owned;
    slot_owner_stats(owner, &owned);
    return owned;
}

/* ---- coming ------------------------------------------------------------------------------ */

static void test_a_home_without_rooms_is_open_at_once(void **state)
{
    (void)state;
    assert_int_equal(create().error, GAME_MANAGER_SLOT_MOVING);
    have_home();
    assert_int_equal(fakes.changed, 1);
    assert_int_equal(create().code[0], 'A');
    assert_int_equal(owner_stats().slots[slot_a], SLOT_OWNER_OWNED);
    assert_int_equal(owner_stats().home, slot_a);
    assert_int_equal(owner_stats().rooms[slot_a], 1);
    world.lost_slots = 1u << slot_a;
    assert_int_equal(owner_stats().slots[slot_a], SLOT_OWNER_FROZEN);
    assert_int_equal(owner_stats().owned, 1);
}

static struct room_checkpoint sample(void)
{
    struct pair pair = start_match(10);
    run_ms(3500);
    struct room_checkpoint checkpoint = world.checkpoint;
    assert_string_equal(checkpoint.room_code, pair.room->game.room_code);
    checkpoint.room_code[0] = 'B';
    return checkpoint;
}

static void test_many_rooms_are_taken_up_in_portions(void **state)
{
    (void)state;
    have_home();
    const struct room_checkpoint like = sample();
    tell_loaded(slot_b, false, 200, &like);
    assert_int_equal(stats().rooms, 1 + SLOT_OWNER_RESTORE_MAX);
    assert_int_equal(game_manager_slot(world.manager, slot_b), GAME_SLOT_LOADING);
    assert_int_equal(owner_stats().slots[slot_b], SLOT_OWNER_LOADING);
    assert_string_equal(fakes.asked, "");
    assert_int_equal(fakes.wakes, 1);
    slot_owner_news(owner, world.now);
    assert_int_equal(fakes.wakes, 1);
    assert_int_equal(stats().rooms, 1 + 200);
    assert_string_equal(fakes.asked, "OB ");
    assert_int_equal(game_manager_slot(world.manager, slot_b), GAME_SLOT_OPEN);
    assert_int_equal(game_manager_home(world.manager), slot_a);
    assert_int_equal(owner_stats().unrestored, 0);
    turns(100);
    assert_int_equal(stats().rooms_frozen, 0);
}

static void test_rooms_without_a_place_wait_for_one(void **state)
{
    (void)state;
    have_home();
    const struct room_checkpoint like = sample();
    tell_loaded(slot_b, false, MAX_ROOMS + 2, &like);
    assert_int_equal(stats().rooms, MAX_ROOMS);
    assert_int_equal(owner_stats().unrestored, 3);
    assert_string_equal(fakes.asked, "OB ");
    fakes.asked[0] = '\0';
    turns(200);
    /* the last that came are those without a place: they are not there, and not unknown either */
    char code[ROOM_CODE_SIZE];
    memcpy(code, like.room_code, sizeof code);
    code[1] = slot_letter(0);
    code[2] = slot_letter(MAX_ROOMS + 1);
    assert_int_equal(check(code), GAME_MANAGER_SLOT_MOVING);
    code[2] = slot_letter(0);
    assert_int_equal(check(code), GAME_MANAGER_OK);

    turns(130000); /* those that nobody came back to have ended and are gone */
    assert_int_equal(owner_stats().unrestored, 0);
    code[2] = slot_letter(MAX_ROOMS + 1);
    assert_int_equal(check(code), GAME_MANAGER_OK);
    assert_string_equal(fakes.asked, "");
    code[2] = slot_letter(31);
    assert_int_equal(check(code), GAME_MANAGER_ROOM_NOT_FOUND);
    turns(130000);
    assert_string_equal(fakes.asked, "RB ");
}

static void test_rooms_without_a_place_go_with_their_slot(void **state)
{
    (void)state;
    have_home();
    const struct room_checkpoint like = sample();
    tell_loaded(slot_b, false, MAX_ROOMS + 2, &like);
    fakes.asked[0] = '\0';
    slot_owner_drain(owner, world.now);
    turns(100);
    assert_string_equal(fakes.asked, "D- HA HB ");
    tell(SLOT_NEWS_DROP, slot_b);
    assert_int_equal(owner_stats().unrestored, 0);
    turns(1000);
    assert_int_equal(game_manager_slot_rooms(world.manager, slot_b), 0);
}

static void test_a_slot_that_comes_again_waits_until_its_old_states_are_forgotten(void **state)
{
    (void)state;
    have_home();
    fakes.is_mailbox_full = true;
    tell(SLOT_NEWS_DROP, slot_a);
    tell_loaded(slot_a, true, 0, &(struct room_checkpoint){0});
    turns(200);
    assert_string_equal(fakes.asked, "");
    assert_int_equal(create().error, GAME_MANAGER_SLOT_MOVING);
    fakes.is_mailbox_full = false;
    turns(100);
    assert_string_equal(fakes.forgotten, "A");
    assert_string_equal(fakes.asked, "OA ");
    assert_int_equal(create().error, GAME_MANAGER_OK);
}

static void test_what_does_not_fit_into_the_ring_is_asked_again(void **state)
{
    (void)state;
    fakes.is_ring_full = true;
    tell_loaded(slot_a, true, 0, &(struct room_checkpoint){0});
    slot_owner_drain(owner, world.now);
    turns(200);
    assert_string_equal(fakes.asked, "");
    assert_int_equal(fakes.changed, 0);
    fakes.is_ring_full = false;
    turns(200);
    assert_string_equal(fakes.asked, "D- OA HA ");
    assert_int_equal(fakes.changed, 1);
}

/* ---- going ------------------------------------------------------------------------------- */

static void test_a_lost_slot_is_dropped(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    turns(300);
    tell(SLOT_NEWS_DROP, slot_a);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_MOVED);
    assert_int_equal(stats().rooms, 0);
    assert_int_equal(game_manager_home(world.manager), -1);
    assert_int_equal(game_manager_slot(world.manager, slot_a), GAME_SLOT_NONE);
    assert_string_equal(fakes.forgotten, "A");
    assert_string_equal(fakes.forgotten_results, "A");
    assert_int_equal(owner_stats().owned, 0);
}

static void test_a_slot_that_is_lost_while_it_is_taken_up(void **state)
{
    (void)state;
    have_home();
    const struct room_checkpoint like = sample();
    tell_loaded(slot_b, false, 200, &like);
    tell(SLOT_NEWS_DROP, slot_b);
    turns(200);
    assert_int_equal(stats().rooms, 1);
    assert_int_equal(game_manager_slot(world.manager, slot_b), GAME_SLOT_NONE);
    assert_string_equal(fakes.asked, "");
}

static void test_an_adopted_slot_is_given_back_when_it_is_empty(void **state)
{
    (void)state;
    have_home();
    struct room_checkpoint like = sample();
    tell_loaded(slot_b, false, 1, &like);
    fakes.asked[0] = '\0';
    turns(29000); /* one of its players never comes */
    assert_string_equal(fakes.asked, "");
    turns(65000);
    assert_int_equal(game_manager_slot_rooms(world.manager, slot_b), 0);
    assert_string_equal(fakes.asked, "RB "); /* and never the home */
    tell(SLOT_NEWS_REFUSED, slot_b);
    turns(4900);
    assert_string_equal(fakes.asked, "RB ");
    turns(200);
    assert_string_equal(fakes.asked, "RB RB ");
    tell(SLOT_NEWS_RELEASED, slot_b);
    assert_int_equal(game_manager_slot(world.manager, slot_b), GAME_SLOT_NONE);
    turns(10000);
    assert_string_equal(fakes.asked, "RB RB ");
}

static void test_a_slot_that_cannot_be_given_back_is_handed_over_at_a_stop(void **state)
{
    (void)state;
    have_home();
    tell_loaded(slot_b, false, 0, &(struct room_checkpoint){0});
    fakes.asked[0] = '\0';
    turns(50);
    assert_string_equal(fakes.asked, "RB ");
    slot_owner_stop(owner, world.now);
    turns(50);
    assert_string_equal(fakes.asked, "RB D- HA ");
    tell(SLOT_NEWS_REFUSED, slot_b);
    turns(50);
    assert_string_equal(fakes.asked, "RB D- HA HB ");
    tell(SLOT_NEWS_DROP, slot_a);
    tell(SLOT_NEWS_DROP, slot_b);
    turns(50);
    assert_true(slot_owner_is_empty(owner));
}

static void test_what_redis_lost_is_written_again(void **state)
{
    (void)state;
    tell(SLOT_NEWS_REWRITE, -1);
    assert_int_equal(fakes.rooms_rewritten, 1);
    assert_int_equal(fakes.results_rewritten, 1);
}

/* ---- handing over ------------------------------------------------------------------------ */

static void test_a_slot_is_handed_over_when_its_last_states_are_safe(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    turns(3500);
    fakes.promised = 7;
    fakes.saved = 6;
    fakes.unsaved = 1;
    world.checkpoint_count = 0;
    slot_owner_drain(owner, world.now);
    assert_int_equal(create().error, GAME_MANAGER_DRAINING);
    assert_true(fakes.draining); /* told at once */
    turns(100);
    assert_int_equal(stats().rooms_frozen, 1);
    assert_int_equal(world.checkpoint_count, 1);
    assert_string_equal(fakes.asked, "D- ");
    fakes.saved = 7;
    turns(50);
    assert_string_equal(fakes.asked, "D- ");
    turns(50);
    turns(50); /* longer than it takes to note what was delivered nobody waits */
    assert_string_equal(fakes.asked, "D- HA ");
    assert_int_equal(owner_stats().slots[slot_a], SLOT_OWNER_HANDING);
    turns(2000);
    assert_int_equal(world.checkpoint_count, 1);
    assert_int_equal(pair.clients[0]->close_count, 0); /* not before the successor has it */
    assert_false(owner_stats().is_drained);
    tell(SLOT_NEWS_DROP, slot_a);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_MOVED);
    assert_true(owner_stats().is_drained);
    turns(1000);
    assert_false(slot_owner_is_empty(owner)); /* it does not stop */
    slot_owner_undrain(owner, world.now);
    assert_string_equal(fakes.asked, "D- HA C- ");
    assert_false(fakes.draining);
}

static void test_an_end_that_is_not_safe_is_not_handed_over(void **state)
{
    (void)state;
    have_home();
    world.holds_results = true;
    start_match(1);
    while (world.result_count == 0)
        turns(50);
    slot_owner_drain(owner, world.now);
    turns(500);
    assert_string_equal(fakes.asked, "D- ");
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    turns(50);
    assert_string_equal(fakes.asked, "D- HA ");
}

static void test_who_cannot_hand_over_goes_on(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    turns(3500);
    fakes.promised = 1; /* Redis is away: never saved */
    slot_owner_drain(owner, world.now);
    turns(900);
    assert_int_equal(stats().rooms_frozen, 1);
    turns(200);
    assert_int_equal(stats().rooms_frozen, 0);
    turns(3100);
    assert_string_equal(pair.clients[0]->heard, "R0 P0 R0 ");
    turns(5000);
    assert_int_equal(stats().freezes, 1); /* not again by itself: it costs a countdown */

    fakes.saved = 1;
    slot_owner_drain(owner, world.now);
    turns(50);
    assert_string_equal(fakes.asked, "D- HA ");
    tell(SLOT_NEWS_NOT_HANDED, slot_a); /* there is nobody */
    turns(3100);
    assert_int_equal(stats().rooms_frozen, 0);
    assert_int_equal(create().error, GAME_MANAGER_DRAINING);
    assert_int_equal(pair.clients[0]->close_count, 0);
    slot_owner_undrain(owner, world.now);
    assert_int_equal(create().error, GAME_MANAGER_OK);
}

static void test_the_end_of_a_drain_ends_a_handover_that_was_not_asked_for_yet(void **state)
{
    (void)state;
    have_home();
    start_match(10);
    fakes.promised = 1;
    slot_owner_drain(owner, world.now);
    turns(100);
    assert_int_equal(stats().rooms_frozen, 1);
    slot_owner_undrain(owner, world.now);
    turns(100);
    assert_int_equal(stats().rooms_frozen, 0);
    assert_string_equal(fakes.asked, "D- C- ");
}

/* ---- stopping ---------------------------------------------------------------------------- */

static void test_a_stop_ends_when_all_is_handed_over(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    turns(3500);
    slot_owner_stop(owner, world.now);
    turns(100);
    assert_string_equal(fakes.asked, "D- HA ");
    assert_false(slot_owner_is_empty(owner));
    tell(SLOT_NEWS_DROP, slot_a);
    turns(50);
    assert_true(slot_owner_is_empty(owner));
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_MOVED);
}

static void test_a_stop_without_a_successor_sends_everybody_away(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    turns(3500);
    slot_owner_stop(owner, world.now);
    turns(100);
    assert_int_equal(pair.clients[0]->close_count, 0);
    tell(SLOT_NEWS_NOT_HANDED, slot_a);
    turns(50);
    assert_true(slot_owner_is_empty(owner));
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_RESTARTING);
    assert_int_equal(stats().rooms, 1); /* to be kept as it is */
    assert_string_equal(pair.clients[0]->heard, "R0 ");
    slot_owner_undrain(owner, world.now);
    assert_true(owner_stats().is_draining); /* there is no way back */
}

static void test_a_stop_while_redis_is_away_waits_a_second(void **state)
{
    (void)state;
    have_home();
    struct pair pair = start_match(10);
    fakes.promised = 1;
    slot_owner_stop(owner, world.now);
    turns(900);
    assert_false(slot_owner_is_empty(owner));
    turns(200);
    assert_true(slot_owner_is_empty(owner));
    assert_int_equal(pair.clients[1]->code, SESSION_CLOSE_RESTARTING);
}

static void test_the_registry_is_told_of_the_load(void **state)
{
    (void)state;
    have_home();
    struct ticket ticket = create_public();
    connect_token(ticket.code, ticket.token);
    turns(1000);
    assert_int_equal(fakes.load, 3);
    assert_int_equal(fakes.waiting, 1);
    assert_in_range(fakes.told_count, 3, 5);
    assert_int_equal(owner_stats().load, 3);
}

#define OWNER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_owner, tear_down_owner)
#define BIG_TEST(name)   cmocka_unit_test_setup_teardown(name, set_up_big, tear_down_owner)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWNER_TEST(test_a_home_without_rooms_is_open_at_once),
        BIG_TEST(test_many_rooms_are_taken_up_in_portions),
        OWNER_TEST(test_rooms_without_a_place_wait_for_one),
        OWNER_TEST(test_rooms_without_a_place_go_with_their_slot),
        OWNER_TEST(test_a_slot_that_comes_again_waits_until_its_old_states_are_forgotten),
        OWNER_TEST(test_what_does_not_fit_into_the_ring_is_asked_again),
        OWNER_TEST(test_a_lost_slot_is_dropped),
        BIG_TEST(test_a_slot_that_is_lost_while_it_is_taken_up),
        OWNER_TEST(test_an_adopted_slot_is_given_back_when_it_is_empty),
        OWNER_TEST(test_a_slot_that_cannot_be_given_back_is_handed_over_at_a_stop),
        OWNER_TEST(test_what_redis_lost_is_written_again),
        OWNER_TEST(test_a_slot_is_handed_over_when_its_last_states_are_safe),
        OWNER_TEST(test_an_end_that_is_not_safe_is_not_handed_over),
        OWNER_TEST(test_who_cannot_hand_over_goes_on),
        OWNER_TEST(test_the_end_of_a_drain_ends_a_handover_that_was_not_asked_for_yet),
        OWNER_TEST(test_a_stop_ends_when_all_is_handed_over),
        OWNER_TEST(test_a_stop_without_a_successor_sends_everybody_away),
        OWNER_TEST(test_a_stop_while_redis_is_away_waits_a_second),
        OWNER_TEST(test_the_registry_is_told_of_the_load),
    };
    return cmocka_run_group_tests_name("slot_owner", tests, NULL, NULL);
}
