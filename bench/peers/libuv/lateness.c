// How late one-shot timers fire, one after the other.
// Usage: lateness DELAY_US COUNT
#include "../measure.h"
#include <uv.h>

static uv_loop_t *loop;
static uv_timer_t timer;
static uint64_t delayUs;
static uint64_t delayMs;
static long count;
static long done;
static double *lateUs;
static uint64_t start;

static void onTimer(uv_timer_t *unused);

static void startTimer(void) {
  start = wallNs();
  uv_update_time(loop);
  checkStatus(uv_timer_start(&timer, onTimer, delayMs, 0), "uv_timer_start");
}

static void onTimer(uv_timer_t *unused) {
  lateUs[done++] = (double)(wallNs() - start) / 1e3 - (double)delayUs;
  if (done < count) startTimer();
}

int main(int argc, char **argv) {
  const long *arguments = readArguments(argc, argv, 2, "DELAY_US COUNT");
  delayUs = (uint64_t)arguments[0];
  count = arguments[1];
  // libuv knows whole milliseconds only.
  delayMs = delayUs == 0 ? 1 : (delayUs + 999) / 1000;
  lateUs = allocate(count, sizeof *lateUs);
  loop = uv_default_loop();
  checkStatus(uv_timer_init(loop, &timer), "uv_timer_init");
  if (count > 0) startTimer();
  uv_run(loop, UV_RUN_DEFAULT);
  printLateness(lateUs, count);
}
