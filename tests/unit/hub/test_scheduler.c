// SPDX-License-Identifier: Apache-2.0
// The scheduler on a simulated network: thousands of seeds of random arrivals, lengths,
// failures and promotions, with the promises checked at every step; and each rule alone.
#include "hub/scheduler.h"
#include "tests/unit/unit_test.h"

#include <string.h>

enum { SEEDS = 3000, ITEMS = 60, STREAMS = 6 };

// ------------------------------------------------------------------- the simulated network

struct request {
    struct sched_item item;
    int64_t arrives_ms;
    int64_t started_ms; // -1 = not yet
    int64_t ends_ms;
    bool is_over;
    unsigned ahead;             // demands of its kind that waited when it came
    unsigned ends_seen_waiting; // units of its kind that ended while it waited
};

struct network {
    struct scheduler scheduler;
    struct request requests[ITEMS];
    uint64_t state; // SplitMix64
    int64_t now_ms;
    uint64_t background_bytes;
    bool is_calm; // one stream, no refusals, no promotions
};

static uint64_t roll(struct network *network, uint64_t bound)
{
    uint64_t z = (network->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
}

static void make_requests(struct network *network)
{
    static const enum slot_kind kinds[] = {SLOT_API, SLOT_PLAN, SLOT_DATA, SLOT_DATA};
    int64_t at_ms = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        struct request *request = &network->requests[i];
        at_ms += (int64_t)roll(network, 30);
        *request = (struct request){
            .item = {.kind = kinds[roll(network, 4)],
                     .class = (enum hub_class)roll(network, HUB_CLASSES),
                     .stream = network->is_calm ? 1 : (uint32_t)roll(network, STREAMS),
                     .bytes = 1 + roll(network, 8 << 20)},
            .arrives_ms = at_ms,
            .started_ms = -1,
        };
    }
}

// Invariants (1) and (2) of scheduler.c, and that the limits are never exceeded.
static void check_start(struct network *network, const struct sched_item *item)
{
    const struct scheduler *scheduler = &network->scheduler;
    const struct request *request = (const struct request *)(const void *)item;
    unsigned slots = scheduler->slots[item->kind];
    if (network->is_calm && item->class == HUB_DEMAND) {
        // "A demand waits at most one unit", for itself and for each demand before it.
        assert_true(request->ends_seen_waiting <= request->ahead + 1);
    }
    assert_true(scheduler->active[item->kind] <= slots);
    assert_true(slots <= (item->kind == SLOT_API    ? 8u
                          : item->kind == SLOT_PLAN ? 16u
                                                    : scheduler->data_slots_max));
    if (item->class != HUB_DEMAND) {
        assert_true(scheduler->active_background[item->kind] <=
                    slots - scheduler_reserved(scheduler, item->kind));
    }
    for (unsigned higher = 0; higher < (unsigned)item->class; higher++) {
        assert_int_equal(scheduler->queues[item->kind][higher].count, 0);
    }
}

static void start_all(struct network *network)
{
    struct sched_item *item = NULL;
    while ((item = scheduler_next(&network->scheduler, network->now_ms)) != NULL) {
        struct request *request = (struct request *)(void *)item;
        check_start(network, item);
        assert_int_equal(request->started_ms, -1);
        request->started_ms = network->now_ms;
        request->ends_ms = network->now_ms + 5 + (int64_t)roll(network, 200);
        if (item->kind == SLOT_DATA && item->class != HUB_DEMAND) {
            network->background_bytes += item->bytes;
        }
    }
}

// Invariant (4): burst plus one unit per slot that was free at once is the most that may be
// ahead of the rate.
static void check_rate(const struct network *network)
{
    uint64_t rate = network->scheduler.max_rate;
    if (rate > 0) {
        uint64_t allowed = rate + rate * (uint64_t)network->now_ms / 1000 + (8 << 20);
        assert_true(network->background_bytes <= allowed);
    }
}

static void end_request(struct network *network, struct request *request)
{
    bool is_congestion = !network->is_calm && roll(network, 40) == 0;
    scheduler_received(&network->scheduler, request->item.bytes, network->now_ms);
    scheduler_ended(&network->scheduler, &request->item, request->item.bytes,
                    is_congestion, network->now_ms);
    request->is_over = true;
    for (unsigned i = 0; i < ITEMS; i++) {
        struct request *other = &network->requests[i];
        if (other->item.is_queued && other->item.kind == request->item.kind) {
            other->ends_seen_waiting++;
        }
    }
}

static bool step(struct network *network)
{
    bool is_over = true;
    for (unsigned i = 0; i < ITEMS; i++) {
        struct request *request = &network->requests[i];
        if (request->arrives_ms == network->now_ms) {
            request->ahead =
                network->scheduler.queues[request->item.kind][HUB_DEMAND].count;
            scheduler_enqueue(&network->scheduler, &request->item);
        } else if (request->item.is_queued && !network->is_calm &&
                   roll(network, 500) == 0) {
            scheduler_promote(&network->scheduler, &request->item, HUB_DEMAND);
        } else if (request->started_ms >= 0 && !request->is_over &&
                   network->now_ms >= request->ends_ms) {
            end_request(network, request);
            start_all(network);
        }
        is_over = is_over && request->is_over;
    }
    start_all(network);
    check_rate(network);
    network->now_ms++;
    return is_over;
}

static void run_seed(uint64_t seed, uint64_t max_rate, unsigned max_slots, bool is_calm)
{
    static struct network network;
    struct scheduler_config config = {.data_slots_max = max_slots, .max_rate = max_rate};
    memset(&network, 0, sizeof(network));
    network.state = seed;
    network.is_calm = is_calm;
    scheduler_init(&network.scheduler, &config, 0);
    make_requests(&network);
    while (!step(&network)) {
        // No starvation: everything ends.
        assert_true(network.now_ms < 3600 * 1000);
    }
    for (unsigned kind = 0; kind < SLOT_KINDS; kind++) {
        assert_int_equal(network.scheduler.active[kind], 0);
        assert_int_equal(network.scheduler.active_background[kind], 0);
    }
}

TEST(test_thousands_of_random_networks_keep_every_promise)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed, 0, seed % 5 == 0 ? (unsigned)(seed % 7) + 1 : 0, false);
    }
}

TEST(test_a_demand_waits_for_one_unit_at_most)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed, 0, seed % 5 == 0 ? (unsigned)(seed % 7) + 1 : 0, true);
    }
}

TEST(test_a_rate_limit_holds_and_starves_nobody)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run_seed(seed, 8 << 20, 0, false);
    }
}

// ------------------------------------------------------------------------------ rules alone

static struct scheduler plain_scheduler(void)
{
    struct scheduler scheduler;
    struct scheduler_config config = {0};
    scheduler_init(&scheduler, &config, 0);
    return scheduler;
}

TEST(test_a_demand_finds_a_slot_while_the_background_floods)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item flood[50];
    struct sched_item demand = {.kind = SLOT_DATA, .class = HUB_DEMAND, .bytes = 1};
    for (unsigned i = 0; i < 50; i++) {
        flood[i] = (struct sched_item){.kind = SLOT_DATA, .class = HUB_AHEAD, .bytes = 1};
        scheduler_enqueue(&scheduler, &flood[i]);
    }
    unsigned started = 0;
    while (scheduler_next(&scheduler, 0) != NULL) {
        started++;
    }
    assert_int_equal(started, 12); // 16 slots, 4 of them reserved
    scheduler_enqueue(&scheduler, &demand);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &demand);
}

TEST(test_a_demand_behind_demands_waits_for_one_end_only)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item busy[16];
    struct sched_item late = {
        .kind = SLOT_DATA, .class = HUB_DEMAND, .stream = 9, .bytes = 1};
    struct sched_item ahead = {.kind = SLOT_DATA, .class = HUB_AHEAD, .bytes = 1};
    for (unsigned i = 0; i < 16; i++) {
        busy[i] = (struct sched_item){.kind = SLOT_DATA, .class = HUB_DEMAND, .bytes = 1};
        scheduler_enqueue(&scheduler, &busy[i]);
        assert_non_null(scheduler_next(&scheduler, 0));
    }
    scheduler_enqueue(&scheduler, &ahead);
    scheduler_enqueue(&scheduler, &late);
    assert_null(scheduler_next(&scheduler, 0));
    scheduler_ended(&scheduler, &busy[3], 1, false, 1);
    assert_ptr_equal(scheduler_next(&scheduler, 1), &late);
}

TEST(test_streams_take_turns_and_keep_their_order)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item a[3];
    struct sched_item b[2];
    for (unsigned i = 0; i < 3; i++) {
        a[i] = (struct sched_item){.kind = SLOT_API, .class = HUB_DEMAND, .stream = 1};
        scheduler_enqueue(&scheduler, &a[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        b[i] = (struct sched_item){.kind = SLOT_API, .class = HUB_DEMAND, .stream = 2};
        scheduler_enqueue(&scheduler, &b[i]);
    }
    assert_ptr_equal(scheduler_next(&scheduler, 0), &a[0]);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &b[0]);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &a[1]);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &b[1]);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &a[2]);
    assert_null(scheduler_next(&scheduler, 0));
}

TEST(test_a_promoted_request_goes_to_the_head_of_its_new_class)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item first = {
        .kind = SLOT_DATA, .class = HUB_DEMAND, .stream = 1, .bytes = 1};
    struct sched_item second = {
        .kind = SLOT_DATA, .class = HUB_PREFETCH, .stream = 1, .bytes = 1};
    scheduler_enqueue(&scheduler, &first);
    scheduler_enqueue(&scheduler, &second);
    scheduler_promote(&scheduler, &second, HUB_DEMAND);
    scheduler_promote(&scheduler, &second, HUB_PREFETCH); // never back
    assert_ptr_equal(scheduler_next(&scheduler, 0), &second);
    assert_ptr_equal(scheduler_next(&scheduler, 0), &first);
    assert_null(scheduler_next(&scheduler, 0));
}

TEST(test_a_removed_request_is_never_started)
{
    for (unsigned gone = 0; gone < 3; gone++) {
        struct scheduler scheduler = plain_scheduler();
        struct sched_item items[3];
        for (unsigned i = 0; i < 3; i++) {
            items[i] =
                (struct sched_item){.kind = SLOT_API, .class = HUB_DEMAND, .stream = 7};
            scheduler_enqueue(&scheduler, &items[i]);
        }
        scheduler_remove(&scheduler, &items[gone]);
        for (unsigned i = 0; i < 3; i++) {
            if (i != gone) {
                assert_ptr_equal(scheduler_next(&scheduler, 0), &items[i]);
            }
        }
        assert_null(scheduler_next(&scheduler, 0));
    }
}

TEST(test_slots_grow_while_more_of_them_bring_more)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item items[100];
    for (unsigned i = 0; i < 100; i++) {
        items[i] =
            (struct sched_item){.kind = SLOT_DATA, .class = HUB_DEMAND, .bytes = 1};
        scheduler_enqueue(&scheduler, &items[i]);
    }
    uint64_t bytes = 1000000;
    for (int64_t now_ms = 0; now_ms <= 5000; now_ms += 250) {
        while (scheduler_next(&scheduler, now_ms) != NULL) {
        }
        scheduler_received(&scheduler, bytes, now_ms + 1);
        bytes = bytes * 11 / 10;
    }
    assert_int_equal(scheduler.slots[SLOT_DATA], 24);
}

TEST(test_slots_stay_when_more_of_them_bring_nothing)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item items[100];
    for (unsigned i = 0; i < 100; i++) {
        items[i] =
            (struct sched_item){.kind = SLOT_DATA, .class = HUB_DEMAND, .bytes = 1};
        scheduler_enqueue(&scheduler, &items[i]);
    }
    for (int64_t now_ms = 0; now_ms <= 5000; now_ms += 250) {
        while (scheduler_next(&scheduler, now_ms) != NULL) {
        }
        scheduler_received(&scheduler, 1000000, now_ms + 1);
    }
    assert_in_range(scheduler.slots[SLOT_DATA], 16,
                    20); // the first interval compares with none
}

TEST(test_a_storm_of_refusals_halves_once)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item items[16];
    for (unsigned i = 0; i < 16; i++) {
        items[i] =
            (struct sched_item){.kind = SLOT_DATA, .class = HUB_DEMAND, .bytes = 1};
        scheduler_enqueue(&scheduler, &items[i]);
        assert_non_null(scheduler_next(&scheduler, 1000));
    }
    for (unsigned i = 0; i < 16; i++) {
        scheduler_ended(&scheduler, &items[i], 0, true, 1001);
    }
    assert_int_equal(scheduler.slots[SLOT_DATA], 8);
    assert_int_equal(scheduler_reserved(&scheduler, SLOT_DATA), 4);
}

TEST(test_four_uploads_run_beside_everything_else)
{
    struct scheduler scheduler = plain_scheduler();
    struct sched_item items[20];
    for (unsigned i = 0; i < 20; i++) {
        items[i] = (struct sched_item){
            .kind = i < 6 ? SLOT_UPLOAD : SLOT_DATA, .class = HUB_PREFETCH, .bytes = 1};
        scheduler_enqueue(&scheduler, &items[i]);
    }
    while (scheduler_next(&scheduler, 1000) != NULL) {
    }
    assert_int_equal(scheduler.active[SLOT_UPLOAD], 4);
    assert_int_equal(scheduler.active[SLOT_DATA], 12);     // the other four are DEMAND's
    scheduler_ended(&scheduler, &items[0], 0, true, 1001); // no AIMD for uploads
    assert_ptr_equal(scheduler_next(&scheduler, 1001), &items[4]);
    assert_int_equal(scheduler.slots[SLOT_DATA], 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thousands_of_random_networks_keep_every_promise),
        cmocka_unit_test(test_a_demand_waits_for_one_unit_at_most),
        cmocka_unit_test(test_a_rate_limit_holds_and_starves_nobody),
        cmocka_unit_test(test_a_demand_finds_a_slot_while_the_background_floods),
        cmocka_unit_test(test_a_demand_behind_demands_waits_for_one_end_only),
        cmocka_unit_test(test_streams_take_turns_and_keep_their_order),
        cmocka_unit_test(test_a_promoted_request_goes_to_the_head_of_its_new_class),
        cmocka_unit_test(test_a_removed_request_is_never_started),
        cmocka_unit_test(test_slots_grow_while_more_of_them_bring_more),
        cmocka_unit_test(test_slots_stay_when_more_of_them_bring_nothing),
        cmocka_unit_test(test_a_storm_of_refusals_halves_once),
        cmocka_unit_test(test_four_uploads_run_beside_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
