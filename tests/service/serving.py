"""A service that really listens, in a thread of this process, on a free port."""

import contextlib
import socket
import threading
import time

import uvicorn

from tests.services import free_port


@contextlib.contextmanager
def listening(app):
    """Yield the address (`127.0.0.1:port`) at which an application answers."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up_at_s = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        assert time.monotonic() < give_up_at_s, "the service does not answer"
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
