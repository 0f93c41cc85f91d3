"""Stores made once from the shipped data, and a toolkit on them."""

import pytest

from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit


@pytest.fixture
def make_toolkit(data_dir):
    """Returns a function that opens a toolkit on the shipped data; arguments are settings."""
    opened = []

    def make(handlers=None, **settings):
        chosen = Settings(data_dir=data_dir, **settings)
        opened.append(SalesToolkit(chosen, handlers=handlers))
        return opened[-1]

    yield make
    for toolkit in opened:
        toolkit.close()


@pytest.fixture
def toolkit(make_toolkit):
    return make_toolkit()
