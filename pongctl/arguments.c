/*
 * arguments: see arguments.h. One table of commands, with the options that each takes.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "pongctl/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static const char default_control[] = "/run/pong/control.sock";

static const char help[] =
    "Usage: pongctl [--control PATH] [--json] COMMAND\n"
    "Looks into a running gamed, and intervenes, over its control socket.\n"
    "\n"
    "Commands:\n"
    "  rooms                 all rooms\n"
    "  room CODE             one room in detail\n"
    "  results               results that wait for user_management, or were given up;\n"
    "                        --pending, --failed, --delivered, --all choose\n"
    "  results retry ID      post the result of this match now\n"
    "  results retry --all-failed\n"
    "  drain                 refuse new rooms; those there are play on. With Redis they are\n"
    "                        handed over to others; --wait waits for that\n"
    "  drain --off           allow them again\n"
    "  kick CODE SEAT        send player 1 or 2 of a room away; a match under way is forfeited\n"
    "  stats                 counts since the start\n"
    "  health                what works, and what does not\n"
    "\n"
    "Options:\n"
    "  --control PATH        gamed's control socket (default /run/pong/control.sock;\n"
    "                        also PONG_CONTROL)\n"
    "  --json                print one JSON document\n"
    "  --version, --help     print that and exit\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 gamed cannot be reached.\n";

enum option_index {
    OPT_CONTROL,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
    OPT_PENDING,
    OPT_FAILED,
    OPT_DELIVERED,
    OPT_ALL,
    OPT_ALL_FAILED,
    OPT_OFF,
    OPT_WAIT,
    OPT_COUNT
};

enum {
    OPT_FIRST_VALUE = 256, /* what getopt returns for the first: no character */
    EVERYWHERE = 1u << OPT_CONTROL | 1u << OPT_JSON,
    OF_RESULTS = 1u << OPT_PENDING | 1u << OPT_FAILED | 1u << OPT_DELIVERED | 1u << OPT_ALL,
    WORDS_MAX = 3
};

#define OPTION(name, has_argument, option)                       \
    {                                                            \
        (name), (has_argument), NULL, OPT_FIRST_VALUE + (option) \
    }
static const struct option options[] = {
    OPTION("control", required_argument, OPT_CONTROL),
    OPTION("json", no_argument, OPT_JSON),
    OPTION("help", no_argument, OPT_HELP),
    OPTION("version", no_argument, OPT_VERSION),
    OPTION("pending", no_argument, OPT_PENDING),
    OPTION("failed", no_argument, OPT_FAILED),
    OPTION("delivered", no_argument, OPT_DELIVERED),
    OPTION("all", no_argument, OPT_ALL),
    OPTION("all-failed", no_argument, OPT_ALL_FAILED),
    OPTION("off", no_argument, OPT_OFF),
    OPTION("wait", no_argument, OPT_WAIT),
    {NULL, 0, NULL, 0},
};

/* The words as they are typed; CODE, SEAT and ID stand for what varies. */
static const struct form {
    enum command command;
    const char *words[WORDS_MAX];
    unsigned options; /* besides EVERYWHERE */
} forms[] = {
    {COMMAND_ROOMS, {"rooms"}, 0},
    {COMMAND_ROOM, {"room", "CODE"}, 0},
    {COMMAND_RETRY, {"results", "retry", "ID"}, 0},
    {COMMAND_RETRY, {"results", "retry"}, 1u << OPT_ALL_FAILED},
    {COMMAND_RESULTS, {"results"}, OF_RESULTS},
    {COMMAND_DRAIN, {"drain"}, 1u << OPT_OFF | 1u << OPT_WAIT},
    {COMMAND_KICK, {"kick", "CODE", "SEAT"}, 0},
    {COMMAND_STATS, {"stats"}, 0},
    {COMMAND_HEALTH, {"health"}, 0},
};

static bool is_variable(const char *word)
{
    return word[0] >= 'A' && word[0] <= 'Z';
}

/* How many words of the form the given ones match; -1 when there are others, or too many. */
static int match_form(const struct form *form, int count, char **words)
{
    int i = 0;
    for (; i < count; i++) {
        if (i == WORDS_MAX || !form->words[i] ||
            (!is_variable(form->words[i]) && strcmp(form->words[i], words[i]) != 0))
            return -1;
    }
    return i;
}

static bool is_complete(const struct form *form, int count)
{
    return count == WORDS_MAX || !form->words[count];
}

/* The form that is meant; NULL with a sentence when there is none. */
static const struct form *find_form(int count, char **words, char *error, size_t error_size)
{
    const struct form *begun = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct form *form = &forms[i];
        if (count == 0 || match_form(form, count, words) != count) {
            if (count > 0 && !begun && strcmp(form->words[0], words[0]) == 0)
                begun = form;
            continue;
        }
        if (is_complete(form, count))
            return form;
        begun = form;
    }
    if (count == 0)
        snprintf(error, error_size, "no command; --help lists them");
    else if (begun)
        snprintf(error, error_size, "\"%s\" is used in another way; --help shows it", words[0]);
    else
        snprintf(error, error_size, "\"%.40s\" is no command; --help lists them", words[0]);
    return NULL;
}

static bool read_value(const char *name, const char *word, struct arguments *arguments, char *error,
                       size_t error_size)
{
    if (strcmp(name, "CODE") == 0) {
        if (text_room_code(word, strlen(word), arguments->room_code))
            return true;
        snprintf(error, error_size, "\"%.40s\" is no room code", word);
    } else if (strcmp(name, "SEAT") == 0) {
        if (strcmp(word, "1") == 0 || strcmp(word, "2") == 0) {
            arguments->seat = word[0] - '0';
            return true;
        }
        snprintf(error, error_size, "the seat must be 1 or 2, not \"%.40s\"", word);
    } else {
        if (random_is_uuid(word)) {
            memcpy(arguments->match_id, word, sizeof arguments->match_id);
            return true;
        }
        snprintf(error, error_size, "\"%.40s\" is no match id; pongctl results shows them", word);
    }
    return false;
}

static void set_states(struct arguments *arguments, unsigned given)
{
    const bool all = given & 1u << OPT_ALL, none = !(given & OF_RESULTS);
    arguments->states[IPC_RESULT_PENDING] = all || none || given & 1u << OPT_PENDING;
    arguments->states[IPC_RESULT_FAILED] = all || none || given & 1u << OPT_FAILED;
    arguments->states[IPC_RESULT_DELIVERED] = all || given & 1u << OPT_DELIVERED;
    arguments->states[IPC_RESULT_NOT_POSTED] = all;
}

static bool read_words(int count, char **words, unsigned given, struct arguments *arguments,
                       char *error, size_t error_size)
{
    const struct form *form = find_form(count, words, error, error_size);
    if (!form)
        return false;
    arguments->command = form->command;
    for (int option = 0; option < OPT_COUNT; option++) {
        if (given & ~(EVERYWHERE | form->options) & 1u << option) {
            snprintf(error, error_size, "--%s does not go with this command", options[option].name);
            return false;
        }
    }
    for (int i = 0; i < count; i++)
        if (is_variable(form->words[i]) &&
            !read_value(form->words[i], words[i], arguments, error, error_size))
            return false;
    arguments->all_failed = given & 1u << OPT_ALL_FAILED;
    if (form->command == COMMAND_RETRY && !arguments->match_id[0] && !arguments->all_failed) {
        snprintf(error, error_size, "retry needs a match id or --all-failed");
        return false;
    }
    arguments->off = given & 1u << OPT_OFF;
    arguments->wait = given & 1u << OPT_WAIT;
    if (arguments->off && arguments->wait) {
        snprintf(error, error_size, "--off and --wait do not go together");
        return false;
    }
    set_states(arguments, given);
    return true;
}

/* Which options are given, as bits; -1: one is wrong. The words are behind them in argv then. */
static int read_options(int argc, char **argv, struct arguments *arguments, char *error,
                        size_t error_size)
{
    unsigned given = 0;
    int value;
    opterr = 0;
    while ((value = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (value == '?' || value == ':') {
            snprintf(error, error_size, "%.60s %s", argv[optind - 1],
                     value == ':' ? "needs a value" : "is not an option; --help lists them");
            return -1;
        }
        given |= 1u << (value - OPT_FIRST_VALUE);
        if (value == OPT_FIRST_VALUE + OPT_CONTROL)
            arguments->control = optarg;
    }
    return (int)given;
}

enum arguments_outcome arguments_read(int argc, char **argv, struct arguments *arguments,
                                      char *error, size_t error_size)
{
    const char *environment = getenv("PONG_CONTROL");
    memset(arguments, 0, sizeof *arguments);
    arguments->control = environment && environment[0] ? environment : default_control;
    const int given = read_options(argc, argv, arguments, error, error_size);
    if (given < 0)
        return ARGUMENTS_BAD;
    if (given & 1 << OPT_HELP) {
        fputs(help, stdout);
        return ARGUMENTS_DONE;
    }
    if (given & 1 << OPT_VERSION) {
        printf("pongctl %s\n", PACKAGE_VERSION);
        return ARGUMENTS_DONE;
    }
    arguments->json = given & 1 << OPT_JSON;
    return read_words(argc - optind, argv + optind, (unsigned)given, arguments, error, error_size)
               ? ARGUMENTS_RUN
               : ARGUMENTS_BAD;
}
