"""Servers that tests start for themselves, on free ports of this machine, and stop again."""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    """Return a port that nobody uses, nor the one 10,000 above it, where a cluster's nodes talk.

    Both are below those that connections are given: one of these would be in a server's way.
    """
    while True:
        port = random.randrange(15_000, 22_700)
        with contextlib.suppress(OSError), socket.socket() as own, socket.socket() as of_nodes:
            own.bind(("127.0.0.1", port))
            of_nodes.bind(("127.0.0.1", port + 10_000))
            return port


def missing(what: str) -> None:
    """Skip, except where the tests are meant to be complete."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def process_context() -> multiprocessing.context.BaseContext:
    """Return what starts worker processes quickly and without this one's threads: the imports are made once."""
    context = multiprocessing.get_context("forkserver")
    own = ("state.redis", "governed", "handlers.idempotency", "tools.crm")
    context.set_forkserver_preload([*(f"salesboost_tools.{name}" for name in own), "pytest"])
    return context


class Certificate:
    """A certificate for this machine, signed by itself, made anew in a folder."""

    def __init__(self, folder: Path):
        program = shutil.which("openssl")
        if program is None:
            missing("openssl is not on the PATH: install it, for tests that need a certificate")
        self.file, self.key = folder / "certificate.pem", folder / "key.pem"
        names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(self.key))
        subprocess.run(
            [program, "req", "-x509", "-days", "2", *names, *key, "-out", str(self.file)],
            check=True,
            capture_output=True,
            timeout=30,
        )

    def options(self, port: int) -> list[str]:
        """Return what makes a Redis speak TLS alone, to each other as well."""
        files = [
            "--tls-cert-file",
            str(self.file),
            "--tls-key-file",
            str(self.key),
            "--tls-ca-cert-file",
            str(self.file),
        ]
        both = ["--tls-cluster", "yes", "--tls-replication", "yes", "--tls-auth-clients", "no"]
        return ["--port", "0", "--tls-port", str(port), *files, *both]


class RedisServer:
    """A Redis of one's own: nothing on disk, and it can be hung, killed and started again on the same port.

    Args:
        folder: Where it may keep what it must.
        options: As in redis.conf, without the dashes: `("requirepass", "secret")`.
        sentinel: Start it as a Sentinel, from a file with these lines.
        certificate: Speak TLS alone, with this.
    """

    def __init__(
        self, folder: Path, *options: str, sentinel: str | None = None, certificate: "Certificate | None" = None
    ):
        program = shutil.which("redis-server")
        if program is None:
            missing("redis-server is not on the PATH: install Redis 6 or later, or set TOOL_TEST_REDIS_URL")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._certificate = certificate
        where = ["--port", str(self.port)] if certificate is None else certificate.options(self.port)
        place = [*where, "--bind", "127.0.0.1", "--dir", str(folder), "--daemonize", "no"]
        if sentinel is None:
            self._command = [program, *place, "--save", "", "--appendonly", "no", *_dashed(options)]
        else:
            file = folder / f"sentinel-{self.port}.conf"
            file.write_text(sentinel)
            self._command = [program, str(file), "--sentinel", *place]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up_at_s = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), self._connected() as link:
                link.sendall(b"PING\r\n")
                if link.recv(64):  # "NOAUTH" is an answer too
                    return
            if self._process.poll() is not None or time.monotonic() > give_up_at_s:
                raise RuntimeError(f"redis-server did not start: {' '.join(self._command)}")
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.go_on()
            self.kill()

    def command(self, *words: str | bytes) -> bytes:
        """Send one command the plain way and return the first piece of the reply."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        message = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with self._connected() as link:
            link.sendall(message)
            return link.recv(65536)

    def _connected(self) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), 2)
        if self._certificate is None:
            return link
        trusted = ssl.create_default_context(cafile=self._certificate.file)
        return trusted.wrap_socket(link, server_hostname="localhost")


def _dashed(options: tuple[str, ...]) -> list[str]:
    names, values = options[::2], options[1::2]
    return [word for name, value in zip(names, values, strict=True) for word in (f"--{name}", value)]


@contextlib.contextmanager
def redis_server(
    folder: Path, *options: str, sentinel: str | None = None, certificate: "Certificate | None" = None
) -> Iterator[RedisServer]:
    server = RedisServer(folder, *options, sentinel=sentinel, certificate=certificate)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class SlowProxy:
    """Passes bytes between a client and a server, each piece `delay_s` seconds late, both ways.

    `piece_bytes` cuts what the server says into pieces, so that a reply dribbles in.
    """

    def __init__(self, to_port: int):
        self.delay_s = 0.0
        self.piece_bytes = 65536
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._links: list[socket.socket] = []
        self._asked: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def asked(self) -> bytes:
        """All that the clients said, one connection after the other."""
        return b"\n".join(self._asked)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to_port))
            except OSError:
                return
            self._links += [client, server]
            self._asked.append(asked := bytearray())
            threading.Thread(target=self._pass_on, args=(client, server, asked), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, asked: bytearray | None = None) -> None:
        """Pass on what a client says, and write it down in `asked`; without that, what the server says, in pieces."""
        with contextlib.suppress(OSError):
            while data := source.recv(self.piece_bytes if asked is None else 65536):
                if asked is not None:
                    asked += data
                if self.delay_s:
                    time.sleep(self.delay_s)
                target.sendall(data)
        for link in (source, target):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        for link in self._links:
            link.close()


@contextlib.contextmanager
def slow_proxy(to_port: int) -> Iterator[SlowProxy]:
    proxy = SlowProxy(to_port)
    try:
        yield proxy
    finally:
        proxy.close()
