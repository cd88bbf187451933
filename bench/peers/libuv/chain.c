// Bytes that travel through a ring of socketpairs: each one read is written on to the next pair.
// Usage: chain PAIRS ACTIVE WRITES MS
#include "../measure.h"
#include <uv.h>

typedef struct Pair {
  uv_poll_t poll;
  int readFd;
  int writeFd;
  struct Pair *next;
} Pair;

static uv_loop_t *loop;
static Pair *pairs;
static long pairCount;
static long active;
static long writes;
static long writesLeft;
static long readsLeft;

static void onReadable(uv_poll_t *poll, int status, int events) {
  Pair *pair = (Pair *)poll;
  readByte(pair->readFd);
  if (writesLeft > 0) {
    writesLeft--;
    writeByte(pair->next->writeFd);
  }
  if (--readsLeft == 0) uv_stop(loop);
}

static void runRound(void) {
  writesLeft = writes;
  readsLeft = writes + active;
  for (long i = 0; i < active; i++) writeByte(pairs[i * (pairCount / active)].writeFd);
  uv_run(loop, UV_RUN_DEFAULT);
}

static uint64_t runEvents(uint64_t events) {
  uint64_t count = 0;
  for (; count < events; count += writes + active) runRound();
  return count;
}

int main(int argc, char **argv) {
  const char *usage = "PAIRS ACTIVE WRITES MS, 0 < ACTIVE <= PAIRS";
  const long *arguments = readArguments(argc, argv, 4, usage);
  pairCount = arguments[0];
  active = arguments[1];
  writes = arguments[2];
  errno = EINVAL;
  check(active > 0 && active <= pairCount, usage);
  raiseFileLimit();
  loop = uv_default_loop();
  pairs = allocate(pairCount, sizeof *pairs);
  for (long i = 0; i < pairCount; i++) {
    Pair *pair = &pairs[i];
    int fds[2];
    openPair(fds);
    pair->readFd = fds[0];
    pair->writeFd = fds[1];
    pair->next = &pairs[(i + 1) % pairCount];
    checkStatus(uv_poll_init(loop, &pair->poll, pair->readFd), "uv_poll_init");
    checkStatus(uv_poll_start(&pair->poll, UV_READABLE, onReadable), "uv_poll_start");
  }
  measureEvents(runEvents, arguments[3]);
}
