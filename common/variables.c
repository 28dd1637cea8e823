/*
 * variables: see variables.h. tests/e2e/variables.test.mjs holds the list against what the programs'
 * --help and the scripts say.
 */
#include "common/variables.h"

#include <string.h>

#include "common/log.h"

enum {
    SLIPS_MAX = 2,      /* letters too many, too few or wrong */
    NAME_MAX_BYTES = 48 /* nothing that is read is as long */
};

static const char prefix[] = "PONG_";
static const char test_prefix[] = "PONG_TEST_";

/* In the order of the alphabet. */
static const char *const names[] = {
    "PONG_ABSENCE_SECONDS",
    "PONG_ABSENCE_TOTAL_SECONDS",
    "PONG_ADMIT_MS",
    "PONG_ADVERTISE_IPC",
    "PONG_ADVERTISE_LISTEN",
    "PONG_ALLOWED_ORIGINS",
    "PONG_API_INCLUDE",
    "PONG_API_KEY",
    "PONG_API_KEY_FILE",
    "PONG_API_RATE",
    "PONG_BUILD_DIR",
    "PONG_CHECKPOINT_MS",
    "PONG_CHROMIUM",
    "PONG_CONNECTIONS_PER_ADDRESS",
    "PONG_CONTROL",
    "PONG_COOKIE_DOMAIN",
    "PONG_CORS_ORIGINS",
    "PONG_DEV_DIR",
    "PONG_DRAIN_MS",
#ifdef PONG_FAILPOINTS
    "PONG_FAILPOINT",
#endif
    "PONG_GAMED",
    "PONG_GUESTS",
    "PONG_HANDSHAKES_PER_SECOND",
    "PONG_HANDSHAKE_RATE",
    "PONG_HANDSHAKE_SECONDS",
    "PONG_IDENTITY_HEADER",
    "PONG_IPC",
    "PONG_JOIN_SECONDS",
    "PONG_JWT_SECRET_KEY",
    "PONG_JWT_SECRET_KEY_FILE",
    "PONG_LEASE_MS",
    "PONG_LISTEN",
    "PONG_LOG_DIR",
    "PONG_LOG_FILE",
    "PONG_LOG_LEVEL",
    "PONG_MATCH_MINUTES",
    "PONG_MAX_CONNECTIONS",
    "PONG_MAX_CONNECTIONS_PER_ADDRESS",
    "PONG_MAX_HANDSHAKES",
    "PONG_MAX_MESSAGE_BYTES",
    "PONG_MAX_ROOMS",
    "PONG_MAX_ROOMS_PER_ADDRESS",
    "PONG_MAX_ROOMS_PER_USER",
    "PONG_MAX_SPECTATORS",
    "PONG_MAX_TICKETS",
    "PONG_MESSAGES_PER_SECOND",
    "PONG_METRICS_ALLOW",
    "PONG_PAUSES",
    "PONG_PAUSE_SECONDS",
    "PONG_POST_BOT_RESULTS",
    "PONG_POST_GUEST_RESULTS",
    "PONG_PROMTOOL",
    "PONG_REDIS_CA",
    "PONG_REDIS_URL",
    "PONG_REDIS_URL_FILE",
    "PONG_REMATCH_SECONDS",
    "PONG_SEND_BUFFER_BYTES",
    "PONG_SERVE_STEPS",
    "PONG_SLOT",
    "PONG_SOCKET_DIR",
    "PONG_STATE_DIR",
    "PONG_THREADS",
    "PONG_TICKETS",
    "PONG_UNCLAIMED_SECONDS",
    "PONG_UPDATE_HZ",
    "PONG_UPSTREAMS",
    "PONG_USER",
    "PONG_USER_MANAGEMENT_CA",
    "PONG_USER_MANAGEMENT_URL",
    "PONG_WAITING_ROOM_SECONDS",
    "PONG_WEB_ROOT",
};

extern char **environ;

bool variables_are_read(const char *name, size_t length)
{
    if (length >= sizeof test_prefix - 1 && memcmp(name, test_prefix, sizeof test_prefix - 1) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* How many letters have to be put in, taken out or changed to make one of the other (Levenshtein). */
static size_t slips_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[NAME_MAX_BYTES + 1];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 0; i < a_length; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b_length; j++) {
            size_t here = smallest(row[j + 1] + 1, row[j] + 1, corner + (a[i] != b[j]));

            corner = row[j + 1];
            row[j + 1] = here;
        }
    }
    return row[b_length];
}

const char *variables_nearest(const char *name, size_t length)
{
    const char *nearest = NULL;
    size_t least = SLIPS_MAX + 1;

    if (length > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t slips = slips_between(name, length, names[i], strlen(names[i]));

        if (slips < least) {
            least = slips;
            nearest = names[i];
        }
    }
    return nearest;
}

void variables_warn_of_strangers(void)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        size_t length = strcspn(*entry, "=");
        const char *nearest;

        if (strncmp(*entry, prefix, sizeof prefix - 1) != 0 || variables_are_read(*entry, length))
            continue;
        nearest = variables_nearest(*entry, length);
        log_warn("the variable %.*s is not known and has no effect%s%s%s",
                 (int)(length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES), *entry,
                 nearest != NULL ? "; is it " : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? " that is meant?" : "");
    }
}
