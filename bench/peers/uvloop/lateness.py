"""How late one-shot timers fire, one after the other.
Usage: lateness.py DELAY_US COUNT"""

from time import monotonic_ns

import uvloop
from measure import print_json, read_arguments


def main():
    delay_us, count = read_arguments("DELAY_US COUNT")
    loop = uvloop.new_event_loop()
    # uvloop knows whole milliseconds only, and rounds.
    delay = max(1, -(-delay_us // 1000)) / 1000
    late_us = []
    start = 0

    def start_timer():
        nonlocal start
        start = monotonic_ns()
        loop.call_later(delay, on_timer)

    def on_timer():
        late_us.append(round((monotonic_ns() - start) / 1000 - delay_us, 1))
        if len(late_us) < count:
            start_timer()
        else:
            loop.stop()

    if count > 0:
        start_timer()
        loop.run_forever()
    print_json(lateUs=late_us)


main()
