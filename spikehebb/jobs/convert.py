"""Converting a network in one call, names or values: rates to spikes, what learned in spikes to LIF neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.circuits.lif import Inhibition
from spikehebb.conversion import Timing, timing_for
from spikehebb.core.progress import Progress
from spikehebb.core.values import check_settings
from spikehebb.datasets import Given, as_images
from spikehebb.devices import Device
from spikehebb.jobs.convert_learned import LifRun, check_learned, convert_learned
from spikehebb.jobs.convert_softhebb import ConversionRun, convert_softhebb
from spikehebb.jobs.rates import RateNetwork
from spikehebb.jobs.trained import Trained, opened, trained_on
from spikehebb.softhebb import Model


def convert(
    network: Trained | Model | str | Path,
    data: Given | None = None,
    test: Given | None = None,
    *,
    neurons: str | None = None,
    inhibition: Inhibition = "lateral",
    calibration: int | None = None,
    device: Device | str | None = None,
    seed: int = 0,
    cores: int | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    source: str = "",
    progress: Progress | None = None,
    **timing: Any,
) -> ConversionRun | LifRun:
    """Convert a SoftHebb network to spikes, or one that learned in spikes to LIF neurons; compare on test images.

    Parameters
    ----------
    network : str, path, Trained or Model
        A SoftHebb network or one that learned in spikes (``soft_wta``), or the file or folder that holds it.
    data : str, path, Images or (pixels, labels), optional
        A data set with a training and a test part, by its name or path; or the training images. What it was trained on
        when left out.
    test : as data
        The test images, where ``data`` is the training images.
    neurons : str, optional
        Of a SoftHebb network ``integrate``, ``stochastic``, or ``lif``, with which a dense layer votes; one that
        learned in spikes becomes ``lif``.
    inhibition : str
        Of the LIF neurons of a network that learned in spikes: ``lateral`` or ``spiking``.
    calibration : int, optional
        How many training images set the rates: 300, of a network that learned in spikes 100.
    device, seed, cores, out, overwrite, progress
        As in ``convert_softhebb``.
    source : str
        Where the network came from, for the report; its file or folder when left out.
    **timing
        ``present_ms``, ``dt_ms`` and ``input_rate_hz``; of a SoftHebb network all of ``conversion.Timing``.

    Returns
    -------
    ConversionRun or LifRun
        The second of a network that learned in spikes.

    Raises
    ------
    ValueError
        If images do not fit, or the network has no such form.
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
    if not source and isinstance(network, str | Path):
        source = Path(network).name
    trained = RateNetwork(model=network) if isinstance(network, Model) else opened(network)
    given = trained_on(trained) if data is None else data
    if given is None:
        raise ValueError("the network does not say what it was trained on; give the images, by name or as values.")
    if test is None and not isinstance(given, str | Path):
        raise ValueError("convert needs test images beside training images; or give the name or path of a data set.")
    other = given if test is None else test
    common: dict[str, Any] = {
        "source": source,
        "device": device,
        "seed": seed,
        "out": None if out is None else Path(out),
    }
    common |= {"overwrite": overwrite, "progress": progress}
    if calibration is not None:
        common["calibration"] = calibration
    learned, chosen = trained.learned(), check_conversion(trained, neurons=neurons, inhibition=inhibition, **timing)
    if learned is None or chosen is not None:
        return convert_softhebb(trained.rates(), given, other, chosen, lif=neurons == "lif", cores=cores, **common)
    train, other = as_images(given, "train"), as_images(other, "test")
    return convert_learned(learned, train, other, inhibition=inhibition, **timing, **common)


def check_conversion(
    trained: Trained, *, neurons: str | None = None, inhibition: Inhibition = "lateral", **timing: Any
) -> Timing | None:
    """Return how a conversion shows images to a rate network, and None for a network that learned in spikes.

    Parameters
    ----------
    trained : Trained
    neurons, inhibition, **timing
        As of ``convert``.

    Raises
    ------
    ValueError
        If the network has no such form, or it has not this setting.
    """
    learned = trained.learned()
    if learned is None:
        if inhibition != "lateral":
            raise ValueError(
                f"inhibition {inhibition!r} is of the LIF neurons of a network that learned in spikes; leave it out."
            )
        return _timing(trained.rates(), neurons or "integrate", timing)
    if neurons not in (None, "lif"):
        raise ValueError(f"a network that learned in spikes becomes neurons 'lif', got {neurons!r}; leave it out.")
    check_settings("convert to lif", timing, ("present_ms", "dt_ms", "input_rate_hz"))
    check_learned(learned, inhibition=inhibition, **timing)
    return None


def _timing(model: Model, neurons: str, changes: dict[str, Any]) -> Timing:
    """Return how an image is presented; a short presentation settles in a fifth of its time."""
    check_settings("convert", changes, Timing.__dataclass_fields__)
    if "present_ms" in changes:
        changes = {"settle_ms": min(10.0, changes["present_ms"] / 5)} | changes
    return timing_for(model.network, neurons="integrate" if neurons == "lif" else neurons, **changes)
