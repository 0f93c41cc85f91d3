"""The service over the shipped data; clients that talk to it as browsers and programs do."""

import time

import jwt
import pytest
from starlette.testclient import TestClient

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.service import Access, create_app

TOKEN = "an-operators-secret"
JWT_KEY = "a key that only the tests know of, 40 bytes"


def token_for(*, key=JWT_KEY, lives_s=60, **claims):
    return jwt.encode({"exp": time.time() + lives_s, **claims}, key, algorithm="HS256")


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def open_toolkit(data_dir):
    opened = []

    def make(**settings):
        patient = {"health_timeout": 30, **settings}  # the machine may be busy
        toolkit = SalesToolkit(Settings(data_dir=data_dir, **patient))
        opened.append(toolkit)
        return toolkit

    yield make
    for toolkit in opened:
        toolkit.close()


@pytest.fixture
def toolkit(open_toolkit):
    return open_toolkit()


@pytest.fixture
def open_client(toolkit):
    def make(access=None, **options):
        app = create_app(options.pop("toolkit", toolkit), access=access, **options)
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)

    return make


@pytest.fixture
def client(open_client):
    """Nobody needs a token; everybody is an operator."""
    return open_client()


@pytest.fixture
def guarded(open_client):
    """A token is needed."""
    return open_client(Access(TOKEN, jwt_key=JWT_KEY))
