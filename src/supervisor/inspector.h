/* The supervisor's client of hotrun-inspect, the process that names the code of a crash record. It
 * is started when it is first wanted, and again when it has died; nothing here waits for it longer
 * than is said. [supervisor's loop thread] */
#ifndef SUPERVISOR_INSPECTOR_H
#define SUPERVISOR_INSPECTOR_H

#include "base/log.h"
#include "link/naming.h"
#include "supervisor/backtrace.h"
#include "supervisor/orphans.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define INSPECTOR_WAIT_NS  UINT64_C(100000000) /* for an answer */
#define INSPECTOR_START_NS UINT64_C(50000000)  /* the same again for one that had to be started */

struct inspector; /* opaque */

/* Starts nothing yet. `orphans`, `log` outlive it. `program`: hotrun-host, beside which
 * hotrun-inspect is; NULL: where host_program_find finds it. NULL: no memory. */
struct inspector *inspector_create(uv_loop_t *loop, struct orphans *orphans, struct log *log,
                                   const char *program);

/* Kills the process and lets go through the loop, which then must run once more. NULL is allowed.
 */
void inspector_destroy(struct inspector *inspector);

/* Lets it open the private copy `path` ahead of time; `written_ns`: when the library was built. */
void inspector_prepare(struct inspector *inspector, const char *path, int64_t written_ns);

/* Asks for the names in `record`, which is copied. `path`, `written_ns`: as for inspector_prepare,
 * of the library that is most concerned. The answer is awaited by inspector_await; there is one
 * question at a time, and a newer one takes its place. */
void inspector_ask(struct inspector *inspector, const struct crash_record *record, const char *path,
                   int64_t written_ns);

/* Fills `trace` with the answer to the last question. Waits for it until INSPECTOR_WAIT_NS after it
 * was asked; what does not come, or from a process that died, is told without names. Returns
 * whether it came. */
bool inspector_await(struct inspector *inspector, const struct backtrace_view *view,
                     struct backtrace *trace);

/* Its process; 0: none lives. */
pid_t inspector_pid(const struct inspector *inspector);

#endif
