/* Answers to what somebody asks the module by way of the supervisor. */
#ifndef HOST_REPLIES_H
#define HOST_REPLIES_H

#include "base/text.h"

#include <stdint.h>

struct bytes;
struct host;

/* A message for on_event, and what that writes into its reply. */
void replies_to_send(struct host *host, uint64_t number, const struct bytes *name,
                     const struct bytes *text);

/* The state goes into `fd`, which is taken over; -1: it did not come. Of a state that its layout
 * tells, what `pointer` names may go there alone. */
void replies_with_state(struct host *host, uint64_t number, const char *pointer, int fd);

#endif
