"""Opening gives an index that is equal to its folder, whatever lay there before and whoever else opens it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge import KnowledgeIndex, open_knowledge, open_own, shipped_articles
from salesboost_tools.tools.knowledge.opening import FOLDER, OWN_INDEX, SHIPPED, SHIPPED_INDEX

SHIPPED_DOCUMENTS = sum(1 for path in shipped_articles().iterdir() if path.name.endswith(".md"))


def documents(index):
    try:
        return index.probe()["documents"]
    finally:
        index.close()


def test_a_new_folder_gets_the_shipped_articles(tmp_path):
    index = open_knowledge(tmp_path / "new" / "folder")
    assert index.collections() == {SHIPPED: SHIPPED_DOCUMENTS}
    assert documents(index) == SHIPPED_DOCUMENTS
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [SHIPPED_INDEX]


def test_an_unchanged_index_is_not_written_again(tmp_path):
    open_knowledge(tmp_path).close()
    before = (tmp_path / SHIPPED_INDEX).stat()
    open_knowledge(tmp_path).close()
    after = (tmp_path / SHIPPED_INDEX).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_index_that_differs_from_the_shipped_articles_is_brought_up_to_date(tmp_path):
    open_knowledge(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / SHIPPED_INDEX)) as connection, connection:
        connection.execute("UPDATE document SET content_hash = 'old' WHERE name = 'KB-0001'")
        connection.execute("UPDATE fact SET value = 'old' WHERE name = 'content_hash'")
    connection.close()
    index = open_knowledge(tmp_path)
    assert index.content_hash not in ("", "old")
    assert documents(index) == SHIPPED_DOCUMENTS


@pytest.mark.parametrize("content", [b"", b"rubbish" * 500], ids=["empty", "damaged"])
def test_a_file_that_is_no_index_is_built_anew(tmp_path, content):
    (tmp_path / SHIPPED_INDEX).write_bytes(content)
    assert documents(open_knowledge(tmp_path)) == SHIPPED_DOCUMENTS


def test_an_index_of_another_format_is_built_anew(tmp_path):
    open_knowledge(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / SHIPPED_INDEX)) as connection, connection:
        connection.execute("UPDATE fact SET value = '0' WHERE name = 'format'")
    connection.close()
    assert documents(open_knowledge(tmp_path)) == SHIPPED_DOCUMENTS


def test_ones_own_folder_takes_the_place_of_the_shipped_articles(tmp_path, library):
    library.write("alpha")
    index = open_knowledge(tmp_path / "data", library.folder)
    assert index.collections() == {FOLDER: 1}
    assert documents(index) == 1


def test_what_was_ingested_stays_and_the_folder_comes_besides(tmp_path, library):
    library.write("alpha")
    own = open_own(tmp_path)
    own.ingest(library.folder, kb="notes")
    own.close()
    assert documents(open_knowledge(tmp_path)) == 1
    library.write("beta", id="other")
    library.delete("alpha")
    index = open_knowledge(tmp_path, library.folder)
    assert index.collections() == {FOLDER: 1, "notes": 1}
    assert index.knowledge_bases() == {"notes": 1, "product": 1}
    index.close()
    index = open_knowledge(tmp_path)
    assert index.collections() == {"notes": 1}
    index.close()


def test_collections_are_kept_apart_though_their_files_have_equal_names(tmp_path, library):
    (library.folder / "readme.txt").write_text("apples")
    own = open_own(tmp_path)
    assert own.ingest(library.folder, kb="one").added == 1
    (library.folder / "readme.txt").write_text("bananas")
    assert own.ingest(library.folder, kb="two").added == 1
    assert own.ingest(library.folder, kb="one").updated == 1
    assert own.knowledge_bases() == {"one": 1, "two": 1}
    assert (own.forget("one"), own.forget("one")) == (1, 0)
    assert own.knowledge_bases() == {"two": 1}
    own.close()


def test_changes_in_ones_own_folder_are_seen_at_the_next_opening(tmp_path, library):
    library.write("alpha")
    open_knowledge(tmp_path / "data", library.folder).close()
    library.write("beta")
    assert documents(open_knowledge(tmp_path / "data", library.folder)) == 2


def test_a_broken_file_in_ones_own_folder_is_told_in_the_log(tmp_path, library, caplog):
    library.write("alpha")
    library.write("broken", updated="soon")
    assert documents(open_knowledge(tmp_path / "data", library.folder)) == 1
    assert "broken.md: updated" in caplog.text


def test_an_empty_folder_is_an_empty_index(tmp_path, library):
    assert documents(open_knowledge(tmp_path / "data", library.folder)) == 0


def test_a_missing_folder_is_refused_and_the_old_index_stays(tmp_path, library):
    library.write("alpha")
    open_knowledge(tmp_path / "data", library.folder).close()
    with pytest.raises(ConfigurationError, match="no folder with articles"):
        open_knowledge(tmp_path / "data", tmp_path / "missing")
    assert documents(KnowledgeIndex(tmp_path / "data" / OWN_INDEX)) == 1


def test_ones_own_index_is_never_built_anew_by_itself(tmp_path):
    (tmp_path / OWN_INDEX).write_bytes(b"rubbish" * 500)
    with pytest.raises(ConfigurationError, match=r"own_knowledge\.sqlite is not a knowledge index.*salesboost ingest"):
        open_knowledge(tmp_path)


def test_whoever_makes_the_own_index_second_finds_the_first_ones(tmp_path, library):
    library.write("alpha")
    first = open_own(tmp_path)
    first.ingest(library.folder)
    second = KnowledgeIndex.create(tmp_path / OWN_INDEX, replace=False)
    assert documents(second) == 1
    first.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


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
