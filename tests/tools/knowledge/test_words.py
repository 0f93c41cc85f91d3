"""No question can break the search expression, and questions are cut exactly as texts are."""

import sqlite3
import threading
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.tools.knowledge.words import (
    MOST_WORDS,
    STOP_WORDS,
    TOKENIZER,
    Stemmer,
    match_expression,
    question_words,
)


def rows_with(expression):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(body, tokenize='{TOKENIZER}')")
        connection.execute("INSERT INTO words VALUES ('price migration and not near')")
        return connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall()


def test_words_that_say_nothing_are_dropped():
    assert question_words("What is the price of a migration?") == ["price", "migration"]


def test_a_question_of_stop_words_only_keeps_them():
    assert question_words("Who are we?") == ["who", "are", "we"]


def test_each_word_is_asked_for_once():
    assert question_words("price Price PRICE seat") == ["price", "seat"]


def test_full_width_letters_are_letters():
    assert question_words("\uff30\uff32\uff29\uff23\uff25") == ["price"]


def test_a_very_long_question_is_cut():
    assert len(question_words(" ".join(f"word{number}" for number in range(500)))) == MOST_WORDS


def test_operators_of_the_search_language_are_words():
    assert match_expression(["near", "seat"]) == '"near" OR "seat"'
    assert len(rows_with(match_expression(["not", "x"]))) == 1


def test_stop_words_are_lower_case_words():
    assert all(word == word.lower() and word.isalpha() for word in STOP_WORDS)


@given(st.text(max_size=500))
def test_no_question_breaks_the_search_expression(question):
    words = question_words(question)
    if words:
        rows_with(match_expression(words))


def test_inflected_words_have_one_stem():
    stemmer = Stemmer()
    migrate, migrating, migrations = stemmer.stems(["migrate", "migrating", "migrations"])
    assert migrate == migrating == migrations
    stemmer.close()


def test_accents_do_not_matter():
    stemmer = Stemmer()
    assert len(set(stemmer.stems(["cafe", "café"]))) == 1
    stemmer.close()


def test_a_stemmer_forgets_before_it_grows_without_bound(monkeypatch):
    monkeypatch.setattr("salesboost_tools.tools.knowledge.words._KNOWN_STEMS", 3)
    stemmer = Stemmer()
    for number in range(10):
        assert stemmer.stems([f"seats{number}x", "prices"]) == [(f"seats{number}x",), ("price",)]
    assert len(stemmer._known) <= 5
    stemmer.close()


def test_a_closed_stemmer_opens_again():
    stemmer = Stemmer()
    stemmer.close()
    assert stemmer.stems(["seats"]) == [("seat",)]
    stemmer.close()


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12), max_size=8))
def test_every_word_gets_its_own_stems(words):
    stemmer = Stemmer()
    assert stemmer.stems(words) == [Stemmer().stems([word])[0] for word in words]
    stemmer.close()


def test_several_threads_may_stem_at_once():
    stemmer, wrong = Stemmer(), []

    def work(number):
        words = [f"seats{number}x{position}" for position in range(50)]
        if [stems[0] for stems in stemmer.stems(words)] != [f"seats{number}x{position}" for position in range(50)]:
            wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    stemmer.close()
