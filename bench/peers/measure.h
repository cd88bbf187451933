// What the peer programs share: checks, arguments, clocks, memory, random numbers, socketpairs.
// Include it first: it asks for the GNU extensions.
#ifndef MEASURE_H
#define MEASURE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

// libuv returns a negated errno.
static inline int checkStatus(int status, const char *what) {
  if (status < 0) errno = -status;
  check(status >= 0, what);
  return status;
}

static inline void *allocate(size_t count, size_t size) {
  void *memory = malloc(count * size);
  check(memory != NULL || count == 0, "malloc");
  return memory;
}

static inline const long *readArguments(int argc, char **argv, int count, const char *usage) {
  static long values[8];
  bool ok = argc == count + 1;
  for (int i = 0; ok && i < count; i++) {
    char *end;
    values[i] = strtol(argv[i + 1], &end, 10);
    ok = *argv[i + 1] != '\0' && *end == '\0' && values[i] >= 0;
  }
  if (!ok) {
    fprintf(stderr, "usage: %s %s\n", argv[0], usage);
    exit(1);
  }
  return values;
}

static inline uint64_t readClock(clockid_t clock) {
  struct timespec time;
  check(clock_gettime(clock, &time) == 0, "clock_gettime");
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline uint64_t cpuNs(void) { return readClock(CLOCK_PROCESS_CPUTIME_ID); }

static inline uint64_t wallNs(void) { return readClock(CLOCK_MONOTONIC); }

// Not ru_maxrss: Linux carries that across exec, so it can be the peak of the parent.
static inline long maxRssBytes(void) {
  FILE *file = fopen("/proc/self/status", "re");
  check(file != NULL, "/proc/self/status");
  char line[256];
  long kilobytes = -1;
  while (kilobytes < 0 && fgets(line, sizeof line, file)) sscanf(line, "VmHWM: %ld", &kilobytes);
  check(kilobytes >= 0, "VmHWM");
  fclose(file);
  return kilobytes * 1024;
}

static inline long currentRssBytes(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  check(file != NULL, "/proc/self/statm");
  long pages;
  check(fscanf(file, "%*d %ld", &pages) == 1, "/proc/self/statm");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

// The low bits of such a generator repeat soon, hence only the high 24.
static inline uint32_t nextRandom(void) {
  static uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

static inline long greatestDivisor(long a, long b) {
  return b == 0 ? a : greatestDivisor(b, a % b);
}

// k * stride % count visits each of 0..count-1 once, far from in order.
static inline long coprimeStride(long count) {
  long stride = 611953;
  while (greatestDivisor(stride, count) != 1) stride++;
  return stride;
}

static inline void raiseFileLimit(void) {
  struct rlimit limit;
  check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static inline void openPair(int fds[2]) {
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  check(socketpair(AF_UNIX, type, 0, fds) == 0, "socketpair");
}

static inline void writeByte(int fd) { check(write(fd, "x", 1) == 1, "write"); }

static inline void readByte(int fd) {
  char byte;
  check(read(fd, &byte, 1) == 1, "read");
}

// Runs the loop until at least that many more events were handled; returns how many were.
typedef uint64_t RunEvents(uint64_t events);

static inline void measureEvents(RunEvents *run, long ms) {
  const uint64_t span = (uint64_t)ms * 1000000;
  // Batches of about a hundredth of the span: the clock and the restart of the loop cost nothing.
  uint64_t batch = 64;
  const uint64_t warmUp = wallNs();
  for (uint64_t before = warmUp; before - warmUp < span / 4;) {
    run(batch);
    const uint64_t after = wallNs();
    if (after - before < span / 100) batch *= 2;
    before = after;
  }
  uint64_t events = 0;
  const uint64_t cpu = cpuNs();
  const uint64_t start = wallNs();
  uint64_t wall;
  do {
    events += run(batch);
    wall = wallNs() - start;
  } while (wall < span || events == 0);
  printf("{\"cpuNsPerEvent\": %.2f, \"wallNsPerEvent\": %.2f, \"events\": %llu}\n",
         (double)(cpuNs() - cpu) / (double)events, (double)wall / (double)events,
         (unsigned long long)events);
}

static inline void printLateness(const double *lateUs, long count) {
  printf("{\"lateUs\": [");
  for (long i = 0; i < count; i++) printf("%s%.1f", i == 0 ? "" : ", ", lateUs[i]);
  printf("]}\n");
}

static double leastDriftMs = 1e300;

// One beat is late by chance: the least of the last second's is what has added up.
static inline void noteDrift(uint64_t elapsedNs, uint64_t spanNs, long ticks, long periodMs) {
  double distanceMs = (double)elapsedNs / 1e6 - (double)ticks * (double)periodMs;
  if (elapsedNs + 1000000000 >= spanNs && distanceMs < leastDriftMs) leastDriftMs = distanceMs;
}

static inline void printDrift(long ticks) {
  printf("{\"driftMs\": %.3f, \"ticks\": %ld}\n", leastDriftMs, ticks);
}

#endif
