"""What compiles CUDA on this machine: nvcc, its C++ standard, the host compiler, cuRAND; and the GPU that runs it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spikehebb.devices.host import first_line, printed

OLDEST, NEWEST = 12, 13  # major versions of CUDA that the programs are written for
STANDARD = "c++17"  # the least that CUDA 13's libraries take, and CUDA 12 supports it
ARCHITECTURE = "SPIKEHEBB_CUDA_ARCH"  # to compile for another GPU than this machine's, or where there is none
INSTALL_NVCC = "install CUDA 12 or 13 and put nvcc on the PATH (or set CUDA_PATH), or use --device cpp"
_NO_GPU = "device cuda found no NVIDIA GPU (nvidia-smi names none)"
_INSTALL_CURAND = "pip install nvidia-curand (with CUDA 12: nvidia-curand-cu12)"


@dataclass(frozen=True, kw_only=True)
class Toolkit:
    """A CUDA compiler and all that it needs.

    Parameters
    ----------
    nvcc : str
        Its path.
    version : str
        As in ``13.0``.
    standard : str
        The C++ standard that its libraries ask for.
    host : str
        The C++ compiler that it hands host code to.
    include, library : str
        The folder of cuRAND's headers ("" where nvcc finds them), and the library file.
    """

    nvcc: str
    version: str
    standard: str
    host: str
    include: str
    library: str


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """An NVIDIA GPU: its name, its compute capability (as in ``9.0``), its memory in MiB, all and free."""

    name: str
    capability: str
    memory: int
    free: int

    @property
    def architecture(self) -> str:
        """What nvcc calls it, as in ``sm_90``."""
        return "sm_" + self.capability.replace(".", "")


def nvcc_path() -> str | None:
    """Return nvcc: from ``CUDA_PATH``, from the PATH, or where toolkits are usually installed."""
    given = os.environ.get("CUDA_PATH")
    candidates = [f"{given}/bin/nvcc"] if given else []
    candidates += ["nvcc", "/usr/local/cuda/bin/nvcc", "/opt/cuda/bin/nvcc"]
    return next((path for name in candidates if (path := shutil.which(name))), None)


def nvcc_version(nvcc: str) -> tuple[int, int]:
    """Return the version of nvcc, as in (13, 0).

    Raises
    ------
    RuntimeError
        If it prints no version, or is too old.
    """
    release = re.search(r"release (\d+)\.(\d+)", printed(nvcc, "--version") or "")
    if release is None:
        raise RuntimeError(f"{nvcc} prints no version; {INSTALL_NVCC}.")
    major, minor = int(release[1]), int(release[2])
    if major < OLDEST:
        raise RuntimeError(
            f"{nvcc} is CUDA {major}.{minor}, but device cuda takes {OLDEST} or {NEWEST}; {INSTALL_NVCC}."
        )
    return major, minor


def toolkit() -> Toolkit:
    """Return what compiles CUDA on this machine.

    Raises
    ------
    RuntimeError
        If something is missing: one sentence about what is missing and what to do.

    Examples
    --------
    >>> from spikehebb.devices import nvcc
    >>> toolkit = nvcc.toolkit()  # doctest: +SKIP
    >>> toolkit.version, toolkit.standard  # doctest: +SKIP
    ('13.0', 'c++17')
    """
    return _toolkit(nvcc_path(), os.environ.get("CXX", ""))


@cache
def _toolkit(nvcc: str | None, cxx: str) -> Toolkit:
    if nvcc is None:
        raise RuntimeError(f"device cuda needs nvcc, and found none; {INSTALL_NVCC}.")
    if shutil.which("make") is None:
        raise RuntimeError("device cuda needs make, and found none; install it, or use --device numpy.")
    major, minor = nvcc_version(nvcc)
    folders = include_folders(nvcc)
    include, library = curand(folders, major)
    return Toolkit(
        nvcc=nvcc,
        version=f"{major}.{minor}",
        standard=STANDARD,
        host=host_compiler(folders, cxx),
        include="" if include in folders else str(include),
        library=str(library),
    )


def include_folders(nvcc: str) -> list[Path]:
    """Return nvcc's folders of headers: a dry run prints them, whatever wrapper or link nvcc is started through."""
    text = _dry_run(nvcc)
    return [Path(folder).resolve() for folder in re.findall(r'"-I([^"]+)"', text)] + [Path("/usr/include")]


def _dry_run(nvcc: str) -> str:
    command = (nvcc, "--dryrun", "-x", "cu", "-c", os.devnull)
    try:
        done = subprocess.run(command, capture_output=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def curand(folders: list[Path], major: int) -> tuple[Path, Path]:
    """Return the folder of cuRAND's headers and its library: of the toolkit, or of a package from PyPI.

    Raises
    ------
    RuntimeError
        If neither has both.
    """
    for folder in folders:
        if (folder / "curand.h").exists():
            places = [folder.parent / "lib", folder.parent / "lib64", folder.parent / "lib" / "x86_64-linux-gnu"]
            for library in (path for place in places for path in sorted(place.glob("libcurand.so*"))):
                return folder, library
    spec = importlib.util.find_spec("nvidia")
    packages = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for package in packages:
        for part in (f"cu{major}", "curand"):
            for library in sorted((package / part / "lib").glob("libcurand.so*")):
                if (package / part / "include" / "curand.h").exists():
                    return package / part / "include", library
    raise RuntimeError(
        f"device cuda needs cuRAND, and neither the CUDA toolkit nor a package has it; {_INSTALL_CURAND}."
    )


def host_compiler(folders: list[Path], cxx: str = "") -> str:
    """Return the newest C++ compiler that this nvcc takes: ``CXX`` or g++, or an older g++ beside it.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    limit = _newest_gcc(folders)
    candidates = [cxx or "g++", *(f"g++-{version}" for version in range(limit, 8, -1))]
    versions = {name: version for name in candidates if (version := _gcc_version(name)) is not None}
    for name, version in versions.items():
        if version <= limit:
            return str(shutil.which(name))
    versions_text = (
        f"found {' and '.join(f'{n} (version {v})' for n, v in versions.items())}" if versions else "found none"
    )
    raise RuntimeError(
        f"device cuda: this nvcc needs g++ {limit} or older for host code, and {versions_text}; "
        f"install g++-{limit} (apt install g++-{limit}) or set CXX."
    )


def _newest_gcc(folders: list[Path]) -> int:
    """Return the newest GCC that nvcc takes, from its own header."""
    for folder in folders:
        header = folder / "crt" / "host_config.h"
        if header.exists() and (newest := re.search(r"__GNUC__ > (\d+)", header.read_text(errors="replace"))):
            return int(newest[1])
    return 99


def _gcc_version(name: str) -> int | None:
    """Return the version of a g++; another compiler counts as 0, and is left to nvcc to judge."""
    if shutil.which(name) is None:
        return None
    line = first_line(name, "-dumpversion") or ""
    clang = "clang" in (first_line(name, "--version") or "")
    return 0 if clang or not line[:1].isdigit() else int(line.split(".")[0])


def gpus() -> list[Gpu]:
    """Return the GPUs that a program can see, the one that it will use first; none where there is no driver."""
    text = printed(
        "nvidia-smi",
        "--query-gpu=index,uuid,name,compute_cap,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    )
    by_name: dict[str, Gpu] = {}  # under its index and its UUID
    for line in (text or "").strip().splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 6 and re.fullmatch(r"\d+\.\d+", parts[3]):
            total, free = (int(part) if part.isdigit() else 0 for part in parts[4:])  # MIG: "[N/A]"
            gpu = Gpu(name=parts[2], capability=parts[3], memory=total, free=free)
            by_name[parts[0]] = by_name[parts[1]] = gpu
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [gpu for name, gpu in by_name.items() if name.isdigit()]
    return [by_name[name.strip()] for name in visible.split(",") if name.strip() in by_name]


def gpu() -> Gpu:
    """Return the GPU that a program will use.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    visible = gpus()
    if not visible:
        raise RuntimeError(f"{_NO_GPU}; use --device cpp, or set {ARCHITECTURE}=sm_90 to compile for a GPU elsewhere.")
    return visible[0]


def architecture(kit: Toolkit, named: str | None = None) -> str:
    """Return what to compile for: the one named, that of ``SPIKEHEBB_CUDA_ARCH``, or that of this machine's GPU.

    Parameters
    ----------
    kit : Toolkit
    named : str, optional
        As in ``sm_90``; several, joined by commas, make a program for each of these GPUs.

    Raises
    ------
    RuntimeError
        If there is no GPU and none is named.
    ValueError
        If this nvcc does not compile for it.
    """
    names = named or os.environ.get(ARCHITECTURE) or gpu().architecture
    available = architectures(kit.nvcc)
    for name in names.split(","):
        if name not in available:
            raise ValueError(
                f"nvcc {kit.version} does not compile for {name!r}; it compiles for {', '.join(available)}. "
                f"Choose one of these (with {ARCHITECTURE}), or another version of CUDA."
            )
    return names


@cache
def architectures(nvcc: str) -> tuple[str, ...]:
    """Return the architectures that nvcc compiles for, as in ``sm_90``."""
    text = printed(nvcc, "--list-gpu-arch") or ""
    return tuple(sorted({f"sm_{number}" for number in re.findall(r"compute_(\d+)", text)}, key=lambda n: int(n[3:])))
