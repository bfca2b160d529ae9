"""Disks that are full, folders that vanish or become read-only: one sentence that names the place, and nothing lost."""

from __future__ import annotations

import functools
import resource
import shutil
import subprocess
from pathlib import Path

from tests.campaign import commands
from tests.campaign.case import Case, Fault, check_end, check_sentence, environment, process

WHAT = "full disks, and folders that vanish or become read-only in the middle"
AT_LEAST = 50
SHARE = 0.15

# In mounts of its own: a small disk or a disturbance, the command, enough room, the command again, a copy of the place.
SCRIPT = """
at=$1; log=$2; shift 2
{mount}
{disturb}
"$@" >"$log.out" 2>"$log.err"
echo $? >"$log.code"
{mend}
mkdir -p "$at"
"$@"
code=$?
cp -a "$at/." "$log.copy"
exit $code
"""
SMALL = 'mount -t tmpfs -o size={size} none "$at" && chmod 700 "$at" || exit 97'
LARGER = 'mount -o remount,size=1g "$at"'
VANISHES = '(sleep {moment}; rm -rf "$at") &'
READ_ONLY = '(sleep {moment}; mount --bind "$at" "$at"; mount -o remount,bind,ro "$at") &'
WRITABLE = 'wait; umount "$at"'
PLACES = {"out": "out", "TMPDIR": "tmp", "SPIKEHEBB_CACHE": "cache"}


@functools.cache
def mounts() -> bool:
    """Return whether this user may mount what only the process sees."""
    if shutil.which("unshare") is None:
        return False
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def attack(case: Case) -> None:
    name = case.one_of(list(commands.JOBS))
    place = case.one_of(list(PLACES)) if name.endswith("-cpp") else case.one_of(["out", "out", "TMPDIR"])
    size = int(2 ** case.random.uniform(12, 22))
    moment = case.random.uniform(0.2, 1) * commands.seconds(name, case.shared)
    disturbance = case.one_of(["full", "full", "vanishes", "read-only"] if mounts() else ["full"])
    cached = commands.cache(case, empty=place == "SPIKEHEBB_CACHE")
    at = case.folder / PLACES[place]
    at.mkdir(exist_ok=True, mode=0o700)
    words = commands.job(name, case.folder / "out", case.shared)
    environ = environment(case.folder, cached)
    case.what = f"{name}: {place} {disturbance}"
    if not mounts():
        case.what += f": no file may be larger than {size} bytes"
        done = process(
            words, case.folder, environ, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size,) * 2)
        )
        check_refused(check_end(done, 0, 2).code, done.err, case.folder)
        check_end(process(words, case.folder, environ), 0)
        return commands.check_same(case.folder / "out", name, case.shared)
    parts = {
        "full": {"mount": SMALL.format(size=size), "disturb": "", "mend": LARGER},
        "vanishes": {"mount": "", "disturb": VANISHES.format(moment=moment), "mend": "wait"},
        "read-only": {"mount": "", "disturb": READ_ONLY.format(moment=moment), "mend": WRITABLE},
    }[disturbance]
    case.what += f" ({size} bytes)" if disturbance == "full" else f" (after {moment:.2f} s)"
    log = case.folder / "first"
    again = process(["unshare", "-rm", "sh", "-c", SCRIPT.format(**parts), "-", at, log, *words], case.folder, environ)
    code, said = int(log.with_suffix(".code").read_text()), log.with_suffix(".err").read_text(errors="replace")
    check_refused(code, said, at if disturbance == "full" else case.folder)
    check_end(again, 0)
    out = case.folder / "first.copy" if place == "out" else case.folder / "out"
    return commands.check_same(out, name, case.shared)


def check_refused(code: int, said: str, place: Path) -> None:
    """Raise ``Fault`` unless a command did its work, or refused with a sentence that names the place."""
    if code not in (0, 2) or "Traceback (most recent call last)" in said:
        raise Fault("traceback", f"exit code {code}: {said[-600:]}")
    if code:
        sentence = "\n".join(line for line in said.splitlines() if line.startswith("spikehebb: "))
        check_sentence(sentence)
        if str(place) not in sentence:
            raise Fault("wrong", f"the sentence does not name {place}: {sentence}")
