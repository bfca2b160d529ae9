"""Signals that end a run or a command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, of batch systems and closed terminals, end what is inside as Ctrl-C does.

    An error that a signal caused, because it came while a library was being imported or called, is that signal.
    """
    changed, received = {}, []

    def interrupt(number: int, frame: Any) -> None:
        received.append(signal.Signals(number).name)
        raise KeyboardInterrupt(*received)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                changed[number] = signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        if received:
            raise KeyboardInterrupt(*received) from error
        raise
    finally:
        for number, before in changed.items():
            signal.signal(number, before)
