// How far a repeating timer drifts from its period.
// Usage: drift PERIOD_MS SECONDS
#include "../measure.h"
#include <uv.h>

static uint64_t spanNs;
static uint64_t start;
static long periodMs;
static long ticks;

static void onTick(uv_timer_t *timer) {
  uint64_t elapsed = wallNs() - start;
  noteDrift(elapsed, spanNs, ++ticks, periodMs);
  if (elapsed >= spanNs) uv_timer_stop(timer);
}

int main(int argc, char **argv) {
  const char *usage = "PERIOD_MS SECONDS, PERIOD_MS > 0";
  const long *arguments = readArguments(argc, argv, 2, usage);
  periodMs = arguments[0];
  errno = EINVAL;
  check(periodMs > 0, usage);
  spanNs = (uint64_t)arguments[1] * 1000000000;
  uv_loop_t *loop = uv_default_loop();
  uv_timer_t timer;
  checkStatus(uv_timer_init(loop, &timer), "uv_timer_init");
  start = wallNs();
  uv_update_time(loop);
  checkStatus(uv_timer_start(&timer, onTick, periodMs, periodMs), "uv_timer_start");
  uv_run(loop, UV_RUN_DEFAULT);
  printDrift(ticks);
}
