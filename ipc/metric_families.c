/*
 * metric_families: see metric_families.h.
 */
#include "ipc/metric_families.h"

#include <stdarg.h>

static const double ns_per_second = 1e9;

const char *metric_type_name(enum metric_type type)
{
    static const char *const names[METRIC_TYPES] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

    return names[type];
}

json_t *metric_families_add(json_t *families, const char *name, enum metric_type type,
                            const char *help)
{
    json_t *family = json_pack("{s:s, s:s, s:s, s:[]}", "name", name, "type",
                               metric_type_name(type), "help", help, "samples");

    return json_array_append_new(families, family) == 0 ? family : NULL;
}

static json_t *labels_of(va_list arguments)
{
    json_t *labels = json_object();
    const char *name;

    while ((name = va_arg(arguments, const char *)) != NULL)
        json_object_set_new(labels, name, json_string(va_arg(arguments, const char *)));
    return labels;
}

/* Takes both over. */
static void add_value(json_t *family, json_t *labels, json_t *value)
{
    json_t *sample = json_pack("{s:o, s:o}", "labels", labels, "value", value);

    json_array_append_new(json_object_get(family, "samples"), sample);
}

void metric_family_count(json_t *family, uint64_t value, ...)
{
    va_list arguments;

    va_start(arguments, value);
    add_value(family, labels_of(arguments), json_integer((json_int_t)value));
    va_end(arguments);
}

void metric_family_real(json_t *family, double value, ...)
{
    va_list arguments;

    va_start(arguments, value);
    add_value(family, labels_of(arguments), json_real(value));
    va_end(arguments);
}

static json_t *bounds_of(const struct histogram_scale *scale)
{
    json_t *bounds = json_array();

    for (size_t i = 0; i < scale->count; i++)
        json_array_append_new(bounds, json_real((double)scale->bounds_ns[i] / ns_per_second));
    return bounds;
}

static json_t *counts_of(const struct histogram_scale *scale, const struct histogram *histogram)
{
    json_t *counts = json_array();

    for (size_t i = 0; i <= scale->count; i++)
        json_array_append_new(counts, json_integer((json_int_t)histogram->counts[i]));
    return counts;
}

void metric_family_histogram(json_t *family, const struct histogram_scale *scale,
                             const struct histogram *histogram, ...)
{
    va_list arguments;
    json_t *sample;

    va_start(arguments, histogram);
    sample =
        json_pack("{s:o, s:o, s:f}", "labels", labels_of(arguments), "counts",
                  counts_of(scale, histogram), "sum", (double)histogram->sum_ns / ns_per_second);
    va_end(arguments);
    if (json_object_get(family, "bounds") == NULL)
        json_object_set_new(family, "bounds", bounds_of(scale));
    json_array_append_new(json_object_get(family, "samples"), sample);
}

void metric_families_count(json_t *families, const char *name, enum metric_type type,
                           const char *help, uint64_t value)
{
    metric_family_count(metric_families_add(families, name, type, help), value, NULL);
}

void metric_families_real(json_t *families, const char *name, enum metric_type type,
                          const char *help, double value)
{
    metric_family_real(metric_families_add(families, name, type, help), value, NULL);
}

void metric_families_process(json_t *families, const char *program, const char *version,
                             const struct process_stats *stats)
{
    const struct {
        const char *name;
        enum metric_type type;
        const char *help;
        int64_t value;
    } whole[] = {
        {"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory size.",
         stats->resident_bytes},
        {"process_virtual_memory_bytes", METRIC_GAUGE, "Virtual memory size.",
         stats->virtual_bytes},
        {"process_open_fds", METRIC_GAUGE, "Open file descriptors.", stats->open_fds},
        {"process_max_fds", METRIC_GAUGE, "Limit of open file descriptors.", stats->max_fds},
    };
    json_t *family;

    family = metric_families_add(families, "pong_build_info", METRIC_GAUGE,
                                 "Always 1; the version is in the label.");
    metric_family_count(family, 1, "program", program, "version", version, NULL);
    family = metric_families_add(families, "process_cpu_seconds_total", METRIC_COUNTER,
                                 "Processor time spent, user and system.");
    metric_family_real(family, stats->cpu_seconds, "process", program, NULL);
    family = metric_families_add(families, "process_start_time_seconds", METRIC_GAUGE,
                                 "When the process started, Unix time.");
    metric_family_real(family, stats->start_unix_seconds, "process", program, NULL);
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        family = metric_families_add(families, whole[i].name, whole[i].type, whole[i].help);
        metric_family_count(family, (uint64_t)whole[i].value, "process", program, NULL);
    }
}
