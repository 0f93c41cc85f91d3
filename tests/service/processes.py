"""The service as `salesboost serve` starts it: processes of its own, on a free port."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.services import free_port


class Served:
    """A running service.

    Attributes:
        address: `127.0.0.1:port`.
        pid: Of the process that was started, the workers' parent if there are several.
    """

    def __init__(self, port: int, process: subprocess.Popen):
        self.address = f"127.0.0.1:{port}"
        self.pid = process.pid
        self._process = process

    def get(self, path: str, **options) -> httpx.Response:
        """Ask over a connection of its own, so that any worker may answer."""
        return httpx.get(f"http://{self.address}{path}", timeout=30, **options)

    def post(self, path: str, **options) -> httpx.Response:
        return httpx.post(f"http://{self.address}{path}", timeout=30, **options)

    def children(self) -> list[int]:
        """Return the processes that the started one has started."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def stop(self) -> int:
        """Ask it to stop as a supervisor of processes does; return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(30)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()


@contextlib.contextmanager
def served(log: Path, *, workers: int = 1, **environment: str) -> Iterator[Served]:
    """Yield a service that answers.

    Args:
        log: File that takes what it prints.
        workers: How many processes.
        **environment: Its settings.
    """
    port = free_port()
    command = [sys.executable, "-m", "salesboost_tools.cli", "serve", "--port", str(port), "--workers", str(workers)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOOL_", "PROMETHEUS_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**kept, **environment}, stdout=out, stderr=out, start_new_session=True)
    service = Served(port, process)
    try:
        until_it_answers(service, process, log)
        yield service
    finally:
        service.stop()


def until_it_answers(service: Served, process: subprocess.Popen, log: Path) -> None:
    give_up_at_s = time.monotonic() + 50
    while True:
        with contextlib.suppress(httpx.TransportError):
            service.get("/live")
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up_at_s, log.read_text()
        time.sleep(0.05)
