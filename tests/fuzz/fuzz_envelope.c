/* envelope_read survives any bytes. What it accepts is written again as the same file; a file
 * without its checksum becomes one that says the same with it. */
#include "store/envelope.h"

#include "base/hash.h"

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

static void read_and_write(const char *bytes, size_t len)
{
    struct envelope envelope, again;
    struct text file = {0};
    struct error err = {0};
    enum envelope_verdict verdict = envelope_read(&envelope, bytes, len, &err);
    bool readable = verdict == ENVELOPE_WHOLE || verdict == ENVELOPE_UNCHECKED;
    require(readable == (err.code == ERROR_NONE));
    if (readable) {
        require(envelope_write(&file, &envelope.snapshot, envelope.state, &err));
        require(envelope_read(&again, file.data, file.len, &err) == ENVELOPE_WHOLE);
        require(again.snapshot.len == envelope.snapshot.len &&
                again.snapshot.checksum == envelope.snapshot.checksum &&
                memcmp(again.state, envelope.state, (size_t)again.snapshot.len) == 0);
        envelope_finish(&again);
    }
    if (verdict == ENVELOPE_WHOLE) {
        require(file.len == len && memcmp(file.data, bytes, len) == 0);
    }
    text_finish(&file);
    envelope_finish(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_write((const char *)data, size);
    /* The fuzzer does not guess a checksum: the bytes behind one that fits. */
    struct text file = {0};
    struct hash_stream *stream = hash_stream_create();
    require(stream != NULL);
    hash_stream_add(stream, data, size);
    struct hash hash = hash_stream_end(stream);
    hash_stream_destroy(stream);
    require(text_printf(&file, "{\"hotrun\":\"snapshot/1\",\"check\":\"%016llx%016llx\",",
                        (unsigned long long)hash.high, (unsigned long long)hash.low) &&
            text_append(&file, data, size));
    read_and_write(file.data, file.len);
    text_finish(&file);
    return 0;
}
