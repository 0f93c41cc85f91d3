"""Three real searches stand behind one name in a graph: the broken one is left, and nobody goes without an answer."""

import asyncio

from benchmarks.selection_outage import VARIANTS, run

OUTAGE = (120, 240)


def test_a_search_that_breaks_is_left_and_every_question_is_answered_as_well_all_the_same(data_dir):
    told = asyncio.run(run(300, OUTAGE, seed=1, folder=data_dir))
    assert all(each.answered for each in told.asked)
    assert {each.first for each in told.asked} == set(VARIANTS)
    assert told.share(told.broken, 20, OUTAGE[0]) > 1 / 3
    assert told.share(told.broken, OUTAGE[0] + 20, OUTAGE[1]) < 0.1
    assert 1 <= sum(each.failed_first for each in told.asked) < 20
    assert told.right(*OUTAGE) > 0.8
