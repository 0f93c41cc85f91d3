"""A time limit for a whole exchange, not for each piece of it."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any


class DeadlineSocket:
    """A connected socket whose operations end at a moment in time.

    A plain socket's time limit starts anew with every piece that arrives, so a peer that sends a byte now and then can
    hold a caller for ever.

    What has already arrived can be received after that moment too: it was the thread that was late, not the peer.

    Attributes:
        deadline_s: Monotonic seconds after which no operation waits, but raises TimeoutError.
    """

    __slots__ = ("_only_looks", "_socket", "deadline_s")

    def __init__(self, connected: socket.socket, deadline_s: float) -> None:
        self._socket = connected
        self._only_looks = False
        self.deadline_s = deadline_s

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline."""
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        self._socket.sendall(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive something before the deadline."""
        return self._received(self._socket.recv, size, flags) if flags else self._received(self._socket.recv, size)

    def recv_into(self, buffer: bytearray) -> int:
        """Receive something into a buffer before the deadline."""
        return self._received(self._socket.recv_into, buffer)

    def settimeout(self, seconds: float | None) -> None:
        """Look without waiting if 0 seconds are given; otherwise the deadline holds, whatever they are."""
        self._only_looks = seconds == 0

    def fileno(self) -> int:
        """Return the descriptor, for polling."""
        return self._socket.fileno()

    def _received(self, receive: Callable[..., Any], *arguments: Any) -> Any:
        left_s = 0.0 if self._only_looks else max(0.0, self.deadline_s - time.monotonic())
        self._socket.settimeout(left_s)
        if left_s or self._only_looks:
            return receive(*arguments)
        try:
            return receive(*arguments)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("timed out") from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
