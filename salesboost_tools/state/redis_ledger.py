"""A ledger shared through Redis: one round trip per exchange."""

import secrets
from collections.abc import Mapping
from typing import Any

from salesboost_tools.state.ledger import KEEP_S, MOST_BATCHES, Amounts, Batch, News, Row, Told
from salesboost_tools.state.redis_scripts import Commands, encoded, load_script, milliseconds


class RedisLedger:
    """A `Ledger` on Redis. Everything stands in one cluster slot and goes when nobody has added for 30 days.

    Args:
        commands: The connection.
        prefix: Stands before every key.
        most_batches: How many are remembered.
    """

    def __init__(self, commands: Commands, prefix: str, *, most_batches: int = MOST_BATCHES) -> None:
        self._commands = commands
        self._prefix = prefix
        self._most_batches = most_batches
        self._exchange = load_script("ledger_exchange")
        self._restore = load_script("ledger_restore")

    def exchange(self, batch: Batch | None, *, epoch: str | None, place: int | None) -> News:
        """Add a batch, and return what has happened since a place."""
        worker = "" if batch is None else batch.worker
        keys = tuple(self._stored_under(name) for name in ("epoch", "sums", "batches", f"seen:{worker}"))
        reply = self._commands.run(
            self._exchange,
            keys,
            epoch or "",
            secrets.token_hex(8),
            "" if place is None else place,
            milliseconds(KEEP_S),
            self._most_batches,
            worker,
            *((0, "") if batch is None else (batch.number, batch.told, *_flat(batch.amounts))),
        )
        found_epoch, now_at, complete, accepted, told, changed = reply
        return News(
            epoch=found_epoch.decode(),
            place=now_at,
            told=[
                Told(told[start].decode(), int(told[start + 1]), told[start + 2].decode("utf-8", "replace"))
                for start in range(0, len(told), 3)
            ],
            complete=bool(complete),
            sums={
                changed[start].decode("utf-8", "replace"): tuple(map(float, changed[start + 1].split()))
                for start in range(0, len(changed), 2)
            },
            accepted=bool(accepted),
        )

    def restore(self, sums: Mapping[Row, Amounts], *, epoch: str) -> bool:
        """Add sums that were known before everything was lost, once."""
        keys = tuple(self._stored_under(name) for name in ("epoch", "sums", "restored"))
        return bool(self._commands.run(self._restore, keys, epoch, milliseconds(KEEP_S), *_flat(sums)))

    def keep(self, name: str, text: str, *, at_most_every_s: float) -> bool:
        """Keep a text for new workers."""
        turn = self._stored_under(f"turn:{name}")
        if not self._commands.send("SET", turn, "1", "NX", "PX", milliseconds(at_most_every_s)):
            return False
        return bool(self._commands.send("SET", self._stored_under(f"kept:{name}"), text, "PX", milliseconds(KEEP_S)))

    def kept(self, name: str) -> str | None:
        """Return the text kept under a name."""
        found = self._commands.send("GET", self._stored_under(f"kept:{name}"))
        return None if found is None else found.decode("utf-8", "replace")

    def _stored_under(self, name: str) -> bytes:
        return encoded(f"{self._prefix}:{{ledger}}:{name}")


def _flat(amounts: Mapping[Row, Amounts]) -> list[Any]:
    words: list[Any] = []
    for row, numbers in amounts.items():
        words += (row, " ".join(map(repr, map(float, numbers))))
    return words
