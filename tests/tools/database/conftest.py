"""An empty database of every kind for every test."""

import pytest

from salesboost_tools.tools.database import Database
from tests.databases import postgresql_database


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request):
    return request.param


@pytest.fixture
def url(backend, tmp_path):
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
    else:
        with postgresql_database() as made:
            yield made


@pytest.fixture
def database(url):
    opened = Database(url)
    yield opened
    opened.close()
