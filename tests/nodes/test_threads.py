"""Every call gets a thread at once; a future tells what became of it."""

import threading
from concurrent.futures import CancelledError

import pytest

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
        """Keeps what it ought to start."""

        def start(self, *call):
            self.call = call

    later = LaterThreads()
    monkeypatch.setattr(threads, "THREADS", later)
    called = []
    future = THREAD_PER_CALL.submit(called.append, 1)
    future.cancel()
    function, *arguments = later.call
    function(*arguments)
    assert not called
    with pytest.raises(CancelledError):
        future.result()
