"""A Redis of one's own, while a notebook runs."""

import shutil
import socket
import subprocess
import time
from contextlib import suppress
from tempfile import TemporaryDirectory

_PATIENCE_S = 10.0


class RedisServer:
    """A Redis on a free port of this machine, with nothing on disk.

    Attributes:
        url: Where it is.

    Raises:
        RuntimeError: It did not start.
    """

    def __init__(self, program: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._folder = TemporaryDirectory()
        self._command = [program, "--port", str(self._port), "--bind", "127.0.0.1", "--dir", self._folder.name]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, on the same port as before."""
        self._process = subprocess.Popen(  # noqa: S603  (the program found on the PATH)
            [*self._command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        give_up_at_s = time.monotonic() + _PATIENCE_S
        while self._process.poll() is None and time.monotonic() < give_up_at_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as link:
                link.sendall(b"PING\r\n")
                if link.recv(64):
                    return
            time.sleep(0.02)
        raise RuntimeError(f"redis-server did not start on port {self._port}")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it for good."""
        self.kill()
        self._folder.cleanup()


def redis_server() -> RedisServer | None:
    """Start a Redis and return it; None if none is installed."""
    program = shutil.which("redis-server")
    return None if program is None else RedisServer(program)
