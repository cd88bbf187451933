"""TCP echo server on 127.0.0.1: prints {"port": N} and serves until its stdin ends.
Usage: echo.py"""

import asyncio
import os
import signal
import sys

import uvloop
from measure import print_json, raise_file_limit, read_arguments


class Echo(asyncio.Protocol):
    __slots__ = ("transport", "write")

    def connection_made(self, transport):
        self.transport = transport
        self.write = transport.write

    def data_received(self, data):
        self.write(data)

    # A peer that does not read must not fill the memory.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


def main():
    read_arguments("")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    raise_file_limit()
    loop = uvloop.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Echo, "127.0.0.1", 0, backlog=1024))

    def on_input():
        if not os.read(sys.stdin.fileno(), 256):
            loop.stop()

    loop.add_reader(sys.stdin.fileno(), on_input)
    print_json(port=server.sockets[0].getsockname()[1])
    loop.run_forever()


main()
