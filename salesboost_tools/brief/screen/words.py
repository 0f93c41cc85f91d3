"""Short names, durations and colours for the terminal."""

import io
from collections.abc import Sequence
from typing import TextIO

from rich.text import Text

COLOURS = {
    "ok": "green",
    "cached": "cyan",
    "shared": "cyan",
    "running": "dim",
    "rate limited": "yellow",
    "not allowed": "yellow",
    "timed out": "red",
    "failed": "red",
    "interrupted": "yellow",
    "cancelled": "red",
}


def short_name(tool: str) -> str:
    """Return a tool's name without what every tool says: `crm_integration` -> `crm`, a variant keeps its kind.

    `knowledge_retriever_lexical` -> `knowledge/lexical`.
    """
    parts = tool.split("_")
    return "/".join([parts[0], *parts[2:]])


def milliseconds(seconds: float | None) -> str:
    """Return a duration as it reads in a table."""
    if seconds is None:
        return "-"
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1000:.1f} ms"
        if seconds < 0.01
        else f"{seconds * 1000:.0f} ms"
    )


class TrimmedLines(io.TextIOBase):
    """A text file to which lines go without the spaces that fill a table up to its width: for pipes and files.

    Args:
        file: Where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._begun = ""

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As the file's."""
        return self._file.encoding

    def write(self, text: str) -> int:
        """Write whole lines; the last one waits until it ends."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._file.write(f"{line.rstrip()}\n")
        return len(text)

    def flush(self) -> None:
        """Pass on what is whole. A file that was closed first has nothing to wait for."""
        if not self._file.closed:
            self._file.flush()


def citation(cites: Sequence[str], expired: dict[str, str]) -> Text:
    """Return the keys in brackets, dim; those past their expiry stand out and say since when."""
    text = Text(" [", style="dim")
    for at, key in enumerate(cites):
        text.append(", " if at else "")
        text.append(key)
        if key in expired:
            text.append(f" expired {expired[key]}", style="not dim red")
    return text.append("]")
