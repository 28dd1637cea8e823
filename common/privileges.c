/*
 * privileges: see privileges.h.
 */
#include "common/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"

static int become(const struct passwd *entry, char *error, size_t error_size)
{
    if (initgroups(entry->pw_name, entry->pw_gid) != 0 ||
        setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
        setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) {
        snprintf(error, error_size, "cannot become the user %s: %s", entry->pw_name,
                 strerror(errno));
        return -1;
    }
    /* Not to be believed without a try: a kernel that let us back would make all of it worthless. */
    if (setuid(0) == 0) {
        snprintf(error, error_size, "having become %s, root can be had again", entry->pw_name);
        return -1;
    }
    return 0;
}

int privileges_drop(const char *user, char *error, size_t error_size)
{
    const struct passwd *entry;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(error, error_size, "cannot bar new privileges: %s", strerror(errno));
        return -1;
    }
    if (user[0] == '\0')
        return 0;
    errno = 0;
    entry = getpwnam(user);
    if (entry == NULL) {
        snprintf(error, error_size, "--user: there is no user \"%s\"%s%s", user,
                 errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        return -1;
    }
    if (entry->pw_uid == 0) {
        snprintf(error, error_size, "--user %s is root; it must be somebody else", user);
        return -1;
    }
    if (geteuid() == entry->pw_uid && getuid() == entry->pw_uid)
        return 0;
    if (geteuid() != 0) {
        snprintf(error, error_size, "only root can become another user: --user %s", user);
        return -1;
    }
    return become(entry, error, error_size);
}

void privileges_tell_of_root(void)
{
    if (geteuid() == 0)
        log_info("runs as root, which it does not need; --user NAME lets it become another");
}
