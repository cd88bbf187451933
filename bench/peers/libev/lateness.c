// How late one-shot timers fire, one after the other.
// Usage: lateness DELAY_US COUNT
#include "../measure.h"
#include <ev.h>

static struct ev_loop *loop;
static ev_timer timer;
static uint64_t delayUs;
static long count;
static long done;
static double *lateUs;
static uint64_t start;

static void startTimer(void) {
  start = wallNs();
  ev_now_update(loop);
  ev_timer_set(&timer, (double)delayUs * 1e-6, 0);
  ev_timer_start(loop, &timer);
}

static void onTimer(struct ev_loop *loop, ev_timer *timer, int events) {
  lateUs[done++] = (double)(wallNs() - start) / 1e3 - (double)delayUs;
  if (done < count) startTimer();
}

int main(int argc, char **argv) {
  const long *arguments = readArguments(argc, argv, 2, "DELAY_US COUNT");
  delayUs = (uint64_t)arguments[0];
  count = arguments[1];
  lateUs = allocate(count, sizeof *lateUs);
  check((loop = ev_loop_new(EVFLAG_NOENV)) != NULL, "ev_loop_new");
  ev_init(&timer, onTimer);
  if (count > 0) startTimer();
  ev_run(loop, 0);
  printLateness(lateUs, count);
}
