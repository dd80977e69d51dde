/* message_decode survives any bytes, and what it accepts is written again in just the same way. */
#include "link/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char again[MESSAGE_SIZE_MAX];
    struct message message;
    struct error err = {0};
    if (!message_decode(&message, data, size, &err)) {
        require(err.code == ERROR_FORMAT && err.text[0] != '\0');
        return 0;
    }
    if (size > sizeof again) {
        require(message_encode(&message, again, sizeof again) == 0);
        return 0;
    }
    require(message_encode(&message, again, sizeof again) == size);
    require(memcmp(again, data, size) == 0);
    struct message second;
    require(message_decode(&second, again, size, &err));
    require(second.type == message.type);
    return 0;
}
