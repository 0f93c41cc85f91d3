"""Groups of scripted variants, and what a selector has learnt of them."""

from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.policy import Choice
from tests.doubles import ScriptedTool
from tests.nodes.tools import READ


class LastFirst:
    """A policy that always wants the last of the arms."""

    name = "last-first"
    version = 1

    def choose(self, situation, rng):
        return Choice(len(situation.arms) - 1, 1.0)

    def propensities(self, situation):
        return tuple(float(arm == situation.arms[-1]) for arm in situation.arms)


def group_of(*variants, name="search", **options):
    return ToolGroup(name, variants, **options)


def variant(name, *script, spec=READ, **settings):
    return ScriptedTool(*(script or (f"by {name}",)), name=name, spec=spec, **settings)


def learnt(selector, group="search"):
    """Return by variant how often it was tried and succeeded, and whether anybody still waits for feedback."""
    return {
        name: (report.pulls, report.pulls and report.pulls * (report.success_rate or 0), report.pending)
        for name, report in selector.get_statistics().get(group, {}).items()
        if report.pulls or report.pending
    }
