"""What a learning policy remembers, kept in step with the outcomes of other workers."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.arms import ArmStore
from salesboost_tools.selection.policy import LearningPolicy, Memory, Policy
from salesboost_tools.selection.shared_lessons import SharedLesson
from salesboost_tools.selection.statistics import mean_rewards


class Memories:
    """The memories of one policy, by group; none if the policy has none. Guarded by its owner's lock.

    Args:
        policy: Whose.
        weights: What its rewards are made of.
    """

    def __init__(self, policy: Policy, weights: RewardWeights) -> None:
        self._learner = policy if isinstance(policy, LearningPolicy) else None
        self._weights = weights
        self._by_group: dict[str, Memory] = {}
        self.name = f"{policy.name}@{policy.version}, {weights.version}"
        """What has to be equal for one's dump to be another's to load."""
        self.short_name = hashlib.blake2b(self.name.encode(), digest_size=8).hexdigest()
        """The same, as it is told to other workers."""

    def of(self, group: str) -> Memory | None:
        """Return what is remembered of a group; None if the policy has no memory."""
        memory = self._by_group.get(group)
        if memory is None and self._learner is not None:
            memory = self._by_group[group] = self._learner.new_memory(self._weights)
        return memory

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, by group, as `json.dumps` takes it."""
        return {group: memory.dump() for group, memory in self._by_group.items()}

    def load(self, dumped: Any) -> bool:
        """Become what was dumped; False, and nothing has changed, if something was learnt already.

        Raises:
            ConfigurationError: It is no dump of this policy's memories; nothing is remembered then.
        """
        if self._by_group or self._learner is None:
            return False
        if not isinstance(dumped, Mapping):
            raise ConfigurationError(f"what a policy has learnt is a JSON object by group; got {dumped!r}")
        dumped = cast("Mapping[str, Any]", dumped)
        try:
            for group, learnt in dumped.items():
                memory = self._learner.new_memory(self._weights)
                memory.load(learnt)
                self._by_group[group] = memory
        except ConfigurationError:
            self._by_group.clear()
            raise
        return True


class LearntTogether:
    """A `Follower`: teaches memories what other workers experience.

    Args:
        memories: Who learns.
        arms: What is believed of the arms, priors included.
        weights: What outcomes are worth here, whatever they are worth elsewhere.
        clock: The selector's.
        lock: The selector's.
    """

    def __init__(
        self,
        memories: Memories,
        arms: ArmStore,
        weights: RewardWeights,
        clock: Clock,
        lock: AbstractContextManager[Any],
    ) -> None:
        self.lock = lock
        self._memories = memories
        self._arms = arms
        self._weights = weights
        self._clock = clock

    @property
    def name(self) -> str:
        """A short name for policy and weights."""
        return self._memories.short_name

    def learn_from(self, lesson: SharedLesson) -> None:
        """Learn an outcome that has just been added to the sums."""
        memory = self._memories.of(lesson.group)
        if memory is None:
            return
        (known,) = self._arms.read(lesson.group, (lesson.arm,))
        (worth,) = mean_rewards([lesson.outcome], self._weights)
        now_s = min(lesson.heard_at_s, self._clock())  # their clock may be ahead
        note = lesson.note
        told = note.text if note is not None and note.learner == self.name else None
        memory.learn(lesson.arm, known, [(lesson.context, lesson.outcome.successes > 0, worth, told)], now_s)

    def dump(self) -> dict[str, Any]:
        """Return everything learnt."""
        return self._memories.dump()

    def load(self, dumped: Mapping[str, Any]) -> bool:
        """Become what was dumped, unless something was learnt already."""
        return self._memories.load(dumped)
