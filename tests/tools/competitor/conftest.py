"""The shipped battlecards, and a folder of cards that a test may spoil."""

from datetime import UTC, datetime

import pytest

from salesboost_tools.tools.competitor import load_battlecards, shipped_battlecards

AS_OF = datetime(2026, 6, 30, 9, tzinfo=UTC)


@pytest.fixture(scope="session")
def cards():
    return load_battlecards()


@pytest.fixture
def folder(tmp_path):
    for file in shipped_battlecards().iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path
