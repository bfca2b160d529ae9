"""Signals that end a run or a command."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, of batch systems and closed terminals, end what is inside as Ctrl-C does.

    An error that a signal caused, because it came while a library was being imported or called, is that signal. A
    signal that came while Python ran a destructor or a weak reference's callback, which swallow errors, comes again.
    """
    changed: dict[signal.Signals, Any] = {}
    received: list[str] = []
    unraisable, main = sys.unraisablehook, threading.get_ident()

    def interrupt(number: int, frame: Any) -> None:
        received.append(signal.Signals(number).name)
        raise KeyboardInterrupt(received[0])

    def again() -> None:
        if sys.unraisablehook is swallowed:
            signal.pthread_kill(main, signal.Signals[received[0]])

    def swallowed(what: sys.UnraisableHookArgs) -> None:
        if received and isinstance(what.exc_value, KeyboardInterrupt):
            threading.Timer(0.01, again).start()  # not at once: what is raised here would be swallowed, too
        else:
            unraisable(what)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                changed[number] = signal.signal(number, interrupt)
    if changed:
        sys.unraisablehook = swallowed
    try:
        yield
    except Exception as error:
        if received:
            raise KeyboardInterrupt(received[0]) from error
        raise
    finally:
        if changed:
            sys.unraisablehook = unraisable
        for number, before in changed.items():
            signal.signal(number, before)
