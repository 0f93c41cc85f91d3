"""Every call gets a thread at once; a future tells what became of it."""

import gc
import threading
import weakref
from concurrent.futures import CancelledError, wait
from queue import SimpleQueue

import pytest

from salesboost_tools.handlers.daemon_threads import DaemonThreads
from salesboost_tools.nodes import threads
from salesboost_tools.nodes.threads import THREAD_PER_CALL


def test_calls_do_not_wait_for_one_another():
    together = threading.Barrier(20)
    futures = [THREAD_PER_CALL.submit(together.wait, timeout=5) for _ in range(20)]
    assert sorted(future.result(5) for future in futures) == list(range(20))


def test_results_and_errors_come_through():
    assert THREAD_PER_CALL.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        THREAD_PER_CALL.submit(divmod, 7, 0).result(5)
    with pytest.raises(SystemExit):
        THREAD_PER_CALL.submit(exit).result(5)


def test_threads_do_not_hold_up_the_end_of_the_program():
    assert THREAD_PER_CALL.submit(threading.current_thread).result(5).daemon


def test_what_is_cancelled_before_its_thread_runs_is_not_called(monkeypatch):
    class LaterThreads:
        """Keeps what it ought to run."""

        def run(self, outcome):
            self.outcome = outcome

    later = LaterThreads()
    monkeypatch.setattr(threads, "THREADS", later)
    called = []
    future = THREAD_PER_CALL.submit(called.append, 1)
    future.cancel()
    later.outcome.run()
    later.outcome.tell()
    assert not called
    with pytest.raises(CancelledError):
        future.result()


def test_whoever_is_told_finds_the_thread_idle(monkeypatch):
    monkeypatch.setattr(threads, "THREADS", DaemonThreads())
    gate, submitted = threading.Event(), SimpleQueue()

    def current_thread_in_time():
        assert gate.wait(5)
        return threading.current_thread()

    future = THREAD_PER_CALL.submit(current_thread_in_time)
    future.add_done_callback(lambda _: submitted.put(THREAD_PER_CALL.submit(threading.current_thread)))
    gate.set()
    assert submitted.get(timeout=5).result(5) is future.result(5)


@pytest.mark.parametrize("gives", [lambda: 1 / 0, object], ids=["error", "result"])
def test_a_call_leaves_nothing_that_only_the_garbage_collector_finds(gives, monkeypatch):
    monkeypatch.setattr(threads, "THREADS", DaemonThreads())

    class Local:
        pass

    def ask():
        local = Local()
        future = THREAD_PER_CALL.submit(lambda: (gives(), local))
        wait([future], 5)
        del future
        return weakref.ref(local)

    gc.disable()
    try:
        last_seen = ask()
        THREAD_PER_CALL.submit(int).result(5)  # its thread has let go of what it did before
        assert last_seen() is None
    finally:
        gc.enable()
