// Bytes that travel through a ring of socketpairs: each one read is written on to the next pair.
// Usage: chain PAIRS ACTIVE WRITES MS
#include "../measure.h"
#include <ev.h>

typedef struct Pair {
  ev_io io;
  int writeFd;
  struct Pair *next;
} Pair;

static struct ev_loop *loop;
static Pair *pairs;
static long pairCount;
static long active;
static long writes;
static long writesLeft;
static long readsLeft;

static void onReadable(struct ev_loop *loop, ev_io *io, int events) {
  Pair *pair = (Pair *)io;
  readByte(io->fd);
  if (writesLeft > 0) {
    writesLeft--;
    writeByte(pair->next->writeFd);
  }
  if (--readsLeft == 0) ev_break(loop, EVBREAK_ALL);
}

static void runRound(void) {
  writesLeft = writes;
  readsLeft = writes + active;
  for (long i = 0; i < active; i++) writeByte(pairs[i * (pairCount / active)].writeFd);
  ev_run(loop, 0);
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
  check((loop = ev_loop_new(EVFLAG_NOENV)) != NULL, "ev_loop_new");
  pairs = allocate(pairCount, sizeof *pairs);
  for (long i = 0; i < pairCount; i++) {
    Pair *pair = &pairs[i];
    int fds[2];
    openPair(fds);
    pair->writeFd = fds[1];
    pair->next = &pairs[(i + 1) % pairCount];
    ev_io_init(&pair->io, onReadable, fds[0], EV_READ);
    ev_io_start(loop, &pair->io);
  }
  measureEvents(runEvents, arguments[3]);
}
