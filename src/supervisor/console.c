/* The terminal that hotrun was started on, and who has it at present. */
#include "supervisor/console.h"

#include "base/clock.h"
#include "base/path.h"
#include "supervisor/state.h"
#include "supervisor/status_words.h"
#include "terminal/guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 250U /* between two looks: the line is not drawn more often */
#define SOON_MS 20U  /* one thing often follows another */
#define END_MS  1000 /* for a terminal that takes nothing, at the end */

/* What is out of the ordinary with the build of sources; "": nothing. */
static const char *build_word(const struct supervisor *sup, char *space, size_t size,
                              enum status_tone *tone)
{
    struct building_state build = building_state(sup);
    if (build.running) {
        uint64_t seconds = (clock_ns() - build.since_ns) / NS_PER_S;
        *tone = STATUS_BUSY;
        (void)snprintf(space, size, "building %llu s", (unsigned long long)seconds);
        return seconds > 0 ? space : "building";
    }
    *tone = STATUS_BAD;
    return build.failed ? "build failed" : "";
}

static const char *state_word(const struct supervisor *sup, char *space, size_t size,
                              enum status_tone *tone)
{
    char step[32];
    *tone = STATUS_BUSY;
    switch (sup->state) {
    case POLICY_HELD:
        *tone = sup->missing_told ? STATUS_BUSY : STATUS_BAD;
        return sup->missing_told ? "waiting for the library" : "held";
    case POLICY_STARTING:
    case POLICY_RESTARTING:
    case POLICY_STOPPING:
        return policy_state_name(sup->state);
    case POLICY_SWAPPING:
        return "reloading";
    default:
        break;
    }
    if (sup->looks.tracer != 0) {
        return "in a debugger";
    }
    if (sup->paused) {
        report_count(sup->report.step, step, sizeof step);
        (void)snprintf(space, size, "paused, step %s", step);
        return space;
    }
    if (sup->looks.blocked[0] != '\0') {
        (void)snprintf(space, size, "waits in %s", sup->looks.blocked);
        return space;
    }
    *tone = STATUS_BAD;
    return sup->report.refused ? "not loaded" : "";
}

static void draw(struct supervisor *sup)
{
    struct console *console = &sup->console;
    char space[256];
    unsigned rows, columns;
    if (!status_line_size(&rows, &columns)) {
        status_line_hide(&console->line);
        return;
    }
    supervisor_look(sup);
    enum status_tone tone = STATUS_PLAIN;
    const char *word = build_word(sup, space, sizeof space, &tone);
    word = word[0] != '\0' ? word : state_word(sup, space, sizeof space, &tone);
    uint64_t late = 0;
    if (sup->host != NULL) {
        const struct page *page = host_process_shared(sup->host)->page;
        late = atomic_load_explicit(&page->late, memory_order_relaxed);
    }
    const char *file = strrchr(sup->library, '/');
    struct status_facts facts = {
        .name = sup->module[0] != '\0' ? sup->module
                : file != NULL         ? file + 1
                                       : sup->library,
        .word = word,
        .tone = tone,
        .generation = sup->report.generation,
        .rate = sup->rate,
        .rate_hz = sup->rate_hz,
        .late = late,
        .loaded_ns = console->loaded_ns != 0 ? clock_ns() - console->loaded_ns : 0,
        .took_ns = console->took_ns,
        .how = console->how,
        .state_bytes = sup->state_bytes + supervisor_heap_bytes(sup) + layouts_variables_bytes(sup),
        .keys = console->keys.on && console->keys.possible};
    struct text text = {0};
    status_words(&facts, columns, sup->log->color, &text);
    if (!text.failed) {
        status_line_draw(&console->line, text_string(&text), rows, columns);
    }
    text_finish(&text);
}

static const struct build *loading(const struct supervisor *sup)
{
    if (sup->asked_ns == 0) {
        return NULL;
    }
    bool back = sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count;
    return back ? sup->attempts[sup->attempt_next].build : sup->next;
}

static struct screen *on_terminal(struct console *console)
{
    return console->screen.terminal ? &console->screen : &console->other;
}

static void set_guard(struct supervisor *sup)
{
    struct console *console = &sup->console;
    const struct screen *screen = on_terminal(console);
    bool line = console->line.shown;
    if (line || sup->terminal.keyed) {
        guard_arm(screen->there ? screen->fd : sup->terminal.fd, &sup->terminal.saved,
                  STATUS_LINE_AWAY, line ? sizeof STATUS_LINE_AWAY - 1 : 0);
    } else {
        guard_disarm();
    }
}

void console_look(struct supervisor *sup)
{
    struct console *console = &sup->console;
    if (!console->begun) {
        return;
    }
    supervisor_arm(sup, TIMER_CONSOLE, LOOK_MS);
    console->looked_ns = clock_ns();
    keys_decide(sup, loading(sup));
    enum terminal_owner owner = terminal_owner(&sup->terminal);
    if (owner == TERMINAL_OURS) {
        terminal_set_keys(&sup->terminal, console->keys.on && console->keys.possible);
    }
    keys_listen(sup, owner == TERMINAL_OURS && console->keys.on);
    if (owner == TERMINAL_OTHERS) {
        status_line_forget(&console->line);
    } else if (owner == TERMINAL_MODULE) {
        status_line_yield(&console->line);
    } else if (console->has_line) {
        draw(sup);
    }
    set_guard(sup);
}

void console_soon(struct supervisor *sup)
{
    struct console *console = &sup->console;
    if (!console->begun) {
        return;
    }
    uint64_t passed_ms = (clock_ns() - console->looked_ns) / NS_PER_MS;
    uint64_t ms = passed_ms + SOON_MS >= LOOK_MS ? SOON_MS : LOOK_MS - passed_ms;
    if (uv_timer_get_due_in(&sup->timers[TIMER_CONSOLE]) > ms) {
        supervisor_arm(sup, TIMER_CONSOLE, ms);
    }
}

void console_loading(struct supervisor *sup, const struct build *build)
{
    if (sup->console.begun) {
        keys_decide(sup, build);
    }
}

void console_loaded(struct supervisor *sup, uint64_t took_ns, const char *how)
{
    sup->console.loaded_ns = clock_ns();
    sup->console.took_ns = took_ns;
    sup->console.how = how;
}

void console_host_died(struct supervisor *sup)
{
    if (terminal_restore(&sup->terminal, on_terminal(&sup->console))) {
        status_line_forget(&sup->console.line);
        console_soon(sup);
    }
}

static void take_away(struct supervisor *sup)
{
    keys_listen(sup, false);
    status_line_hide(&sup->console.line);
    terminal_set_keys(&sup->terminal, false);
    guard_disarm();
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct supervisor *sup = handle->data;
    if (number == SIGTSTP) {
        take_away(sup);
        (void)uv_signal_stop(handle);
        (void)raise(SIGTSTP); /* goes on with SIGCONT; at once where nobody could send that */
        (void)uv_signal_start(handle, on_signal, SIGTSTP);
    } else if (number == SIGCONT) {
        status_line_forget(&sup->console.line);
    }
    console_look(sup);
}

static void start_signals(struct supervisor *sup)
{
    static const int numbers[CONSOLE_SIGNALS] = {SIGWINCH, SIGTSTP, SIGCONT};
    for (size_t i = 0; i < CONSOLE_SIGNALS; i++) {
        uv_signal_t *handle = &sup->console.signals[i];
        struct sigaction found;
        (void)uv_signal_init(sup->loop, handle);
        handle->data = sup;
        bool ignored = sigaction(numbers[i], NULL, &found) == 0 && found.sa_handler == SIG_IGN;
        if (!ignored || numbers[i] != SIGTSTP) {
            (void)uv_signal_start(handle, on_signal, numbers[i]);
        }
    }
}

static void put_line(void *ctx, const char *line, size_t len)
{
    screen_put(ctx, line, len);
}

void console_begin(struct supervisor *sup)
{
    struct console *console = &sup->console;
    console->line.screen = &console->screen;
    if (screen_open(&console->screen, sup->loop, STDERR_FILENO)) {
        sup->log->ctx = &console->screen;
        sup->log->put = put_line;
    }
    if (!console->screen.terminal && isatty(STDOUT_FILENO) == 1) {
        (void)screen_open(&console->other, sup->loop, STDOUT_FILENO);
    }
    keys_begin(sup);
    console->has_line = sup->config->status_line && sup->config->wrap == NULL &&
                        console->screen.there && status_line_is_possible();
    if (console->has_line || console->keys.possible) {
        console->begun = true;
        start_signals(sup);
        guard_install();
    }
}

void console_end(struct supervisor *sup)
{
    struct console *console = &sup->console;
    if (console->begun) {
        take_away(sup);
        supervisor_disarm(sup, TIMER_CONSOLE);
        for (size_t i = 0; i < CONSOLE_SIGNALS; i++) {
            uv_close((uv_handle_t *)&console->signals[i], NULL);
        }
    }
    console->begun = false;
    terminal_end(&sup->terminal, on_terminal(console));
    keys_end(sup);
    sup->log->put = NULL;
    screen_close(&console->screen, END_MS);
    screen_close(&console->other, END_MS);
    status_line_finish(&console->line);
}
