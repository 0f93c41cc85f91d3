"""Which documents may answer: filters by what is known of them."""

import sqlite3
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_MOST_VALUES = 20

Value = Annotated[str, Field(min_length=1, max_length=300)]


class KnowledgeFilters(BaseModel):
    """What has to be true of a document. Everything given has to be, upper and lower case being the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Value | None = Field(default=None, description="Id of the only document to look in, for example KB-0001.")
    product_line: Value | None = Field(default=None, description="It is about this product line.")
    tag: Value | None = Field(default=None, description="It has this tag.")
    updated_since: date | None = Field(default=None, description="Last changed on this day or later, as YYYY-MM-DD.")
    metadata: dict[Annotated[str, Field(min_length=1, max_length=100)], Value] = Field(
        default={}, max_length=5, description="Further fields of the document's head, each with the value it must have."
    )

    def labels(self) -> list[tuple[str, str]]:
        """Return names with the values they must have."""
        named = [("product_line", self.product_line), ("tag", self.tag), *self.metadata.items()]
        return [(name, value) for name, value in named if value is not None]

    def given(self) -> list[tuple[str, str]]:
        """Return all that is asked for, as names with values."""
        named = [("document", self.document), ("updated_since", self.updated_since and self.updated_since.isoformat())]
        return [(name, value) for name, value in named if value is not None] + self.labels()


def matching_documents(connection: sqlite3.Connection, filters: KnowledgeFilters | None) -> frozenset[int] | None:
    """Return the numbers of the documents that may answer; None for all of them."""
    if filters is None or not filters.given():
        return None
    conditions: list[str] = []
    values: list[str] = []
    if filters.document is not None:
        conditions.append("name = ? COLLATE NOCASE")
        values.append(filters.document)
    if filters.updated_since is not None:
        conditions.append("updated >= ?")
        values.append(filters.updated_since.isoformat())
    for label in filters.labels():
        conditions.append("EXISTS (SELECT 1 FROM label WHERE document_id = document.id AND name = ? AND value = ?)")
        values.extend(label)
    rows = connection.execute(f"SELECT id FROM document WHERE {' AND '.join(conditions)}", values)  # noqa: S608
    return frozenset(document for (document,) in rows)


def known_values(connection: sqlite3.Connection, name: str) -> list[str]:
    """Return values that documents have under a name, the commonest first, at most 20; ids for `document`."""
    if name == "document":
        rows = connection.execute("SELECT name FROM document ORDER BY name LIMIT ?", (_MOST_VALUES,))
    elif name == "updated_since":
        rows = connection.execute("SELECT max(updated) FROM document WHERE updated IS NOT NULL HAVING count(*) > 0")
    else:
        rows = connection.execute(
            "SELECT value FROM label WHERE name = ? GROUP BY value ORDER BY count(*) DESC, value LIMIT ?",
            (name, _MOST_VALUES),
        )
    return [str(value) for (value,) in rows]
