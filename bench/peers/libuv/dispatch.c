// What libuv spends on each ready fd while others are idle.
// Usage: dispatch READY IDLE MS
#include "../measure.h"
#include <uv.h>

static uv_loop_t *loop;
static uint64_t count;
static uint64_t target;

static void onReadable(uv_poll_t *poll, int status, int events) {
  if (++count == target) uv_stop(loop);
}

static uint64_t runEvents(uint64_t events) {
  const uint64_t before = count;
  target = count + events;
  uv_run(loop, UV_RUN_DEFAULT);
  return count - before;
}

static void watch(uv_poll_t *poll, int fd) {
  checkStatus(uv_poll_init(loop, poll, fd), "uv_poll_init");
  checkStatus(uv_poll_start(poll, UV_READABLE, onReadable), "uv_poll_start");
}

int main(int argc, char **argv) {
  const char *usage = "READY IDLE MS, READY > 0";
  const long *arguments = readArguments(argc, argv, 3, usage);
  const long ready = arguments[0], idle = arguments[1];
  errno = EINVAL;
  check(ready > 0, usage);
  raiseFileLimit();
  loop = uv_default_loop();
  uv_poll_t *polls = allocate(ready + idle, sizeof *polls);
  for (long i = 0; i < ready; i++) {
    int fds[2];
    openPair(fds);
    writeByte(fds[1]);
    watch(&polls[i], fds[0]);
  }
  for (long i = 0; i < idle; i += 2) {
    int fds[2];
    openPair(fds);
    watch(&polls[ready + i], fds[0]);
    if (i + 1 < idle) watch(&polls[ready + i + 1], fds[1]);
  }
  measureEvents(runEvents, arguments[2]);
}
