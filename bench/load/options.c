/*
 * One table: name, what the value is, what the help says.
 */
#include "bench/load/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/wire.h"

enum {
    ROOMS_MAX = 50000,
    SPECTATORS_MAX = 100,
    AT_ONCE_MAX = 256
};

struct parse {
    struct options *options;
    char *error;
    size_t error_size;
};

struct flag {
    const char *name, *argument, *help;
    bool (*take)(struct parse *parse, const char *value);
};

static bool take_real(const char *value, double min, double max, double *out)
{
    char *end = NULL;
    errno = 0;
    const double number = strtod(value, &end);
    if (end == value || *end || errno || !(number >= min && number <= max))
        return false;
    *out = number;
    return true;
}

static bool take_int(const char *value, int min, int max, int *out)
{
    double number = 0;
    if (!take_real(value, min, max, &number) || number != floor(number))
        return false;
    *out = (int)number;
    return true;
}

static bool take_rest(struct parse *parse, const char *value)
{
    parse->options->has_rest = true;
    return target_parse(value, &parse->options->rest);
}

static bool take_ws(struct parse *parse, const char *value)
{
    return target_parse(value, &parse->options->ws);
}

static bool take_protocol(struct parse *parse, const char *value)
{
    parse->options->wire = wire_find(value);
    return parse->options->wire != NULL;
}

static bool add_level(struct options *options, double rooms)
{
    if (!(rooms >= 1 && rooms <= ROOMS_MAX) || options->level_count == OPTIONS_LEVELS_MAX)
        return false;
    options->levels[options->level_count++] = (unsigned)rooms;
    return true;
}

static bool take_levels(struct parse *parse, const char *value)
{
    struct options *options = parse->options;
    options->level_count = 0;
    for (;;) {
        char *end = NULL;
        const double rooms = strtod(value, &end);
        if (end == value || rooms != floor(rooms) || !add_level(options, rooms))
            return false;
        if (options->level_count > 1 &&
            options->levels[options->level_count - 1] < options->levels[options->level_count - 2])
            return false;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        value = end + 1;
    }
}

static bool take_rooms(struct parse *parse, const char *value)
{
    int rooms = 0;
    parse->options->level_count = 0;
    return take_int(value, 1, ROOMS_MAX, &rooms) && add_level(parse->options, rooms);
}

static bool take_connections(struct parse *parse, const char *value)
{
    int connections = 0;
    parse->options->level_count = 0;
    parse->options->moves = 0;
    return take_int(value, 2, 2 * ROOMS_MAX, &connections) && connections % 2 == 0 &&
           add_level(parse->options, connections / 2.0);
}

/* FROM:STEP:TO, STEP a number of rooms or xFACTOR. */
static bool take_ramp(struct parse *parse, const char *value)
{
    struct options *options = parse->options;
    double from = 0;
    double step = 0;
    double to = 0;
    char factor = 'x';
    char rest = '\0';
    options->level_count = 0;
    const bool is_factor =
        sscanf(value, "%lf:%c%lf:%lf%c", &from, &factor, &step, &to, &rest) == 4 && factor == 'x' &&
        step > 1;
    if (!is_factor && (sscanf(value, "%lf:%lf:%lf%c", &from, &step, &to, &rest) != 3 || step < 1))
        return false;
    if (from > to)
        return false;
    for (double rooms = from; rooms <= to;) {
        if (!add_level(options, floor(rooms)))
            return false;
        rooms = is_factor ? fmax(rooms * step, rooms + 1) : rooms + step;
    }
    return true;
}

static bool take_spectators(struct parse *parse, const char *value)
{
    return take_int(value, 0, SPECTATORS_MAX, &parse->options->spectators);
}

static bool take_warm_up(struct parse *parse, const char *value)
{
    return take_real(value, 0, 3600, &parse->options->warm_up);
}

static bool take_seconds(struct parse *parse, const char *value)
{
    return take_real(value, 0.1, 86400, &parse->options->seconds);
}

static bool take_moves(struct parse *parse, const char *value)
{
    return take_real(value, 0, 30, &parse->options->moves);
}

static bool take_inputs_every(struct parse *parse, const char *value)
{
    return take_int(value, 34, 60000, &parse->options->inputs_every_ms);
}

static bool take_clients(struct parse *parse, const char *value)
{
    return take_int(value, 1, AT_ONCE_MAX, &parse->options->at_once);
}

static bool take_give_up(struct parse *parse, const char *value)
{
    double levels = 0;
    if (!take_real(value, 1, OPTIONS_LEVELS_MAX, &levels))
        return false;
    parse->options->give_up = (unsigned)levels;
    return true;
}

static bool take_seed(struct parse *parse, const char *value)
{
    double seed = 0;
    if (!take_real(value, 0, 1e15, &seed))
        return false;
    parse->options->seed = (uint64_t)seed;
    return true;
}

static bool take_json(struct parse *parse, const char *value)
{
    (void)value;
    parse->options->json = true;
    return true;
}

static bool take_all_moments(struct parse *parse, const char *value)
{
    (void)value;
    parse->options->all_moments = true;
    return true;
}

static bool take_rest_only(struct parse *parse, const char *value)
{
    if (strcmp(value, "check") == 0)
        parse->options->rest_only = REST_ONLY_CHECK;
    else if (strcmp(value, "create_join") == 0)
        parse->options->rest_only = REST_ONLY_CREATE_JOIN;
    return parse->options->rest_only != REST_ONLY_NO;
}

/* NAME=PID */
static bool take_pid(struct parse *parse, const char *value)
{
    struct options *options = parse->options;
    const char *equals = strchr(value, '=');
    const size_t length = equals ? (size_t)(equals - value) : 0;
    int pid = 0;
    if (length == 0 || length >= OPTIONS_NAME_MAX || options->pid_count == OPTIONS_PIDS_MAX ||
        strcspn(value, "\"\\") < length || !take_int(equals + 1, 1, 1 << 30, &pid))
        return false;
    memcpy(options->pids[options->pid_count].name, value, length);
    options->pids[options->pid_count++].pid = pid;
    return true;
}

/* NAME=NUMBER,… */
static bool take_until(struct parse *parse, const char *value)
{
    struct until *until = &parse->options->until;
    const struct {
        const char *name;
        double *number;
    } bounds[] = {{"p99_late_ms=", &until->p99_late_ms},
                  {"p99_interval_ms=", &until->p99_interval_ms},
                  {"p99_relay_ms=", &until->p99_relay_ms},
                  {"min_rate=", &until->min_rate}};
    for (;;) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof bounds / sizeof *bounds && !is_known; i++) {
            const size_t length = strlen(bounds[i].name);
            char *end = NULL;
            if (strncmp(value, bounds[i].name, length) != 0)
                continue;
            *bounds[i].number = strtod(value + length, &end);
            if (end == value + length || !(*bounds[i].number > 0))
                return false;
            value = end;
            is_known = true;
        }
        if (!is_known || (*value && *value != ','))
            return false;
        if (!*value)
            return true;
        value++;
    }
}

static const struct flag flags[] = {
    {"rest", "TARGET",
     "nginx, where seats are asked for: ADDRESS:PORT, http://ADDRESS:PORT or unix:PATH", take_rest},
    {"ws", "TARGET", "where WebSockets go: nginx as well, or gamed's own listener", take_ws},
    {"protocol", "WORD",
     "v1, v2 (gamed), ws (any server of frames), relay (pong-floor --relay), colyseus",
     take_protocol},
    {"rooms", "N", "rooms of two players", take_rooms},
    {"levels", "N,N,...", "ascending numbers of rooms: each is measured, in one process",
     take_levels},
    {"ramp", "FROM:STEP:TO", "the same, from FROM to TO; STEP is rooms, or x1.1: a tenth more",
     take_ramp},
    {"connections", "N", "N/2 rooms whose players are connected and send no input",
     take_connections},
    {"until", "NAME=NUMBER,...",
     "p99_late_ms, p99_interval_ms, p99_relay_ms, min_rate: a level that does not keep to these is "
     "not ok",
     take_until},
    {"spectators", "N", "of each room (0)", take_spectators},
    {"warm-up", "S", "from the last connection to the measurement (5)", take_warm_up},
    {"seconds", "S", "of the measurement (10)", take_seconds},
    {"moves", "N", "direction changes a second and player (4); 0: no input at all", take_moves},
    {"inputs-every", "MS", "an input every so often instead, from each player", take_inputs_every},
    {"clients", "N", "requests, and handshakes, under way at once (16)", take_clients},
    {"pid", "NAME=PID",
     "a process whose CPU and memory are told, with its children; may be repeated", take_pid},
    {"rest-only", "WORD",
     "check or create_join: no players, --clients ask one request after the other", take_rest_only},
    {"give-up", "N", "after so many levels running that are not ok no more is tried (2)",
     take_give_up},
    {"seed", "N", "of the players' script (1)", take_seed},
    {"all-moments", NULL, "times count even while processors are taken from the machine, or slow",
     take_all_moments},
    {"json", NULL, "one JSON object for each level", take_json},
};

enum {
    FLAGS = sizeof flags / sizeof *flags
};

static void print_help(void)
{
    printf("Usage: pong-load --ws TARGET --protocol WORD --rooms N [--rest TARGET] [OPTION...]\n"
           "Plays rooms of two scripted players and tells how well they were served.\n\n");
    for (size_t i = 0; i < FLAGS; i++) {
        char head[64];
        snprintf(head, sizeof head, "--%s %s", flags[i].name,
                 flags[i].argument ? flags[i].argument : "");
        printf("  %-25s %s\n", head, flags[i].help);
    }
}

static const struct flag *find_flag(const char *text, const char **value)
{
    if (strncmp(text, "--", 2) != 0)
        return NULL;
    text += 2;
    const size_t length = strcspn(text, "=");
    for (size_t i = 0; i < FLAGS; i++) {
        if (strlen(flags[i].name) != length || strncmp(flags[i].name, text, length) != 0)
            continue;
        *value = text[length] == '=' ? text + length + 1 : NULL;
        return &flags[i];
    }
    return NULL;
}

static enum options_outcome bad(const struct parse *parse, const char *which, const char *what)
{
    snprintf(parse->error, parse->error_size, "%s %s; see --help", which, what);
    return LOAD_OPTIONS_BAD;
}

static enum options_outcome check(const struct parse *parse)
{
    const struct options *options = parse->options;
    if (options->rest_only)
        return options->has_rest ? LOAD_OPTIONS_RUN : bad(parse, "--rest", "is needed");
    if (!options->wire)
        return bad(parse, "--protocol", "is needed");
    if (options->ws.size == 0)
        return bad(parse, "--ws", "is needed");
    if (options->level_count == 0)
        return bad(parse, "--rooms, --levels, --ramp or --connections", "is needed");
    if (options->wire->ask && !options->has_rest)
        return bad(parse, "--rest", "is needed by this --protocol");
    if (options->wire->is_for_two && options->spectators)
        return bad(parse, "--spectators", "are not for this --protocol");
    return LOAD_OPTIONS_RUN;
}

enum options_outcome load_options_parse(struct options *options, int argc, char **argv, char *error,
                                        size_t error_size)
{
    struct parse parse = {options, error, error_size};
    memset(options, 0, sizeof *options);
    options->warm_up = 5;
    options->seconds = 10;
    options->moves = 4;
    options->at_once = 16;
    options->seed = 1;
    options->give_up = 2;
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return LOAD_OPTIONS_DONE;
        }
        const struct flag *flag = find_flag(argv[i], &value);
        if (!flag)
            return bad(&parse, argv[i], "is no option");
        if (flag->argument && !value && ++i < argc)
            value = argv[i];
        if ((value == NULL) != (flag->argument == NULL))
            return bad(&parse, argv[value ? i : argc - 1],
                       value ? "takes no value" : "needs a value");
        if (!flag->take(&parse, value))
            return bad(&parse, argv[value == argv[i] ? i - 1 : i], "does not take that value");
    }
    return check(&parse);
}
