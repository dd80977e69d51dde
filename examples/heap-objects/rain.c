/* Drops on the heap, in a list: neither serialize nor deserialize is needed to change their struct.
 */
#include <hotrun/hotrun.h>

struct drop {
    struct drop *next;
    double height;
    double velocity;
};

struct rain {
    struct drop *first;
    struct drop *lowest; /* one of the list, NULL when it is empty */
    unsigned long fallen;
};

static hotrun_status add_drop(const hotrun_host *host, struct rain *rain)
{
    struct drop *drop = hotrun_alloc(host, struct drop, 1);
    if (!drop)
        return HOTRUN_ERR_NOMEM;
    drop->height = 100;
    drop->next = rain->first;
    rain->first = drop;
    return HOTRUN_OK;
}

static void let_fall(const hotrun_host *host, struct rain *rain)
{
    struct drop **link = &rain->first;
    rain->lowest = NULL;
    while (*link) {
        struct drop *drop = *link;
        drop->velocity += 0.01;
        drop->height -= drop->velocity;
        if (drop->height < 0) {
            *link = drop->next;
            hotrun_free(host, drop);
            rain->fallen++;
            continue;
        }
        if (!rain->lowest || drop->height < rain->lowest->height)
            rain->lowest = drop;
        link = &drop->next;
    }
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct rain *rain = state;
    if (now->index % 17 == 0 && add_drop(host, rain) != HOTRUN_OK)
        return HOTRUN_ERR_NOMEM;
    let_fall(host, rain);
    if (now->index % 50 == 0 && rain->lowest)
        hotrun_logf(host, HOTRUN_LOG_INFO, "%lu fallen, the lowest at %.1f, velocity %.2f",
                    rain->fallen, rain->lowest->height, rain->lowest->velocity);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct rain, .name = "rain", .step = step);
