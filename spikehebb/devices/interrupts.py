"""Ctrl-C during a simulation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import brian2


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C do inside what it did before Brian2 was imported: often raise, or nothing in a background job.

    Brian2's own handler would end a run early, as if it were done, and fails where Ctrl-C is ignored.
    """
    handler = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()  # no other thread may set a handler
    if not in_main or not isinstance(handler, brian2._InterruptHandler):
        yield
        return
    signal.signal(signal.SIGINT, handler.previous_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
