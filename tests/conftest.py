"""What every test may ask for."""

import pytest

from tests.doubles import FakeClock


@pytest.fixture
def clock():
    return FakeClock()
