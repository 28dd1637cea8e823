/*
 * exposition: see exposition.h.
 */
#include "api-fcgi/exposition.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/metric_families.h"

enum {
    TEXT_MIN = 16 * 1024,
    NUMBER_SIZE = 32
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
static const char letters_and_digits[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

/* The text as it grows; once something did not fit, nothing more is written. */
struct text {
    char *bytes;
    size_t length, size;
    bool has_failed;
};

/* What is being written, and how far it is. */
struct writer {
    struct text text;
    size_t refused;
    json_t *names;  /* an object: the families so far */
    json_t *series; /* an object: the label sets so far of the present family */
};

/* ---- text ---------------------------------------------------------------------------- */

/* Makes room for so many bytes and a NUL. */
static bool reserve(struct text *text, size_t length)
{
    size_t size = text->size > 0 ? text->size : TEXT_MIN;
    char *larger;

    if (text->has_failed || length >= EXPOSITION_MAX - text->length)
        return false;
    if (text->length + length < text->size)
        return true;
    while (text->length + length >= size)
        size *= 2;
    larger = realloc(text->bytes, size);
    if (larger == NULL)
        return false;
    text->bytes = larger;
    text->size = size;
    return true;
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
    text->has_failed = !reserve(text, length);
    if (text->has_failed)
        return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

/* Strings, up to a NULL. */
static void __attribute__((sentinel)) put(struct text *text, const char *string, ...)
{
    va_list arguments;

    va_start(arguments, string);
    for (; string != NULL; string = va_arg(arguments, const char *))
        put_bytes(text, string, strlen(string));
    va_end(arguments);
}

/* A backslash and a line's end are written as two characters, and so is a quote in a label. */
static void put_escaped(struct text *text, const char *string, bool is_label)
{
    for (; *string != '\0'; string++) {
        if (*string == '\\')
            put(text, "\\\\", NULL);
        else if (*string == '\n')
            put(text, "\\n", NULL);
        else if (*string == '"' && is_label)
            put(text, "\\\"", NULL);
        else
            put_bytes(text, string, 1);
    }
}

/* The shorter of two forms that reads back as the same number. */
static void write_number(const json_t *number, char out[NUMBER_SIZE])
{
    double value = json_real_value(number);

    if (json_is_integer(number)) {
        snprintf(out, NUMBER_SIZE, "%lld", (long long)json_integer_value(number));
        return;
    }
    snprintf(out, NUMBER_SIZE, "%.15g", value);
    if (strtod(out, NULL) < value || strtod(out, NULL) > value)
        snprintf(out, NUMBER_SIZE, "%.17g", value);
}

/* Of a family or a label. Colons are for rules of the operator's own. */
static bool is_name(const char *name)
{
    return name != NULL && strspn(name, letters) > 0 &&
           name[strspn(name, letters_and_digits)] == '\0';
}

/* ---- labels -------------------------------------------------------------------------- */

/* Two underscores in front are Prometheus' own; `le` is for histograms' buckets. */
static bool are_labels(json_t *labels)
{
    const char *name;
    json_t *value;

    json_object_foreach(labels, name, value) if (!is_name(name) || strncmp(name, "__", 2) == 0 ||
                                                 strcmp(name, "le") == 0 ||
                                                 !json_is_string(value)) return false;
    return json_is_object(labels);
}

/* The sample's labels and those of its source; NULL when they are none or memory is short. The
 * caller owns it. */
static json_t *labels_of(const json_t *sample, const struct exposition_source *source)
{
    json_t *labels = json_copy(json_object_get(sample, "labels"));

    if (labels != NULL &&
        (source->labels == NULL || json_object_update(labels, source->labels) == 0) &&
        are_labels(labels))
        return labels;
    json_decref(labels);
    return NULL;
}

/* Whether this is the first series of the family with these labels, in whatever order. */
static bool is_new_series(struct writer *writer, const json_t *labels)
{
    char *key = json_dumps(labels, JSON_SORT_KEYS | JSON_COMPACT);
    bool is_new = key != NULL && json_object_get(writer->series, key) == NULL &&
                  json_object_set_new(writer->series, key, json_true()) == 0;

    free(key);
    return is_new;
}

/* NAME SUFFIX {labels, le} VALUE; `le` may be NULL. */
static void put_line(struct text *text, const char *name, const char *suffix, json_t *labels,
                     const char *le, const char *value)
{
    const char *separator = "{";
    const char *label;
    json_t *label_value;

    put(text, name, suffix, NULL);
    json_object_foreach(labels, label, label_value)
    {
        put(text, separator, label, "=\"", NULL);
        put_escaped(text, json_string_value(label_value), true);
        put(text, "\"", NULL);
        separator = ",";
    }
    if (le != NULL)
        put(text, separator, "le=\"", le, "\"", NULL);
    put(text, le != NULL || json_object_size(labels) > 0 ? "} " : " ", value, "\n", NULL);
}

/* ---- samples ------------------------------------------------------------------------- */

/* Whether bounds ascend and there is a whole count for each, and one more. */
static bool is_histogram(const json_t *bounds, const json_t *sample)
{
    const json_t *counts = json_object_get(sample, "counts");
    size_t count = json_array_size(bounds);

    if (count == 0 || count > EXPOSITION_BUCKETS_MAX || json_array_size(counts) != count + 1 ||
        !json_is_number(json_object_get(sample, "sum")))
        return false;
    for (size_t i = 0; i <= count; i++) {
        const json_t *bound = json_array_get(bounds, i < count ? i : count - 1);
        const json_t *number = json_array_get(counts, i);

        if (!json_is_number(bound) || !json_is_integer(number) || json_integer_value(number) < 0)
            return false;
        if (i > 0 && i < count &&
            json_number_value(bound) <= json_number_value(json_array_get(bounds, i - 1)))
            return false;
    }
    return true;
}

static void put_histogram(struct text *text, const char *name, json_t *labels, const json_t *bounds,
                          const json_t *sample)
{
    const json_t *counts = json_object_get(sample, "counts");
    char le[NUMBER_SIZE] = "+Inf";
    char value[NUMBER_SIZE];
    unsigned long long sum = 0;

    for (size_t i = 0; i < json_array_size(counts); i++) {
        sum += (unsigned long long)json_integer_value(json_array_get(counts, i));
        snprintf(value, sizeof value, "%llu", sum);
        if (i < json_array_size(bounds))
            write_number(json_array_get(bounds, i), le);
        else
            memcpy(le, "+Inf", sizeof "+Inf");
        put_line(text, name, "_bucket", labels, le, value);
    }
    write_number(json_object_get(sample, "sum"), value);
    put_line(text, name, "_sum", labels, NULL, value);
    snprintf(value, sizeof value, "%llu", sum);
    put_line(text, name, "_count", labels, NULL, value);
}

static void put_sample(struct writer *writer, const json_t *family,
                       const struct exposition_source *source, const json_t *sample)
{
    const char *name = json_string_value(json_object_get(family, "name"));
    const char *type = json_string_value(json_object_get(family, "type"));
    const json_t *bounds = json_object_get(family, "bounds");
    const json_t *value = json_object_get(sample, "value");
    bool has_buckets = strcmp(type, metric_type_name(METRIC_HISTOGRAM)) == 0;
    json_t *labels = labels_of(sample, source);

    if (labels == NULL || !(has_buckets ? is_histogram(bounds, sample) : json_is_number(value)) ||
        !is_new_series(writer, labels)) {
        writer->refused++;
    } else if (has_buckets) {
        put_histogram(&writer->text, name, labels, bounds, sample);
    } else {
        char number[NUMBER_SIZE];

        write_number(value, number);
        put_line(&writer->text, name, "", labels, NULL, number);
    }
    json_decref(labels);
}

static void put_samples(struct writer *writer, const json_t *family,
                        const struct exposition_source *source)
{
    const json_t *samples = json_object_get(family, "samples");
    size_t count = json_array_size(samples);

    for (size_t i = 0; i < count && i < EXPOSITION_SAMPLES_MAX; i++)
        put_sample(writer, family, source, json_array_get(samples, i));
    if (count > EXPOSITION_SAMPLES_MAX)
        writer->refused += count - EXPOSITION_SAMPLES_MAX;
}

/* ---- families ------------------------------------------------------------------------ */

static bool is_family(const json_t *family)
{
    const char *type = json_string_value(json_object_get(family, "type"));

    if (type == NULL || !is_name(json_string_value(json_object_get(family, "name"))) ||
        !json_is_string(json_object_get(family, "help")) ||
        !json_is_array(json_object_get(family, "samples")))
        return false;
    for (int i = 0; i < METRIC_TYPES; i++)
        if (strcmp(type, metric_type_name((enum metric_type)i)) == 0)
            return true;
    return false;
}

static size_t family_count(const struct exposition_source *source)
{
    size_t count = json_array_size(source->families);

    return count < EXPOSITION_FAMILIES_MAX ? count : EXPOSITION_FAMILIES_MAX;
}

/* Writes the samples that the source has in families of this one's name. */
static void put_same_family(struct writer *writer, const json_t *family,
                            const struct exposition_source *source)
{
    for (size_t i = 0; i < family_count(source); i++) {
        const json_t *other = json_array_get(source->families, i);

        if (!is_family(other) ||
            !json_equal(json_object_get(family, "name"), json_object_get(other, "name")))
            continue;
        if (json_equal(json_object_get(family, "type"), json_object_get(other, "type")))
            put_samples(writer, other, source);
        else
            writer->refused++;
    }
}

/* Writes a family of the first of these sources, and what the others have of it. */
static void put_family(struct writer *writer, const json_t *family,
                       const struct exposition_source *sources, size_t count)
{
    const char *name = json_string_value(json_object_get(family, "name"));

    if (!is_family(family)) {
        writer->refused++;
        return;
    }
    if (json_object_get(writer->names, name) != NULL)
        return;
    if (json_object_set_new(writer->names, name, json_true()) != 0)
        writer->text.has_failed = true;
    put(&writer->text, "# HELP ", name, " ", NULL);
    put_escaped(&writer->text, json_string_value(json_object_get(family, "help")), false);
    put(&writer->text, "\n# TYPE ", name, " ", json_string_value(json_object_get(family, "type")),
        "\n", NULL);
    json_object_clear(writer->series);
    for (size_t i = 0; i < count; i++)
        put_same_family(writer, family, &sources[i]);
}

char *exposition_write(const struct exposition_source *sources, size_t count, size_t *length,
                       size_t *refused)
{
    struct writer writer = {.names = json_object(), .series = json_object()};

    put(&writer.text, "", NULL);
    for (size_t i = 0; i < count; i++) {
        size_t families = family_count(&sources[i]);

        for (size_t k = 0; k < families; k++)
            put_family(&writer, json_array_get(sources[i].families, k), &sources[i], count - i);
        writer.refused += json_array_size(sources[i].families) - families;
    }
    json_decref(writer.names);
    json_decref(writer.series);
    *length = writer.text.length;
    *refused = writer.refused;
    if (!writer.text.has_failed)
        return writer.text.bytes;
    free(writer.text.bytes);
    return NULL;
}
