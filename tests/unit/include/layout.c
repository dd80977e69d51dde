/* The ABI, pinned: a field that moves breaks every module that is compiled already. x86-64 and
 * other LP64 systems with 8-byte alignment. Compiling is the test. */
#include "hotrun/hotrun.h"

#ifdef __cplusplus
#define PIN(ok) static_assert(ok, #ok)
#else
#define PIN(ok) _Static_assert(ok, #ok)
#endif

#define AT(type, field, offset) PIN(offsetof(type, field) == (offset))
#define SIZE(type, size, align)                                                                    \
    PIN(sizeof(type) == (size));                                                                   \
    PIN(HOTRUN_ALIGNOF_(type) == (align))

PIN(sizeof(void *) == 8);
SIZE(hotrun_status, 4, 4);

SIZE(hotrun_step, 40, 8);
AT(hotrun_step, size, 0);
AT(hotrun_step, flags, 4);
AT(hotrun_step, generation, 8);
AT(hotrun_step, index, 16);
AT(hotrun_step, now_ns, 24);
AT(hotrun_step, dt_ns, 32);

SIZE(hotrun_writer, 16, 8);
AT(hotrun_writer, ctx, 0);
AT(hotrun_writer, write, 8);

SIZE(hotrun_event, 40, 8);
AT(hotrun_event, size, 0);
AT(hotrun_event, type, 4);
AT(hotrun_event, name, 8);
AT(hotrun_event, text, 16);
AT(hotrun_event, value, 24);
AT(hotrun_event, reply, 32);

SIZE(hotrun_host, 136, 8);
AT(hotrun_host, size, 0);
AT(hotrun_host, abi_major, 4);
AT(hotrun_host, abi_minor, 8);
AT(hotrun_host, argc, 12);
AT(hotrun_host, argv, 16);
AT(hotrun_host, config, 24);
AT(hotrun_host, ctx, 32);
AT(hotrun_host, log, 40);
AT(hotrun_host, wake, 48);
AT(hotrun_host, set_rate, 56);
AT(hotrun_host, request_reload, 64);
AT(hotrun_host, request_snapshot, 72);
AT(hotrun_host, request_exit, 80);
AT(hotrun_host, keep, 88);
AT(hotrun_host, kept, 96);
AT(hotrun_host, keep_fd, 104);
AT(hotrun_host, kept_fd, 112);
AT(hotrun_host, watch_fd, 120);
AT(hotrun_host, get_extension, 128);

SIZE(hotrun_module, 104, 8);
AT(hotrun_module, size, 0);
AT(hotrun_module, abi_major, 4);
AT(hotrun_module, abi_minor, 8);
AT(hotrun_module, state_align, 12);
AT(hotrun_module, state_size, 16);
AT(hotrun_module, state_type, 24);
AT(hotrun_module, name, 32);
AT(hotrun_module, flags, 40);
AT(hotrun_module, state_version, 44);
AT(hotrun_module, init, 48);
AT(hotrun_module, step, 56);
AT(hotrun_module, serialize, 64);
AT(hotrun_module, deserialize, 72);
AT(hotrun_module, on_event, 80);
AT(hotrun_module, fini, 88);
AT(hotrun_module, get_extension, 96);

SIZE(hotrun_heap, 24, 8);
AT(hotrun_heap, size, 0);
AT(hotrun_heap, alloc, 8);
AT(hotrun_heap, free, 16);

SIZE(hotrun_migrate, 16, 8);
AT(hotrun_migrate, size, 0);
AT(hotrun_migrate, migrate, 8);

PIN(HOTRUN_ABI_MAJOR == 1 && HOTRUN_ABI_MINOR == 0);

PIN(HOTRUN_OK == 0 && HOTRUN_EXIT == 1 && HOTRUN_DEFER == 2);
PIN(HOTRUN_ERR == -1 && HOTRUN_ERR_NOMEM == -2 && HOTRUN_ERR_SCHEMA == -3 && HOTRUN_ERR_IO == -4);

PIN(HOTRUN_LOG_TRACE == 0 && HOTRUN_LOG_DEBUG == 1 && HOTRUN_LOG_INFO == 2);
PIN(HOTRUN_LOG_WARN == 3 && HOTRUN_LOG_ERROR == 4);

PIN(HOTRUN_STEP_UPDATED == 1 && HOTRUN_STEP_RESTORED == 2);
PIN(HOTRUN_FD_READ == 1 && HOTRUN_FD_WRITE == 2 && HOTRUN_FD_HANGUP == 4);
PIN(HOTRUN_FINI_REPLACED == 1 && HOTRUN_FINI_REFUSED == 2 && HOTRUN_FINI_EXIT == 3);
PIN(HOTRUN_STATE_PLAIN == 1);

PIN(HOTRUN_EVENT_BEFORE_RELOAD == 1 && HOTRUN_EVENT_AFTER_RELOAD == 2);
PIN(HOTRUN_EVENT_RELOAD_REJECTED == 3 && HOTRUN_EVENT_ROLLED_BACK == 4);
PIN(HOTRUN_EVENT_BUILD_STARTED == 5 && HOTRUN_EVENT_BUILD_FAILED == 6);
PIN(HOTRUN_EVENT_BUILD_OK == 7 && HOTRUN_EVENT_FD_READY == 8 && HOTRUN_EVENT_MESSAGE == 9);
PIN(HOTRUN_EVENT_SIGNAL == 10 && HOTRUN_EVENT_STOPPING == 11);
