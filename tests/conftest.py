"""What every test may ask for."""

import gc
import shutil

import pytest
from hypothesis import settings

from salesboost_tools import SalesToolkit, Settings
from tests.doubles import FakeClock

settings.register_profile("patient", deadline=None)  # speed is measured in benchmarks, never asserted here
settings.load_profile("patient")

_LONG = (
    "test_page",
    "test_delivery",
    "test_demo",
    "test_workers",
    "test_listen",
    "test_stage_training",
    "test_alerting",
)
"""Files that take longest. They begin: at the end no process is to wait for another that has one of them to do."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))


def pytest_collection_finish():
    gc.freeze()  # thousands of tests are held to the end: no later collection need look at them


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(scope="session")
def shipped_stores(tmp_path_factory):
    """The embedded stores as a first start makes them; nobody writes to them."""
    folder = tmp_path_factory.mktemp("shipped") / "stores"
    toolkit = SalesToolkit(Settings(data_dir=folder))
    toolkit.get_tools()
    toolkit.close()
    return folder


@pytest.fixture(scope="module")
def data_dir(shipped_stores, tmp_path_factory):
    """A module's own copy of them."""
    return shutil.copytree(shipped_stores, tmp_path_factory.mktemp("data") / "stores")
