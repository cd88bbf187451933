"""How far a repeating timer drifts from its period.
Usage: drift.py PERIOD_MS SECONDS"""

import sys
from time import monotonic_ns

import uvloop
from measure import print_json, read_arguments


def main():
    period_ms, seconds = read_arguments("PERIOD_MS SECONDS")
    if period_ms == 0:
        sys.exit("PERIOD_MS must be more than 0")
    loop = uvloop.new_event_loop()
    ticks = 0
    least_ms = float("inf")

    # asyncio has no repeating timer; to aim at absolute times keeps lateness from adding up.
    def on_tick():
        nonlocal least_ms, ticks
        elapsed = monotonic_ns() - start
        ticks += 1
        # One beat is late by chance: the least of the last second's is what has added up.
        if elapsed + 1_000_000_000 >= seconds * 1_000_000_000:
            least_ms = min(least_ms, elapsed / 1e6 - ticks * period_ms)
        if elapsed < seconds * 1_000_000_000:
            loop.call_at(first + ticks * period_ms / 1000, on_tick)
        else:
            loop.stop()

    start = monotonic_ns()
    first = loop.time() + period_ms / 1000
    loop.call_at(first, on_tick)
    loop.run_forever()
    print_json(driftMs=round(least_ms, 3), ticks=ticks)


main()
