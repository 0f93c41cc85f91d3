"""Read-only connections to one SQLite file, each used by one thread at a time."""

import sqlite3
import weakref
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

BUSY_S = 5.0
"""Seconds a reader waits for a writer that is just committing, and a writer for readers."""


class ReadOnlyPool:
    """Lends out read-only connections.

    As many are opened as threads read at the same moment, and no more: threads come and go in an executor, so a
    connection kept for each of them would never be closed. `close` closes those that are idle; a later reader simply
    opens a new one, so that several searches may share an index and each be closed. A pool that is forgotten closes
    them too.

    Args:
        path: The SQLite file. It is opened with `mode=ro`: whatever a question holds, nothing can be written.
    """

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._idle: deque[sqlite3.Connection] = deque()
        weakref.finalize(self, _close_all, self._idle).atexit = False

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Lend a connection in which everything read is of one moment.

        Raises:
            sqlite3.Error: The file is gone, damaged, or locked for longer than BUSY_S seconds.
        """
        connection = self._take()
        try:
            connection.execute("BEGIN")
            yield connection
        except sqlite3.Error:
            connection.close()  # a new one may find the file mended
            raise
        except BaseException:
            self._give_back(connection)
            raise
        else:
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle connections."""
        _close_all(self._idle)

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return sqlite3.connect(self._uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")
        self._idle.append(connection)


def _close_all(idle: deque[sqlite3.Connection]) -> None:
    while idle:
        idle.pop().close()
