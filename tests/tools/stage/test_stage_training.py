"""The training script: nothing of the held-out dialogues gets in, and a small run makes a working model."""

import csv
import importlib
import json
import sys
from pathlib import Path

import pytest

from salesboost_tools.tools.stage import StageSet, Turn
from salesboost_tools.tools.stage.classifier import read_stage
from salesboost_tools.tools.stage.model import StageModel

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="module")
def script():
    if not SCRIPTS.is_dir():
        pytest.skip("the training script is not part of an installed package")
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("train_stage_classifier")
    sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def written(script):
    return script.read_sentences(script.WRITTEN / "sentences.yaml") + script.read_dialogues(
        script.WRITTEN / "dialogues.yaml"
    )


def test_no_sentence_of_the_held_out_dialogues_is_trained_on(script, written):
    trained = {turn.text.casefold() for dialogue in written for turn in dialogue.turns}
    held_out = [turn.text for dialogue in script.read_dialogues(script.HELD_OUT) for turn in dialogue.turns]
    common = [text for text in held_out if text.casefold() in trained and len(text.split()) > 4]
    assert common == []


def test_every_phrase_of_the_lexicon_can_be_found(script):
    for phrases in script.read_lexicon().values():
        for phrase in phrases:
            words = script.read_turn(Turn(None, phrase), {}).words
            assert " ".join(words) == phrase
            assert 1 <= len(words) <= 3


def test_public_dialogues_are_read_in_order(script, tmp_path):
    path = tmp_path / "units.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["dialogue", "position", "speaker", "text", "dialogue_act", "stage"])
        rows.writerow(["a", 0, "seller", "Hello!", "greeting", "opening"])
        rows.writerow(["b", 0, "seller", "Hi, you", "greeting", "opening"])
        rows.writerow(["a", 1, "prospect", "Hey", "greeting", "opening"])
    first, second = script.read_units(path)
    assert first.turns == [Turn("seller", "Hello!"), Turn("prospect", "Hey")]
    assert second.stages == ["opening"]


def test_a_model_trained_on_the_written_part_alone_tells_what_it_was_told(script, written):
    values = json.loads(json.dumps(script.train([], written, script.read_lexicon())))
    model = StageModel.from_json(values, "trained here")
    right = [
        read_stage(dialogue.turns, model, StageSet.of(), whole=False).likeliest == dialogue.stages[0]
        for dialogue in written
        if len(dialogue.turns) == 1
    ]
    assert sum(right) / len(right) > 0.9
