"""A file becomes an article with passages short enough to quote, or an error that names file and field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import (
    JOIN_CHARS,
    PASSAGE_CHARS,
    bounded_pieces,
    parse_article,
)
from salesboost_tools.tools.knowledge.files import MOST_BYTES, ArticleFile, article_files, found_files


def article(text, path="security/sso.md"):
    return parse_article(ArticleFile(path, text.encode()))


HEAD = "---\nid: KB-1\ntitle: T\nkb: pricing\nversion: 1.10\nupdated: 2026-05-01\n---\n"
LONG = "A sentence of some length. " * 22


def test_an_article_has_its_head_and_a_passage_for_each_section():
    found = article(f"{HEAD}## A\none {LONG}\n## B\ntwo {LONG}\n")
    assert (found.head.id, found.head.kb, found.head.version, str(found.head.updated)) == (
        "KB-1",
        "pricing",
        "1.10",
        "2026-05-01",
    )
    assert [(passage.heading, passage.text[:3]) for passage in found.passages] == [("A", "one"), ("B", "two")]


def test_short_neighbours_become_one_passage_that_names_both():
    found = article(f"{HEAD}## A\none\n## B\ntwo\n## C\n{LONG}\n## D\nend")
    assert [(passage.heading, passage.text[:30]) for passage in found.passages] == [
        ("A / B", "one\n\n## B\n\ntwo"),
        ("C / D", "A sentence of some length. A s"),
    ]
    assert found.passages[1].text.endswith("## D\n\nend")


def test_sections_that_are_long_together_stay_apart():
    half = "x" * (JOIN_CHARS // 2)
    assert len(article(f"{HEAD}## A\n{half}\n## B\n{half}").passages) == 1
    assert len(article(f"{HEAD}## A\n{half}\n## B\n{half}y").passages) == 2


def test_a_plain_file_takes_its_knowledge_base_from_its_folder_and_its_title_from_its_heading():
    found = article("# Signing in\n\nText.")
    assert (found.head.id, found.head.kb, found.head.title) == ("security/sso.md", "security", "Signing in")


def test_a_plain_file_without_a_heading_is_titled_by_its_name():
    assert article("Text.", "pricing/volume-tiers_2026.txt").head.title == "volume tiers 2026"


@pytest.mark.parametrize(
    ("path", "kb"),
    [
        ("a.md", "documents"),
        ("Sales Notes/old/a.md", "sales-notes"),
        ("../x/a.md", "documents"),
        ("価格/a.md", "documents"),
    ],
)
def test_the_knowledge_base_of_a_plain_file_is_its_topmost_folder_made_a_name(path, kb):
    assert article("Text.", path).head.kb == kb


def test_a_named_knowledge_base_holds_whatever_the_file_says():
    found = parse_article(ArticleFile("a.md", HEAD.encode()), "security")
    assert (found.head.kb, found.head.id) == ("security", "KB-1")
    assert parse_article(ArticleFile("a.md", b"Text."), "security").head.id == "security/a.md"


def test_the_version_of_a_file_that_names_none_is_the_beginning_of_its_hash():
    one, other = article("Text."), article("Text!")
    assert one.head.version == f"sha256:{one.content_hash[:8]}"
    assert one.head.version != other.head.version


def test_fields_that_mean_nothing_here_are_kept_to_filter_by():
    found = article("---\nid: a\ntags: one, two\nregion: [EU, US]\nauthor: Ada\nempty:\nnested: {a: b}\n---\nText.")
    assert found.labels == {("tag", "one"), ("tag", "two"), ("region", "EU"), ("region", "US"), ("author", "Ada")}


@pytest.mark.parametrize(
    ("line", "field"),
    [("kb: a/b", "kb"), ("updated: yesterday", "updated"), ("version: ''", "version"), ("title: ''", "title")],
)
def test_a_wrong_field_is_named_with_its_file(line, field):
    head = {"id": "KB-1", "title": "T", "kb": "product"}
    head.pop(line.split(":")[0], None)
    lines = "\n".join([*(f"{key}: {value}" for key, value in head.items()), line])
    with pytest.raises(ConfigurationError, match=rf"security/sso\.md: {field}: "):
        article(f"---\n{lines}\n---\nText.")


def test_an_article_without_text_can_still_be_found_by_its_title():
    assert [passage.text for passage in article("---\nid: a\ntitle: Only this\nkb: product\n---\n").passages] == [
        "Only this"
    ]


def test_a_long_section_becomes_several_passages_under_the_same_heading():
    found = article("---\nid: a\ntitle: T\nkb: product\n---\n## Long\n" + "A sentence of some length.\n\n" * 200)
    assert len(found.passages) > 1
    assert {passage.heading for passage in found.passages} == {"Long"}
    assert all(len(passage.text) <= PASSAGE_CHARS for passage in found.passages)


def test_a_text_is_cut_between_paragraphs_before_sentences_and_between_sentences_before_words():
    assert bounded_pieces("One two. Three.\n\nFour.", 16) == ["One two. Three.", "Four."]
    assert bounded_pieces("One two. Three four.", 12) == ["One two.", "Three four."]
    assert bounded_pieces("One two three", 8) == ["One two", "three"]
    assert bounded_pieces("abcdefghij", 4) == ["abcd", "efgh", "ij"]


@given(st.text(max_size=400), st.integers(min_value=1, max_value=60))
def test_pieces_are_never_too_long_and_lose_nothing_but_white_space(text, limit):
    pieces = bounded_pieces(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_files_come_in_order_with_sub_folders_and_without_hidden_or_foreign_ones(tmp_path):
    for name in ["b.md", "a.txt", "sub/c.markdown", ".hidden.md", ".git/x.md", "picture.png", "sub/D.MD"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [file.path for file in article_files(tmp_path)] == ["a.txt", "b.md", "sub/D.MD", "sub/c.markdown"]


def test_what_is_linked_from_elsewhere_is_passed_by(tmp_path):
    outside = tmp_path / "secret.md"
    outside.write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.md").write_text("x")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "b.md").symlink_to(outside)
    assert [file.path for file in article_files(folder)] == ["a.md"]


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no room on the disk
    [found] = found_files(tmp_path)
    with pytest.raises(ConfigurationError, match=r"a\.txt: has 50,000,001 bytes"):
        found.read()


def test_a_missing_folder_is_an_error_and_not_an_empty_one(tmp_path):
    with pytest.raises(ConfigurationError, match="no folder with articles"):
        list(article_files(tmp_path / "missing"))
