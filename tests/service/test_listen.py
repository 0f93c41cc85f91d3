"""Where the service listens is said once it is so, and is so."""

import contextlib
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.service.listen import SERVICE, listen


@contextlib.contextmanager
def serving(folder, *options):
    command = [sys.executable, "-m", "salesboost_tools.cli", "serve", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_port_0_is_any_that_is_free_and_the_one_that_was_taken_is_said(tmp_path, workers):
    with serving(tmp_path, "--port", "0", "--workers", workers) as process:
        said = next(
            found for line in process.stderr if (found := re.search(r"Serving on (http://127.0.0.1:\d+)/", line))
        )
        assert not said[1].endswith(":0")
        assert httpx.get(f"{said[1]}/live", timeout=60).json() == {"status": "alive"}
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(30) == 0


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_port_in_use_is_refused_before_anything_is_said(host, shown):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        port, said = other.getsockname()[1], []
        with pytest.raises(ConfigurationError, match=re.escape(f"cannot listen on {shown}:{port}: Address")):
            listen(SERVICE, host, port, say=said.append)
    assert said == []


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("name", "value"),
    [("TOOL_RATE_LIMITS", '{"crm": "1/hour"}'), ("TOOL_BANDIT_LEAST", '{"knowledge_retriever_lexical": 7}')],
)
def test_settings_that_cannot_be_used_are_refused_before_any_worker_starts(monkeypatch, name, value, workers):
    monkeypatch.setenv(name, value)
    said = []
    with pytest.raises(ConfigurationError, match=name):
        listen(SERVICE, port=0, workers=workers, say=said.append)
    assert said == []
