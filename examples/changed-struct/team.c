/* A team that takes turns. Its structs change while it works; no line of code carries them over. */
#include <hotrun/hotrun.h>

#include <string.h>

enum mood {
    CALM,
    BUSY,
    TIRED
};

struct worker {
    char name[8];
    enum mood mood;
    int done;
};

struct team {
    struct worker workers[3];
    struct worker *next; /* whose turn it is */
    int pace;            /* steps of a turn */
    HOTRUN_TRANSIENT(pace);
};

static const char *const mood_names[] = {[CALM] = "calm", [BUSY] = "busy", [TIRED] = "tired"};

static hotrun_status init(const hotrun_host *host, void *state)
{
    static const char *const names[] = {"ann", "bob", "cid", "dot", "eve"};
    struct team *team = state;
    (void)host;
    team->pace = 20;
    team->next = team->workers;
    for (size_t i = 0; i < sizeof team->workers / sizeof *team->workers; i++)
        strcpy(team->workers[i].name, names[i]);
    return HOTRUN_OK;
}

static void take_turn(const hotrun_host *host, struct team *team)
{
    struct worker *worker = team->next;
    worker->done++;
    worker->mood = worker->mood == TIRED ? CALM : worker->mood + 1;
    hotrun_logf(host, HOTRUN_LOG_INFO, "%s has done %d and is %s", worker->name, worker->done,
                mood_names[worker->mood]);
    team->next = worker + 1 < (&team->workers)[1] ? worker + 1 : team->workers;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct team *team = state;
    if (now->index % (uint64_t)team->pace == 0)
        take_turn(host, team);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct team, .name = "team", .init = init, .step = step);
