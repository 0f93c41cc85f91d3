"""Who learns from what other workers found out."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from salesboost_tools.selection.shared_lessons import SharedLesson


class Follower(Protocol):
    """Who learns from other workers' outcomes, one at a time and in lock step with the sums."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while anything of this store changes together with what the follower knows."""
        ...

    @property
    def name(self) -> str:
        """What has to be equal for two followers to understand each other's dumps."""
        ...

    def learn_from(self, lesson: SharedLesson) -> None:
        """Learn an outcome that has just been added to the sums. The lock is held."""
        ...

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it. The lock is held."""
        ...

    def load(self, dumped: Mapping[str, Any]) -> bool:
        """Become what was dumped, unless something was learnt already; say whether. The lock is held."""
        ...
