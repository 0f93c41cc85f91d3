"""The shipped model, the stages, and the labelled dialogues."""

from pathlib import Path

import pytest
import yaml

from salesboost_tools.tools.stage import StageClassifier
from salesboost_tools.tools.stage.model import shipped_model

DIALOGUES = Path(__file__).with_name("b2b_dialogues.yaml")


@pytest.fixture(scope="session")
def model():
    return shipped_model()


@pytest.fixture(scope="session")
def tool():
    return StageClassifier()


@pytest.fixture(scope="session")
def dialogues():
    return yaml.safe_load(DIALOGUES.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def said():
    """Turns in short: "s: …" for the seller, "p: …" for the prospect."""
    who = {"s": "seller", "p": "prospect"}

    def said(*lines):
        return [{"speaker": who[line[0]], "text": line[3:]} for line in lines]

    return said
