/*
 * result_post: one attempt to post one result, as a libcurl transfer: where to, with what headers,
 * within which bounds, and what came back. Must not decide what an answer means or when to try
 * again, and never logs: the API key is in here.
 *
 * Thread: one at a time per struct (the results thread); the target is read only once it is made.
 */
#ifndef PONG_GAMED_RESULT_POST_H
#define PONG_GAMED_RESULT_POST_H

#include <stddef.h>

#include <curl/curl.h>

#include "gamed/retry.h"

/* Where results go. */
struct result_target {
    char *url;           /* allocated by libcurl; NULL: nowhere */
    char *authorization; /* the whole header, or NULL */
    char *ca_file;       /* whose signatures https believes; NULL: the system's */
    long timeout_ms;     /* from the first look-up to the answer's last byte */
};

/*
 * Makes a target of the base URL of user_management (http or https; a path is fine; no user,
 * password, query or fragment), its API key (visible ASCII), and a PEM file of the certificates that
 * its own may be signed by, instead of the system's. Each may be NULL or "" for none. Returns 0 (free it with result_target_free), or -1 with a sentence in error[], which never holds
 * the key or the URL.
 */
int result_target_init(struct result_target *target, const char *base_url, const char *api_key,
                       const char *ca_file, long timeout_ms, char *error, size_t error_size);

/*
 * Makes the header of another API key ("" for none) for result_target_set_authorization. Returns 0 with
 * *header (NULL for none; free() it), or -1 with a sentence in error[] that does not hold the key. Any
 * thread.
 */
int result_authorization_make(const char *api_key, char **header, char *error, size_t error_size);

/* Takes the header over, for attempts that begin from now on. */
void result_target_set_authorization(struct result_target *target, char *header);

/* Frees what the target holds. A zeroed target is fine. */
void result_target_free(struct result_target *target);

struct result_post {
    CURL *easy; /* NULL: no attempt */
    struct curl_slist *headers;
    size_t received; /* bytes of head and body so far */
};

/*
 * Prepares an attempt: post->easy is then ready for curl_multi_add_handle, and `owner` is its
 * CURLINFO_PRIVATE. `body` must outlive the attempt. Returns 0, or -1 when memory is short; nothing
 * is held then.
 */
int result_post_begin(struct result_post *post, const struct result_target *target,
                      const char *match_id, const char *body, size_t body_size, void *owner);

/*
 * What came back, once libcurl is done with the transfer. A status line counts as an answer even
 * when what follows it was cut or too long: the receiver has said what it did.
 */
struct retry_answer result_post_answer(const struct result_post *post);

/* Frees the attempt; take post->easy out of its multi handle first. Nothing happens without one. */
void result_post_end(struct result_post *post);

#endif
