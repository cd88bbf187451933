"""What the peer programs share: arguments, memory, random numbers, socketpairs, event counts."""

import json
import math
import resource
import socket
import sys
import time


def read_arguments(usage):
    try:
        values = [int(text) for text in sys.argv[1:]]
    except ValueError:
        values = None
    if values is None or len(values) != len(usage.split()) or min(values, default=0) < 0:
        sys.exit(f"usage: {sys.argv[0]} {usage}")
    return values


def print_json(**values):
    print(json.dumps(values), flush=True)


def max_rss_bytes():
    # Not ru_maxrss: Linux carries that across exec, so it can be the peak of the parent.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) * 1024


def current_rss_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def random_numbers(state=1):
    # The low bits of such a generator repeat soon, hence only the high 24.
    while True:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        yield state >> 8


def coprime_stride(count):
    stride = 611953
    while math.gcd(stride, count) != 1:
        stride += 1
    return stride


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_pair():
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in pair:
        end.setblocking(False)
    return pair


def measure_events(run, ms):
    """`run` runs the loop until at least that many more events were handled; returns how many."""
    span = ms * 1_000_000
    # Batches of about a hundredth of the span: the clock and the restart of the loop cost nothing.
    batch = 64
    warm_up = before = time.monotonic_ns()
    while before - warm_up < span / 4:
        run(batch)
        after = time.monotonic_ns()
        if after - before < span / 100:
            batch *= 2
        before = after
    events = wall = 0
    cpu = time.process_time_ns()
    start = time.monotonic_ns()
    while wall < span or events == 0:
        events += run(batch)
        wall = time.monotonic_ns() - start
    cpu = time.process_time_ns() - cpu
    print_json(
        cpuNsPerEvent=round(cpu / events, 2),
        wallNsPerEvent=round(wall / events, 2),
        events=events,
    )
