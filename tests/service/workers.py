"""The service as operators run it: several worker processes behind one port."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from tests.services import free_port


class Workers:
    """Processes that serve one port, and the one that starts them anew when they die.

    Args:
        command: What serves; `{port}` stands for the port.
        number: How many it starts.
        folder: Where it works.
        environment: Added to this process's environment.

    Attributes:
        url: Where they answer.
        log: What they print.
    """

    def __init__(self, command: Sequence[str], number: int, folder: Path, **environment: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._number = number
        own = {name: value for name, value in os.environ.items() if not name.startswith(("TOOL_", "PROMETHEUS_"))}
        self.log = folder / f"workers-{self.port}.log"
        self._log = self.log.open("w")
        self._master = subprocess.Popen(
            [sys.executable, *(word.format(port=self.port) for word in command)],
            cwd=folder,
            env=own | environment,
            stdout=self._log,
            stderr=self._log,
        )

    def wait(self, path: str) -> None:
        """Wait until every worker is there and a path is answered."""
        give_up_at_s = time.monotonic() + 120
        while True:
            with contextlib.suppress(httpx.TransportError):
                if len(self.pids()) == self._number and httpx.get(f"{self.url}{path}").status_code == 200:
                    return
            said = self.log.read_text()
            assert self._master.poll() is None, said
            assert time.monotonic() < give_up_at_s, said
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """Return the processes that answer, not the one that minds them."""
        found = []
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):  # it has just ended
                if f"\nPPid:\t{self._master.pid}\n" in status.read_text():
                    words = status.with_name("cmdline").read_bytes().split(b"\0")
                    found += [int(status.parent.name)] if any(b"spawn_main" in word for word in words) else []
        return found

    def kill_one(self) -> None:
        """Kill a worker as a crash would."""
        os.kill(self.pids()[0], signal.SIGKILL)

    def stop(self) -> None:
        """End all of them."""
        self._master.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._master.wait(20)
        if self._master.poll() is None:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self._master.kill()
            self._master.wait()
        self._log.close()


@contextlib.contextmanager
def service(number: int, folder: Path, redis_url: str = "", **environment: str) -> Iterator[Workers]:
    """Yield `salesboost serve` with some workers; they share a Redis if one is named."""
    command = ("-m", "salesboost_tools.cli", "serve", "--port", "{port}", "--workers", str(number))
    workers = Workers(command, number, folder, TOOL_REDIS_URL=redis_url, **environment)
    try:
        workers.wait("/ready")
        yield workers
    finally:
        workers.stop()
