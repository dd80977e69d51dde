"""What a process tells, as it tells it: lines from pipes and FIFOs, gathered by one thread.

A test waits for a record with a deadline; nothing sleeps and looks again.
"""
import json
import os
import selectors
import threading
import time

DEADLINE = float(os.environ.get("HOTRUN_TEST_DEADLINE", "30"))  # seconds


class Missing(AssertionError):
    """What a test waited for did not come."""


class Stream:
    """Records in the order of their arrival. `lock` is shared by all streams of one reader, and
    `fetch` takes in what they have been sent so far."""

    def __init__(self, name, lock, parse, fetch=lambda: None):
        self.name, self.lock, self.parse, self.fetch = name, lock, parse, fetch
        self.records = []
        self.rest = b""
        self.ended = False

    def feed(self, data):
        """Bytes from the reader's thread; empty: the end. Only whole lines become records."""
        if not data:
            if self.rest:
                self.records.append(self.parse(self.rest))
                self.rest = b""
            self.ended = True
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.records.extend(self.parse(line) for line in lines)

    def mark(self):
        """The place behind the last record: `since` for waits for what is told from here on."""
        with self.lock:
            self.fetch()
            return len(self.records)

    def since(self, mark=0):
        """What was told from `mark` on."""
        with self.lock:
            self.fetch()
            return self.records[mark:]

    def behind(self, record):
        """The place behind this record, which is of this stream."""
        with self.lock:
            return next(at for at, other in enumerate(self.records, 1) if other is record)

    def wait(self, holds, since=0, timeout=DEADLINE, gone=lambda: False, what="a record"):
        """The first record from `since` on for which holds(record); Missing when the deadline
        passes or gone() says that none will come."""
        until = time.monotonic() + timeout
        with self.lock:
            seen = since
            while True:
                while seen < len(self.records):
                    if holds(self.records[seen]):
                        return self.records[seen]
                    seen += 1
                left = until - time.monotonic()
                if left <= 0 or self.ended or gone():
                    why = "in time" if left <= 0 else "before the end"
                    raise Missing(f"{self.name}: {what} did not come {why}")
                self.lock.wait(left)


def json_record(line):
    try:
        record = json.loads(line)
    except ValueError:
        return {"malformed": line.decode(errors="replace")}
    return record if isinstance(record, dict) else {"malformed": record}


def text_record(line):
    return line.decode(errors="replace")


class Reader:
    """Reads descriptors into streams, and notices the end of a process, until closed."""

    def __init__(self):
        self.lock = threading.Condition()
        self.selector = selectors.DefaultSelector()
        self.stop_read, self.stop_write = os.pipe()
        self.selector.register(self.stop_read, selectors.EVENT_READ, None)
        self.process_ended = self.closed = False
        self.owned = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def add(self, name, fd, parse):
        stream = Stream(name, self.lock, parse, self._fetch)
        os.set_blocking(fd, False)
        self.selector.register(fd, selectors.EVENT_READ, stream)
        self.owned.append(fd)
        return stream

    def add_fifo(self, name, path, parse):
        """Makes the FIFO and holds it open both ways: writers may come and go."""
        os.mkfifo(path, 0o600)
        return self.add(name, os.open(path, os.O_RDWR | os.O_CLOEXEC), parse)

    def watch_process(self, pid):
        fd = os.pidfd_open(pid)
        self.selector.register(fd, selectors.EVENT_READ, "process")
        self.owned.append(fd)
        self.thread.start()

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                with self.lock:
                    if key.fd not in self.selector.get_map():
                        pass  # ended a moment ago, while the last words were read
                    elif key.data == "process":
                        self.selector.unregister(key.fd)
                        self._drain()
                        self.process_ended = True
                    else:
                        self._read(key)
                    self.lock.notify_all()

    def _fetch(self):
        """The thread may lag behind: what was written before this moment is not to count as later.
        A pipe holds no more than one read takes, so that a quick writer keeps nobody here."""
        if not self.closed:
            for key in list(self.selector.get_map().values()):
                if isinstance(key.data, Stream):
                    self._read(key)

    def _drain(self):
        """What the process wrote before its end is in the pipes: all of it comes first."""
        for key in list(self.selector.get_map().values()):
            if isinstance(key.data, Stream):
                while self._read(key):
                    pass

    def _read(self, key):
        try:
            data = os.read(key.fd, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:  # a terminal whose last user has gone
            data = b""
        key.data.feed(data)
        if not data:
            self.selector.unregister(key.fd)
        return bool(data)

    def wait_end(self, timeout=DEADLINE):
        with self.lock:
            return self.lock.wait_for(lambda: self.process_ended, timeout)

    def close(self):
        os.write(self.stop_write, b"x")
        if self.thread.is_alive():
            self.thread.join()
        self.closed = True
        for fd in [*self.owned, self.stop_read, self.stop_write]:
            os.close(fd)
        self.selector.close()
