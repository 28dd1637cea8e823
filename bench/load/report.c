/*
 * Lines of a report. JSON is written by hand: its names are ours and need no escapes.
 */
#include "bench/load/report.h"

#include <stdio.h>
#include <string.h>

#define BUSY_SHARE       0.9
#define LATE_INPUT_SHARE 0.001 /* of all inputs: more of them and the level is not ok */

enum {
    PROBLEMS_MAX = 24,
    PROBLEM_SIZE = 96
};

struct verdict {
    size_t count;
    char problems[PROBLEMS_MAX][PROBLEM_SIZE];
};

static char *next_problem(struct verdict *verdict)
{
    return verdict
        ->problems[verdict->count < PROBLEMS_MAX - 1 ? verdict->count++ : PROBLEMS_MAX - 1];
}

static bool has_cadence(const struct load *load)
{
    return load->totals.late.count > 0;
}

/* What `late_ms` is: v2 has no cadence, its updates are late by what a relay takes. */
static const struct latency *lateness(const struct load *load)
{
    return has_cadence(load) ? &load->totals.late : &load->totals.relay;
}

static void check_bound(struct verdict *verdict, const char *name, double value, double bound,
                        bool is_least)
{
    if (bound > 0 && (is_least ? value < bound : value > bound))
        snprintf(next_problem(verdict), PROBLEM_SIZE, "%s is %.2f", name, value);
}

bool report_is_known(const struct level_result *result)
{
    return 2 * result->moments.counted >= result->moments_wanted;
}

static void judge(const struct load *load, const struct level_result *result,
                  struct verdict *verdict)
{
    const struct totals *totals = &load->totals;
    const struct until *until = &load->options.until;
    verdict->count = 0;
    if (!result->is_complete)
        snprintf(next_problem(verdict), PROBLEM_SIZE, "%u connections are open",
                 result->connections);
    for (int i = 0; i < LOAD_ERRORS; i++) {
        const double allowed = i == LOAD_LATE_INPUT || i == LOAD_KEYFRAME
                                   ? LATE_INPUT_SHARE * (double)load->counted_sent
                                   : 0;
        if ((double)totals->errors[i] > allowed)
            snprintf(next_problem(verdict), PROBLEM_SIZE, "%s: %llu", load_error_names[i],
                     (unsigned long long)totals->errors[i]);
    }
    if (!report_is_known(result))
        snprintf(next_problem(verdict), PROBLEM_SIZE,
                 "the machine left %u tenths of a second that count, of %u that were to",
                 result->moments.counted, result->moments_wanted);
    check_bound(verdict, "p99_late_ms", latency_quantile_ms(lateness(load), 0.99),
                until->p99_late_ms, false);
    check_bound(verdict, "p99_interval_ms", latency_quantile_ms(&totals->interval, 0.99),
                until->p99_interval_ms, false);
    check_bound(verdict, "p99_relay_ms", latency_quantile_ms(&totals->relay, 0.99),
                until->p99_relay_ms, false);
    check_bound(verdict, "min_rate", result->updates_min, until->min_rate, true);
}

/* ---- processes ----------------------------------------------------------------------------- */

/* Sums those of the same name as pids[first]. False when an earlier one has that name. */
static bool sum_name(const struct options *options, const struct level_result *result, size_t first,
                     struct process_use *used, struct process_use *before)
{
    memset(used, 0, sizeof *used);
    memset(before, 0, sizeof *before);
    for (size_t i = 0; i < options->pid_count; i++) {
        if (strcmp(options->pids[i].name, options->pids[first].name) != 0)
            continue;
        if (i < first)
            return false;
        used->cpu_seconds += result->used[i].cpu_seconds;
        used->rss_bytes += result->used[i].rss_bytes;
        before->rss_bytes += result->before[i].rss_bytes;
    }
    return true;
}

void report_processes(const struct options *options, const struct level_result *result,
                      double updates)
{
    const char *comma = "";
    printf(",\"processes\":{");
    for (size_t i = 0; i < options->pid_count; i++) {
        struct process_use used;
        struct process_use before;
        if (!sum_name(options, result, i, &used, &before))
            continue;
        printf("%s\"%s\":{\"cpu_seconds\":%.4f,\"cpu_share\":%.4f", comma, options->pids[i].name,
               used.cpu_seconds, used.cpu_seconds / result->seconds);
        if (updates > 0)
            printf(",\"cpu_us_per_%s\":%.3f", options->rest_only ? "request" : "update",
                   used.cpu_seconds / updates * 1e6);
        if (result->rooms)
            printf(",\"cpu_us_per_room_second\":%.2f,\"rss_bytes_per_room\":%.0f",
                   used.cpu_seconds / result->seconds / result->rooms * 1e6,
                   (double)(used.rss_bytes - before.rss_bytes) / result->rooms);
        printf(",\"rss_bytes\":%lld,\"rss_bytes_before\":%lld}", (long long)used.rss_bytes,
               (long long)before.rss_bytes);
        comma = ",";
    }
    printf("}");
}

void report_processes_text(const struct options *options, const struct level_result *result,
                           double updates)
{
    for (size_t i = 0; i < options->pid_count; i++) {
        struct process_use used;
        struct process_use before;
        if (!sum_name(options, result, i, &used, &before))
            continue;
        printf("  %s: %.1f %% of a core, %.1f MiB", options->pids[i].name,
               100 * used.cpu_seconds / result->seconds, (double)used.rss_bytes / 1048576);
        if (updates > 0)
            printf(", %.2f us of CPU %s", used.cpu_seconds / updates * 1e6,
                   options->rest_only ? "a request" : "an update");
        if (result->rooms)
            printf(", %.1f us a room and second, %.0f B more a room than at first",
                   used.cpu_seconds / result->seconds / result->rooms * 1e6,
                   (double)(used.rss_bytes - before.rss_bytes) / result->rooms);
        printf("\n");
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

void report_latency(const char *name, const struct latency *latency)
{
    static const double shares[] = {
        0.01,  0.02, 0.05,  0.1,   0.15,  0.2,   0.25,  0.3,   0.35,  0.4,    0.45,   0.5,  0.55,
        0.6,   0.65, 0.7,   0.75,  0.8,   0.85,  0.9,   0.92,  0.94,  0.95,   0.96,   0.97, 0.98,
        0.985, 0.99, 0.992, 0.994, 0.995, 0.996, 0.997, 0.998, 0.999, 0.9995, 0.9999, 1};
    printf(",\"%s\":", name);
    if (latency->count == 0) {
        printf("null");
        return;
    }
    printf("{\"count\":%llu,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"cdf\":[",
           (unsigned long long)latency->count, latency_quantile_ms(latency, 0.5),
           latency_quantile_ms(latency, 0.99), latency_quantile_ms(latency, 0.999),
           (double)latency->max_ns / 1e6);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        printf("%s[%.3f,%g]", i ? "," : "", latency_quantile_ms(latency, shares[i]), shares[i]);
    printf("]}");
}

void report_own_share(const struct level_result *result)
{
    printf(",\"load\":{\"cpu_share\":%.4f,\"is_busy\":%s}", result->load_cpu_share,
           result->load_cpu_share > BUSY_SHARE ? "true" : "false");
}

static void json_errors(const struct totals *totals)
{
    const char *comma = "";
    printf(",\"errors\":{");
    for (int i = 0; i < LOAD_ERRORS; i++) {
        if (totals->errors[i] == 0)
            continue;
        printf("%s\"%s\":%llu", comma, load_error_names[i], (unsigned long long)totals->errors[i]);
        comma = ",";
    }
    printf("}");
}

static void print_json(const struct load *load, const struct level_result *result,
                       const struct verdict *verdict)
{
    const struct totals *totals = &load->totals;
    printf("{\"protocol\":\"%s\",\"rooms\":%u,\"connections\":%u,\"seconds\":%.3f,\"ok\":%s",
           load->wire->name, result->rooms, result->connections, result->seconds,
           verdict->count ? "false" : "true");
    printf(",\"known\":%s", report_is_known(result) ? "true" : "false");
    printf(",\"problems\":[");
    for (size_t i = 0; i < verdict->count; i++)
        printf("%s\"%s\"", i ? "," : "", verdict->problems[i]);
    printf("]");
    json_errors(totals);
    printf(",\"messages\":{\"per_player_mean\":%.3f,\"per_player_min\":%.3f,"
           "\"updates_per_player_mean\":%.3f,\"updates_per_player_min\":%.3f,"
           "\"received_per_second\":%.1f,\"updates_per_second\":%.1f,\"sent_per_second\":%.1f,"
           "\"to_spectators_per_second\":%.1f}",
           result->messages_mean, result->messages_min, result->updates_mean, result->updates_min,
           (double)totals->received / result->seconds, (double)totals->updates / result->seconds,
           (double)totals->sent / result->seconds,
           (double)result->spectator_messages / result->seconds);
    printf(",\"payload_bytes_mean\":%.2f,\"wire_bytes_mean\":%.2f", result->payload_mean,
           result->wire_mean);
    if (result->has_ip)
        printf(",\"ip_bytes_mean\":%.2f", result->ip_mean);
    else
        printf(",\"ip_bytes_mean\":null");
    printf(",\"moments\":{\"all\":%u,\"counted\":%u}", result->moments.all,
           result->moments.counted);
    report_latency("late_ms", lateness(load));
    report_latency("interval_ms", &totals->interval);
    report_latency("relay_ms", &totals->relay);
    report_latency("effect_ms", &totals->effect);
    report_latency("round_trip_ms", &totals->round_trip);
    report_own_share(result);
    report_processes(&load->options, result, (double)totals->updates);
    printf("}\n");
}

/* ---- for people ---------------------------------------------------------------------------- */

static void print_latency(const char *name, const struct latency *latency)
{
    if (latency->count)
        printf("  %-10s p50 %8.3f   p99 %8.3f   p99.9 %8.3f   max %8.3f ms   (%llu)\n", name,
               latency_quantile_ms(latency, 0.5), latency_quantile_ms(latency, 0.99),
               latency_quantile_ms(latency, 0.999), (double)latency->max_ns / 1e6,
               (unsigned long long)latency->count);
}

static void print_text(const struct load *load, const struct level_result *result,
                       const struct verdict *verdict)
{
    const struct totals *totals = &load->totals;
    printf("%s: %u rooms, %u connections, %.1f s: %s\n", load->wire->name, result->rooms,
           result->connections, result->seconds, verdict->count ? "NOT OK" : "ok");
    for (size_t i = 0; i < verdict->count; i++)
        printf("  ! %s\n", verdict->problems[i]);
    if (result->moments.counted < result->moments.all)
        printf(
            "  times are of %u tenths of a second of %u: around the others processors were taken "
            "from the machine, or slow\n",
            result->moments.counted, result->moments.all);
    if (result->load_cpu_share > BUSY_SHARE)
        printf("  ! pong-load itself is at its limit: what is late may be so here\n");
    printf("  a second and player: %.2f messages (least %.2f), %.2f updates (least %.2f), %.1f B "
           "payload, %.1f B with frame heads",
           result->messages_mean, result->messages_min, result->updates_mean, result->updates_min,
           result->payload_mean, result->wire_mean);
    if (result->has_ip)
        printf(", %.1f B of IP", result->ip_mean);
    printf("\n");
    print_latency("late", lateness(load));
    print_latency("|interval|", &totals->interval);
    print_latency("relay", &totals->relay);
    print_latency("effect", &totals->effect);
    print_latency("round trip", &totals->round_trip);
    printf("  pong-load: %.1f %% of a core\n", 100 * result->load_cpu_share);
    report_processes_text(&load->options, result, (double)totals->updates);
}

bool report_level(const struct load *load, const struct level_result *result)
{
    struct verdict verdict;
    judge(load, result, &verdict);
    if (load->options.json)
        print_json(load, result, &verdict);
    else
        print_text(load, result, &verdict);
    fflush(stdout);
    return verdict.count == 0;
}
