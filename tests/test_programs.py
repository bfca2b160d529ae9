"""Compiled programs: whole in the cache or not there, and failures that say what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits import synapse_pair
from spikehebb.devices.scratch import _clean
from spikehebb.doctor import examine
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import headers, programs, simulate
from tests.conftest import NO_COMPILER

pytestmark = [pytest.mark.compiler, NO_COMPILER]

MAKEFILE = """
OBJS = main.o
main: main.o
\t$(CXX) main.o -o main
%.o: %.cpp
\t$(CXX) -c $< -o $@
"""


def project(main: str) -> object:
    """Return a writer of a project."""

    def write(folder: Path) -> programs.Files:
        (folder / "all.mk").write_text(MAKEFILE)
        (folder / "main.cpp").write_text(main)
        return {"a.x": ("x", "<f8")}

    return write


ECHO = """
#include <fstream>
#include <iostream>
#include <string>
int main(int n, char **a) {  // --results_dir DIR DURATION SEED a.x=FILE
    std::string given(a[5]);
    std::ifstream in(given.substr(given.find('=') + 1), std::ios::binary);
    std::ofstream out(std::string(a[2]) + "x", std::ios::binary);
    out << in.rdbuf();
    std::cout << "progress 0.5" << std::endl << "progress 1" << std::endl;
    %s
}
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path))
    return tmp_path / "programs"


def test_a_program_gets_values_and_gives_results(cache: Path) -> None:
    program = programs.obtain("k" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    seen: list[float] = []
    values = {"a.x": np.array([1.5, 2.5])}
    with programs.run(program, duration=1.0, seed=3, values=values, progress=seen.append) as results:
        assert results["a.x"].tolist() == [1.5, 2.5]
        folder = results.folder
    assert seen == [0.5, 1]
    assert not folder.exists()
    assert programs.cached_bytes() > 0
    assert programs.clear() > 0
    assert not cache.exists()


@pytest.mark.parametrize(
    ("ending", "error", "message"),
    [
        ("return 3;", RuntimeError, r"the compiled program failed \(exit code 3\): no message"),
        ('std::cerr << "wrong size"; return 0;', RuntimeError, "the compiled program failed .*: wrong size"),
        ("__builtin_trap();", RuntimeError, r"ended by signal \d+"),
        (
            'std::cout << "Error writing output file for w." << std::endl; return 0;',
            OSError,
            "is the disk of .* full.* TMPDIR",
        ),
    ],
)
def test_a_program_that_fails_is_an_error(cache: Path, ending: str, error: type[Exception], message: str) -> None:
    program = programs.obtain("f" * 64, project(ECHO % ending))  # type: ignore[arg-type]
    with (
        pytest.raises(error, match=message),
        programs.run(program, duration=1.0, seed=3, values={"a.x": np.zeros(1)}),
    ):
        pass


def test_a_failed_compilation_leaves_nothing_in_the_cache(cache: Path) -> None:
    with pytest.raises(RuntimeError, match=r"the C\+\+ compiler failed: (.|\n)*nonsense"):
        programs.obtain("c" * 64, project("nonsense;"))  # type: ignore[arg-type]
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEHEBB_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot write to the cache .* \(File exists\); set SPIKEHEBB_CACHE"):
        programs.obtain("d" * 64, project(""))  # type: ignore[arg-type]


DAMAGED = ["", "{}", "[]", "3", '{"files": {"a": 1}}', '{"files": {"a": ["x", "no type"]}}', "[" * 100_000, "nonsense"]


@pytest.mark.long
@pytest.mark.parametrize("manifest", DAMAGED)
def test_a_damaged_program_is_built_again(cache: Path, manifest: str) -> None:
    for damage in ("manifest.json", "main"):
        program = programs.obtain("b" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
        (program.folder / damage).write_text(manifest)
        program = programs.obtain("b" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
        with programs.run(program, duration=1.0, seed=3, values={"a.x": np.array([4.0])}) as results:
            assert results["a.x"].tolist() == [4.0]
    assert [path.name for path in cache.iterdir()] == ["b" * 32]


def test_a_manifest_that_lacks_a_variable_is_built_again(cache: Path) -> None:
    program = programs.obtain("b" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    manifest = json.loads((program.folder / "manifest.json").read_text())
    manifest["files"].popitem()
    (program.folder / "manifest.json").write_text(json.dumps(manifest))
    again = programs.obtain("b" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    assert again.files.keys() == program.files.keys()


def test_the_cache_is_made_for_its_user_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        programs.obtain("k" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    finally:
        os.umask(before)
    assert cache.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["programs", "."])
@pytest.mark.parametrize("mode", [0o722, 0o720, 0o702])
def test_a_cache_that_others_can_write_to_is_refused(cache: Path, where: str, mode: int) -> None:
    program = programs.obtain("k" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    folder = cache.parent / where
    folder.chmod(mode)
    with pytest.raises(PermissionError, match=r"others can write to the cache .*chmod go-w .* SPIKEHEBB_CACHE to a"):
        programs.obtain("k" * 64, project("nonsense"))  # type: ignore[arg-type]
    finding = examine()[-1]
    assert not finding.ok
    assert "others can write" in finding.found
    folder.chmod(0o700)
    assert programs.obtain("k" * 64, project("nonsense")) == program  # type: ignore[arg-type]


def test_a_cache_in_a_folder_like_tmp_is_fine(cache: Path) -> None:
    cache.parent.chmod(0o1777)
    programs.obtain("k" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    cache.chmod(0o1777)  # where others can put programs
    with pytest.raises(PermissionError, match="others can write to the cache"):
        programs.obtain("k" * 64, project("nonsense"))  # type: ignore[arg-type]


def test_programs_of_another_user_are_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.obtain("k" * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match=r"the cache .* belongs to another user, .* set SPIKEHEBB_CACHE"):
        programs.obtain("k" * 64, project("nonsense"))  # type: ignore[arg-type]


def test_what_was_not_used_for_longest_makes_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that runs, and nothing that was used a moment ago."""

    def obtain(name: str) -> programs.Program:
        return programs.obtain(name * 64, project(ECHO % "return 0;"))  # type: ignore[arg-type]

    def kept() -> set[str]:
        return {path.name[0] for path in cache.iterdir()}

    for name in "abc":
        program = obtain(name)
        os.utime(program.folder / "manifest.json", (0, time.time() - 3600))
    obtain("a")
    assert kept() == set("abc")
    monkeypatch.setenv("SPIKEHEBB_CACHE_LIMIT", "0")
    with programs._in_use(program):
        os.utime(program.folder / "manifest.json", (0, 0))
        obtain("d")
        assert kept() == set("acd")  # b is the oldest but for c, which runs; a was used again
    assert "at most 0 MB" in examine()[-1].found
    monkeypatch.setenv("SPIKEHEBB_CACHE_LIMIT", "much")
    with pytest.raises(
        ValueError, match="SPIKEHEBB_CACHE_LIMIT must be a whole number of MB of at least 0, got 'much'"
    ):
        obtain("e")
    assert not examine()[-1].ok


def test_headers_are_compiled_once_programs_are_many(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GCC's ``-H`` marks a compiled header with ``!``; what cannot be read is compiled again, and the program built."""
    if "clang" in str(devices.compiler()):
        pytest.skip("only GCC is given compiled headers")
    monkeypatch.setattr(headers, "AFTER", 2)
    makefile = MAKEFILE.replace("-c $<", "-include headers.hpp -H -c $< 2> used")
    makefile += "headers:\n\t$(CXX) -x c++-header headers.hpp -o $(TO)/once\n"

    def write(folder: Path) -> programs.Files:
        files = project(ECHO % "return 0;")(folder)  # type: ignore[operator]
        (folder / "all.mk").write_text(makefile)
        (folder / "headers.hpp").write_text("#include <string>\n")
        return files  # type: ignore[no-any-return]

    def used(name: str) -> bool:
        program = programs.obtain(name * 64, write)
        assert not list(program.folder.glob("*.gch"))
        return (program.folder / "used").read_text().startswith("! ./headers.hpp.gch/once")

    assert [used(name) for name in "abcd"] == [False, False, True, True]
    (place,) = (cache.parent / "headers").glob("[!.]*")
    (place / "once").write_bytes((place / "once").read_bytes()[:5000])
    assert not used("e")
    assert used("f")
    assert programs.cached_bytes() > (place / "once").stat().st_size
    monkeypatch.setenv("SPIKEHEBB_CACHE_LIMIT", "400")
    programs.clear()
    assert not place.exists()
    assert [used(name) for name in "ghij"] == [False] * 4  # too little room


def test_folders_of_a_killed_process_are_deleted(tmp_path: Path) -> None:
    """By the next process that needs one, and those of a living one are not."""
    code = """
import sys, time
from pathlib import Path
from spikehebb.devices import scratch
with scratch("spikehebb-", Path(sys.argv[1])) as folder:
    (folder / "large").write_text("numbers")
    print(folder.name, flush=True)
    time.sleep(100)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout
    name = process.stdout.readline().strip()
    mine = tmp_path / "spikehebb-results"
    mine.mkdir()

    def start() -> set[str]:
        _clean.cache_clear()
        with devices.scratch(parent=tmp_path) as folder:
            return {path.name for path in tmp_path.iterdir()} - {folder.name}

    assert start() == {name, mine.name}
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert start() == {mine.name}
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]


def test_part_of_a_result_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a full disk has cut short: one sentence, that names the disk of temporary files."""
    given: dict[str, Any] = {"dt": 0.1 * ms, "device": devices.CPP, "record": ("pre", "post", "synapse.w", "post.y1")}
    circuit, protocol = synapse_pair(stdp_pair, pairs=2), pairing([10, -10] * ms)
    read, names = programs.Results.__getitem__, list[str]()

    def remember(results: programs.Results, name: str) -> Any:
        names.append(name)
        return read(results, name)

    monkeypatch.setattr(programs.Results, "__getitem__", remember)
    simulate(circuit, protocol, **given)
    assert {"synapse.w", "spikes_pre.i", "spikes_post.t", "pre.x1", "trace_synapse_w.t", "trace_post_y1.y1"} < set(
        names
    )
    for short in names:
        for part in (0, -1):

            def cut(results: programs.Results, name: str, short: str = short, part: int = part) -> Any:
                return read(results, name)[:part] if name == short else read(results, name)

            monkeypatch.setattr(programs.Results, "__getitem__", cut)
            with pytest.raises(OSError, match=r"the run left \S+ of \S+ numbers of .*; is the disk of .* set TMPDIR"):
                simulate(circuit, protocol, **given)


def test_a_program_that_stopped_early_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = programs._follow
    monkeypatch.setattr(programs, "_follow", lambda *given: follow(*given) - 0.0001)
    with pytest.raises(RuntimeError, match="so it has no result"):
        simulate(synapse_pair(stdp_pair), pairing([10] * ms), dt=0.1 * ms, device=devices.CPP)


def test_no_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert devices.compiler() is None
    circuit, protocol = synapse_pair(stdp_pair), pairing([10] * ms)
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler and make, and found none; install them"):
        simulate(circuit, protocol, dt=0.1 * ms, device=devices.CPP)
    assert list(cache.iterdir()) == []


def test_processes_that_need_the_same_program_build_it_once(cache: Path) -> None:
    """The second one waits for the first, and what a killed one has left is gone afterwards."""
    programs.home()
    (cache / ".killed.lock").write_text("")
    built: list[int] = []
    write: Any = project(ECHO % "return 0;")

    def slowly(folder: Path) -> programs.Files:
        built.append(1)
        time.sleep(0.3)
        files: programs.Files = write(folder)
        return files

    with ThreadPoolExecutor(2) as pool:
        found = [future.result() for future in [pool.submit(programs.obtain, "t" * 64, slowly) for _ in range(2)]]
    assert found[0] == found[1]
    assert len(built) == 1
    assert [path.name for path in cache.iterdir()] == ["t" * 32]
