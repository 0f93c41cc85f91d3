"""Disguised violations are found, ordinary sentences are left alone: measured on files, held to a rate."""

from tests.tools.compliance.conftest import EVERYWHERE
from tests.tools.compliance.texts import evasions, ordinary_sentences


def test_the_files_are_large_and_hold_no_text_twice():
    disguised, ordinary = [each["text"] for each in evasions()], ordinary_sentences()
    assert len(set(disguised)) >= 0.98 * len(disguised) >= 150
    assert len(set(ordinary)) == len(ordinary) >= 500


def test_the_evasions_use_many_disguises_in_every_family():
    families = {each["family"] for each in evasions()}
    assert len(families) == 8
    for family in families:
        assert len({each["how"] for each in evasions() if each["family"] == family}) >= 10


def test_at_least_95_of_100_evasions_are_found(checker):
    missed = [each for each in evasions() if not checker.finds(each["text"], EVERYWHERE)]
    assert len(missed) <= 0.05 * len(evasions()), missed


def test_at_least_95_of_100_evasions_are_found_by_a_rule_of_their_family(checker):
    missed = [
        each
        for each in evasions()
        if each["family"] not in {find.rule.family for find in checker.finds(each["text"], EVERYWHERE)}
    ]
    assert len(missed) <= 0.05 * len(evasions()), missed


def test_at_most_2_of_100_ordinary_sentences_are_flagged(checker):
    flagged = [text for text in ordinary_sentences() if checker.finds(text, EVERYWHERE)]
    assert len(flagged) <= 0.02 * len(ordinary_sentences()), flagged


def test_disguising_ordinary_sentences_makes_them_no_violation(checker):
    spaced = [" ".join(text) for text in ordinary_sentences()[:120]]
    flagged = [text for text in spaced if checker.finds(text, EVERYWHERE)]
    assert len(flagged) <= 0.02 * len(spaced), flagged
