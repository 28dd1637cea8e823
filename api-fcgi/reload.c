/*
 * reload: see reload.h. A new configuration is made beside the present one, which stays where anything
 * about the new one is wrong.
 */
#include "api-fcgi/reload.h"

#include <string.h>

#include "common/log.h"
#include "common/secret_file.h"

enum {
    ERROR_SIZE = 768 /* a sentence and a path */
};

void reload_warn_of_short_keys(const struct identity_config *config)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (strlen(config->keys[i]) < IDENTITY_KEY_BYTES_ADVISED)
            log_warn("JWT key %zu has fewer than %d bytes and can be guessed", i + 1,
                     IDENTITY_KEY_BYTES_ADVISED);
}

static void reload_log(void)
{
    char error[ERROR_SIZE];

    if (log_reopen(error, sizeof error) != 0)
        log_error("SIGHUP: %s; it goes on in the one that is open", error);
    else
        log_info("SIGHUP: this is the log from now on");
}

static void reload_keys(const struct reload *reload)
{
    char keys[IDENTITY_KEYS_SIZE];
    char error[ERROR_SIZE];
    struct identity_config config;

    if (secret_file_read(reload->jwt_key_file, keys, sizeof keys, error, sizeof error) != 0 ||
        identity_configure(&config, keys, reload->identity_header, error, sizeof error) != 0) {
        log_error("SIGHUP: %s; the JWT keys stay those that they were", error);
    } else {
        shared_identity_replace(reload->identity, &config);
        log_info("SIGHUP: %zu JWT keys were read from %s, for all requests from now on",
                 config.key_count, reload->jwt_key_file);
        reload_warn_of_short_keys(&config);
    }
    explicit_bzero(keys, sizeof keys);
    explicit_bzero(&config, sizeof config);
}

void reload_all(const struct reload *reload)
{
    if (reload->log_file[0] != '\0')
        reload_log();
    if (reload->jwt_key_file[0] != '\0')
        reload_keys(reload);
    if (reload->log_file[0] == '\0' && reload->jwt_key_file[0] == '\0')
        log_info("SIGHUP: there is no log file to open anew and no key file to read again");
}
