"""STOP is understood in many languages, and only where it is the whole message."""

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.keywords import Asked, default_keywords, load_keywords


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOP!!!", "“stop”", "stop\n", "Stop all", "st\u200bop", "ＳＴＯＰ", "Unsubscribe",  # noqa: RUF001
        "Kündigen", "KUNDIGEN", "arrêt", "ALTO", "baja", "basta", "sair", "afmelden", "rezygnuję", "İPTAL", "配信停止",
        "退订", "TD", "Стоп",
    ],
)  # fmt: skip
def test_these_ask_to_stop(text):
    assert default_keywords().asked(text) is Asked.STOP


@pytest.mark.parametrize("text", ["START", "unstop", "Yes", "alta", "anmelden", "再開", "订阅", "старт"])
def test_these_ask_to_start_again(text):
    assert default_keywords().asked(text) is Asked.START


@pytest.mark.parametrize(
    "text", ["", "ok", "please don't stop", "stop by at noon", "The end of June", "👍", "start up"]
)
def test_these_ask_for_nothing(text):
    assert default_keywords().asked(text) is Asked.NOTHING


def test_help_is_told_apart():
    assert default_keywords().asked("Help?") is Asked.HELP


def test_twelve_languages_are_known():
    assert len(default_keywords().stop) > 50


@pytest.mark.parametrize(
    ("content", "what"),
    [("en: {stop: [go], start: [GO]}", "go"), ("- stop", "cannot be read"), ("en: [", "cannot be read")],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, content, what):
    file = tmp_path / "words.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=what):
        load_keywords(file)
