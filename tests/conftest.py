"""What every test may ask for."""

import pytest
from hypothesis import settings

from tests.doubles import FakeClock

settings.register_profile("patient", deadline=None)  # speed is measured in benchmarks, never asserted here
settings.load_profile("patient")


@pytest.fixture
def clock():
    return FakeClock()
