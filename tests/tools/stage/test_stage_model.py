"""The model: what is in its file, and that it tells the stages of business dialogues it never saw."""

import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.stage import STAGES, StageSet, Turn
from salesboost_tools.tools.stage.classifier import WINDOW, read_stage
from salesboost_tools.tools.stage.model import FORMAT, StageModel, read_model
from salesboost_tools.tools.stage.signals import MOST_WORDS, features, make_lexicon, read_turn

USUAL = StageSet.of()
TINY = {
    "format": FORMAT,
    "stages": list(STAGES),
    "history_weight": 0.5,
    "cues": {"greeting": ["hello"], "price": ["too high", "price"]},
    "steps": {"ss": [[0] * 6] * 6},
    "weights": {"w:hello": [300, 0, 0, 0, 0, 0], "q:price": [0, 0, 0, 200, 0, 0]},
}


def test_weights_are_read_in_log_odds():
    model = StageModel.from_json(TINY, "tiny")
    hello = features(read_turn(Turn(None, "hello"), model.lexicon))["w:hello"]
    scores = model.scores(read_turn(Turn(None, "hello"), model.lexicon), None, None)
    assert scores[0] - scores[1] == pytest.approx(3 * hello)
    assert np.exp(scores).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "broken", [{**TINY, "format": 0}, {**TINY, "stages": ["opening"]}, {}], ids=["format", "stages", "nothing"]
)
def test_a_file_that_is_no_model_is_refused(broken, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(ConfigurationError, match="not a stage model"):
        read_model(path)
    path.write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_model(path)


def test_the_shipped_file_is_small_and_holds_numbers_and_words_only():
    file = files("salesboost_tools") / "data" / "stage_model.json"
    assert len(file.read_bytes()) < 800_000
    values = json.loads(file.read_text(encoding="utf-8"))
    assert all(len(row) == 6 and all(isinstance(weight, int) for weight in row) for row in values["weights"].values())


def test_a_phrase_is_noticed_with_its_words():
    lexicon = make_lexicon(TINY["cues"])
    signals = read_turn(
        Turn("prospect", "Hello! The PRICE isn\N{RIGHT SINGLE QUOTATION MARK}t too  high, $40?"), lexicon
    )
    assert signals.speaker == "p"
    assert signals.words == ("hello", "!", "the", "price", "isn't", "too", "high", "$40", "?")
    assert signals.cues["price"] == "too high"
    assert {"greeting", "negation", "number", "question"} <= set(signals.cues)


def test_a_phrase_that_stands_under_two_cues_counts_for_the_first():
    assert make_lexicon({"one": ["by friday"], "two": ["by friday"]}) == {"by": {"by friday": "one"}}


def test_a_very_long_turn_is_read_to_a_limit():
    assert len(read_turn(Turn(None, "word " * 1000), {}).words) == MOST_WORDS


def test_only_the_last_turns_are_read_and_the_earlier_ones_move_the_position_on(model):
    last = [Turn("seller", f"We can offer {number} seats.") for number in range(WINDOW)]
    one = [Turn("prospect", "Hello.")] * 40
    other = [Turn("prospect", "Too expensive!")] * 40
    assert read_stage(one + last, model, USUAL) == read_stage(other + last, model, USUAL)
    assert read_stage(one + last, model, USUAL) != read_stage(last, model, USUAL)


@given(st.lists(st.tuples(st.sampled_from(["seller", "prospect", None]), st.text(max_size=80)), min_size=1, max_size=9))
def test_whatever_is_said_the_probabilities_are_probabilities(model, turns):
    reading = read_stage([Turn(*turn) for turn in turns], model, USUAL)
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in reading.probabilities.values())
    assert (reading.stage is None) == (reading.probabilities[reading.likeliest] < 0.45)
    assert reading.next_step


def test_three_of_four_turns_of_business_dialogues_never_trained_on_are_told_right(model, dialogues):
    assert len(dialogues) == 40
    right = total = 0
    for dialogue in dialogues:
        turns = [Turn(turn["by"], turn["text"]) for turn in dialogue["turns"]]
        for end, turn in enumerate(dialogue["turns"], 1):
            right += read_stage(turns[:end], model, USUAL).likeliest == turn["stage"]
            total += 1
    assert total == 516
    assert right / total >= 0.75


def test_importing_the_tool_imports_neither_numpy_nor_scikit_learn():
    program = "import sys, salesboost_tools.tools.stage; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_answering_does_not_import_scikit_learn():
    program = (
        "import sys; from salesboost_tools.tools.stage import StageClassifier; "
        "StageClassifier().invoke({'message': 'Hello'}); sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
