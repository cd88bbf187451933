"""What uvloop spends on each callback of call_soon.
Usage: callbacks.py MODE COUNT, MODE 0: each adds the next, 1: 10,000 added at once"""

import sys
from time import monotonic_ns, process_time_ns

import uvloop
from measure import print_json, read_arguments

BATCH = 10_000


def start_chain(loop, count):
    call_soon = loop.call_soon
    done = 0

    def step():
        nonlocal done
        done += 1
        if done < count:
            call_soon(step)
        else:
            loop.stop()

    call_soon(step)


def start_bulk(loop, count):
    call_soon = loop.call_soon
    added = done = 0

    def step():
        nonlocal done
        done += 1
        if done == added:
            add_batch()

    def add_batch():
        nonlocal added
        size = min(BATCH, count - added)
        if size == 0:
            loop.stop()
        added += size
        for _ in range(size):
            call_soon(step)

    add_batch()


def main():
    mode, count = read_arguments("MODE COUNT")
    if mode > 1 or count == 0:
        sys.exit("MODE must be 0 or 1, and COUNT more than 0")
    loop = uvloop.new_event_loop()
    cpu = process_time_ns()
    start = monotonic_ns()
    (start_chain, start_bulk)[mode](loop, count)
    loop.run_forever()
    cpu = process_time_ns() - cpu
    wall = monotonic_ns() - start
    print_json(cpuNs=round(cpu / count, 2), wallNs=round(wall / count, 2))


main()
