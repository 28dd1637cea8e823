/*
 * options: command-line flags and environment variables of a daemon, described by one table.
 *
 * Every flag `--some-thing` can also be set as PONG_SOME_THING; a flag wins over the environment,
 * the environment over the default. The table is also what --help prints, so that no flag can exist
 * without its help. Must not know what any option means.
 */
#ifndef PONG_COMMON_OPTIONS_H
#define PONG_COMMON_OPTIONS_H

#include <stddef.h>

enum option_kind {
    OPTION_INT,    /* target: int;      min..max */
    OPTION_STRING, /* target: char[size] */
    OPTION_CHOICE, /* target: int, the index of the word in `choices` (words separated by '|') */
    OPTION_LIST,   /* target: struct option_list; the flag may be repeated, the environment variable
                      separates by spaces or commas */
};

/* `choices` of a switch: a flag without a value then means yes. */
#define OPTION_NO_YES "no|yes"

enum {
    OPTION_LIST_MAX = 32,
    OPTION_VALUE_MAX = 512
};

struct option_list {
    size_t count;
    char value[OPTION_LIST_MAX][OPTION_VALUE_MAX];
};

struct option_spec {
    const char *name; /* without the dashes: "update-hz" */
    enum option_kind kind;
    void *target;         /* where the value goes; see enum option_kind */
    size_t size;          /* OPTION_STRING: bytes at target */
    int min, max;         /* OPTION_INT, inclusive */
    const char *choices;  /* OPTION_CHOICE: "allow|deny" */
    const char *fallback; /* the default, as text; "" for none */
    const char *also_env; /* a second environment variable, e.g. "REDIS_URL"; PONG_… wins over it;
                             NULL: none */
    const char *argument; /* name of the value in --help: "HZ" */
    const char *help;     /* one line */
};

enum option_outcome {
    OPTIONS_RUN,     /* go on */
    OPTIONS_CHECKED, /* --check-config was given and all is well so far: the caller checks the rest
                        and exits 0 */
    OPTIONS_DONE,    /* --help or --version was printed: exit 0 */
    OPTIONS_BAD,     /* error[] says what is wrong: exit 2 */
};

/*
 * Fills the targets from defaults, environment and argv. `--name value` and `--name=value` both
 * work. The table need not name --help, --version and --check-config. error gets one sentence naming
 * the flag or the variable at fault (never a secret's value). A variable PONG_… that nothing reads
 * (common/variables.h) is a warning in the log. Call once at start, before threads.
 */
enum option_outcome options_parse(const char *program, const char *purpose,
                                  const struct option_spec *specs, size_t count, int argc,
                                  char **argv, char *error, size_t error_size);

#endif
