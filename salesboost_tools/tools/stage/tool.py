"""The tool `stage_classifier`: which stage of a sale is this conversation in?"""

from collections.abc import Mapping
from typing import Any, Self

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.stage.signals import Speaker, Turn
from salesboost_tools.tools.stage.stages import StageSet

STAGE_SPEC = ToolSpec(
    effect=Effect.READ,
    allowed_roles={"coach", "session_director"},
    rate_limit="10/minute",
    timeout_s=5,
    results_shared=True,
)

_PROBE = "Could you send me the contract?"


class StageTurn(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker = Field(description="Who speaks.")
    text: str = Field(min_length=1, max_length=4000, description="What is said or written.")


class StageQuestion(BaseModel):
    """Arguments of `stage_classifier`: a message, a history, or both."""

    model_config = ConfigDict(extra="forbid")

    message: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="The latest message; after the history if both are given.",
    )
    speaker: Speaker | None = Field(default=None, description="Who wrote the message; leave out if not known.")
    history: list[StageTurn] = Field(
        default=[], max_length=500, description="The conversation from its beginning, oldest turn first."
    )
    previous_stage: str | None = Field(
        default=None, max_length=100, description="The stage reached before, as this tool named it, if known."
    )

    @model_validator(mode="after")
    def _something_was_said(self) -> Self:
        if self.message is None and not self.history:
            raise ValueError("give `message`, `history`, or both")
        if self.message is None and self.speaker is not None:
            raise ValueError("`speaker` belongs to `message`; in `history` every turn has its own")
        return self


class StageClassifier(BaseTool):
    """Tells which stage a sales conversation has reached, and why; names none if it is not sure.

    The result is a dict of JSON values: `stage` (None if not sure), `likeliest`, `confidence`, `probabilities` of all
    stages, `evidence` (turn, speaker, words, weight in log-odds), `stage_before`, `held_back` (the last turn alone
    looked like an earlier stage, without enough to go back), `next_step` and `note`.

    Args:
        stages: The stages to answer in; by default opening, discovery, presentation, objection_handling, closing and
            follow_up. `StageSet.of` makes others from these.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "stage_classifier"
    description: str = (
        "Tell which stage a sales conversation is in, from a message or the history of turns: the stage, the "
        "probability of every stage, the words that speak for it and a suggested next step. Says when it is not sure."
    )
    args_schema: ArgsSchema | None = StageQuestion
    spec: ToolSpec = STAGE_SPEC
    _stages: StageSet = PrivateAttr()

    def __init__(self, stages: StageSet | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._stages = stages or StageSet.of()

    def prepare(self) -> None:
        """Read the model now, so that the first call does not wait for it (some 50 ms, with numpy)."""
        from salesboost_tools.tools.stage.model import shipped_model  # noqa: PLC0415  (numpy)

        shipped_model()

    def probe(self) -> Mapping[str, int]:
        """Classify a sentence and return the size of the model."""
        from salesboost_tools.tools.stage.model import shipped_model  # noqa: PLC0415  (numpy)

        self._run(message=_PROBE)
        return {"features": len(shipped_model().rows), "stages": len(self._stages.names)}

    def _run(
        self,
        message: str | None = None,
        speaker: Speaker | None = None,
        history: list[StageTurn] | None = None,
        previous_stage: str | None = None,
    ) -> dict[str, Any]:
        from salesboost_tools.tools.stage.classifier import read_stage  # noqa: PLC0415  (numpy)
        from salesboost_tools.tools.stage.model import shipped_model  # noqa: PLC0415  (numpy)

        if previous_stage is not None and previous_stage not in self._stages.names:
            raise wrong_input(
                f"unknown stage {previous_stage!r} in previous_stage; use {', '.join(self._stages.names)}"
            )
        turns = [Turn(turn.speaker, turn.text) for turn in history or ()]
        if message is not None:
            turns.append(Turn(speaker, message))
        reading = read_stage(turns, shipped_model(), self._stages, whole=bool(history), reached=previous_stage)
        confidence = reading.probabilities[reading.likeliest]
        return {
            "stage": reading.stage,
            "likeliest": reading.likeliest,
            "confidence": round(confidence, 4),
            "probabilities": {stage: round(share, 4) for stage, share in reading.probabilities.items()},
            "evidence": [
                {
                    "turn": reason.turn,
                    "speaker": turns[reason.turn].speaker,
                    "words": reason.words,
                    "weight": round(reason.weight, 2),
                }
                for reason in reading.reasons
            ],
            "stage_before": reading.stage_before,
            "held_back": reading.held,
            "next_step": reading.next_step,
            "note": "" if reading.stage else _unsure(reading.probabilities),
        }

    async def _arun(
        self,
        message: str | None = None,
        speaker: Speaker | None = None,
        history: list[StageTurn] | None = None,
        previous_stage: str | None = None,
    ) -> dict[str, Any]:
        """Classify on the event loop: well under a millisecond of arithmetic, no I/O once the model is read."""
        return self._run(message, speaker, history, previous_stage)


def _unsure(probabilities: Mapping[str, float]) -> str:
    one, other = sorted(probabilities, key=probabilities.__getitem__, reverse=True)[:2]
    return (
        f"Not sure: {one} ({probabilities[one]:.2f}) or {other} ({probabilities[other]:.2f}). "
        "Give more of the history, with speakers, or go by what was agreed before."
    )
