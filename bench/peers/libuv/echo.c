// TCP echo server on 127.0.0.1: prints {"port": N} and serves until its stdin ends.
// Usage: echo
#include "../measure.h"
#include <signal.h>
#include <uv.h>

typedef struct Rest {
  uv_write_t request;
  char bytes[];
} Rest;

static uv_loop_t *loop;
// The bytes are written or copied before the next read, so all connections share it.
static char buffer[64 * 1024];

static void lendBuffer(uv_handle_t *handle, size_t suggested, uv_buf_t *lent) {
  *lent = uv_buf_init(buffer, sizeof buffer);
}

static void onClosed(uv_handle_t *handle) { free(handle); }

static void closeConnection(uv_stream_t *stream) { uv_close((uv_handle_t *)stream, onClosed); }

static void onRead(uv_stream_t *stream, ssize_t length, const uv_buf_t *unused);

static void onRestWritten(uv_write_t *request, int status) {
  uv_stream_t *stream = request->handle;
  free(request->data);
  if (status < 0) closeConnection(stream);
  else checkStatus(uv_read_start(stream, lendBuffer, onRead), "uv_read_start");
}

// No more is read before the rest is written, so a peer that does not read holds one buffer.
static void writeRest(uv_stream_t *stream, const char *bytes, size_t length) {
  Rest *rest = allocate(1, sizeof *rest + length);
  memcpy(rest->bytes, bytes, length);
  rest->request.data = rest;
  uv_read_stop(stream);
  const uv_buf_t piece = uv_buf_init(rest->bytes, (unsigned)length);
  checkStatus(uv_write(&rest->request, stream, &piece, 1, onRestWritten), "uv_write");
}

static void onRead(uv_stream_t *stream, ssize_t length, const uv_buf_t *unused) {
  if (length == 0) return;
  if (length < 0) {
    closeConnection(stream);
    return;
  }
  const uv_buf_t piece = uv_buf_init(buffer, (unsigned)length);
  int written = uv_try_write(stream, &piece, 1);
  if (written == UV_EAGAIN) written = 0;
  if (written < 0) closeConnection(stream);
  else if (written < length) writeRest(stream, buffer + written, (size_t)(length - written));
}

static void onConnection(uv_stream_t *listener, int status) {
  // The client may be gone before it is accepted.
  if (status == UV_ECONNABORTED) return;
  checkStatus(status, "accept");
  uv_tcp_t *connection = allocate(1, sizeof *connection);
  uv_stream_t *stream = (uv_stream_t *)connection;
  checkStatus(uv_tcp_init(loop, connection), "uv_tcp_init");
  checkStatus(uv_accept(listener, stream), "uv_accept");
  checkStatus(uv_read_start(stream, lendBuffer, onRead), "uv_read_start");
}

static void onInput(uv_poll_t *poll, int status, int events) {
  char bytes[256];
  const ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
  check(length >= 0 || errno == EAGAIN, "stdin");
  if (length == 0) uv_stop(loop);
}

int main(int argc, char **argv) {
  readArguments(argc, argv, 0, "");
  signal(SIGPIPE, SIG_IGN);
  raiseFileLimit();
  loop = uv_default_loop();

  uv_tcp_t listener;
  struct sockaddr_in address;
  checkStatus(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
  checkStatus(uv_tcp_init(loop, &listener), "uv_tcp_init");
  checkStatus(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0), "uv_tcp_bind");
  checkStatus(uv_listen((uv_stream_t *)&listener, 1024, onConnection), "uv_listen");
  int size = sizeof address;
  checkStatus(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size), "getsockname");

  uv_poll_t input;
  checkStatus(uv_poll_init(loop, &input, STDIN_FILENO), "stdin");
  checkStatus(uv_poll_start(&input, UV_READABLE, onInput), "stdin");
  printf("{\"port\": %d}\n", ntohs(address.sin_port));
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
}
