"""The alphabet of files while a program is written: Brian2's own are UTF-8, whatever the environment says."""

from __future__ import annotations

import locale
from collections.abc import Iterator
from contextlib import contextmanager

_UTF8 = ("C.UTF-8", "UTF-8", "en_US.UTF-8")  # of Linux, of macOS, of whatever else


@contextmanager
def utf8() -> Iterator[None]:
    """Let files be read and written as UTF-8 that are opened without an alphabet, as Brian2 opens its own.

    Raises
    ------
    OSError
        If the system has no locale of that kind.
    """
    if locale.getencoding().lower().replace("-", "") == "utf8":
        yield
        return
    before = locale.setlocale(locale.LC_CTYPE)
    for name in _UTF8:
        try:
            locale.setlocale(locale.LC_CTYPE, name)
            break
        except locale.Error:
            continue
    else:
        raise OSError(
            f"Brian2's files are UTF-8, but this environment reads {locale.getencoding()}; set LC_ALL to a locale of "
            "UTF-8, or PYTHONUTF8=1."
        )
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
