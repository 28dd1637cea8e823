/*
 * gamed_survey: see gamed_survey.h. One is asked after the other; what one of them does not need of the
 * time is left to the next.
 */
#include "api-fcgi/gamed_survey.h"

#include <string.h>

#include "api-fcgi/gamed_question.h"
#include "common/clock.h"
#include "ipc/ipc_message.h"

enum {
    SURVEYED_MAX = 64, /* instances */
    ROOMS_MAX = 100
};

struct survey {
    json_t *replies[SURVEYED_MAX]; /* those that there are, well formed */
    size_t count, asked;
    long error; /* of the first who gave none */
};

/* Has all answer. */
static void survey_take(struct instances *instances, struct metrics *metrics, enum ipc_op op,
                        struct survey *survey)
{
    const int64_t until_ms = clock_read().mono_ms + IPC_DEADLINE_MS;
    struct instance *list[SURVEYED_MAX];

    survey->count = 0;
    survey->asked = instances_all(instances, op == IPC_LIST, list, SURVEYED_MAX);
    survey->error = survey->asked == 0 ? IPC_CLIENT_UNAVAILABLE : 0;
    for (size_t i = 0; i < survey->asked; i++) {
        struct ipc_request request = {.op = op};
        int64_t left_ms =
            (until_ms - clock_read().mono_ms) / (int64_t)(survey->asked - i); /* fair share */
        json_t *reply = NULL;
        long result = gamed_question_ask(instance_client(list[i]), metrics, &request,
                                         left_ms > 1 ? (int)left_ms : 1, &reply);

        if (result == 0)
            survey->replies[survey->count++] = reply;
        else if (survey->error == 0)
            survey->error = result;
        instance_release(list[i]);
    }
}

static void survey_free(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++)
        json_decref(survey->replies[i]);
}

static bool is_ok(const json_t *reply)
{
    return json_is_true(json_object_get(reply, "ok"));
}

/* ---- list ------------------------------------------------------------------------------ */

/* The first room of each, then the second of each, and so on. */
static json_t *merge_rooms(const struct survey *survey)
{
    json_t *rooms = json_array();
    bool is_any = true;

    for (size_t at = 0; is_any && json_array_size(rooms) < ROOMS_MAX; at++) {
        is_any = false;
        for (size_t i = 0; i < survey->count && json_array_size(rooms) < ROOMS_MAX; i++) {
            json_t *room = json_array_get(json_object_get(survey->replies[i], "rooms"), at);

            if (room == NULL)
                continue;
            is_any = true;
            json_array_append(rooms, room);
        }
    }
    return rooms;
}

long gamed_survey_list(struct instances *instances, struct metrics *metrics, json_t **reply)
{
    struct survey survey;
    size_t good = 0;

    survey_take(instances, metrics, IPC_LIST, &survey);
    *reply = NULL;
    if (survey.count == 0)
        return survey.error;
    while (good < survey.count && !is_ok(survey.replies[good]))
        good++;
    if (good == survey.count) {
        *reply = json_incref(survey.replies[0]);
    } else {
        *reply = json_incref(survey.replies[good]);
        if (survey.count > 1)
            json_object_set_new(*reply, "rooms", merge_rooms(&survey));
    }
    survey_free(&survey);
    return 0;
}

/* ---- health ---------------------------------------------------------------------------- */

static void add_word(json_t *words, json_t *word)
{
    const char *text = json_string_value(word);

    for (size_t i = 0; text != NULL && i < json_array_size(words); i++)
        if (strcmp(json_string_value(json_array_get(words, i)), text) == 0)
            return;
    if (text != NULL)
        json_array_append(words, word);
}

/* Whether it serves: it answers, and its games go on, or it has given them away. */
static bool serves(const json_t *reply)
{
    return is_ok(reply) && (json_is_true(json_object_get(reply, "draining")) ||
                            !json_is_true(json_object_get(reply, "frozen")));
}

/* Takes in the words of who serves. Returns how many do; *draining of them take no rooms. */
static size_t gather(const struct survey *survey, json_t *words, size_t *draining)
{
    size_t serving = 0;

    *draining = 0;
    for (size_t i = 0; i < survey->count; i++) {
        const json_t *degraded = json_object_get(survey->replies[i], "degraded");

        if (!serves(survey->replies[i]))
            continue;
        serving++;
        *draining += json_is_true(json_object_get(survey->replies[i], "draining"));
        for (size_t at = 0; at < json_array_size(degraded); at++)
            add_word(words, json_array_get(degraded, at));
    }
    return serving;
}

long gamed_survey_health(struct instances *instances, struct metrics *metrics, json_t **reply)
{
    json_t *words = json_array();
    struct survey survey;
    size_t serving, draining;
    const char *status;

    survey_take(instances, metrics, IPC_HEALTH, &survey);
    *reply = NULL;
    serving = gather(&survey, words, &draining);
    survey_free(&survey);
    if (serving == 0) {
        json_decref(words);
        return survey.error != 0 ? survey.error : IPC_CLIENT_FAILED;
    }
    if (serving < survey.asked)
        json_array_append_new(words, json_string("instances"));
    status = json_array_size(words) > 0 ? "degraded" : "ok";
    *reply = json_pack("{s:s, s:b}", "status", draining == serving ? "draining" : status,
                       "draining", draining == serving);
    if (json_array_size(words) > 0)
        json_object_set(*reply, "degraded", words);
    json_decref(words);
    return 0;
}
