"""An index is equal to its folder after every ingestion, or unchanged; readers see one state or the other."""

import sqlite3
import threading
from contextlib import closing

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge import BrokenFile, IngestReport, KnowledgeIndex, LexicalSearch
from salesboost_tools.tools.knowledge.article import parse_article
from salesboost_tools.tools.knowledge.files import article_files


def found(index, question):
    return {passage.document for passage in LexicalSearch(index).search(question, 20)}


def test_the_first_ingestion_adds_everything(library, index):
    library.write("alpha", "## One\n\napples")
    library.write("beta", "## One\n\nbananas")
    assert index.ingest(library.folder) == IngestReport(added=2, updated=0, deleted=0, unchanged=0)
    assert found(index, "bananas") == {"beta"}
    assert index.probe() == {"documents": 2, "passages": 2}


def test_a_second_ingestion_of_the_same_folder_changes_nothing(library, index):
    library.write("alpha")
    index.ingest(library.folder)
    written = index.path.read_bytes()
    counts = index.ingest(library.folder)
    assert counts == IngestReport(0, 0, 0, unchanged=1)
    assert not counts.changed
    assert index.path.read_bytes() == written


def test_a_changed_file_is_read_anew_and_its_old_words_are_gone(library, index):
    library.write("alpha", "## One\n\napples")
    library.write("beta", "## One\n\nbananas")
    index.ingest(library.folder)
    before = index.content_hash
    library.write("alpha", "## One\n\ncherries")
    assert index.ingest(library.folder) == IngestReport(added=0, updated=1, deleted=0, unchanged=1)
    assert found(index, "cherries") == {"alpha"}
    assert found(index, "apples") == set()
    assert index.content_hash != before


def test_a_deleted_file_is_forgotten(library, index):
    library.write("alpha", "## One\n\napples")
    library.write("beta", "## One\n\nbananas")
    index.ingest(library.folder)
    library.delete("alpha")
    assert index.ingest(library.folder) == IngestReport(added=0, updated=0, deleted=1, unchanged=1)
    assert found(index, "apples") == set()
    assert index.knowledge_bases() == {"product": 1}


def test_a_folder_that_has_become_empty_empties_the_index(library, index):
    library.write("alpha")
    index.ingest(library.folder)
    library.delete("alpha")
    assert index.ingest(library.folder).deleted == 1
    assert index.knowledge_bases() == {}
    assert index.probe() == {"documents": 0, "passages": 0}


def test_the_same_texts_have_the_same_hash_however_they_came_in(library, index, tmp_path):
    library.write("alpha", "## One\n\napples")
    index.ingest(library.folder)
    library.write("beta", "## One\n\nbananas")
    index.ingest(library.folder)
    at_once = KnowledgeIndex.create(tmp_path / "other.sqlite", map(parse_article, article_files(library.folder)))
    assert at_once.content_hash == index.content_hash
    at_once.close()


def test_broken_files_are_told_and_passed_by_and_keep_what_was_read_of_them(library, index):
    library.write("alpha", "## One\n\napples")
    index.ingest(library.folder)
    library.write("alpha", "## One\n\ncherries")
    library.write("broken", kb="../gossip")
    library.write("worse", updated="soon")
    library.write("alpha", "## One\n\ncherries", updated="soon")
    library.write("beta", "## One\n\nbananas")
    report = index.ingest(library.folder)
    assert (report.added, report.updated, report.unchanged) == (1, 0, 0)
    assert [file.path for file in report.broken] == ["alpha.md", "broken.md", "worse.md"]
    assert report.broken[1].problem.startswith("kb: ")
    assert report.broken[2].problem.startswith("updated: ")
    assert (found(index, "apples"), found(index, "bananas")) == ({"alpha"}, {"beta"})


def test_two_articles_with_one_id_are_refused_and_named(library, index):
    library.write("alpha", id="KB-1")
    library.write("beta", id="KB-1")
    report = index.ingest(library.folder)
    assert (report.added, index.knowledge_bases()) == (1, {"product": 1})
    assert report.broken == (BrokenFile("beta.md", "id: another article is already called 'KB-1': alpha.md"),)
    assert index.ingest(library.folder).broken == report.broken


def test_an_id_may_move_to_another_file(library, index):
    library.write("alpha", id="KB-1")
    index.ingest(library.folder)
    library.delete("alpha")
    library.write("beta", id="KB-1")
    assert index.ingest(library.folder) == IngestReport(added=1, updated=0, deleted=1, unchanged=0)


def test_a_reader_sees_one_moment_while_another_writes(library, index):
    library.write("alpha", "## One\n\napples")
    index.ingest(library.folder)
    with index.reading() as connection:
        assert connection.execute("SELECT count(*) FROM document").fetchone() == (1,)
        library.write("beta")
        done = threading.Thread(target=index.ingest, args=(library.folder,))
        done.start()
        assert connection.execute("SELECT count(*) FROM document").fetchone() == (1,)
    done.join()
    assert index.probe()["documents"] == 2


def test_nothing_can_be_written_through_a_reader(index):
    with pytest.raises(sqlite3.OperationalError, match="readonly"), index.reading() as connection:
        connection.execute("DELETE FROM document")


def test_a_closed_index_opens_again_when_it_is_read(library, index):
    library.write("alpha")
    index.ingest(library.folder)
    index.close()
    assert index.knowledge_bases() == {"product": 1}


def test_a_readers_own_trouble_costs_no_connection(index):
    with pytest.raises(ZeroDivisionError), index.reading():
        _ = 1 / 0
    [kept] = index._pool._idle
    with index.reading() as connection:
        assert connection is kept


def test_a_reader_that_fails_is_not_lent_again(index):
    with pytest.raises(sqlite3.Error), index.reading() as connection:
        connection.execute("SELECT * FROM nowhere")
    assert index.probe() == {"documents": 0, "passages": 0}


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100], ids=["missing", "empty", "foreign"])
def test_what_is_no_index_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "knowledge.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"knowledge\.sqlite"):
        KnowledgeIndex(path)


def test_an_index_of_another_format_is_refused(index):
    with closing(sqlite3.connect(index.path)) as connection, connection:
        connection.execute("UPDATE fact SET value = '0' WHERE name = 'format'")
    connection.close()
    with pytest.raises(ConfigurationError, match="format 0"):
        KnowledgeIndex(index.path)


def test_a_failed_build_leaves_nothing_behind(tmp_path, library):
    library.write("alpha", id="same")
    library.write("beta", id="same")
    folder = tmp_path / "new"
    with pytest.raises(ConfigurationError):
        KnowledgeIndex.create(folder / "knowledge.sqlite", map(parse_article, article_files(library.folder)))
    assert list(folder.iterdir()) == []


def test_the_journal_of_a_dead_writer_is_not_played_into_a_new_file(tmp_path):
    (tmp_path / "knowledge.sqlite-journal").write_bytes(b"left behind")
    KnowledgeIndex.create(tmp_path / "knowledge.sqlite").close()
    assert [path.name for path in tmp_path.iterdir()] == ["knowledge.sqlite"]


def test_many_threads_may_read_while_one_writes(library, index):
    library.write("alpha", "## One\n\napples")
    index.ingest(library.folder)
    search, failures = LexicalSearch(index), []

    def read():
        try:
            for _ in range(40):
                assert [passage.document for passage in search.search("apples")] == ["alpha"]
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for number in range(10):
        library.write(f"more{number}", "## One\n\nbananas")
        index.ingest(library.folder)
    for reader in readers:
        reader.join()
    assert not failures
    search.close()
