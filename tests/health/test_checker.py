"""Every status is reached by really breaking something; probes are bounded, shared and believed for a while."""

import asyncio
import json
import threading

import pytest
from langchain_core.tools import tool

from salesboost_tools import (
    CircuitBreakerHandler,
    HealthStatus,
    StatusHandler,
    ToolHealthChecker,
    UpstreamError,
    govern,
)
from salesboost_tools.core.errors import ConfigurationError
from tests.doubles import ScriptedTool


class ProbedTool(ScriptedTool):
    """Its probe does what it is told: returns, raises, or calls what it is given."""

    probe_does: object = None
    probes: int = 0

    def probe(self):
        self.probes += 1
        if isinstance(self.probe_does, Exception):
            raise self.probe_does
        return self.probe_does() if callable(self.probe_does) else self.probe_does


class AsyncProbedTool(ProbedTool):
    async def aprobe(self):
        await asyncio.sleep(0)
        return self.probe()


async def test_a_probe_that_returns_means_healthy_and_its_details_are_shown(clock):
    health = await ToolHealthChecker([ProbedTool(probe_does={"documents": 3})], clock=clock).check("scripted")
    assert health.status is HealthStatus.HEALTHY
    assert health.as_dict()["details"] == {"documents": 3}


@pytest.mark.parametrize("kind", [ProbedTool, AsyncProbedTool])
async def test_a_probe_that_raises_means_unhealthy_and_only_our_own_words_are_repeated(kind, clock):
    leaky = ToolHealthChecker([kind(probe_does=OSError("password=hunter2"))], clock=clock)
    assert (await leaky.check("scripted")).reasons == ("OSError",)
    ours = ToolHealthChecker([kind(probe_does=UpstreamError("the CRM answered 401"))], clock=clock)
    assert (await ours.check("scripted")).reasons == ("UpstreamError: the CRM answered 401",)


async def test_a_tool_without_probe_and_traffic_is_unknown(clock):
    checker = ToolHealthChecker([ScriptedTool()], clock=clock)
    assert (await checker.check("scripted")).status is HealthStatus.UNKNOWN


async def test_a_probe_that_hangs_is_given_up_and_not_started_twice(clock):
    began, let_go = threading.Event(), threading.Event()

    def hangs():
        began.set()
        let_go.wait(10)

    hanging = ProbedTool(probe_does=hangs)
    checker = ToolHealthChecker([hanging], timeout_s=0.01, clock=clock)
    try:
        for _ in range(2):
            health = await checker.check("scripted", refresh=True)
            assert health.reasons == ("the probe did not answer within 0.01 s",)
        assert began.wait(10)  # its thread may be late on a busy machine
        assert hanging.probes == 1
    finally:
        let_go.set()


async def test_a_finding_is_believed_for_its_time_and_no_longer(clock):
    probed = ProbedTool()
    checker = ToolHealthChecker([probed], 30, clock=clock)
    await checker.check_all()
    clock.advance(29)
    await checker.check_all()
    assert probed.probes == 1
    await checker.check_all(refresh=True)
    assert probed.probes == 2
    clock.advance(31)
    await checker.check("scripted")
    assert probed.probes == 3


async def test_many_who_ask_at_once_share_one_probe(clock):
    probed = AsyncProbedTool()
    checker = ToolHealthChecker([probed], 0, clock=clock)
    await asyncio.gather(*[checker.check_all() for _ in range(20)])
    assert probed.probes == 1


async def test_probes_run_all_at_once(clock):
    both_there = threading.Barrier(2, timeout=5)
    tools = [ProbedTool(name=name, probe_does=lambda: {"place": both_there.wait()}) for name in ("a", "b")]
    report = await ToolHealthChecker(tools, clock=clock).check_all()
    assert report.count(HealthStatus.HEALTHY) == 2


async def test_who_is_cancelled_while_probing_leaves_the_way_free_for_others(clock):
    checker = ToolHealthChecker([AsyncProbedTool()], clock=clock)
    asking = asyncio.ensure_future(checker.check("scripted"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert (await checker.check("scripted")).status is HealthStatus.HEALTHY


async def test_traffic_that_fails_makes_a_tool_without_probe_unhealthy_and_then_degraded(clock):
    status = StatusHandler()
    broken = ScriptedTool(*[UpstreamError("down")] * 6, *["up"] * 14)
    governed = govern(broken, status)
    checker = ToolHealthChecker([governed], feed=status.feed, clock=clock)
    for _ in range(6):
        with pytest.raises(UpstreamError):
            await governed.ainvoke({"query": "a"})
    assert checker.status_of("scripted").status is HealthStatus.UNHEALTHY
    for _ in range(14):
        await governed.ainvoke({"query": "a"})
    degraded = checker.status_of("scripted")
    assert degraded.status is HealthStatus.DEGRADED
    assert degraded.reasons == ("6 of the last 20 calls failed",)
    clock.advance(301)
    assert checker.status_of("scripted").status is HealthStatus.UNKNOWN


async def test_an_open_breaker_means_unhealthy_and_one_that_tries_again_degraded(clock):
    breaker = CircuitBreakerHandler(1, open_s=30, clock=clock)
    governed = govern(ScriptedTool(UpstreamError("down")), breaker)
    checker = ToolHealthChecker([governed], circuit=breaker.state_of, clock=clock)
    with pytest.raises(UpstreamError):
        await governed.ainvoke({"query": "a"})
    assert checker.is_unhealthy("scripted")
    assert checker.status_of("scripted").circuit == "open"
    clock.advance(31)
    assert checker.status_of("scripted").status is HealthStatus.DEGRADED


async def test_a_store_that_does_not_answer_degrades_every_tool(clock):
    answers = [OSError("gone"), True]

    def ping():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    checker = ToolHealthChecker([ProbedTool()], store_probe=ping, clock=clock)
    report = await checker.check_all()
    assert report.tools["scripted"].reasons == ("the state store does not answer: OSError",)
    assert checker.store_failure() == "OSError"
    assert (await checker.check_all(refresh=True)).status is HealthStatus.HEALTHY
    assert checker.store_failure() is None


async def test_doing_without_something_degrades_every_tool(clock):
    checker = ToolHealthChecker([ProbedTool()], fallback=lambda: "limits are counted in this process", clock=clock)
    assert (await checker.check("scripted")).status is HealthStatus.DEGRADED


async def test_the_report_counts_tools_by_status_and_is_as_bad_as_the_worst(clock):
    tools = [ProbedTool(name="well"), ProbedTool(name="ill", probe_does=OSError()), ScriptedTool(name="silent")]
    report = (await ToolHealthChecker(tools, clock=clock).check_all()).as_dict()
    json.dumps(report)
    counted = {name: report[name] for name in ("status", "total_tools", "healthy", "degraded", "unhealthy", "unknown")}
    assert counted == {
        "status": "unhealthy",
        "total_tools": 3,
        "healthy": 1,
        "degraded": 0,
        "unhealthy": 1,
        "unknown": 1,
    }
    assert set(report["tools"]) == {"well", "ill", "silent"}


async def test_variants_are_reported_apart_and_do_not_count(clock):
    ill = ProbedTool(name="by_meaning", probe_does=OSError())
    checker = ToolHealthChecker([ProbedTool()], variants=[ill], clock=clock)
    report = (await checker.check_all()).as_dict()
    assert (report["status"], report["total_tools"]) == ("healthy", 1)
    assert report["variants"]["by_meaning"]["status"] == "unhealthy"
    assert checker.is_unhealthy("by_meaning")
    assert (await checker.check("by_meaning")).reasons == ("OSError",)


async def test_a_failed_probe_keeps_a_tool_from_being_chosen_only_as_long_as_it_is_believed(clock):
    ill = ProbedTool(name="by_meaning", probe_does=OSError())
    checker = ToolHealthChecker([ill], ttl_s=30, clock=clock)
    assert not checker.is_unhealthy("by_meaning")
    await checker.check_all()
    clock.advance(29)
    assert checker.is_unhealthy("by_meaning")
    clock.advance(1)
    assert not checker.is_unhealthy("by_meaning")
    assert checker.status_of("by_meaning").status is HealthStatus.UNHEALTHY  # the last that is known


def test_without_tools_nothing_is_known():
    assert ToolHealthChecker([]).report().status is HealthStatus.UNKNOWN


async def test_an_unknown_tool_is_refused_and_the_known_ones_are_named(clock):
    checker = ToolHealthChecker([ScriptedTool()], clock=clock)
    with pytest.raises(ConfigurationError, match="no tool 'scripetd'; there are: scripted"):
        await checker.check("scripetd")
    assert not checker.is_unhealthy("scripetd")


async def test_a_closed_checker_hears_no_more_traffic(clock):
    status = StatusHandler()
    governed = govern(ScriptedTool(), status)
    checker = ToolHealthChecker([governed], feed=status.feed, clock=clock)
    checker.close()
    for _ in range(5):
        await governed.ainvoke({"query": "a"})
    assert checker.status_of("scripted").traffic.calls == 0


async def test_anybodys_tool_is_probed_through_what_governs_it(clock):
    inner = ProbedTool(probe_does={"rows": 1})
    assert (await ToolHealthChecker([govern(inner)], clock=clock).check("scripted")).probed.details == {"rows": 1}

    @tool
    def plain(query: str) -> str:
        """Say it again."""
        return query

    assert (await ToolHealthChecker([plain], clock=clock).check("plain")).status is HealthStatus.UNKNOWN


@pytest.mark.parametrize("numbers", [{"ttl_s": -1}, {"timeout_s": 0}], ids=repr)
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        ToolHealthChecker([], **numbers)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="two tools have the name"):
        ToolHealthChecker([ScriptedTool(), ScriptedTool()])
