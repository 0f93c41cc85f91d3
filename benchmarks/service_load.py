"""Requests per second and p99 of four workers on one Redis, beside a FastAPI app that returns a constant.

`python -m benchmarks.service_load` needs wrk and redis-server on the PATH (Debian's packages of these names), and takes
half a minute. All run on this machine, wrk included, so the figures are ratios to read, not capacities.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from tests.service.workers import Workers, service
from tests.services import RedisServer

QUESTION = '{"payload": {"message": "What does it cost?"}}'


def constant_app() -> FastAPI:
    """Return the least that FastAPI can do: what is left is its own cost, and that of a worker."""
    app = FastAPI()

    @app.get("/constant")
    async def constant() -> dict[str, str]:
        return {"answer": "constant"}

    return app


def loaded(url: str, *, seconds: int, connections: int, script: Path | None = None) -> tuple[float, float]:
    """Return requests per second and the 99th percentile of their durations in ms.

    Raises:
        RuntimeError: Requests failed, so the figures would say nothing.
    """
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is not on the PATH: apt-get install wrk")
    scripted = [] if script is None else ["-s", str(script)]
    said = subprocess.run(
        [program, "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", *scripted, url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if rate is None or late is None:
        raise RuntimeError(said)
    return float(rate[1]), float(late[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[late[2]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.service_load")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    load = {"seconds": asked.seconds, "connections": asked.connections}
    table = Table(title=f"{asked.workers} workers, {asked.connections} connections")
    for heading in ("request", "per second", "p99 ms", "of the constant"):
        table.add_column(heading, justify="left" if heading == "request" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        post = folder / "post.lua"
        post.write_text(
            f"wrk.method = 'POST'\nwrk.body = '{QUESTION}'\nwrk.headers['Content-Type'] = 'application/json'\n"
        )
        command = ("-m", "uvicorn", "--factory", "benchmarks.service_load:constant_app", "--port", "{port}")
        quiet = (
            "--workers",
            str(asked.workers),
            "--no-access-log",
            "--log-level",
            "warning",
            "--timeout-worker-healthcheck",
            "60",
        )
        prompt = ("--http", "salesboost_tools.service.listen:PromptProtocol")
        root = str(Path(__file__).parents[1])
        constant = Workers((*command, *quiet, *prompt, "--app-dir", root), asked.workers, folder)
        try:
            constant.wait("/constant")
            base, late_ms = loaded(f"{constant.url}/constant", **load)
            table.add_row("a constant from FastAPI", f"{base:,.0f}", f"{late_ms:.1f}", "1.00")
        finally:
            constant.stop()
        redis = RedisServer(folder)
        redis.start()
        try:
            with service(asked.workers, folder, redis.url, TOOL_API_ROLE="coach", TOOL_CACHE_TTL="3600") as workers:
                for what, path, script in (
                    ("GET /live", "/live", None),
                    ("GET /health/tools", "/health/tools", None),
                    ("POST, answered from the cache", "/tools/stage_classifier/invoke", post),
                ):
                    loaded(f"{workers.url}{path}", seconds=1, connections=4, script=script)
                    rate, late_ms = loaded(f"{workers.url}{path}", script=script, **load)
                    table.add_row(what, f"{rate:,.0f}", f"{late_ms:.1f}", f"{rate / base:.2f}")
        finally:
            redis.stop()
    Console(width=None if sys.stdout.isatty() else 100).print(table)


if __name__ == "__main__":
    main()
