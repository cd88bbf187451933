"""What uvloop spends on many timers.
Usage: timers.py MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000,
each after half as many unmeasured ones; 3: the memory of adding and firing"""

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

numbers = random_numbers()


def random_delays(count, min_ms, range_ms):
    """Made beforehand, for they would cost more than the timers; equal ones share their float."""
    seconds = [(min_ms + ms) / 1000 for ms in range(range_ms)]
    return [seconds[number % range_ms] for number in islice(numbers, count)]


def add_and_fire(loop, delays):
    """Returns the CPU time of adding them, and of all."""
    call_later = loop.call_later
    left = len(delays)

    def on_timer():
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()

    cpu = process_time_ns()
    for delay in delays:
        call_later(delay, on_timer)
    add = process_time_ns() - cpu
    loop.run_forever()
    return add, process_time_ns() - cpu


def fire(loop, count):
    warm_up = random_delays((count + 1) // 2, 1, 500)
    delays = random_delays(count, 1, 1000)
    add_and_fire(loop, warm_up)
    add, total = add_and_fire(loop, delays)
    print_json(addNs=round(add / count, 2), totalNs=round(total / count, 2))


def add_and_cancel(loop, delays):
    """Returns the CPU time of adding them, and of cancelling them."""
    count = len(delays)
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
    return add, process_time_ns() - cpu


def cancel(loop, count):
    warm_up = random_delays((count + 1) // 2, 1_000_000, 1_000_000)
    delays = random_delays(count, 1_000_000, 1_000_000)
    add_and_cancel(loop, warm_up)
    add, cancelled = add_and_cancel(loop, delays)
    print_json(addNs=round(add / count, 2), cancelNs=round(cancelled / count, 2))


def restart(loop, count):
    live = 10_000
    half = (count + 1) // 2
    seconds = [60 + ms / 1000 for ms in range(1000)]
    restarts = [(next(numbers) % live, seconds[next(numbers) % 1000]) for _ in range(half + count)]
    call_later = loop.call_later

    def on_timer():
        pass

    handles = [call_later(60 + index / 1000, on_timer) for index in range(live)]
    start = end = 0

    # uvloop frees a cancelled timer only in the next iteration, so few are restarted in each.
    def restart_some():
        nonlocal start
        stop = min(start + 100, end)
        for index, delay in restarts[start:stop]:
            handles[index].cancel()
            handles[index] = call_later(delay, on_timer)
        start = stop
        if start < end:
            loop.call_soon(restart_some)
        else:
            loop.call_soon(loop.stop)

    def restart_many(times):
        nonlocal end
        end += times
        loop.call_soon(restart_some)
        loop.run_forever()

    restart_many(half)
    cpu = process_time_ns()
    restart_many(count)
    print_json(restartNs=round((process_time_ns() - cpu) / count, 2))


def memory(loop, count):
    delays = random_delays(count, 1, 1000)
    rss = current_rss_bytes()
    add_and_fire(loop, delays)
    peak = max_rss_bytes()
    print_json(rssBytes=round((peak - rss) / count, 1), peakRssBytes=peak)


def main():
    mode, count = read_arguments("MODE COUNT")
    if mode > 3 or count == 0:
        sys.exit("MODE must be 0 to 3, and COUNT more than 0")
    (fire, cancel, restart, memory)[mode](uvloop.new_event_loop(), count)


main()
