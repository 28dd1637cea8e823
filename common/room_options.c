/*
 * room_options: see room_options.h.
 */
#include "common/room_options.h"

#include <string.h>

const char *const bot_level_words[BOT_LEVEL_WORDS] = {"easy", "normal", "hard"};

int bot_level_index(const char *word)
{
    for (int i = 0; i < BOT_LEVEL_WORDS; i++)
        if (strcmp(word, bot_level_words[i]) == 0)
            return i;
    return -1;
}
