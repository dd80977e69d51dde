/* config_load survives any bytes: a file that is refused is refused with a place in it, and one
 * that is taken hands valid JSON to the module. */
#define _GNU_SOURCE /* memfd_create */
#include "config/config.h"
#include "state/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("hotrun.toml", MFD_CLOEXEC);
        require(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    struct config config;
    struct error err = {0};
    require(config_init(&config, &err));
    if (config_load(&config, path, &err)) {
        require(json_check(config.module_config, strlen(config.module_config), &err));
        require(config_resolve(&config, &err) || err.text[0] != '\0');
    } else {
        unsigned line = 0;
        unsigned column = 0;
        require(err.code == ERROR_CONFIG);
        require(strncmp(err.text, path, strlen(path)) == 0);
        require(sscanf(err.text + strlen(path), ":%u:%u: ", &line, &column) == 2 && line > 0);
    }
    config_finish(&config);
    return 0;
}
