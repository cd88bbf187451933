// TCP echo server on 127.0.0.1: prints {"port": N} and serves until its stdin ends.
// Usage: echo
#include "../measure.h"
#include <ev.h>
#include <netinet/in.h>
#include <signal.h>

typedef void Handler(struct ev_loop *loop, ev_io *io, int events);

typedef struct Connection {
  ev_io io;
  char *rest;
  size_t length;
  size_t written;
} Connection;

// Full buffers are read on at once, but not for so long that others starve.
enum { MAX_READS = 32 };

// The bytes are written or copied before the next read, so all connections share it.
static char buffer[64 * 1024];

static bool mustWait(void) { return errno == EAGAIN || errno == EINTR; }

static void closeConnection(struct ev_loop *loop, Connection *connection) {
  ev_io_stop(loop, &connection->io);
  close(connection->io.fd);
  free(connection->rest);
  free(connection);
}

static Handler onReadable;

static void watchFor(struct ev_loop *loop, ev_io *io, int events, Handler *handler) {
  ev_io_stop(loop, io);
  ev_set_cb(io, handler);
  ev_io_modify(io, events);
  ev_io_start(loop, io);
}

static void onWritable(struct ev_loop *loop, ev_io *io, int events) {
  Connection *connection = (Connection *)io;
  const char *bytes = connection->rest + connection->written;
  const ssize_t written = write(io->fd, bytes, connection->length - connection->written);
  if (written < 0) {
    if (!mustWait()) closeConnection(loop, connection);
    return;
  }
  connection->written += (size_t)written;
  if (connection->written < connection->length) return;
  free(connection->rest);
  connection->rest = NULL;
  watchFor(loop, io, EV_READ, onReadable);
}

// No more is read before the rest is written, so a peer that does not read holds one buffer.
static void writeLater(struct ev_loop *loop, Connection *connection, const char *bytes,
                       size_t length) {
  connection->rest = allocate(1, length);
  memcpy(connection->rest, bytes, length);
  connection->length = length;
  connection->written = 0;
  watchFor(loop, &connection->io, EV_WRITE, onWritable);
}

static void onReadable(struct ev_loop *loop, ev_io *io, int events) {
  Connection *connection = (Connection *)io;
  for (int reads = 0; reads < MAX_READS; reads++) {
    const ssize_t length = read(io->fd, buffer, sizeof buffer);
    if (length < 0 && mustWait()) return;
    if (length <= 0) {
      closeConnection(loop, connection);
      return;
    }
    ssize_t written = write(io->fd, buffer, (size_t)length);
    if (written < 0 && mustWait()) written = 0;
    if (written < 0) {
      closeConnection(loop, connection);
      return;
    }
    if (written < length) {
      writeLater(loop, connection, buffer + written, (size_t)(length - written));
      return;
    }
    if ((size_t)length < sizeof buffer) return;
  }
}

static void onConnection(struct ev_loop *loop, ev_io *listener, int events) {
  for (;;) {
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    // The client may be gone before it is accepted.
    if (fd < 0 && errno == ECONNABORTED) continue;
    if (fd < 0 && mustWait()) return;
    check(fd >= 0, "accept");
    Connection *connection = allocate(1, sizeof *connection);
    connection->rest = NULL;
    ev_io_init(&connection->io, onReadable, fd, EV_READ);
    ev_io_start(loop, &connection->io);
  }
}

static void onInput(struct ev_loop *loop, ev_io *io, int events) {
  char bytes[256];
  const ssize_t length = read(io->fd, bytes, sizeof bytes);
  check(length >= 0 || mustWait(), "stdin");
  if (length == 0) ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv) {
  readArguments(argc, argv, 0, "");
  signal(SIGPIPE, SIG_IGN);
  raiseFileLimit();
  struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
  check(loop != NULL, "ev_loop_new");

  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  check(fd >= 0, "socket");
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  socklen_t size = sizeof address;
  check(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
  check(listen(fd, 1024) == 0, "listen");
  check(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
  ev_io listener;
  ev_io_init(&listener, onConnection, fd, EV_READ);
  ev_io_start(loop, &listener);

  ev_io input;
  ev_io_init(&input, onInput, STDIN_FILENO, EV_READ);
  ev_io_start(loop, &input);
  printf("{\"port\": %d}\n", ntohs(address.sin_port));
  fflush(stdout);
  ev_run(loop, 0);
  ev_loop_destroy(loop);
}
