"""The side of the other simulators in ``nir_interop.py``: needs numpy, nir and them, not this toolkit.

python nir_simulators.py FOLDER: reads ``CASE.npz`` and ``CASE-SIMULATOR.nir``, writes ``answers.npz`` (the output of
the graph in each step) and ``versions.json``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import nir
import numpy as np


def main(folder: Path) -> None:
    """Run every simulator on the same input spikes."""
    import torch

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    answers = {}
    for case in sorted(folder.glob("*.npz")):
        with np.load(case) as archive:
            shape = tuple(archive["shape"])
            spikes = np.unpackbits(archive["bits"], count=int(np.prod(shape))).reshape(shape)
        for name, load in (("norse", norse), ("snntorch", snntorch)):
            net = load(nir.read(folder / f"{case.stem}-{name}.nir"))
            answers[f"{case.stem}-{name}"] = run(net, spikes, torch)
    np.savez_compressed(folder / "answers.npz", **answers)
    packages = ("nir", "nirtorch", "norse", "snntorch", "torch", "numpy")
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}
    (folder / "versions.json").write_text(json.dumps(versions))


def norse(graph: Any) -> Any:
    """Return Norse's network: it takes the time step as an argument."""
    import norse.torch

    return norse.torch.from_nir(graph, dt=float(graph.metadata["dt"]))


def snntorch(graph: Any) -> Any:
    """Return snnTorch's network: its time step is fixed."""
    from snntorch.import_nir import import_from_nir

    with contextlib.redirect_stdout(io.StringIO()):
        return import_from_nir(graph)


def run(net: Any, spikes: Any, torch: Any) -> Any:
    """Return the output of the graph: (images, steps, outputs)."""
    images, steps, inputs = spikes.shape
    rows, state = [], None
    with torch.no_grad():
        for step in range(steps):
            # an empty step first: here a spike acts a step after it was fired
            now = spikes[:, step - 1] if step else np.zeros((images, inputs))
            out, state = net(torch.as_tensor(now, dtype=torch.float32), state)
            rows.append((out[0] if isinstance(out, tuple) else out).numpy())
    return np.stack(rows, axis=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
