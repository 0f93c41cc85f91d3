"""The stages of a sales conversation, and how somebody's own stages stand on them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from salesboost_tools.core.errors import ConfigurationError

STAGES = ("opening", "discovery", "presentation", "objection_handling", "closing", "follow_up")
"""What the model tells apart, in the usual order."""

NEXT_STEPS: Mapping[str, str] = {
    "opening": "Say why you talk today, agree on the time, and ask the first open question.",
    "discovery": "Ask what the problem costs, who else it concerns and by when it must be solved; then sum it up.",
    "presentation": "Show only what answers the need they named, with one proof, and check: does that solve it?",
    "objection_handling": "Find out what is behind it, answer with a source, and ask whether that settles it.",
    "closing": "Name the scope, the price, the date and who signs, and ask for the decision.",
    "follow_up": "Sum up what was agreed, send what was promised, and fix the date of the next contact.",
}
"""Stage -> what a seller does next in it."""

OBJECTION_STEPS: Mapping[str, str] = {
    "too_expensive": "Ask what the price is compared with, set it against what the problem costs, and only then talk "
    "about terms.",
    "status_quo": "Ask what works well today and what does not; show the difference beside it, not instead of it.",
    "hesitation": "Ask what exactly the doubt is and what would settle it; offer a reference or a small first step.",
}
"""Kind of objection heard -> what a seller does next about it."""


@dataclass(frozen=True, slots=True)
class StageSet:
    """The stages that answers are given in, in their usual order.

    Attributes:
        parts: Own stage -> the model's stages it consists of. A model stage that no own stage covers is never the
            answer: what spoke for it is shared out among the others. One that two own stages cover would leave no way
            to tell them apart, and is refused.
        next_steps: Own stage -> suggested next step, where the usual one does not fit.

    Raises:
        ConfigurationError: Names the stage that cannot be used and what is allowed.
    """

    parts: Mapping[str, Sequence[str]]
    next_steps: Mapping[str, str]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ConfigurationError(f"stages: at least two are needed; the model tells apart: {', '.join(STAGES)}")
        seen: dict[str, str] = {}
        for own, parts in self.parts.items():
            if not own.strip() or not parts:
                raise ConfigurationError(f"stages: {own!r} needs a name and one or more of: {', '.join(STAGES)}")
            for part in parts:
                if part not in STAGES:
                    raise ConfigurationError(f"stages: {own!r} names {part!r}; allowed: {', '.join(STAGES)}")
                if part in seen:
                    raise ConfigurationError(f"stages: {part!r} stands in {seen[part]!r} and in {own!r}; choose one")
                seen[part] = own
        if unknown := self.next_steps.keys() - self.parts.keys():
            raise ConfigurationError(
                f"stages: next steps for unknown {sorted(unknown)}; known: {', '.join(self.names)}"
            )

    @classmethod
    def of(
        cls,
        stages: Mapping[str, Sequence[str]] | Sequence[str] = STAGES,
        next_steps: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the set for own stages made of the model's, or for some of the model's under their own names."""
        parts = stages if isinstance(stages, Mapping) else {stage: (stage,) for stage in stages}
        return cls({own: tuple(covered) for own, covered in parts.items()}, dict(next_steps or {}))

    @property
    def names(self) -> tuple[str, ...]:
        """The stages in their order."""
        return tuple(self.parts)

    def place(self, stage: str) -> int:
        """Return where a stage stands in the order, from 0."""
        return self.names.index(stage)

    def shares(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """Return the probabilities of the own stages, given those of the model's; they add up to 1."""
        sums = {own: sum(probabilities[part] for part in parts) for own, parts in self.parts.items()}
        total = sum(sums.values())
        return {own: share / total for own, share in sums.items()}

    def next_step(self, stage: str, probabilities: Mapping[str, float], cues: Container[str]) -> str:
        """Return what to do next.

        Args:
            stage: Of this set.
            probabilities: Of the model's stages: the likeliest that the stage consists of decides on the advice.
            cues: What was heard in the last turn; the kind of an objection changes the advice.
        """
        if stage in self.next_steps:
            return self.next_steps[stage]
        part = max(self.parts[stage], key=probabilities.__getitem__)
        if part == "objection_handling":
            return next((step for kind, step in OBJECTION_STEPS.items() if kind in cues), NEXT_STEPS[part])
        return NEXT_STEPS[part]
