/* Unit tests of api-fcgi/exposition: several sources become one text, whatever is in their strings
 * cannot change its meaning, and what would make it illegal is left out. */
#include "api-fcgi/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/metric_families.h"

#define SOURCES_MAX 4

/* Writes the families of JSON texts ' for "; labels may be NULL. The text is to be freed. */
static char *write_texts(size_t count, const char *const texts[], const char *const labels[],
                         size_t *refused)
{
    struct exposition_source sources[SOURCES_MAX] = {{0}};
    size_t length;
    char *text;

    for (size_t i = 0; i < count; i++) {
        char json[4096];

        snprintf(json, sizeof json, "[%s]", texts[i]);
        for (char *at = json; (at = strchr(at, '\'')) != NULL;)
            *at = '"';
        sources[i].families = json_loads(json, 0, NULL);
        assert_non_null(sources[i].families);
        if (labels != NULL && labels[i] != NULL)
            sources[i].labels = json_pack("{s:s}", "slot", labels[i]);
    }
    text = exposition_write(sources, count, &length, refused);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    for (size_t i = 0; i < count; i++) {
        json_decref(sources[i].families);
        json_decref(sources[i].labels);
    }
    return text;
}

static void expect(const char *families, const char *expected, size_t expected_refused)
{
    size_t refused;
    char *text = write_texts(1, &families, NULL, &refused);

    assert_string_equal(text, expected);
    assert_int_equal(refused, expected_refused);
    free(text);
}

#define FAMILY(name, type, samples) \
    "{'name':'" name "','type':'" type "','help':'h','samples':[" samples "]}"
#define HEAD(name, type) "# HELP " name " h\n# TYPE " name " " type "\n"

static void values_are_written_as_they_are(void **state)
{
    (void)state;
    expect(FAMILY("a_total", "counter", "{'labels':{},'value':9007199254740993}"),
           HEAD("a_total", "counter") "a_total 9007199254740993\n", 0);
    expect(FAMILY("a", "gauge",
                  "{'labels':{'x':'1'},'value':-0.1},{'labels':{'x':'2'},'value':1e300}"),
           HEAD("a", "gauge") "a{x=\"1\"} -0.1\na{x=\"2\"} 1e+300\n", 0);
    expect(FAMILY("a", "gauge", "{'labels':{},'value':0.30000000000000004}"),
           HEAD("a", "gauge") "a 0.30000000000000004\n", 0);
    expect("", "", 0);
}

static void buckets_are_cumulative(void **state)
{
    (void)state;
    expect("{'name':'h','type':'histogram','help':'h','bounds':[0.0005,1,2.5],'samples':["
           "{'labels':{'op':'x'},'counts':[1,0,2,3],'sum':9.5}]}",
           HEAD("h", "histogram") "h_bucket{op=\"x\",le=\"0.0005\"} 1\n"
                                  "h_bucket{op=\"x\",le=\"1\"} 1\n"
                                  "h_bucket{op=\"x\",le=\"2.5\"} 3\n"
                                  "h_bucket{op=\"x\",le=\"+Inf\"} 6\n"
                                  "h_sum{op=\"x\"} 9.5\n"
                                  "h_count{op=\"x\"} 6\n",
           0);
    expect("{'name':'h','type':'histogram','help':'h','bounds':[1],'samples':["
           "{'labels':{},'counts':[0,0],'sum':0}]}",
           HEAD("h", "histogram") "h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\n"
                                  "h_count 0\n",
           0);
}

static void hostile_strings_stay_strings(void **state)
{
    (void)state;
    expect("{'name':'a','type':'gauge','help':'one\\\\two\\nthree \\u0022','samples':["
           "{'labels':{'x':'\\u0022} 1\\nb 2\\n\\\\'},'value':1}]}",
           "# HELP a one\\\\two\\nthree \"\n# TYPE a gauge\n"
           "a{x=\"\\\"} 1\\nb 2\\n\\\\\"} 1\n",
           0);
    expect(FAMILY("a", "gauge", "{'labels':{'x':'\\u00e4\\u20ac'},'value':1}"),
           HEAD("a", "gauge") "a{x=\"\xc3\xa4\xe2\x82\xac\"} 1\n", 0);
}

static void what_is_illegal_is_left_out(void **state)
{
    static const char *const families[] = {
        FAMILY("a b", "gauge", ""),
        FAMILY("1a", "gauge", ""),
        FAMILY("", "gauge", ""),
        FAMILY("a\\n# TYPE b gauge", "gauge", ""),
        FAMILY("a", "summary", ""),
        "{'name':'a','type':'gauge','samples':[]}",
        "{'name':'a','type':'gauge','help':'h'}",
        "{'name':7,'type':'gauge','help':'h','samples':[]}",
        "7",
        "null",
    };
    static const char *const samples[] = {
        "{'labels':{'le':'1'},'value':1}",    "{'labels':{'__a':'1'},'value':1}",
        "{'labels':{'a-b':'1'},'value':1}",   "{'labels':{'a=\\u00221\\u0022,b':'1'},'value':1}",
        "{'labels':{'':'1'},'value':1}",      "{'labels':{'a':1},'value':1}",
        "{'labels':['a'],'value':1}",         "{'value':1}",
        "{'labels':{},'value':'1'}",          "{'labels':{}}",
        "{'labels':{},'counts':[1],'sum':1}", "7",
    };

    (void)state;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        expect(families[i], "", 1);
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char family[512];

        snprintf(family, sizeof family,
                 "{'name':'a','type':'gauge','help':'h','samples':[%s,{'labels':{},'value':2}]}",
                 samples[i]);
        expect(family, HEAD("a", "gauge") "a 2\n", 1);
    }
}

static void a_broken_histogram_is_left_out(void **state)
{
    static const char *const parts[] = {
        "'bounds':[1,1],'samples':[{'labels':{},'counts':[1,1,1],'sum':1}]",
        "'bounds':[2,1],'samples':[{'labels':{},'counts':[1,1,1],'sum':1}]",
        "'bounds':[1,2],'samples':[{'labels':{},'counts':[1,1],'sum':1}]",
        "'bounds':[1],'samples':[{'labels':{},'counts':[1,-1],'sum':1}]",
        "'bounds':[1],'samples':[{'labels':{},'counts':[1,1.5],'sum':1}]",
        "'bounds':[1],'samples':[{'labels':{},'counts':[1,1]}]",
        "'bounds':['1'],'samples':[{'labels':{},'counts':[1,1],'sum':1}]",
        "'bounds':[],'samples':[{'labels':{},'counts':[1],'sum':1}]",
        "'samples':[{'labels':{},'counts':[1],'sum':1}]",
        "'bounds':[1],'samples':[{'labels':{},'value':1}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char family[512];

        snprintf(family, sizeof family, "{'name':'h','type':'histogram','help':'h',%s}", parts[i]);
        expect(family, HEAD("h", "histogram"), 1);
    }
}

static void no_series_comes_twice(void **state)
{
    (void)state;
    expect(FAMILY("a", "gauge",
                  "{'labels':{'x':'1','y':'2'},'value':1},{'labels':{'y':'2','x':'1'},'value':2},"
                  "{'labels':{'x':'1'},'value':3}"),
           HEAD("a", "gauge") "a{x=\"1\",y=\"2\"} 1\na{x=\"1\"} 3\n", 1);
    expect(FAMILY("a", "gauge", "{'labels':{},'value':1}") "," FAMILY("a", "gauge",
                                                                      "{'labels':{},'value':2}"),
           HEAD("a", "gauge") "a 1\n", 1);
}

static void families_of_several_stand_together(void **state)
{
    static const char *const texts[] = {
        FAMILY("own", "gauge", "{'labels':{},'value':1}") "," FAMILY("shared", "gauge",
                                                                     "{'labels':{},'value':2}"),
        FAMILY("shared", "gauge", "{'labels':{},'value':3}") "," FAMILY("games", "gauge",
                                                                        "{'labels':{},'value':4}"),
        FAMILY("games", "gauge", "{'labels':{'slot':'A'},'value':5}") "," FAMILY(
            "shared", "counter", "{'labels':{},'value':6}"),
    };
    static const char *const labels[] = {NULL, "A", "B"};
    size_t refused;
    char *text = write_texts(3, texts, labels, &refused);

    (void)state;
    assert_string_equal(
        text,
        HEAD("own", "gauge") "own 1\n" HEAD(
            "shared", "gauge") "shared 2\n"
                               "shared{slot=\"A\"} 3\n" HEAD(
                                   "games", "gauge") "games{slot=\"A\"} 4\ngames{slot=\"B\"} 5\n");
    assert_int_equal(refused, 1); /* the type that differs */
    free(text);
}

static void two_of_one_slot_are_not_mixed(void **state)
{
    static const char *const texts[] = {FAMILY("a", "gauge", "{'labels':{},'value':1}"),
                                        FAMILY("a", "gauge", "{'labels':{},'value':2}")};
    static const char *const labels[] = {"A", "A"};
    size_t refused;
    char *text = write_texts(2, texts, labels, &refused);

    (void)state;
    assert_string_equal(text, HEAD("a", "gauge") "a{slot=\"A\"} 1\n");
    assert_int_equal(refused, 1);
    free(text);
}

/* A few bytes of JSON must not become megabytes of text. */
static void the_text_is_bounded(void **state)
{
    struct exposition_source source = {.families = json_array()};
    json_t *family = metric_families_add(source.families, "a", METRIC_GAUGE, "h");
    char *value = malloc(60001);
    size_t length, refused;

    (void)state;
    assert_non_null(value);
    memset(value, 'x', 60000);
    value[60000] = '\0';
    source.labels = json_pack("{s:s}", "slot", value);
    for (int i = 0; i < 100; i++) {
        char number[16];

        snprintf(number, sizeof number, "%d", i);
        metric_family_count(family, 1, "i", number, NULL);
    }
    assert_null(exposition_write(&source, 1, &length, &refused));
    json_decref(source.labels);
    json_decref(source.families);
    free(value);
}

static void too_many_samples_or_families_are_cut(void **state)
{
    struct exposition_source source = {.families = json_array()};
    json_t *family = metric_families_add(source.families, "a", METRIC_GAUGE, "h");
    size_t length, refused;
    char *text;

    (void)state;
    for (int i = 0; i < EXPOSITION_SAMPLES_MAX + 3; i++) {
        char number[16];

        snprintf(number, sizeof number, "%d", i);
        metric_family_count(family, 1, "i", number, NULL);
    }
    for (int i = 1; i < EXPOSITION_FAMILIES_MAX + 5; i++) {
        char name[16];

        snprintf(name, sizeof name, "f%d", i);
        metric_families_count(source.families, name, METRIC_GAUGE, "h", 1);
    }
    text = exposition_write(&source, 1, &length, &refused);
    assert_non_null(text);
    assert_int_equal(refused, 3 + 5);
    assert_non_null(strstr(text, "\nf255 1\n"));
    assert_null(strstr(text, "\nf256 1\n"));
    free(text);
    json_decref(source.families);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_they_are),
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(hostile_strings_stay_strings),
        cmocka_unit_test(what_is_illegal_is_left_out),
        cmocka_unit_test(a_broken_histogram_is_left_out),
        cmocka_unit_test(no_series_comes_twice),
        cmocka_unit_test(families_of_several_stand_together),
        cmocka_unit_test(two_of_one_slot_are_not_mixed),
        cmocka_unit_test(the_text_is_bounded),
        cmocka_unit_test(too_many_samples_or_families_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
