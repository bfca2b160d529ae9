"""Compiled programs: whole in the cache or not there, and failures that say what failed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from spikehebb import devices
from spikehebb.circuits import synapse_pair
from spikehebb.protocols import pairing
from spikehebb.rules import stdp_pair
from spikehebb.simulation import programs, simulate
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


def test_no_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert devices.compiler() is None
    circuit, protocol = synapse_pair(stdp_pair), pairing([10] * ms)
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler and make, and found none; install them"):
        simulate(circuit, protocol, dt=0.1 * ms, device=devices.CPP)
    assert list(cache.iterdir()) == []
