"""Opening gives an index that is equal to its folder, whatever lay there before and whoever else opens it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge import KnowledgeIndex, open_knowledge, shipped_articles
from salesboost_tools.tools.knowledge.opening import INDEX_NAME, SHIPPED

SHIPPED_DOCUMENTS = sum(1 for path in shipped_articles().iterdir() if path.name.endswith(".md"))


def documents(index):
    try:
        return index.probe()["documents"]
    finally:
        index.close()


def test_a_new_folder_gets_the_shipped_articles(tmp_path):
    index = open_knowledge(tmp_path / "new" / "folder")
    assert index.source == SHIPPED
    assert documents(index) == SHIPPED_DOCUMENTS
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [INDEX_NAME]


def test_an_unchanged_index_is_not_written_again(tmp_path):
    open_knowledge(tmp_path).close()
    before = (tmp_path / INDEX_NAME).stat()
    open_knowledge(tmp_path).close()
    after = (tmp_path / INDEX_NAME).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_index_that_differs_from_the_shipped_articles_is_brought_up_to_date(tmp_path):
    open_knowledge(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / INDEX_NAME)) as connection, connection:
        connection.execute("UPDATE document SET content_hash = 'old' WHERE name = 'KB-0001'")
        connection.execute("UPDATE fact SET value = 'old' WHERE name = 'content_hash'")
    connection.close()
    index = open_knowledge(tmp_path)
    assert index.content_hash not in ("", "old")
    assert documents(index) == SHIPPED_DOCUMENTS


@pytest.mark.parametrize("content", [b"", b"rubbish" * 500], ids=["empty", "damaged"])
def test_a_file_that_is_no_index_is_built_anew(tmp_path, content):
    (tmp_path / INDEX_NAME).write_bytes(content)
    assert documents(open_knowledge(tmp_path)) == SHIPPED_DOCUMENTS


def test_an_index_of_another_format_is_built_anew(tmp_path):
    open_knowledge(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / INDEX_NAME)) as connection, connection:
        connection.execute("UPDATE fact SET value = '0' WHERE name = 'format'")
    connection.close()
    assert documents(open_knowledge(tmp_path)) == SHIPPED_DOCUMENTS


def test_ones_own_folder_takes_the_place_of_the_shipped_articles(tmp_path, library):
    library.write("alpha")
    index = open_knowledge(tmp_path / "data", library.folder)
    assert index.source == str(library.folder.resolve())
    assert documents(index) == 1


def test_what_was_ingested_last_stays_when_no_folder_is_named(tmp_path, library):
    library.write("alpha")
    open_knowledge(tmp_path / "data", library.folder).close()
    assert documents(open_knowledge(tmp_path / "data")) == 1


def test_changes_in_ones_own_folder_are_seen_at_the_next_opening(tmp_path, library):
    library.write("alpha")
    open_knowledge(tmp_path / "data", library.folder).close()
    library.write("beta")
    assert documents(open_knowledge(tmp_path / "data", library.folder)) == 2


def test_an_empty_folder_is_an_empty_index(tmp_path, library):
    assert documents(open_knowledge(tmp_path / "data", library.folder)) == 0


def test_a_missing_folder_is_refused_and_the_old_index_stays(tmp_path, library):
    library.write("alpha")
    open_knowledge(tmp_path / "data", library.folder).close()
    with pytest.raises(ConfigurationError, match="no folder with articles"):
        open_knowledge(tmp_path / "data", tmp_path / "missing")
    assert documents(KnowledgeIndex(tmp_path / "data" / INDEX_NAME)) == 1


def test_several_processes_may_open_a_new_folder_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from salesboost_tools.tools.knowledge import LexicalSearch, SemanticSearch, open_knowledge\n"
        "sys.stdin.read()\n"  # all begin when their input is closed
        "index = open_knowledge(Path(sys.argv[1]))\n"
        "found = [search(index).search('our price per seat is too high')[0].document for search in (LexicalSearch, SemanticSearch)]\n"
        "print(*found, index.probe()['documents'])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [subprocess.Popen(command, text=True, env=dict(os.environ), **streams) for _ in range(3)]
    for process in running:
        process.stdin.close()
        process.stdin = None
    answers = [process.communicate(timeout=50) for process in running]
    assert [error for _, error in answers] == ["", "", ""]
    assert {answer.strip() for answer, _ in answers} == {f"KB-0017 KB-0017 {SHIPPED_DOCUMENTS}"}
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
