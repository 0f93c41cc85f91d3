"""Which stage of a sale a conversation is in: a small trained model, with reasons, that may say it is not sure."""

from salesboost_tools.tools.stage.signals import Turn
from salesboost_tools.tools.stage.stages import STAGES, StageSet
from salesboost_tools.tools.stage.tool import StageClassifier, StageQuestion, StageTurn

__all__ = ["STAGES", "StageClassifier", "StageQuestion", "StageSet", "StageTurn", "Turn"]
