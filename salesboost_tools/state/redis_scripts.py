"""The Lua scripts that run inside Redis, kept as files beside this module."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

_FOR_EVER_S = 100 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name Redis knows it by."""

    text: str
    sha1: str
    """Hexadecimal SHA-1 of the text: Redis's name for it, not a safeguard."""


@cache
def load_script(name: str) -> Script:
    """Return `scripts/<name>.lua`."""
    text = files("salesboost_tools.state").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class Commands(Protocol):
    """What the stores on Redis need of a connection.

    Raises:
        StateUnavailableError: From every method, whatever went wrong.
    """

    in_cluster: bool
    """Whether keys used together must stand in one slot."""

    def run(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        """Run a script in one round trip."""
        ...

    def send(self, *command: Any) -> Any:
        """Run one command."""
        ...

    def delete_matching(self, pattern: bytes) -> int:
        """Delete the keys that match a glob pattern; return how many."""
        ...

    async def arun(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        """Do what `run` does."""
        ...

    async def asend(self, *command: Any) -> Any:
        """Do what `send` does."""
        ...

    async def adelete_matching(self, pattern: bytes) -> int:
        """Do what `delete_matching` does."""
        ...


def milliseconds(seconds: float) -> int:
    """Return a time to live in whole milliseconds, rounded up, from 1 to a hundred years: nothing stays for ever."""
    return max(1, -int(-min(seconds, _FOR_EVER_S) * 1000 // 1))


def microseconds(seconds: float) -> int:
    """Return a duration in whole microseconds, rounded up, from 1 to a hundred years."""
    return max(1, -int(-min(seconds, _FOR_EVER_S) * 1_000_000 // 1))


def encoded(key: str) -> bytes:
    """Return a key's bytes; text that is not quite Unicode is a key like any other."""
    return key.encode("utf-8", "surrogatepass")
