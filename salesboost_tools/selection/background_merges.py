"""One thread per shared store merges it when it is time, until it is closed; and once more when the process ends."""

import atexit
import logging
import os
import threading
import time
import weakref

from salesboost_tools.selection.shared_arms import SharedArms

_logger = logging.getLogger(__name__)

_LEAST_PAUSE_S = 0.01
"""Between two merges, so that a busy worker does not merge after every outcome."""

_stores: "weakref.WeakSet[SharedArms]" = weakref.WeakSet()
_threads: "weakref.WeakKeyDictionary[SharedArms, threading.Thread]" = weakref.WeakKeyDictionary()


def merge_in_background(store: SharedArms) -> None:
    """Merge a store from now on, until it is closed or nobody holds it any more."""
    _stores.add(store)
    _start(store)


def end_merges(store: SharedArms) -> None:
    """Have the thread of a closed store end, and wait for a merge it may be in."""
    thread = _threads.pop(store, None)
    if thread is not None:
        store.wake.set()
        thread.join()


def _start(store: SharedArms) -> None:
    thread = threading.Thread(target=_run, args=(weakref.ref(store),), name="selection-merges", daemon=True)
    _threads[store] = thread
    thread.start()


def _run(reference: "weakref.ref[SharedArms]") -> None:
    while True:
        store = reference()
        if store is None or store.closed.is_set():
            return
        wake, pause_s = store.wake, store.pause_s
        if store.failures:
            wake, pause_s = store.closed, store.merge_every_s  # it does not answer: there is no hurry
        del store  # nobody is kept alive by waiting
        wake.wait(pause_s)
        time.sleep(min(_LEAST_PAUSE_S, pause_s))
        store = reference()
        if store is None or store.closed.is_set():
            return
        try:
            store.merge()
        except Exception:
            _logger.exception("a merge of selection's shared state failed")


def _merge_a_last_time() -> None:
    for store in list(_stores):
        store.close()


def _begin_anew_in_child() -> None:
    for store in list(_stores):
        store.forked()
        if not store.closed.is_set():
            _start(store)


atexit.register(_merge_a_last_time)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
