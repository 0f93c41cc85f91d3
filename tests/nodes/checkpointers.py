"""Checkpointers to run graphs with: in memory, in a file, in a PostgreSQL database made for one test."""

import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from tests.services import missing

KINDS = ("memory", "sqlite", "postgres")

SERVER = os.environ.get("TOOL_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextlib.asynccontextmanager
async def checkpointer_of(kind: str, way: str, folder: Any) -> AsyncIterator[Any]:
    """Open a checkpointer of a kind for sync or async runs, and leave nothing behind."""
    async with contextlib.AsyncExitStack() as stack:
        if kind == "memory":
            yield InMemorySaver()
        elif kind == "sqlite":
            file = str(folder / "checkpoints.sqlite")
            if way == "sync":
                yield stack.enter_context(SqliteSaver.from_conn_string(file))
            else:
                yield await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(file))
        else:
            url = stack.enter_context(database())
            if way == "sync":
                saver = stack.enter_context(PostgresSaver.from_conn_string(url))
                saver.setup()
            else:
                saver = await stack.enter_async_context(AsyncPostgresSaver.from_conn_string(url))
                await saver.setup()
            yield saver


@contextlib.contextmanager
def database():
    """Make a database of one's own and drop it again; yields its URL."""
    psycopg = pytest.importorskip("psycopg")
    name = f"salesboost_fan_out_{uuid.uuid4().hex[:12]}"
    server = SERVER.replace("postgresql+psycopg://", "postgresql://")
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {server} (TOOL_TEST_DATABASE_URL): {error}")
    with connection:
        connection.execute(f'create database "{name}"')
        try:
            yield server.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f'drop database "{name}" with (force)')
