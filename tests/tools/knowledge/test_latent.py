"""Passages about the same thing lie near each other; the space is repeatable, kept as numbers, and follows the texts."""

import zipfile

import numpy as np
import pytest

from salesboost_tools.tools.knowledge import SemanticSearch
from salesboost_tools.tools.knowledge.latent import DIMENSIONS, LatentSemanticIndex, count_terms
from salesboost_tools.tools.knowledge.words import Stemmer


def learnt(index, **options):
    with index.reading() as connection:
        return LatentSemanticIndex.fit(count_terms(connection, Stemmer()), **options)


def spaces(index):
    return sorted(index.path.parent.glob("*.npz"))


def fruits_and_metals(library):
    fruit = ["apple pear orchard", "pear orchard harvest", "apple harvest orchard", "harvest pear apple"]
    metal = ["iron steel furnace", "steel furnace smelter", "iron smelter furnace", "smelter steel iron"]
    for number, body in enumerate([*fruit, *metal]):
        library.write(f"d{number}", f"## About\n\n{body}")


def test_a_passage_is_found_by_a_word_it_does_not_hold(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    found = {passage.document for passage in SemanticSearch(index).search("apple", 4)}
    assert "d1" in found  # pear orchard harvest
    assert not found & {"d4", "d5", "d6", "d7"}


def test_scores_are_cosines_of_the_question_with_every_passage(shipped):
    space = learnt(shipped)
    scores = space.scores(["price", "seat"])
    assert scores.shape == (len(space.passages),)
    assert float(np.abs(scores).max()) <= 1.0
    assert np.allclose(np.linalg.norm(space.directions, axis=1), 1, atol=1e-5)


def test_there_are_at_most_200_directions_and_half_as_many_as_passages(shipped):
    space = learnt(shipped)
    assert space.directions.shape[1] == min(DIMENSIONS, len(space.passages) // 2)
    assert learnt(shipped, dimensions=7).loadings.shape == (len(space.vocabulary), 7)


def test_the_leading_directions_are_those_of_the_singular_value_decomposition(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    with index.reading() as connection:
        counts = count_terms(connection, Stemmer())
    space = LatentSemanticIndex.fit(counts, dimensions=2)
    matrix = np.zeros((len(counts.passages), len(counts.vocabulary)))
    matrix[counts.rows, counts.terms] = np.log1p(counts.times) * space.weights[counts.terms]
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    _, _, right = np.linalg.svd(matrix, full_matrices=False)
    turned = right[:2] @ space.loadings  # equal singular values may come in either order and sign
    assert np.allclose(turned @ turned.T, np.eye(2), atol=1e-3)


def test_of_directions_that_are_equally_strong_none_is_kept_by_chance(library, index):
    fruits_and_metals(library)  # two directions for what fruits and metals have in common, six equal ones for the rest
    index.ingest(library.folder)
    with index.reading() as connection:
        counts = count_terms(connection, Stemmer())
    assert [LatentSemanticIndex.fit(counts, dimensions=k).directions.shape[1] for k in (2, 3, 4)] == [2, 2, 2]


def test_unseen_words_make_every_score_smaller_in_proportion(shipped):
    space = learnt(shipped)
    known, mixed = space.scores(["price"]), space.scores(["price", "xylophone"])
    kept = mixed[np.abs(known) > 0.01] / known[np.abs(known) > 0.01]
    assert kept.max() - kept.min() < 1e-3
    assert 0 < kept.mean() < 0.8


def test_a_question_about_something_else_scores_nothing(shipped):
    space = learnt(shipped)
    assert not space.scores(["xylophon", "quagga"]).any()
    assert not space.scores([]).any()


def test_the_same_texts_give_the_same_space(shipped):
    one, other = learnt(shipped), learnt(shipped)
    assert np.array_equal(one.directions, other.directions)
    assert one.vocabulary == other.vocabulary


def test_many_passages_are_folded_into_a_space_learnt_from_some(library, index, monkeypatch):
    fruits_and_metals(library)
    index.ingest(library.folder)
    monkeypatch.setattr("salesboost_tools.tools.knowledge.latent.FIT_PASSAGES", 5)
    monkeypatch.setattr("salesboost_tools.tools.knowledge.latent._PASSAGES_AT_ONCE", 3)
    monkeypatch.setattr("salesboost_tools.tools.knowledge.latent._TERMS_AT_ONCE", 2)
    space = learnt(index, dimensions=2)
    assert space.directions.shape[0] == 8
    assert np.allclose(np.linalg.norm(space.directions, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("bodies", [[], ["apples"], ["apples", "apples"], ["the", "and"]], ids=len)
def test_very_small_collections_are_no_trouble(library, index, bodies):
    for number, body in enumerate(bodies):
        library.write(f"d{number}", body, title="the")
    index.ingest(library.folder)
    search = SemanticSearch(index)
    assert len(search.search("apples")) <= len(bodies)
    assert search.search("unknown") == []
    search.close()


def test_the_space_is_kept_beside_the_index_and_read_back_equal(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    search = SemanticSearch(index)
    search.prepare()
    [path] = spaces(index)
    back, fresh = LatentSemanticIndex.load(path), learnt(index)
    assert np.array_equal(back.directions, fresh.directions)
    assert (back.vocabulary, back.passages.tolist()) == (fresh.vocabulary, fresh.passages.tolist())
    written = path.stat().st_mtime_ns
    again = SemanticSearch(index)
    assert again.search("apple") == search.search("apple")
    assert path.stat().st_mtime_ns == written


def test_changed_texts_give_a_new_space_and_the_old_file_goes(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    search = SemanticSearch(index)
    assert "d8" not in {passage.document for passage in search.search("apple", 8)}
    [old] = spaces(index)
    library.write("d8", "## About\n\napple pear orchard")
    index.ingest(library.folder)
    assert "d8" in {passage.document for passage in search.search("apple", 8)}
    [new] = spaces(index)
    assert new != old


def test_a_damaged_file_is_learnt_again(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    before = SemanticSearch(index).search("apple")
    [path] = spaces(index)
    path.write_bytes(b"PK\x03\x04 broken")
    assert SemanticSearch(index).search("apple") == before
    assert zipfile.is_zipfile(path)


def test_a_pickle_in_place_of_the_numbers_is_never_opened(library, index, tmp_path):
    fruits_and_metals(library)
    index.ingest(library.folder)
    SemanticSearch(index).prepare()
    [path] = spaces(index)
    with path.open("wb") as file:
        np.savez(file, vocabulary=np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        LatentSemanticIndex.load(path)
    assert SemanticSearch(index).search("apple")


def test_arrays_that_do_not_belong_together_are_refused(tmp_path):
    with (tmp_path / "x.npz").open("wb") as file:
        np.savez(
            file,
            passages=np.array([1, 2]),
            directions=np.zeros((1, 1)),
            vocabulary=np.zeros(0, np.uint8),
            weights=np.zeros(0),
            loadings=np.zeros((0, 1)),
        )
    with pytest.raises(ValueError, match="do not belong together"):
        LatentSemanticIndex.load(tmp_path / "x.npz")


def test_without_a_place_to_keep_it_the_space_lives_in_memory(library, index, monkeypatch, caplog):
    fruits_and_metals(library)
    index.ingest(library.folder)

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LatentSemanticIndex, "save", full)
    assert SemanticSearch(index).search("apple")
    assert spaces(index) == []
    assert "No space left" in caplog.text


def test_a_knowledge_base_can_be_searched_alone(shipped):
    search = SemanticSearch(shipped)
    assert {passage.kb for passage in search.search("migration of data", 5, "case_studies")} == {"case_studies"}


def test_close_forgets_the_space_and_a_later_search_finds_it_again(library, index):
    fruits_and_metals(library)
    index.ingest(library.folder)
    search = SemanticSearch(index)
    before = search.search("apple")
    search.close()
    assert search.search("apple") == before


def test_a_probe_tells_the_sizes(shipped):
    sizes = SemanticSearch(shipped).probe()
    assert sizes["documents"] > 40
    assert sizes["directions"] <= DIMENSIONS
