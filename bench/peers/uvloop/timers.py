"""What uvloop spends on many timers.
Usage: timers.py MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000"""

import sys
from itertools import islice
from time import process_time_ns

import uvloop
from measure import (
    coprime_stride,
    current_rss_bytes,
    max_rss_bytes,
    print_json,
    random_numbers,
    read_arguments,
)


def random_delays(count, min_ms, range_ms):
    """Made beforehand, for they would cost more than the timers; equal ones share their float."""
    seconds = [(min_ms + ms) / 1000 for ms in range(range_ms)]
    return [seconds[number % range_ms] for number in islice(random_numbers(), count)]


def fire(loop, count):
    delays = random_delays(count, 1, 1000)
    call_later = loop.call_later
    fired = 0

    def on_timer():
        nonlocal fired
        fired += 1
        if fired == count:
            loop.stop()

    rss = current_rss_bytes()
    cpu = process_time_ns()
    for delay in delays:
        call_later(delay, on_timer)
    add = process_time_ns() - cpu
    loop.run_forever()
    total = process_time_ns() - cpu
    peak = max_rss_bytes()
    print_json(
        addNs=round(add / count, 2),
        totalNs=round(total / count, 2),
        fired=fired,
        rssBytes=round((peak - rss) / count, 1),
        peakRssBytes=peak,
    )


def cancel(loop, count):
    delays = random_delays(count, 1_000_000, 1_000_000)
    stride = coprime_stride(count)
    order = [k * stride % count for k in range(count)]
    call_later = loop.call_later

    def on_timer():
        pass

    cpu = process_time_ns()
    handles = [call_later(delay, on_timer) for delay in delays]
    add = process_time_ns() - cpu
    cpu = process_time_ns()
    for index in order:
        handles[index].cancel()
    # uvloop frees a cancelled timer only in the next iteration.
    loop.call_soon(loop.stop)
    loop.run_forever()
    cancelled = process_time_ns() - cpu
    print_json(addNs=round(add / count, 2), cancelNs=round(cancelled / count, 2))


def restart(loop, count):
    live = 10_000
    numbers = random_numbers()
    seconds = [60 + ms / 1000 for ms in range(1000)]
    restarts = [(next(numbers) % live, seconds[next(numbers) % 1000]) for _ in range(count)]
    call_later = loop.call_later

    def on_timer():
        pass

    handles = [call_later(60 + index / 1000, on_timer) for index in range(live)]
    start = 0

    # uvloop frees a cancelled timer only in the next iteration, so few are restarted in each.
    def restart_some():
        nonlocal start
        for index, delay in restarts[start : start + 100]:
            handles[index].cancel()
            handles[index] = call_later(delay, on_timer)
        start += 100
        if start < count:
            loop.call_soon(restart_some)
        else:
            loop.call_soon(loop.stop)

    loop.call_soon(restart_some)
    cpu = process_time_ns()
    loop.run_forever()
    print_json(restartNs=round((process_time_ns() - cpu) / count, 2))


def main():
    mode, count = read_arguments("MODE COUNT")
    if mode > 2 or count == 0:
        sys.exit("MODE must be 0 to 2, and COUNT more than 0")
    (fire, cancel, restart)[mode](uvloop.new_event_loop(), count)


main()
