/*
 * options: see options.h. Must not print a value that came from outside, except of a number or a
 * choice: a key must not end up in a log because it was one character too long.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "common/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/variables.h"

enum {
    ENV_NAME_MAX = 64,
    SOURCE_MAX = 80,
    HELP_COLUMN = 34
};

struct parser {
    const struct option_spec *specs;
    size_t count;
    char *error;
    size_t error_size;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct parser *parser, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parser->error, parser->error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* PONG_SOME_THING for some-thing. */
static void env_name(const char *option, char out[ENV_NAME_MAX])
{
    size_t length = (size_t)snprintf(out, ENV_NAME_MAX, "PONG_%s", option);

    for (size_t i = 0; i < length && i < ENV_NAME_MAX - 1; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static bool set_int(struct parser *parser, const struct option_spec *spec, const char *value,
                    const char *source)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(value, &end, 10);
    if (end == value || *end != '\0' || isspace((unsigned char)value[0]) || errno != 0 ||
        number < spec->min || number > spec->max)
        return fail(parser, "%s: \"%.40s\" is not a whole number from %d to %d", source, value,
                    spec->min, spec->max);
    *(int *)spec->target = (int)number;
    return true;
}

static bool set_string(struct parser *parser, const struct option_spec *spec, const char *value,
                       const char *source)
{
    size_t length = strlen(value);

    if (length >= spec->size)
        return fail(parser, "%s: the value is too long (at most %zu bytes)", source,
                    spec->size - 1);
    memcpy(spec->target, value, length + 1);
    return true;
}

static bool set_choice(struct parser *parser, const struct option_spec *spec, const char *value,
                       const char *source)
{
    const char *word = spec->choices;
    size_t length = strlen(value);

    for (int index = 0;; index++) {
        size_t word_length = strcspn(word, "|");

        if (word_length == length && memcmp(word, value, length) == 0) {
            *(int *)spec->target = index;
            return true;
        }
        if (word[word_length] == '\0')
            break;
        word += word_length + 1;
    }
    return fail(parser, "%s: \"%.40s\" is not one of %s", source, value, spec->choices);
}

/* Adds the values, which spaces or commas separate. */
static bool add_to_list(struct parser *parser, const struct option_spec *spec, const char *value,
                        const char *source)
{
    struct option_list *list = spec->target;

    for (;;) {
        size_t length;

        value += strspn(value, " ,");
        length = strcspn(value, " ,");
        if (length == 0)
            return true;
        if (list->count == OPTION_LIST_MAX)
            return fail(parser, "%s: more than %d values", source, OPTION_LIST_MAX);
        if (length >= OPTION_VALUE_MAX)
            return fail(parser, "%s: a value is too long (at most %d bytes)", source,
                        OPTION_VALUE_MAX - 1);
        memcpy(list->value[list->count], value, length);
        list->value[list->count++][length] = '\0';
        value += length;
    }
}

static bool set_value(struct parser *parser, const struct option_spec *spec, const char *value,
                      const char *source)
{
    switch (spec->kind) {
    case OPTION_INT:
        return set_int(parser, spec, value, source);
    case OPTION_STRING:
        return set_string(parser, spec, value, source);
    case OPTION_CHOICE:
        return set_choice(parser, spec, value, source);
    case OPTION_LIST:
        return add_to_list(parser, spec, value, source);
    }
    return fail(parser, "%s: of an unknown kind", source);
}

/* The environment's value of an option, or its default; an empty variable counts as none. *source
 * names where it came from. */
static const char *value_without_flag(const struct option_spec *spec, char source[SOURCE_MAX])
{
    char name[ENV_NAME_MAX];
    const char *value;

    env_name(spec->name, name);
    value = getenv(name);
    if (value != NULL && value[0] != '\0') {
        snprintf(source, SOURCE_MAX, "%s", name);
        return value;
    }
    value = spec->also_env != NULL ? getenv(spec->also_env) : NULL;
    if (value != NULL && value[0] != '\0') {
        snprintf(source, SOURCE_MAX, "%s", spec->also_env);
        return value;
    }
    snprintf(source, SOURCE_MAX, "the default of --%s", spec->name);
    return spec->fallback;
}

static const struct option_spec *find_option(const struct parser *parser, const char *name,
                                             size_t length)
{
    for (size_t i = 0; i < parser->count; i++)
        if (strlen(parser->specs[i].name) == length &&
            memcmp(parser->specs[i].name, name, length) == 0)
            return &parser->specs[i];
    return NULL;
}

/* Reads the option at argv[*index] and moves *index past it. `seen` says which options argv has set
 * before. */
static bool parse_flag(struct parser *parser, int argc, char **argv, int *index, bool *seen)
{
    const char *name = argv[*index] + 2;
    size_t length = strcspn(name, "=");
    const struct option_spec *spec = find_option(parser, name, length);
    const char *value;
    char source[SOURCE_MAX];

    if (spec == NULL)
        return fail(parser, "--%.*s is not an option; --help lists them",
                    (int)(length < 40 ? length : 40), name);
    snprintf(source, sizeof source, "--%s", spec->name);
    if (name[length] == '=')
        value = name + length + 1;
    else if (*index + 1 < argc && strncmp(argv[*index + 1], "--", 2) != 0)
        value = argv[++*index];
    else if (spec->kind == OPTION_CHOICE && strcmp(spec->choices, OPTION_NO_YES) == 0)
        value = "yes";
    else
        return fail(parser, "%s needs a value (%s)", source, spec->argument);
    /* Flags replace what the environment or the default gave. */
    if (spec->kind == OPTION_LIST && !seen[spec - parser->specs])
        ((struct option_list *)spec->target)->count = 0;
    seen[spec - parser->specs] = true;
    ++*index;
    return set_value(parser, spec, value, source);
}

static bool parse_environment(struct parser *parser, const bool *seen)
{
    for (size_t i = 0; i < parser->count; i++) {
        const struct option_spec *spec = &parser->specs[i];
        char source[SOURCE_MAX];
        const char *value;

        if (seen[i])
            continue; /* a flag wins, so a wrong variable does not matter */
        if (spec->kind == OPTION_LIST)
            ((struct option_list *)spec->target)->count = 0;
        value = value_without_flag(spec, source);
        if (!set_value(parser, spec, value, source))
            return false;
    }
    return true;
}

static bool parse_flags(struct parser *parser, int argc, char **argv, bool *seen, bool *check_only)
{
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--check-config") == 0) {
            *check_only = true;
            i++;
        } else if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
            return fail(
                parser,
                "argument %d is neither an option (they begin with --) nor the value of one", i);
        } else if (!parse_flag(parser, argc, argv, &i, seen)) {
            return false;
        }
    }
    return true;
}

static void print_option(const struct option_spec *spec)
{
    int width = printf("  --%s %s", spec->name, spec->argument);

    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s%s (", HELP_COLUMN - width, "", spec->help);
    if (spec->kind == OPTION_INT)
        printf("%d to %d; ", spec->min, spec->max);
    else if (spec->kind == OPTION_CHOICE)
        printf("%s; ", spec->choices);
    else if (spec->kind == OPTION_LIST)
        printf("may be repeated; ");
    if (spec->fallback[0] != '\0')
        printf("default %s", spec->fallback);
    else
        printf("no default");
    if (spec->also_env != NULL)
        printf("; also %s", spec->also_env);
    printf(")\n");
}

static void print_help(const char *program, const char *purpose, const struct option_spec *specs,
                       size_t count)
{
    printf("Usage: %s [options]\n%s\n\nOptions:\n", program, purpose);
    for (size_t i = 0; i < count; i++)
        print_option(&specs[i]);
    printf("  --%-*s%s\n", HELP_COLUMN - 4, "check-config",
           "check the options, say what is wrong with them, and exit");
    printf("  --%-*s%s\n", HELP_COLUMN - 4, "version", "print the version and exit");
    printf("  --%-*s%s\n", HELP_COLUMN - 4, "help", "print this and exit");
    printf(
        "\nEvery option --some-thing VALUE can also be set as PONG_SOME_THING=VALUE in the environment;\n"
        "the option wins. Exit status: 0 done, 1 failed, 2 wrong usage.\n");
}

enum option_outcome options_parse(const char *program, const char *purpose,
                                  const struct option_spec *specs, size_t count, int argc,
                                  char **argv, char *error, size_t error_size)
{
    struct parser parser = {
        .specs = specs, .count = count, .error = error, .error_size = error_size};
    bool check_only = false;
    bool *seen;
    bool good;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(program, purpose, specs, count);
            return OPTIONS_DONE;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program, PACKAGE_VERSION);
            return OPTIONS_DONE;
        }
    }
    seen = calloc(count + 1, sizeof *seen);
    if (seen == NULL) {
        fail(&parser, "out of memory");
        return OPTIONS_BAD;
    }
    good = parse_flags(&parser, argc, argv, seen, &check_only) && parse_environment(&parser, seen);
    free(seen);
    if (!good)
        return OPTIONS_BAD;
    variables_warn_of_strangers();
    return check_only ? OPTIONS_CHECKED : OPTIONS_RUN;
}
