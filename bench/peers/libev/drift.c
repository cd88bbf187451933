// How far a repeating timer drifts from its period.
// Usage: drift PERIOD_MS SECONDS
#include "../measure.h"
#include <ev.h>

static uint64_t spanNs;
static uint64_t start;
static long periodMs;
static long ticks;

static void onTick(struct ev_loop *loop, ev_timer *timer, int events) {
  uint64_t elapsed = wallNs() - start;
  noteDrift(elapsed, spanNs, ++ticks, periodMs);
  if (elapsed >= spanNs) ev_timer_stop(loop, timer);
}

int main(int argc, char **argv) {
  const char *usage = "PERIOD_MS SECONDS, PERIOD_MS > 0";
  const long *arguments = readArguments(argc, argv, 2, usage);
  periodMs = arguments[0];
  errno = EINVAL;
  check(periodMs > 0, usage);
  spanNs = (uint64_t)arguments[1] * 1000000000;
  struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
  check(loop != NULL, "ev_loop_new");
  const double period = (double)periodMs * 1e-3;
  ev_timer timer;
  ev_timer_init(&timer, onTick, period, period);
  start = wallNs();
  ev_now_update(loop);
  ev_timer_start(loop, &timer);
  ev_run(loop, 0);
  printDrift(ticks);
}
