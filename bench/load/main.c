/*
 * pong-load: rooms of scripted players over real REST and WebSockets, and how well they were served:
 * one thread, one epoll, no library. It measures and must not judge a server but by what --until says.
 *
 * Exit code: 0 it measured (ok or not, as the report says), 1 it could not, 2 bad options.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/level.h"
#include "bench/load/processes.h"
#include "bench/load/report.h"
#include "bench/load/rest_only.h"

enum {
    EXIT_BAD_OPTIONS = 2
};

static void on_signal(int number)
{
    (void)number;
    level_stop();
}

static void run_levels(struct load *load, struct seats *seats)
{
    static struct level_result result;
    const struct options *options = &load->options;
    const bool has_until = options->until.p99_late_ms > 0 || options->until.p99_interval_ms > 0 ||
                           options->until.p99_relay_ms > 0 || options->until.min_rate > 0;
    unsigned failed = 0;
    for (size_t i = 0; i < options->level_count && !level_is_stopped(); i++) {
        if (!level_run(load, seats, options->levels[i], &result))
            return;
        if (report_level(load, &result))
            failed = 0;
        else if (report_is_known(&result))
            failed++;
        if (has_until && failed == options->give_up)
            return;
    }
}

static bool are_there(const struct options *options)
{
    struct process_use use = {0};
    for (size_t i = 0; i < options->pid_count; i++)
        if (!processes_add(options->pids[i].pid, &use)) {
            fprintf(stderr, "pong-load: there is no process %d (--pid %s)\n",
                    (int)options->pids[i].pid, options->pids[i].name);
            return false;
        }
    return true;
}

int main(int argc, char **argv)
{
    static struct load load;
    static struct seats seats;
    char error[256];
    switch (load_options_parse(&load.options, argc, argv, error, sizeof error)) {
    case LOAD_OPTIONS_BAD:
        fprintf(stderr, "pong-load: %s\n", error);
        return EXIT_BAD_OPTIONS;
    case LOAD_OPTIONS_DONE:
        return EXIT_SUCCESS;
    case LOAD_OPTIONS_RUN:
        break;
    }
    if (!are_there(&load.options))
        return EXIT_FAILURE;
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (load.options.rest_only)
        return rest_only_run(&load.options) ? EXIT_SUCCESS : EXIT_FAILURE;
    load.wire = load.options.wire;
    if (!level_init(&load, &seats))
        return EXIT_FAILURE;
    run_levels(&load, &seats);
    return EXIT_SUCCESS;
}
