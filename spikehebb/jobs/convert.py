"""Converting a SoftHebb network to spikes in one call: names or values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.conversion import Timing, timing_for
from spikehebb.core.progress import Progress
from spikehebb.core.values import check_settings
from spikehebb.datasets import Given
from spikehebb.devices import Device
from spikehebb.jobs.convert_softhebb import CALIBRATION, ConversionRun, convert_softhebb
from spikehebb.jobs.rates import RateNetwork
from spikehebb.jobs.trained import Trained, opened, trained_on
from spikehebb.softhebb import Model


def convert(
    network: Trained | Model | str | Path,
    data: Given | None = None,
    test: Given | None = None,
    *,
    neurons: str = "integrate",
    calibration: int = CALIBRATION,
    device: Device | str | None = None,
    seed: int = 0,
    cores: int | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **timing: Any,
) -> ConversionRun:
    """Convert a SoftHebb network to spikes, and compare the two on test images.

    Parameters
    ----------
    network : str, path, Trained or Model
        A SoftHebb network, or the file or folder that holds it.
    data : str, path, Images or (pixels, labels), optional
        A data set with a training and a test part, by its name or path; or the training images. What it was trained on
        when left out.
    test : as data
        The test images, where ``data`` is the training images.
    neurons : str
        ``integrate``, ``stochastic``, or ``lif``, with which a dense layer votes.
    calibration, device, seed, cores, out, overwrite, progress
        As in ``convert_softhebb``.
    **timing
        As in ``conversion.timing_for``: ``present_ms``, ``dt_ms``, ``input_rate_hz``, ``settle_ms``, ``order``.

    Returns
    -------
    ConversionRun

    Raises
    ------
    ValueError
        If images do not fit, or a layer has no spiking form.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> import spikehebb as sh
    >>> from spikehebb.softhebb import Layer, Model, Network, training
    >>> layers = (Layer(units=12, batch_norm=False, plasticity="soft"),)
    >>> network = Network(image_shape=(1, 8, 8), layers=layers)
    >>> model, digits = Model(network=network, layers=training.start(network, 0)), sh.load("digits", "train")
    >>> run = sh.convert(model, digits[:40], digits[40:50], calibration=40, device="numpy", present_ms=20)
    >>> run.report["config"]["present_ms"]
    20
    """
    source = Path(network).name if isinstance(network, str | Path) else ""
    trained = RateNetwork(model=network) if isinstance(network, Model) else opened(network)
    model = trained.rates()
    given = trained_on(trained) if data is None else data
    if given is None:
        raise ValueError("the network does not say what it was trained on; give the images, by name or as values.")
    if test is None and not isinstance(given, str | Path):
        raise ValueError("convert needs test images beside training images; or give the name or path of a data set.")
    return convert_softhebb(
        model,
        given,
        given if test is None else test,
        _timing(model, neurons, timing),
        calibration=calibration,
        lif=neurons == "lif",
        source=source,
        device=device,
        seed=seed,
        cores=cores,
        out=out,
        overwrite=overwrite,
        progress=progress,
    )


def _timing(model: Model, neurons: str, changes: dict[str, Any]) -> Timing:
    """Return how an image is presented; a short presentation settles in a fifth of its time."""
    check_settings("convert", changes, Timing.__dataclass_fields__)
    if "present_ms" in changes:
        changes = {"settle_ms": min(10.0, changes["present_ms"] / 5)} | changes
    return timing_for(model.network, neurons="integrate" if neurons == "lif" else neurons, **changes)
