"""Trained networks as values with one interface; only this module distinguishes their forms.

The forms: ``LearnedNetwork`` (learned in spikes), ``RateNetwork`` (SoftHebb), ``ConvertedNetwork``
and ``LifNetwork``.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from spikehebb import checkpoint
from spikehebb.checkpoint import Checkpoint, Shapes
from spikehebb.circuits import AnyLearner
from spikehebb.conversion import network_file
from spikehebb.core import PlasticityRule, Samples
from spikehebb.core.progress import Progress, quiet
from spikehebb.datasets import DATASETS
from spikehebb.datasets import load as load_images
from spikehebb.devices import Device
from spikehebb.export import Graph, Plain
from spikehebb.hardware import Quantized, Rounding, Target
from spikehebb.jobs import learned, learned_file, lif, lif_wta
from spikehebb.jobs.converted import ConvertedNetwork
from spikehebb.jobs.costs import Circuits
from spikehebb.jobs.learned import LearnedNetwork
from spikehebb.jobs.lif import LifNetwork
from spikehebb.jobs.rates import RateNetwork
from spikehebb.jobs.start import Start
from spikehebb.jobs.zoo import find_model, models
from spikehebb.reading import check, checked, printable
from spikehebb.softhebb import Model, model_file
from spikehebb.softhebb.torch_files import read_torch

_PUBLISHED = (".pth", ".pth.tar", ".pt")  # layouts of PyTorch


class Trained(Protocol):
    """What every trained network can do; what a form cannot do raises ``ValueError`` with the reason."""

    @property
    def header(self) -> Mapping[str, Any]:
        """What made it, as plain data: ``kind``, and settings, seed, device, versions, data where it has them."""

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What it learned."""

    def evaluate(
        self,
        test: Samples,
        *,
        device: Device | str | None = None,
        replicas: int | None = None,
        target: Target | None = None,
        progress: Progress = quiet,
    ) -> dict[str, Any]:
        """Return its scores on labelled images and, with a target, what it costs: see ``evaluate``."""

    def circuits(self, *, learning: bool = False) -> Circuits:
        """Return its circuits by name, or the one under the name "", its time step, and remarks."""

    def plain(self, *, rules: bool = False) -> Plain:
        """Return it as plain numbers, with or without how its weights learned."""

    def graph(self, *, dialect: str = "nir", lateral: bool = True, keep_rules: bool = False) -> Graph:
        """Return it as a NIR graph."""

    def quantized(
        self, target: Target, *, rounding: Rounding = "nearest", seed: int = 0
    ) -> tuple[Trained, Sequence[Quantized], tuple[str, ...]]:
        """Return it in a chip's numbers, how far these are from its own, and remarks."""

    def start(self) -> Start:
        """Return it as a network that learning goes on from, in spikes."""

    def rates(self) -> Model:
        """Return the rate network to convert."""

    def learned(self) -> LearnedNetwork | None:
        """Return it where it learned in spikes, to convert, or None where it learned in rates."""


def read(
    path: str | Path,
    *,
    circuit: AnyLearner | None = None,
    rule: str | PlasticityRule | None = None,
) -> Trained:
    """Read a trained network, from a stranger too: all of it is checked, and nothing in it is ever run.

    Parameters
    ----------
    path : path
        A checkpoint, the folder that holds it, a SoftHebb network in a published PyTorch layout (extra ``torch``), or
        the name of a model that comes along (``jobs.models``).
    circuit, rule : Learner or function, PlasticityRule, optional
        Those of one's own with which it learned: a checkpoint holds what they are called and a hash of what they are.

    Raises
    ------
    FileNotFoundError, ValueError

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> from spikehebb.softhebb import Layer, Model, Network, training
    >>> network = Network(image_shape=(1, 8, 8), layers=(Layer(units=5),))
    >>> trained = RateNetwork(model=Model(network=network, layers=training.start(network, seed=0)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(trained, Path(folder, "checkpoint.npz"))
    ...     read(Path(folder)).arrays["layer0.weight"].shape
    (5, 64)
    """
    path = _file(path)
    if path.name.endswith(_PUBLISHED):
        return RateNetwork(model=read_torch(path))
    saved = checkpoint.load(path, _shapes)
    with checked(f"checkpoint {path}"):
        try:
            if saved.header["kind"] == learned_file.KIND:
                return learned.from_checkpoint(saved, circuit=circuit, rule=rule)
            return _KINDS[saved.header["kind"]][1](saved)
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: {printable(error, 600)}") from error


def opened(trained: Any) -> Trained:
    """Return a trained network as it is, or the one that a file or folder holds."""
    if isinstance(trained, str | Path):
        return read(trained)
    if not hasattr(trained, "evaluate"):
        raise ValueError(
            "a trained network is one that learn, train_softhebb or convert made, or the path of its file or folder; "
            f"got a {type(trained).__name__}."
        )
    network: Trained = trained
    return network


def load(name: str | Path, part: str | None = None, **options: Any) -> Any:
    """Return a trained network that comes along, by name; or, given a part, images of a data set.

    Parameters
    ----------
    name : str or path
        Of ``jobs.models()``, such as ``mnist-400``, or as ``read`` takes it; with a part, as of ``datasets.load``.
    part : str, optional
        ``train`` or ``test``: then it is a data set.
    **options
        Of ``datasets.load``.

    Raises
    ------
    FileNotFoundError, ValueError
        As ``read`` or ``datasets.load``; if there is no model of this name.

    Examples
    --------
    >>> import spikehebb as sh
    >>> sh.load("digits-soft-wta").settings.neurons
    100
    >>> len(sh.load("digits", "test"))
    500
    """
    if part is not None:
        return load_images(name, part, **options)
    if options:
        raise ValueError(
            f"a trained network takes no {', '.join(options)}; for a data set say which part, train or test."
        )
    if isinstance(name, str) and not Path(name).exists():
        if name in DATASETS:
            raise ValueError(f"{name} is a data set; say which part, as in load({name!r}, 'test').")
        return read(find_model(name).file())
    return read(name)


def save(trained: Trained, path: str | Path) -> None:
    """Write a trained network; ``read`` reads it.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is still there.
    """
    checkpoint.save(Checkpoint(header=trained.header, arrays=trained.arrays), Path(path))


def load_start(path: str | Path) -> Start:
    """Read a network that learning can go on from.

    Parameters
    ----------
    path : path
        As ``read`` takes it, of a network that learned digits or of a SoftHebb model with one dense layer.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is no checkpoint, damaged, or of a network that the spiking circuit cannot go on from.
    """
    path = _file(path)
    trained = read(path)
    try:
        start = trained.start()
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {printable(error, 600)}") from error
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return dataclasses.replace(start, origin={"file": "/".join(path.absolute().parts[-2:]), "sha256": sha256})


def trained_on(trained: Trained) -> str | None:
    """Return the data set that a network was trained on, if its header holds it."""
    with suppress(ValueError):
        data = check(trained.header, {"data": {"train": {"name": str}}}, "its header")["data"]
        return str(data["train"]["name"]).split("/")[0] or None
    return None


def _file(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists() and str(path) in models():
        return models()[str(path)].file()
    return path / "checkpoint.npz" if path.is_dir() else path


def _rates(saved: Checkpoint) -> Trained:
    return RateNetwork(model=model_file.from_checkpoint(saved))


def _converted(saved: Checkpoint) -> Trained:
    model, network = network_file.from_checkpoint(saved)
    columns = ConvertedNetwork(model=model, network=network)
    return columns if network.header.get("lif") is None else LifNetwork(columns=columns)


_KINDS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Shapes], Callable[[Checkpoint], Trained]]] = {
    learned_file.KIND: (learned_file.shapes, learned.from_checkpoint),
    model_file.KIND: (model_file.shapes, _rates),
    network_file.KIND: (network_file.shapes, _converted),
    lif_wta.KIND: (lif_wta.shapes, lif.from_checkpoint),
}


def _shapes(header: Mapping[str, Any]) -> Shapes:
    kind = header["kind"]
    if kind not in list(_KINDS):  # a list, because a stranger's kind may be anything
        raise ValueError(f"it holds {printable(repr(kind))}, not a trained network ({', '.join(_KINDS)}).")
    return _KINDS[kind][0](header)
