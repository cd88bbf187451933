"""Bytes that travel through a ring of socketpairs: each one read is written on to the next pair.
Usage: chain.py PAIRS ACTIVE WRITES MS"""

import os
import sys

import uvloop
from measure import measure_events, open_pair, raise_file_limit, read_arguments


def main():
    pair_count, active, writes, ms = read_arguments("PAIRS ACTIVE WRITES MS")
    if not 0 < active <= pair_count:
        sys.exit("ACTIVE must be from 1 to PAIRS")
    raise_file_limit()
    loop = uvloop.new_event_loop()
    stop, read, write = loop.stop, os.read, os.write
    writes_left = reads_left = 0

    def on_readable(read_fd, next_fd):
        nonlocal writes_left, reads_left
        read(read_fd, 1)
        if writes_left > 0:
            writes_left -= 1
            write(next_fd, b"x")
        reads_left -= 1
        if reads_left == 0:
            stop()

    pairs = [open_pair() for _ in range(pair_count)]
    write_fds = [writer.fileno() for _, writer in pairs]
    for index, (reader, _) in enumerate(pairs):
        next_fd = write_fds[(index + 1) % pair_count]
        loop.add_reader(reader, on_readable, reader.fileno(), next_fd)
    first_fds = [write_fds[index * (pair_count // active)] for index in range(active)]

    def run_events(events):
        nonlocal writes_left, reads_left
        count = 0
        while count < events:
            writes_left = writes
            reads_left = writes + active
            for fd in first_fds:
                write(fd, b"x")
            loop.run_forever()
            count += writes + active
        return count

    measure_events(run_events, ms)


main()
