/*
 * `check`: each client asks for a room of its own. `create_join`: each opens a room, joins it, and begins
 * again: gamed needs --max-rooms for all of them, as they end only after --unclaimed-seconds.
 */
#include "bench/load/rest_only.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/load/gamed_seats.h"
#include "bench/load/latency.h"
#include "bench/load/level.h"
#include "bench/load/processes.h"
#include "bench/load/report.h"
#include "bench/load/rest.h"

#define NS_PER_S INT64_C(1000000000)

enum {
    CLIENTS_MAX = 256,
    EVENTS = 64,
    WAIT_MS = 100,
    SEATS = 2,
    HTTP_OK = 200,
    FAILURES_MAX = 1000, /* running: nobody is there */
    SHOWN = 3
};

struct asker {
    struct rest rest;
    struct load_room room;
    int number; /* seat being asked for; 0: check */
    int64_t asked_ns;
};

static struct world {
    const struct options *options;
    int epoll;
    struct asker askers[CLIENTS_MAX];
    struct latency latency;
    uint64_t answered, refused, failed;
    unsigned failed_running;
} world;

static void ask(struct asker *asker)
{
    struct wire_request request;
    const char *body = request.body;
    if (asker->number) {
        gamed_seats_ask(&asker->room, asker->number, &request);
    } else {
        snprintf(request.path, sizeof request.path, "/api/room/check/%s/", asker->room.code);
        body = NULL;
    }
    asker->asked_ns = load_clock();
    if (!rest_ask(&asker->rest, world.epoll, &world.options->rest, request.path, body)) {
        world.failed++;
        world.failed_running++;
    }
}

static bool take_answer(struct asker *asker, const struct rest_answer *answer)
{
    if (asker->number == 0)
        return answer->status == HTTP_OK;
    if (!gamed_seats_answer(&asker->room, asker->number, answer->status, answer->body,
                            answer->length)) {
        asker->number = 1;
        return false;
    }
    if (world.options->rest_only == REST_ONLY_CHECK)
        asker->number = 0;
    else
        asker->number = asker->number % SEATS + 1;
    return true;
}

static void ready(struct asker *asker)
{
    struct rest_answer answer = {0};
    switch (rest_ready(&asker->rest, &answer)) {
    case REST_WAITS:
        return;
    case REST_FAILED:
        world.failed++;
        world.failed_running++;
        break;
    case REST_ANSWERED:
        world.failed_running = 0;
        latency_note(&world.latency, load_clock() - asker->asked_ns);
        if (take_answer(asker, &answer))
            world.answered++;
        else if (world.refused++ < SHOWN)
            fprintf(stderr, "pong-load: was answered %d %.*s\n", answer.status, (int)answer.length,
                    answer.body);
        break;
    }
    ask(asker);
}

static void turn_until(int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    while (load_clock() < until_ns && !level_is_stopped() && world.failed_running < FAILURES_MAX) {
        const int count = epoll_wait(world.epoll, events, EVENTS, WAIT_MS);
        for (int i = 0; i < count; i++)
            ready(&world.askers[events[i].data.u64]);
        for (int i = 0; count == 0 && i < world.options->at_once; i++)
            if (!world.askers[i].rest.is_busy)
                ask(&world.askers[i]); /* its last request could not be sent */
    }
}

static void print(struct level_result *result)
{
    static const char *const words[] = {
        [REST_ONLY_CHECK] = "check", [REST_ONLY_CREATE_JOIN] = "create_join"};
    const struct options *options = world.options;
    const double rate = (double)world.answered / result->seconds;
    if (!options->json) {
        printf("%s: %d clients, %.1f s: %.0f requests/s, p50 %.2f ms, p99 %.2f ms; %llu refused, "
               "%llu failed; pong-load: %.1f %% of a core\n",
               words[options->rest_only], options->at_once, result->seconds, rate,
               latency_quantile_ms(&world.latency, 0.5), latency_quantile_ms(&world.latency, 0.99),
               (unsigned long long)world.refused, (unsigned long long)world.failed,
               100 * result->load_cpu_share);
        report_processes_text(options, result, (double)world.answered);
        return;
    }
    printf("{\"rest_only\":\"%s\",\"clients\":%d,\"seconds\":%.3f,\"ok\":%s,\"requests\":%llu,"
           "\"requests_per_second\":%.1f,\"errors\":{\"refused\":%llu,\"failed\":%llu}",
           words[options->rest_only], options->at_once, result->seconds,
           world.refused + world.failed ? "false" : "true", (unsigned long long)world.answered,
           rate, (unsigned long long)world.refused, (unsigned long long)world.failed);
    report_latency("latency_ms", &world.latency);
    report_own_share(result);
    report_processes(options, result, (double)world.answered);
    printf("}\n");
}

bool rest_only_run(const struct options *options)
{
    struct level_result result = {0};
    struct process_use before[OPTIONS_PIDS_MAX];
    world.options = options;
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (world.epoll < 0) {
        perror("pong-load: epoll");
        return false;
    }
    level_look_at_processes(options, result.before);
    for (int i = 0; i < options->at_once; i++) {
        rest_init(&world.askers[i].rest, (uint64_t)i);
        world.askers[i].number = 1;
        ask(&world.askers[i]);
    }
    turn_until(load_clock() + (int64_t)(options->warm_up * (double)NS_PER_S));
    memset(&world.latency, 0, sizeof world.latency);
    world.answered = world.refused = world.failed = 0;
    level_look_at_processes(options, before);
    const int64_t start_ns = load_clock();
    const double cpu = level_own_cpu_seconds();
    turn_until(start_ns + (int64_t)(options->seconds * (double)NS_PER_S));
    result.load_cpu_share = level_own_cpu_seconds() - cpu;
    result.seconds = (double)(load_clock() - start_ns) / (double)NS_PER_S;
    result.load_cpu_share /= result.seconds;
    level_look_at_processes(options, result.used);
    for (size_t i = 0; i < options->pid_count; i++)
        result.used[i].cpu_seconds -= before[i].cpu_seconds;
    print(&result);
    if (world.failed_running >= FAILURES_MAX)
        fprintf(stderr, "pong-load: nobody answers at --rest\n");
    return world.failed_running < FAILURES_MAX;
}
