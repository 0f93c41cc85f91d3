"""Answered decisions, one JSON object a line, with their probabilities: evidence for other policies."""

import json
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.decisions import Decision
from salesboost_tools.selection.split import SideNote

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FORMAT_VERSION = 1
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@dataclass(slots=True, kw_only=True)
class LoggedDecision:
    """A decision and what came of it. Never changed once made."""

    decision_id: Final[str]
    at_s: Final[float]
    """When it was made, in seconds on the selector's clock."""
    group: Final[str]
    arms: Final[tuple[str, ...]]
    """The arms that were allowed."""
    masked: Final[tuple[str, ...]]
    chosen: Final[str]
    propensities: Final[tuple[float, ...] | None]
    """Probability of each of `arms`; None if no policy decided, and then it is no evidence for any."""
    policy: Final[str]
    """Name and version of the policy that decided."""
    side: Final[str | None]
    """Which policy of an A/B test decided: "A" or "B"; None outside of one."""
    suggested: Final[str | None]
    """What the policy would have chosen where it only looked on: `chosen` if it decided, None if it was not asked."""
    reward_version: Final[str]
    context: Final[dict[str, Any] | None]
    success: Final[bool]
    latency_s: Final[float]
    quality: Final[float | None]
    cost: Final[float | None]
    reward: Final[float]
    stands_in: Final[bool] = False
    """Whether another arm has failed at the same call before: then it is no evidence for any policy."""

    @property
    def propensity(self) -> float | None:
        """Probability with which `chosen` was chosen; None if no policy decided."""
        return None if self.propensities is None else self.propensities[self.arms.index(self.chosen)]


def record_of(
    decision: Decision,
    success: bool,  # noqa: FBT001  (as in `ToolSelector.record_feedback`)
    latency_s: float,
    reward: float,
    *,
    quality: float | None,
    cost: float | None,
) -> LoggedDecision:
    """Return what is logged of a decision when its outcome is known."""
    situation, context, note = decision.situation, decision.context, decision.note
    return LoggedDecision(
        decision_id=decision.decision_id,
        at_s=situation.now_s,
        group=situation.group,
        arms=situation.arms,
        masked=decision.masked,
        chosen=decision.chosen,
        propensities=decision.propensities,
        policy=decision.policy,
        side=note.side if isinstance(note, SideNote) else None,
        suggested=decision.suggested,
        reward_version=situation.weights.version,
        context=None if context is None else dict(context),
        success=success,
        latency_s=latency_s,
        quality=quality,
        cost=cost,
        reward=reward,
        stands_in=decision.stands_in,
    )


class DecisionSink(Protocol):
    """Takes answered decisions."""

    def write(self, record: LoggedDecision) -> None:
        """Keep a record. Called from any thread, outside the selector's lock."""
        ...


class JsonlLog:
    """A `DecisionSink` in a file, bounded: when it is full it becomes `<name>.1`, and the `.1` before is dropped.

    Threads and processes may write to one file: a line is written whole, by one at a time (between processes: where the
    system has locks on files). What a crash cut short is removed. After `close` a further record opens it again.

    Contexts are written as they are: keep personal data out of them. What JSON does not know is written as text.

    Args:
        path: The file; it is appended to.
        max_bytes: Size at which a new file is begun, above 0. At most twice as much is kept.

    Raises:
        ConfigurationError: `max_bytes` is not above 0, or the file cannot be opened.
    """

    def __init__(self, path: Path | str, *, max_bytes: int = 50_000_000) -> None:
        if max_bytes <= 0:
            raise ConfigurationError(f"max_bytes is a number of bytes, above 0; got {max_bytes!r}")
        self.path = Path(path)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._file: int | None = None
        try:
            with self._lock, self._turn() as file:
                _remove_cut_line(self.path, file)
        except OSError as error:
            raise ConfigurationError(
                f"the decision log {self.path} cannot be written ({error.strerror}); name another file"
            ) from error

    def write(self, record: LoggedDecision) -> None:
        """Append a record; it is in the file when this returns.

        Raises:
            OSError: It cannot be written.
        """
        line = json.dumps({"v": FORMAT_VERSION, **asdict(record)}, default=str, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            with self._turn() as file:
                size = os.fstat(file).st_size
                if not size or size + len(line) <= self._max_bytes:
                    os.write(file, line)
                    return
                self.path.replace(self.before)
            with self._turn() as file:
                os.write(file, line)

    @property
    def before(self) -> Path:
        """Where the full file goes."""
        return self.path.with_name(self.path.name + ".1")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _turn(self) -> Generator[int]:
        """Give the file that has the name now, to nobody else at the same time."""
        file = self._locked()
        while not self._is_current(file):  # another process has begun it anew
            self._let_go()
            file = self._locked()
        try:
            yield file
        finally:
            _unlock(file)

    def _locked(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, _APPEND, 0o640)
        _lock(self._file)
        return self._file

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)  # gives up its lock
            self._file = None


def _remove_cut_line(path: Path, file: int) -> None:
    """Remove what follows the last line break, so that the next record does not continue it."""
    written = path.read_bytes() if os.fstat(file).st_size else b""
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        os.ftruncate(file, whole)


def _lock(file: int) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)


def _unlock(file: int) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)


def read_log(path: Path | str) -> Iterator[LoggedDecision]:
    """Yield the decisions of a log, oldest first, those of the full file before it included.

    A last line that a crash cut short is left out.

    Raises:
        ConfigurationError: A line is no decision, or of a later format, or the file cannot be read.
    """
    path = Path(path)
    for part in (path.parent / f"{path.name}.1", path):
        try:
            if part.exists():
                with part.open(encoding="utf-8", errors="replace") as lines:
                    yield from _decisions_of(lines, part)
        except OSError as error:
            raise ConfigurationError(
                f"the decision log {part} cannot be read ({error.strerror}); name another file"
            ) from error


def _decisions_of(lines: Iterable[str], part: Path) -> Iterator[LoggedDecision]:
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            return
        try:
            fields = json.loads(line)
            version = fields.pop("v")
            if version != FORMAT_VERSION:
                raise ConfigurationError(
                    f"{part}, line {number}: format {version!r}; this version reads {FORMAT_VERSION}"
                )
            for name in ("arms", "masked", "propensities"):
                fields[name] = None if fields[name] is None else tuple(fields[name])
            yield LoggedDecision(**fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(f"{part}, line {number} is no logged decision: {error!r}") from error
