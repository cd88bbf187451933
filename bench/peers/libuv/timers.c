// What libuv spends on many timers.
// Usage: timers MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000
#include "../measure.h"
#include <uv.h>

static uv_loop_t *loop;
static uv_timer_t *timers;
static long fired;

static void onTimer(uv_timer_t *timer) { fired++; }

static void start(uv_timer_t *timer, uint64_t delayMs) {
  checkStatus(uv_timer_start(timer, onTimer, delayMs, 0), "uv_timer_start");
}

static double addTimers(long count, uint32_t minMs, uint32_t rangeMs) {
  const uint64_t cpu = cpuNs();
  for (long i = 0; i < count; i++) {
    if (i % 1000 == 0) uv_update_time(loop);
    checkStatus(uv_timer_init(loop, &timers[i]), "uv_timer_init");
    start(&timers[i], minMs + nextRandom() % rangeMs);
  }
  return (double)(cpuNs() - cpu) / (double)count;
}

static void fire(long count) {
  const long rss = currentRssBytes();
  timers = allocate(count, sizeof *timers);
  const uint64_t cpu = cpuNs();
  const double addNs = addTimers(count, 1, 1000);
  uv_run(loop, UV_RUN_DEFAULT);
  const double totalNs = (double)(cpuNs() - cpu) / (double)count;
  const long peak = maxRssBytes();
  const double rssEach = (double)(peak - rss) / (double)count;
  printf("{\"addNs\": %.2f, \"totalNs\": %.2f, \"fired\": %ld, ", addNs, totalNs, fired);
  printf("\"rssBytes\": %.1f, \"peakRssBytes\": %ld}\n", rssEach, peak);
}

static void cancel(long count) {
  timers = allocate(count, sizeof *timers);
  const long stride = coprimeStride(count);
  const double addNs = addTimers(count, 1000000, 1000000);
  const uint64_t cpu = cpuNs();
  for (long k = 0; k < count; k++) uv_timer_stop(&timers[k * stride % count]);
  const double cancelNs = (double)(cpuNs() - cpu) / (double)count;
  printf("{\"addNs\": %.2f, \"cancelNs\": %.2f}\n", addNs, cancelNs);
}

static void restart(long count) {
  const long live = 10000;
  timers = allocate(live, sizeof *timers);
  for (long i = 0; i < live; i++) {
    checkStatus(uv_timer_init(loop, &timers[i]), "uv_timer_init");
    start(&timers[i], 60000 + i);
  }
  const uint64_t cpu = cpuNs();
  for (long i = 0; i < count; i++) {
    if (i % 100 == 0) uv_update_time(loop);
    uv_timer_t *timer = &timers[nextRandom() % live];
    start(timer, 60000 + nextRandom() % 1000);
  }
  printf("{\"restartNs\": %.2f}\n", (double)(cpuNs() - cpu) / (double)count);
}

int main(int argc, char **argv) {
  const char *usage = "MODE COUNT, MODE 0 to 2, COUNT > 0";
  const long *arguments = readArguments(argc, argv, 2, usage);
  const long mode = arguments[0], count = arguments[1];
  errno = EINVAL;
  check(mode <= 2 && count > 0, usage);
  loop = uv_default_loop();
  if (mode == 0) fire(count);
  else if (mode == 1) cancel(count);
  else restart(count);
}
