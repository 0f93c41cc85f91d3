"""Threads for calls that may never come back: used again when they do, left alone when they do not."""

import contextvars
import gc
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from queue import SimpleQueue

import pytest

from salesboost_tools.handlers import daemon_threads
from salesboost_tools.handlers.daemon_threads import DaemonThreads, Outcome, PipeInbox
from tests.handlers.doubles import PATIENCE_S, Caller, until


def too_many_open_files():
    raise OSError(24, "Too many open files")


@pytest.fixture(params=["pipe", "queue"])
def threads(request, monkeypatch):
    """Threads that get their work through pipes, and others for which no file descriptor was left."""
    if request.param == "queue":
        monkeypatch.setattr(daemon_threads, "PipeInbox", too_many_open_files)
    return DaemonThreads()


def ran(threads, function, *arguments):
    outcome = threads.start(function, *arguments)
    assert outcome.wait(PATIENCE_S)
    return outcome.get()


def test_a_call_returns_what_its_function_returns(threads):
    assert ran(threads, divmod, 17, 5) == (3, 2)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3), StopIteration()], ids=repr)
def test_a_call_raises_whatever_its_function_raises(threads, error):
    def raise_it():
        raise error

    with pytest.raises(type(error)) as raised:
        ran(threads, raise_it)
    assert raised.value is error
    assert ran(threads, lambda: "the thread lives") == "the thread lives"


def test_the_error_names_where_it_was_raised(threads):
    def deep_inside():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as raised:
        ran(threads, deep_inside)
    assert raised.traceback[-1].name == "deep_inside"


def test_a_wait_ends_when_its_time_is_up_and_can_be_taken_up_again(threads):
    gate = threading.Event()
    outcome = threads.start(gate.wait, PATIENCE_S)
    assert not outcome.wait(0.001)
    gate.set()
    assert outcome.wait(float("inf"))
    assert outcome.get() is True


def test_a_call_sees_the_context_variables_of_the_one_who_started_it(threads):
    variable = contextvars.ContextVar("variable", default="unset")
    for value in ("first", "second"):
        variable.set(value)
        assert ran(threads, variable.get) == value


def test_calls_one_after_another_use_one_thread(threads):
    assert len({ran(threads, threading.current_thread) for _ in range(100)}) == 1
    assert threads.idle == 1


def test_calls_at_once_have_a_thread_each(threads):
    meeting = threading.Barrier(5)
    outcomes = [threads.start(meeting.wait, PATIENCE_S) for _ in range(5)]
    assert all(outcome.wait(PATIENCE_S) for outcome in outcomes)
    assert sorted(outcome.get() for outcome in outcomes) == [0, 1, 2, 3, 4]
    assert threads.idle == 5


def test_a_call_that_hangs_does_not_hold_up_the_next(threads):
    gate = threading.Event()
    hanging = threads.start(gate.wait, PATIENCE_S)
    assert ran(threads, lambda: "next") == "next"
    gate.set()
    assert hanging.wait(PATIENCE_S)


async def test_no_more_threads_stay_idle_than_are_to_be_kept():
    threads, meeting, who = DaemonThreads(idle_kept=2), threading.Barrier(5), []

    def meet():
        who.append(threading.current_thread())
        meeting.wait(PATIENCE_S)

    for outcome in [threads.start(meet) for _ in range(5)]:
        assert outcome.wait(PATIENCE_S)
    assert threads.idle <= 2
    await until(lambda: sum(thread.is_alive() for thread in who) == threads.idle)


def test_of_threads_that_come_to_rest_at_once_as_many_stay_as_are_to_be_kept():
    class TwoAtOnce(list):
        """Nobody counts before the other has come, nor goes on before the other has counted."""

        def __len__(self):
            both.wait(PATIENCE_S)
            length = super().__len__()
            both.wait(PATIENCE_S)
            return length

    threads, both = DaemonThreads(idle_kept=1), threading.Barrier(2)
    threads._idle = TwoAtOnce()
    for outcome in [threads.start(both.wait, PATIENCE_S) for _ in range(2)]:
        assert outcome.wait(PATIENCE_S)
    assert len(list(iter(threads._idle))) == 1


async def test_whoever_runs_more_calls_at_once_has_more_threads_kept_and_nobody_fewer():
    threads, meeting = DaemonThreads(idle_kept=1), threading.Barrier(4)
    threads.keep(4)
    threads.keep(2)
    for outcome in [threads.start(meeting.wait, PATIENCE_S) for _ in range(4)]:
        assert outcome.wait(PATIENCE_S)
    assert threads.idle == 4


def test_nobody_has_file_descriptors_used_up_by_idle_threads():
    threads = DaemonThreads()
    threads.keep(100_000)
    assert threads._idle_kept == 128


def test_a_thread_that_is_sent_work_while_it_is_about_to_leave_stays_for_it(threads):
    second = Outcome(threading.current_thread)

    class SentWorkAtTheLastMoment(list):
        """Sends the first thread that wants to leave more work."""

        def remove(self, inbox):
            if second._call:
                self.pop().put(second)
            super().remove(inbox)

    threads._idle, threads._idle_kept = SentWorkAtTheLastMoment(), 0
    first = threads.start(threading.current_thread)
    assert first.wait(PATIENCE_S)
    assert second.wait(PATIENCE_S)
    assert second.get() is first.get()
    second.get().join(PATIENCE_S)
    assert threads.idle == 0


def test_all_threads_are_daemons_so_that_none_holds_up_the_end_of_the_program(threads):
    assert ran(threads, threading.current_thread).daemon


def test_an_idle_thread_holds_on_to_nothing(threads):
    class Result:
        pass

    result = ran(threads, Result)
    ran(threads, lambda argument: None, result)
    last_seen = weakref.ref(result)
    del result
    gc.collect()
    assert last_seen() is None


def test_an_outcome_that_was_raised_does_not_keep_the_callers_frame_alive(threads):
    class Local:
        pass

    def ask():
        local = Local()
        outcome = threads.start(divmod, 1, 0)
        outcome.wait(PATIENCE_S)
        try:
            outcome.get()
        except ZeroDivisionError:
            return weakref.ref(local)
        raise AssertionError("nothing was raised")

    gc.disable()
    try:
        assert ask()() is None
    finally:
        gc.enable()


def test_threads_that_hand_over_at_once_get_each_its_own_result(threads):
    wrong = []

    def hand_over(number):
        wrong.extend(step for step in range(200) if ran(threads, divmod, step, number + 1) != divmod(step, number + 1))

    callers = [threading.Thread(target=hand_over, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE_S)
    assert wrong == []
    assert threads.idle <= 8


def test_a_process_that_forked_does_not_count_on_its_parents_threads(threads):
    gone = SimpleQueue()
    threads._idle.append(gone)
    threads._process_id = -1
    assert ran(threads, lambda: "answer") == "answer"
    assert gone.empty()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    program = """
        import os
        from salesboost_tools.handlers.daemon_threads import THREADS

        def run(value):
            outcome = THREADS.start(lambda: value)
            assert outcome.wait(20), "nobody ran it"
            return outcome.get()

        assert run("before") == "before"
        child = os.fork()
        if child == 0:
            os._exit(0 if run("in the child") == "in the child" else 1)
        _, status = os.waitpid(child, 0)
        assert [run(number) for number in range(20)] == list(range(20))
        print(os.waitstatus_to_exitcode(status))
    """
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("0\n", "")


# ---------------------------------------------------------------- how work is handed over


def test_an_inbox_hands_over_one_after_another():
    inbox = PipeInbox()
    for number in range(3):
        inbox.put(number)
        assert inbox.get() == number


def test_whoever_waits_at_an_inbox_is_woken():
    inbox = PipeInbox()
    waiter = Caller(inbox.get)
    inbox.put("work")
    assert waiter.wait() == "work"


def test_an_inbox_that_nobody_refers_to_gives_its_file_descriptors_back():
    inbox = PipeInbox()
    ends = inbox._ends
    del inbox
    gc.collect()
    for end in ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)


def test_an_inbox_that_could_not_be_made_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(daemon_threads.os, "pipe", too_many_open_files)
    with pytest.raises(OSError, match="Too many open files"):
        PipeInbox()
    assert ran(DaemonThreads(), lambda: "all the same") == "all the same"
