/*
 * result_post: see result_post.h.
 */
#include "gamed/result_post.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char api_path[] = "/api/games/";

/* An answer's head and body are only looked at for their status; more than this is not read. */
enum {
    ANSWER_BYTES_MAX = 64 * 1024
};

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static bool is_http(CURLU *url)
{
    char *scheme = NULL;
    const bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is;
}

/* Appends the API's path to the URL's own. */
static bool append_path(CURLU *url)
{
    char *base = NULL, *path = NULL;
    bool done = false;
    if (curl_url_get(url, CURLUPART_PATH, &base, 0) != CURLUE_OK)
        return false;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    if (asprintf(&path, "%.*s%s", (int)length, base, api_path) >= 0) {
        done = curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK;
        free(path);
    }
    curl_free(base);
    return done;
}

static char *make_url(const char *base_url, const char **problem)
{
    char *out = NULL;
    CURLU *url = curl_url();
    *problem = "there is not enough memory for it";
    if (!url)
        return NULL;
    if (curl_url_set(url, CURLUPART_URL, base_url, 0) != CURLUE_OK || !is_http(url))
        *problem = "it must be a complete http:// or https:// URL";
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        *problem = "it must not hold a user or a password";
    else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        *problem = "it must not hold a query or a fragment";
    else if (append_path(url))
        curl_url_get(url, CURLUPART_URL, &out, 0);
    curl_url_cleanup(url);
    return out;
}

static bool is_header_safe(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

/* A file that cannot be read would be found out by the first result only. */
static int copy_ca_file(struct result_target *target, const char *ca_file, char *error,
                        size_t error_size)
{
    if (access(ca_file, R_OK) != 0) {
        snprintf(error, error_size, "the certificates in %s cannot be read: %s", ca_file,
                 strerror(errno));
        return -1;
    }
    target->ca_file = strdup(ca_file);
    if (target->ca_file)
        return 0;
    snprintf(error, error_size, "the name of %s: there is not enough memory for it", ca_file);
    return -1;
}

int result_authorization_make(const char *api_key, char **header, char *error, size_t error_size)
{
    *header = NULL;
    if (!api_key || !*api_key)
        return 0;
    if (!is_header_safe(api_key)) {
        snprintf(error, error_size,
                 "the API key holds a blank, a line's end or another non-visible character");
        return -1;
    }
    if (asprintf(header, "Authorization: Api-Key %s", api_key) >= 0)
        return 0;
    *header = NULL;
    snprintf(error, error_size, "the API key: there is not enough memory for it");
    return -1;
}

/* libcurl has copied the old one for the attempts under way. */
void result_target_set_authorization(struct result_target *target, char *header)
{
    free(target->authorization);
    target->authorization = header;
}

int result_target_init(struct result_target *target, const char *base_url, const char *api_key,
                       const char *ca_file, long timeout_ms, char *error, size_t error_size)
{
    const char *problem;

    *target = (struct result_target){.timeout_ms = timeout_ms};
    if (result_authorization_make(api_key, &target->authorization, error, error_size) != 0)
        return -1;
    if (base_url && *base_url) {
        target->url = make_url(base_url, &problem);
        if (!target->url) {
            snprintf(error, error_size, "the URL of user_management is no use: %s", problem);
            result_target_free(target);
            return -1;
        }
    }
    if (ca_file && *ca_file && copy_ca_file(target, ca_file, error, error_size) != 0) {
        result_target_free(target);
        return -1;
    }
    return 0;
}

void result_target_free(struct result_target *target)
{
    free(target->authorization);
    free(target->ca_file);
    curl_free(target->url);
    *target = (struct result_target){0};
}

/* Takes the answer's bytes and forgets them; anything but `count` returned ends the transfer. */
static size_t discard(char *data, size_t size, size_t count, void *context)
{
    struct result_post *post = context;
    (void)data;
    post->received += size * count;
    return post->received <= ANSWER_BYTES_MAX ? size * count : 0;
}

static bool add_header(struct result_post *post, const char *header)
{
    struct curl_slist *longer = curl_slist_append(post->headers, header);
    if (longer)
        post->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct result_post *post, const struct result_target *target,
                        const char *match_id)
{
    char key[128];
    snprintf(key, sizeof(key), "Idempotency-Key: %s", match_id);
    /* "Expect:" takes out the 100-continue that only costs a round trip here. */
    return add_header(post, "Content-Type: application/json") && add_header(post, "Expect:") &&
           add_header(post, key) &&
           (!target->authorization || add_header(post, target->authorization));
}

/*
 * Whether each option was taken: libcurl copies strings, so memory may be short; a protocol it was
 * built without is refused.
 */
static bool set_options(struct result_post *post, const struct result_target *target,
                        const char *body, size_t body_size, void *owner)
{
    CURL *easy = post->easy;
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
    /*
     * The result goes to the one configured host: no other protocol, no redirect, no proxy that the
     * environment names.
     */
    SET(CURLOPT_URL, target->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (target->ca_file) {
        SET(CURLOPT_CAINFO, target->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* the system's have no say any more */
    }
    SET(CURLOPT_USERAGENT, "pong-gamed");
    SET(CURLOPT_HTTPHEADER, post->headers);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, body);
    SET(CURLOPT_POSTFIELDSIZE, (long)body_size);
    SET(CURLOPT_TIMEOUT_MS, target->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, target->timeout_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* ending an attempt never waits for a name look-up that hangs */
    SET(CURLOPT_HEADERFUNCTION, discard);
    SET(CURLOPT_HEADERDATA, post);
    SET(CURLOPT_WRITEFUNCTION, discard);
    SET(CURLOPT_WRITEDATA, post);
    SET(CURLOPT_PRIVATE, owner);
#undef SET
    return ok;
}

int result_post_begin(struct result_post *post, const struct result_target *target,
                      const char *match_id, const char *body, size_t body_size, void *owner)
{
    /*
     * A new handle each time, so that nothing of an earlier answer can be taken for this one's;
     * connections live in the multi handle.
     */
    *post = (struct result_post){.easy = curl_easy_init()};
    if (post->easy && add_headers(post, target, match_id) &&
        set_options(post, target, body, body_size, owner))
        return 0;
    result_post_end(post);
    return -1;
}

struct retry_answer result_post_answer(const struct result_post *post)
{
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &retry_after);
    /* 1xx announces an answer that then did not come. */
    return (struct retry_answer){.status = status >= 200 ? (int)status : 0,
                                 .retry_after_s = (int64_t)retry_after};
}

void result_post_end(struct result_post *post)
{
    curl_easy_cleanup(post->easy);
    curl_slist_free_all(post->headers);
    *post = (struct result_post){0};
}
