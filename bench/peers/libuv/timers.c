// What libuv spends on many timers.
// Usage: timers MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000,
// each after half as many unmeasured ones on the same memory; 3: the memory of adding and firing
#include "../measure.h"
#include <uv.h>

#define LIVE 10000

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

// A handle is initialized once; closed, it can be again, as in the unmeasured round before.
static void closeTimers(long count) {
  for (long i = 0; i < count; i++) uv_close((uv_handle_t *)&timers[i], NULL);
  uv_run(loop, UV_RUN_DEFAULT);
}

static void fire(long count) {
  const long half = (count + 1) / 2;
  timers = allocate(count, sizeof *timers);
  addTimers(half, 1, 500);
  uv_run(loop, UV_RUN_DEFAULT);
  closeTimers(half);

  const uint64_t cpu = cpuNs();
  const double addNs = addTimers(count, 1, 1000);
  uv_run(loop, UV_RUN_DEFAULT);
  const double totalNs = (double)(cpuNs() - cpu) / (double)count;
  check(fired == half + count, "not all fired");
  printf("{\"addNs\": %.2f, \"totalNs\": %.2f}\n", addNs, totalNs);
}

static double cancelTimers(long count) {
  const long stride = coprimeStride(count);
  const uint64_t cpu = cpuNs();
  for (long k = 0; k < count; k++) uv_timer_stop(&timers[k * stride % count]);
  return (double)(cpuNs() - cpu) / (double)count;
}

static void cancel(long count) {
  const long half = (count + 1) / 2;
  timers = allocate(count, sizeof *timers);
  addTimers(half, 1000000, 1000000);
  cancelTimers(half);
  closeTimers(half);

  const double addNs = addTimers(count, 1000000, 1000000);
  const double cancelNs = cancelTimers(count);
  printf("{\"addNs\": %.2f, \"cancelNs\": %.2f}\n", addNs, cancelNs);
}

static void restartTimers(long count) {
  for (long i = 0; i < count; i++) {
    if (i % 100 == 0) uv_update_time(loop);
    uv_timer_t *timer = &timers[nextRandom() % LIVE];
    start(timer, 60000 + nextRandom() % 1000);
  }
}

static void restart(long count) {
  timers = allocate(LIVE, sizeof *timers);
  for (long i = 0; i < LIVE; i++) {
    checkStatus(uv_timer_init(loop, &timers[i]), "uv_timer_init");
    start(&timers[i], 60000 + i);
  }
  restartTimers((count + 1) / 2);

  const uint64_t cpu = cpuNs();
  restartTimers(count);
  printf("{\"restartNs\": %.2f}\n", (double)(cpuNs() - cpu) / (double)count);
}

static void memory(long count) {
  const long rss = currentRssBytes();
  timers = allocate(count, sizeof *timers);
  addTimers(count, 1, 1000);
  uv_run(loop, UV_RUN_DEFAULT);
  const long peak = maxRssBytes();
  check(fired == count, "not all fired");
  const double rssEach = (double)(peak - rss) / (double)count;
  printf("{\"rssBytes\": %.1f, \"peakRssBytes\": %ld}\n", rssEach, peak);
}

int main(int argc, char **argv) {
  const char *usage = "MODE COUNT, MODE 0 to 3, COUNT > 0";
  const long *arguments = readArguments(argc, argv, 2, usage);
  const long mode = arguments[0], count = arguments[1];
  errno = EINVAL;
  check(mode <= 3 && count > 0, usage);
  loop = uv_default_loop();
  if (mode == 0) fire(count);
  else if (mode == 1) cancel(count);
  else if (mode == 2) restart(count);
  else memory(count);
}
