// What libev spends on many timers.
// Usage: timers MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000,
// each after half as many unmeasured ones on the same memory; 3: the memory of adding and firing
#include "../measure.h"
#include <ev.h>

#define LIVE 10000

static struct ev_loop *loop;
static ev_timer *timers;
static long fired;

static void onTimer(struct ev_loop *loop, ev_timer *timer, int events) { fired++; }

static double addTimers(long count, uint32_t minMs, uint32_t rangeMs) {
  const uint64_t cpu = cpuNs();
  for (long i = 0; i < count; i++) {
    if (i % 1000 == 0) ev_now_update(loop);
    ev_timer_init(&timers[i], onTimer, (minMs + nextRandom() % rangeMs) * 1e-3, 0);
    ev_timer_start(loop, &timers[i]);
  }
  return (double)(cpuNs() - cpu) / (double)count;
}

static void fire(long count) {
  const long half = (count + 1) / 2;
  timers = allocate(count, sizeof *timers);
  addTimers(half, 1, 500);
  ev_run(loop, 0);

  const uint64_t cpu = cpuNs();
  const double addNs = addTimers(count, 1, 1000);
  ev_run(loop, 0);
  const double totalNs = (double)(cpuNs() - cpu) / (double)count;
  check(fired == half + count, "not all fired");
  printf("{\"addNs\": %.2f, \"totalNs\": %.2f}\n", addNs, totalNs);
}

static double cancelTimers(long count) {
  const long stride = coprimeStride(count);
  const uint64_t cpu = cpuNs();
  for (long k = 0; k < count; k++) ev_timer_stop(loop, &timers[k * stride % count]);
  return (double)(cpuNs() - cpu) / (double)count;
}

static void cancel(long count) {
  const long half = (count + 1) / 2;
  timers = allocate(count, sizeof *timers);
  addTimers(half, 1000000, 1000000);
  cancelTimers(half);

  const double addNs = addTimers(count, 1000000, 1000000);
  const double cancelNs = cancelTimers(count);
  printf("{\"addNs\": %.2f, \"cancelNs\": %.2f}\n", addNs, cancelNs);
}

static void restartTimers(long count) {
  for (long i = 0; i < count; i++) {
    if (i % 100 == 0) ev_now_update(loop);
    ev_timer *timer = &timers[nextRandom() % LIVE];
    // Moves it within the heap; a stop and a start would take it out and put it in.
    timer->repeat = (60000 + nextRandom() % 1000) * 1e-3;
    ev_timer_again(loop, timer);
  }
}

static void restart(long count) {
  timers = allocate(LIVE, sizeof *timers);
  for (long i = 0; i < LIVE; i++) {
    ev_timer_init(&timers[i], onTimer, 0, (60000 + i) * 1e-3);
    ev_timer_again(loop, &timers[i]);
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
  ev_run(loop, 0);
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
  check((loop = ev_loop_new(EVFLAG_NOENV)) != NULL, "ev_loop_new");
  if (mode == 0) fire(count);
  else if (mode == 1) cancel(count);
  else if (mode == 2) restart(count);
  else memory(count);
}
