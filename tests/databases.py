"""PostgreSQL databases that tests make for themselves and drop again."""

import contextlib
import os
import uuid
from collections.abc import Iterator

import psycopg
from sqlalchemy import make_url

from tests.services import missing

SERVER_URL = os.environ.get("TOOL_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextlib.contextmanager
def postgresql_database(*, template: str | None = None) -> Iterator[str]:
    """Make a database with a name nobody else has, and drop it afterwards; yields its URL.

    Args:
        template: URL of a database to copy; nobody may be connected to it.
    """
    server = make_url(SERVER_URL)
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(address, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL answers (set TOOL_TEST_DATABASE_URL): {str(error).splitlines()[0]}")
    with connection:
        name = f"salesboost_{uuid.uuid4().hex}"
        copied = f' TEMPLATE "{make_url(template).database}"' if template else ""
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
        try:
            yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
