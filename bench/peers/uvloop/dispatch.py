"""What uvloop spends on each ready fd while others are idle.
Usage: dispatch.py READY IDLE MS"""

import sys

import uvloop
from measure import measure_events, open_pair, raise_file_limit, read_arguments


def main():
    ready, idle, ms = read_arguments("READY IDLE MS")
    if ready == 0:
        sys.exit("READY must be more than 0")
    raise_file_limit()
    loop = uvloop.new_event_loop()
    stop = loop.stop
    count = target = 0

    def on_readable():
        nonlocal count
        count += 1
        if count == target:
            stop()

    def run_events(events):
        nonlocal target
        before = count
        target = count + events
        loop.run_forever()
        return count - before

    ready_pairs = [open_pair() for _ in range(ready)]
    for reader, writer in ready_pairs:
        writer.send(b"x")
        loop.add_reader(reader, on_readable)
    idle_pairs = [open_pair() for _ in range((idle + 1) // 2)]
    for end in [end for pair in idle_pairs for end in pair][:idle]:
        loop.add_reader(end, on_readable)
    measure_events(run_events, ms)


main()
