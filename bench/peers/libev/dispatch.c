// What libev spends on each ready fd while others are idle.
// Usage: dispatch READY IDLE MS
#include "../measure.h"
#include <ev.h>

static struct ev_loop *loop;
static uint64_t count;
static uint64_t target;

static void onReadable(struct ev_loop *loop, ev_io *io, int events) {
  if (++count == target) ev_break(loop, EVBREAK_ALL);
}

static uint64_t runEvents(uint64_t events) {
  const uint64_t before = count;
  target = count + events;
  ev_run(loop, 0);
  return count - before;
}

static void watch(ev_io *io, int fd) {
  ev_io_init(io, onReadable, fd, EV_READ);
  ev_io_start(loop, io);
}

int main(int argc, char **argv) {
  const char *usage = "READY IDLE MS, READY > 0";
  const long *arguments = readArguments(argc, argv, 3, usage);
  const long ready = arguments[0], idle = arguments[1];
  errno = EINVAL;
  check(ready > 0, usage);
  raiseFileLimit();
  check((loop = ev_loop_new(EVFLAG_NOENV)) != NULL, "ev_loop_new");
  ev_io *ios = allocate(ready + idle, sizeof *ios);
  for (long i = 0; i < ready; i++) {
    int fds[2];
    openPair(fds);
    writeByte(fds[1]);
    watch(&ios[i], fds[0]);
  }
  for (long i = 0; i < idle; i += 2) {
    int fds[2];
    openPair(fds);
    watch(&ios[ready + i], fds[0]);
    if (i + 1 < idle) watch(&ios[ready + i + 1], fds[1]);
  }
  measureEvents(runEvents, arguments[2]);
}
