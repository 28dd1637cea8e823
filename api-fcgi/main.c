/*
 * main of api-fcgi: reads the options, wires the parts, waits for the signal to stop. Exit status:
 * 0 done, 1 failed, 2 wrong usage.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api-fcgi/fcgi_listener.h"
#include "api-fcgi/fcgi_workers.h"
#include "api-fcgi/reload.h"
#include "api-fcgi/service.h"
#include "cluster/redis_link.h"
#include "common/log.h"
#include "common/options.h"
#include "common/privileges.h"
#include "common/secret_file.h"

enum {
    EXIT_BAD_USAGE = 2,
    ERROR_SIZE = 768, /* a sentence and the longest value that it quotes */
    STOP_POLL_MS = 20,
    STOP_LIMIT_MS =
        10000, /* a request takes 2 s of gamed at most; nginx may be slow to take an answer */
};

static const char default_listen[] = "unix:/run/pong/api.sock";
static const char host_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

struct config {
    char listen[OPTION_VALUE_MAX];
    struct option_list gamed;
    char redis_url[OPTION_VALUE_MAX];
    char redis_url_file[OPTION_VALUE_MAX];
    char redis_ca[OPTION_VALUE_MAX];
    int threads;
    int admit_ms;
    int guests;
    char identity_header[64];
    char cookie_domain[254];
    struct option_list cors_origins;
    char jwt_keys[IDENTITY_KEYS_SIZE];
    char jwt_key_file[OPTION_VALUE_MAX];
    char user[OPTION_VALUE_MAX];
    char log_file[OPTION_VALUE_MAX];
    int log_level;
};

enum {
    GUESTS_ALLOW,
    GUESTS_DENY
};

static enum option_outcome read_options(struct config *config, int argc, char **argv, char *error,
                                        size_t error_size)
{
    const struct option_spec specs[] = {
        {.name = "listen",
         .kind = OPTION_STRING,
         .target = config->listen,
         .size = sizeof config->listen,
         .fallback = "",
         .argument = "ADDRESS",
         .help =
             "where nginx hands over requests: unix:PATH or ADDR:PORT; without it the listening "
             "socket on descriptor 0, or else unix:/run/pong/api.sock"},
        {.name = "gamed",
         .kind = OPTION_LIST,
         .target = &config->gamed,
         .fallback = "ipc:///run/pong/ipc.sock",
         .argument = "URL",
         .help = "the IPC address of gamed; of several, each is asked for its slot"},
        {.name = "redis-url",
         .kind = OPTION_STRING,
         .target = config->redis_url,
         .size = sizeof config->redis_url,
         .fallback = "",
         .also_env = "REDIS_URL",
         .argument = "URL",
         .help = "redis://, rediss:// or unix://: tells which gamed there are, instead of --gamed; "
                 "better set in the environment"},
        {.name = "redis-url-file",
         .kind = OPTION_STRING,
         .target = config->redis_url_file,
         .size = sizeof config->redis_url_file,
         .fallback = "",
         .argument = "PATH",
         .help = "a file that holds the URL, instead of --redis-url"},
        {.name = "redis-ca",
         .kind = OPTION_STRING,
         .target = config->redis_ca,
         .size = sizeof config->redis_ca,
         .fallback = "",
         .argument = "FILE",
         .help = "PEM: who may sign the certificate of Redis; by default whom the system trusts"},
        {.name = "threads",
         .kind = OPTION_INT,
         .target = &config->threads,
         .min = 1,
         .max = 1024,
         .fallback = "128",
         .argument = "N",
         .help = "requests at a time; more than nginx workers x keepalive of every upstream to "
                 "this socket"},
        {.name = "admit-ms",
         .kind = OPTION_INT,
         .target = &config->admit_ms,
         .min = ADMIT_DEADLINE_MIN_MS,
         .max = ADMIT_DEADLINE_MAX_MS,
         .fallback = "300",
         .argument = "MS",
         .help = "how long gamed has for a ticket; then the handshake is answered 503, to be tried "
                 "again"},
        {.name = "guests",
         .kind = OPTION_CHOICE,
         .target = &config->guests,
         .choices = "allow|deny",
         .fallback = "allow",
         .argument = "WORD",
         .help = "whether those whom nobody has identified may take seats"},
        {.name = "identity-header",
         .kind = OPTION_STRING,
         .target = config->identity_header,
         .size = sizeof config->identity_header,
         .fallback = "",
         .argument = "NAME",
         .help =
             "the request header in which the site's nginx names the user; nginx must overwrite "
             "what clients send"},
        {.name = "cookie-domain",
         .kind = OPTION_STRING,
         .target = config->cookie_domain,
         .size = sizeof config->cookie_domain,
         .fallback = "",
         .argument = "DOMAIN",
         .help = "Domain of the seat cookies, for a site whose WebSocket lives on another host"},
        {.name = "cors-origins",
         .kind = OPTION_LIST,
         .target = &config->cors_origins,
         .fallback = "",
         .argument = "ORIGIN",
         .help =
             "other sites whose pages may use the REST interface, e.g. https://www.example.org"},
        {.name = "jwt-secret-key",
         .kind = OPTION_STRING,
         .target = config->jwt_keys,
         .size = sizeof config->jwt_keys,
         .fallback = "",
         .also_env = "JWT_SECRET_KEY",
         .argument = "KEY[,KEY...]",
         .help =
             "the HS256 keys of the site's JSON Web Tokens; better set in the environment, which "
             "others cannot read"},
        {.name = "jwt-secret-key-file",
         .kind = OPTION_STRING,
         .target = config->jwt_key_file,
         .size = sizeof config->jwt_key_file,
         .fallback = "",
         .argument = "PATH",
         .help =
             "a file that holds these keys on one line, instead of --jwt-secret-key; read again at "
             "SIGHUP"},
        {.name = "user",
         .kind = OPTION_STRING,
         .target = config->user,
         .size = sizeof config->user,
         .fallback = "",
         .argument = "NAME",
         .help = "started as root: become this user, before anything is opened"},
        {.name = "log-file",
         .kind = OPTION_STRING,
         .target = config->log_file,
         .size = sizeof config->log_file,
         .fallback = "",
         .argument = "PATH",
         .help = "a file to append the log to, instead of standard error; opened anew at SIGHUP"},
        {.name = "log-level",
         .kind = OPTION_CHOICE,
         .target = &config->log_level,
         .choices = LOG_LEVEL_CHOICES,
         .fallback = "info",
         .argument = "LEVEL",
         .help = "how much is logged"},
    };

    return options_parse(
        "api-fcgi",
        "Answers the REST requests of pong rooms: FastCGI on one side, gamed on the other.", specs,
        sizeof specs / sizeof specs[0], argc, argv, error, error_size);
}

/* Returns 0, or -1 and a sentence in error[]. */
static int read_key_file(struct config *config, char *error, size_t error_size)
{
    if (config->jwt_key_file[0] == '\0')
        return 0;
    if (config->jwt_keys[0] != '\0') {
        snprintf(error, error_size,
                 "--jwt-secret-key-file and --jwt-secret-key (or JWT_SECRET_KEY) are both set; one "
                 "of them must go");
        return -1;
    }
    return secret_file_read(config->jwt_key_file, config->jwt_keys, sizeof config->jwt_keys, error,
                            error_size);
}

/* Returns 0, or -1 and a sentence in error[]. */
static int read_redis_url(struct config *config, char *error, size_t error_size)
{
    if (config->redis_url_file[0] != '\0') {
        if (config->redis_url[0] != '\0') {
            snprintf(error, error_size,
                     "--redis-url-file and --redis-url (or REDIS_URL) are both set; one of them "
                     "must go");
            return -1;
        }
        if (secret_file_read(config->redis_url_file, config->redis_url, sizeof config->redis_url,
                             error, error_size) != 0)
            return -1;
    }
    if (config->redis_url[0] == '\0')
        return 0;
    return redis_link_check(config->redis_url, error, error_size) == REDIS_LINK_OK ? 0 : -1;
}

/* Returns 0, or -1 and a sentence in error[]. */
static int check_gamed(const struct option_list *gamed, char *error, size_t error_size)
{
    if (gamed->count == 0) {
        snprintf(error, error_size, "--gamed must name at least one gamed");
        return -1;
    }
    for (size_t i = 0; i < gamed->count; i++) {
        if (strncmp(gamed->value[i], "ipc://", 6) != 0 &&
            strncmp(gamed->value[i], "tcp://", 6) != 0) {
            snprintf(error, error_size, "--gamed must be ipc://PATH or tcp://ADDR:PORT");
            return -1;
        }
        for (size_t other = 0; other < i; other++)
            if (strcmp(gamed->value[i], gamed->value[other]) == 0) {
                snprintf(error, error_size, "--gamed names %s twice", gamed->value[i]);
                return -1;
            }
    }
    return 0;
}

/* Checks what the table of options cannot. Returns 0, or -1 and a sentence in error[]. */
static int check_config(struct config *config, struct service *service, char *error,
                        size_t error_size)
{
    static struct identity_config identity;
    char reason[ERROR_SIZE / 2];

    if (check_gamed(&config->gamed, error, error_size) != 0 ||
        read_redis_url(config, error, error_size) != 0)
        return -1;
    if (config->listen[0] != '\0' &&
        fcgi_listener_check(config->listen, reason, sizeof reason) != 0) {
        snprintf(error, error_size, "--listen: %s", reason);
        return -1;
    }
    if (read_key_file(config, error, error_size) != 0 ||
        identity_configure(&identity, config->jwt_keys, config->identity_header, error,
                           error_size) != 0)
        return -1;
    if (config->cookie_domain[strspn(config->cookie_domain, host_characters)] != '\0') {
        snprintf(error, error_size, "--cookie-domain must be a host name");
        return -1;
    }
    for (size_t i = 0; i < config->cors_origins.count; i++)
        if (cors_add(&service->cors, config->cors_origins.value[i], reason, sizeof reason) != 0) {
            snprintf(error, error_size, "--cors-origins: %s", reason);
            return -1;
        }
    reload_warn_of_short_keys(&identity);
    if (shared_identity_init(&service->identity, &identity) != 0) {
        snprintf(error, error_size, "no lock could be made");
        return -1;
    }
    service->rooms.identity = &service->identity;
    service->rooms.allows_guests = config->guests == GUESTS_ALLOW;
    service->rooms.cookie_domain = config->cookie_domain;
    service->admit.identity = &service->identity;
    service->admit.allows_guests = service->rooms.allows_guests;
    return 0;
}

static void answer(void *arg, const struct request *request, struct response *response)
{
    service_answer(arg, request, response);
}

/* Waits until the workers have ended what they were at. Returns the exit status. */
static int stop_workers(struct fcgi_workers *workers, const sigset_t *stop_signals)
{
    const struct timespec pause = {.tv_nsec = STOP_POLL_MS * 1000000L};

    fcgi_workers_stop(workers);
    for (int waited = 0; !fcgi_workers_await(workers); waited += STOP_POLL_MS) {
        if (waited >= STOP_LIMIT_MS || sigtimedwait(stop_signals, NULL, &pause) > 0) {
            log_warn("stopping with requests in progress");
            _exit(EXIT_FAILURE); /* their threads still use what would be freed */
        }
    }
    fcgi_workers_free(workers);
    return EXIT_SUCCESS;
}

/* Who asks which gamed, and counts where. */
static void wire(const struct config *config, struct service *service, struct instances *instances)
{
    service->metrics.threads = config->threads;
    service->metrics.version = PACKAGE_VERSION;
    service->rooms.instances = instances;
    service->rooms.metrics = &service->metrics;
    service->admit.instances = instances;
    service->admit.metrics = &service->metrics;
    service->admit.deadline_ms = config->admit_ms;
    service->admit.max_asking = config->threads > 4 ? config->threads / 4 : 1;
    service->admit.max_admitting = config->threads > 2 ? config->threads / 2 : 1;
    service->metrics_api.metrics = &service->metrics;
    service->metrics_api.instances = instances;
}

/* Waits for a signal to stop; SIGHUP is none. */
static void wait_for_stop(const struct reload *reload, const sigset_t *stop_signals)
{
    sigset_t signals = *stop_signals;
    int signal_number;

    sigaddset(&signals, SIGHUP);
    for (sigwait(&signals, &signal_number); signal_number == SIGHUP;
         sigwait(&signals, &signal_number))
        reload_all(reload);
}

static void tell_ready(const struct config *config)
{
    const char *listen = config->listen[0] != '\0' ? config->listen : "descriptor 0";

    if (config->redis_url[0] != '\0')
        log_info("ready on %s with %d threads, gamed as Redis says", listen, config->threads);
    else
        log_info("ready on %s with %d threads, gamed at %s%s", listen, config->threads,
                 config->gamed.value[0], config->gamed.count > 1 ? " and others" : "");
}

/* Serves until a signal ends it. Returns the exit status. */
static int serve(const struct config *config, struct service *service, int descriptor,
                 const sigset_t *stop_signals)
{
    char error[ERROR_SIZE];
    /* So that a gamed that hangs leaves threads for what does not need it. */
    const struct redis_link_config redis = {
        .url = config->redis_url, .ca_file = config->redis_ca, .name = "pong-api-fcgi"};
    const struct instances_config gamed = {.redis = config->redis_url[0] != '\0' ? &redis : NULL,
                                           .gamed = &config->gamed,
                                           .max_waiting =
                                               config->threads > 2 ? config->threads / 2 : 1};
    struct fcgi_workers *workers;
    int status = EXIT_FAILURE;
    const struct reload reload = {.log_file = config->log_file,
                                  .jwt_key_file = config->jwt_key_file,
                                  .identity_header = config->identity_header,
                                  .identity = &service->identity};

    struct instances *instances = instances_open(&gamed, error, sizeof error);
    if (instances == NULL) {
        log_error("%s", error);
        return EXIT_FAILURE;
    }
    wire(config, service, instances);
    workers = fcgi_workers_start(descriptor, config->threads, answer, service, error, sizeof error);
    if (workers == NULL) {
        log_error("%s", error);
    } else {
        tell_ready(config);
        wait_for_stop(&reload, stop_signals);
        log_info("stopping");
        status = stop_workers(workers, stop_signals);
    }
    instances_close(instances);
    return status;
}

/* Blocks the signals that are waited for, now and in every thread that is started from here on. */
static void block_signals(sigset_t *stop_signals)
{
    sigset_t blocked;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(stop_signals);
    sigaddset(stop_signals, SIGTERM);
    sigaddset(stop_signals, SIGINT);
    blocked = *stop_signals;
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGHUP, SIG_DFL); /* whoever started this may have ignored it (nohup) */
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct service service;
    char error[ERROR_SIZE] = "";
    sigset_t stop_signals;
    enum option_outcome outcome;
    bool is_inherited;
    int descriptor = STDIN_FILENO;
    int status;

    block_signals(&stop_signals);
    log_init("api-fcgi", LOG_LEVEL_INFO);
    outcome = read_options(&config, argc, argv, error, sizeof error);
    if (outcome == OPTIONS_DONE)
        return EXIT_SUCCESS;
    if (outcome != OPTIONS_BAD)
        log_init("api-fcgi", (enum log_level)config.log_level);
    if (outcome == OPTIONS_BAD || check_config(&config, &service, error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_BAD_USAGE;
    }
    if (outcome == OPTIONS_CHECKED)
        return EXIT_SUCCESS;
    if (privileges_drop(config.user, error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_FAILURE;
    }
    is_inherited = config.listen[0] == '\0' && fcgi_listener_is_inherited();
    if (config.listen[0] == '\0' && !is_inherited)
        memcpy(config.listen, default_listen, sizeof default_listen);
    if (config.log_file[0] != '\0' && log_open(config.log_file, error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_FAILURE;
    }
    privileges_tell_of_root();
    if (!is_inherited)
        descriptor = fcgi_listener_open(config.listen, error, sizeof error);
    if (descriptor < 0) {
        log_error("%s", error);
        return EXIT_FAILURE;
    }
    status = serve(&config, &service, descriptor, &stop_signals);
    shared_identity_free(&service.identity);
    if (!is_inherited)
        fcgi_listener_close(descriptor, config.listen);
    return status;
}
