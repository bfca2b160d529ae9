"""Learning images in one call: names or values, settings by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikehebb.core.progress import Progress
from spikehebb.core.values import check_settings
from spikehebb.datasets import Given, as_samples
from spikehebb.devices import Device
from spikehebb.jobs.advice import advise
from spikehebb.jobs.digit_runs import DigitRun, DigitRuns
from spikehebb.jobs.digit_settings import Settings
from spikehebb.jobs.learn_digits import learn_digits
from spikehebb.jobs.presets import LearnPreset, find_preset
from spikehebb.jobs.start import Start
from spikehebb.jobs.study import chip_rule
from spikehebb.jobs.trained import load_start
from spikehebb.jobs.windows import networks_of


def learn(
    data: Given | None = None,
    test: Given | None = None,
    *,
    preset: str | None = None,
    start: Start | str | Path | None = None,
    device: Device | str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> DigitRun | DigitRuns:
    """Let a spiking network learn images without labels, then label its neurons and score it.

    Parameters
    ----------
    data : str, path, Images, Events or (pixels, labels), optional
        A data set with a training and a test part, by its name or path; or the training images. The preset's data when
        left out.
    test : as data
        The test images, where ``data`` is the training images.
    preset : str, optional
        Settings with known figures, of ``learn_presets()``; what else is given changes them.
    start : path or Start, optional
        A trained network that learning goes on from.
    device : Device or str, optional
        The fastest that works here when left out.
    out : path, optional
        A folder for ``checkpoint.npz`` and ``run.json``; the same call goes on where it was interrupted.
    overwrite : bool
        Replace another run in ``out``.
    progress : callable, optional
        Called with the name of the stage and its completed fraction; bars in a notebook when left out.
    **settings
        Fields of ``Settings``: ``neurons``, ``epochs``, ``seed``, ``circuit``, ``rule``, ``parameters``, ``target`` ...

    Returns
    -------
    DigitRun or, where columns have windows, DigitRuns

    Raises
    ------
    ValueError
        If images, settings and start do not fit together.
    FileExistsError
        If ``out`` holds another run.

    Examples
    --------
    >>> import spikehebb as sh
    >>> digits = sh.load("digits", "train")
    >>> run = sh.learn(digits[:20], digits[20:30], neurons=5, device="numpy")
    >>> run.report["config"]["neurons"]
    5
    """
    known = None if preset is None else find_preset(preset)
    made = _settings(known, settings)  # what is wrong with them need not wait for the images
    given = known.data if data is None and known is not None else data
    if given is None:
        raise ValueError("learn needs images: a data set's name or path, training and test images, or a preset.")
    if test is None and not isinstance(given, str | Path):
        raise ValueError("learn needs test images beside training images; or give the name or path of a data set.")
    train_images, test_images = as_samples(given, "train"), as_samples(given if test is None else test, "test")
    begun = load_start(start) if isinstance(start, str | Path) else start
    if begun is not None:
        made = begun.settings(train_images, **settings)
    if device in (None, "auto"):
        device = advise(made, train_images).device
    about: dict[str, Any] = {"device": device, "out": out, "overwrite": overwrite, "progress": progress}
    several = networks_of(made)
    if len(several) > 1 and begun is None:
        return learn_digits(train_images, test_images, several, **about)
    return learn_digits(train_images, test_images, made, start=begun, **about)


def _settings(known: LearnPreset | None, given: dict[str, Any]) -> Settings:
    """Return the settings of a preset with changes; with a target, and no rule, they take the rule that fits chips."""
    check_settings("learn", given, Settings.__dataclass_fields__)
    if given.get("target") and not given.get("rule"):
        given = chip_rule(given["target"], given.get("circuit") or "soft_wta") | given
    return known.made(**given) if known else Settings(**given)
