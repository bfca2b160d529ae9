"""Learning goes on after conversion: what a converted SoftHebb network learns from new images, and what it keeps.

    python benchmarks/continued_learning.py --out benchmarks/results/continued-learning.json --plot docs/continued.png

A dense rate-based network is trained on clean MNIST. It then sees new images: digits turned by 90 degrees, digits under
noise, Fashion-MNIST, or the classes 5 to 9 after 0 to 4. It goes on in spikes (converted), as rates, or not at all
(the first point of each). At each point the neurons are labelled anew, from training images only: on the images of
each domain ("own") and once for both ("mix", where Fashion-MNIST counts as ten classes more). Both networks are scored
by the same soft vote, over spikes and over softmax shares. Finished runs in the JSON are kept, so an interrupted
benchmark goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms
from matplotlib.figure import Figure
from scipy import sparse

from spikehebb import checkpoint, jobs, metrics, protocols
from spikehebb.core import Circuit, Images
from spikehebb.datasets import load
from spikehebb.devices import CPP
from spikehebb.plot.save import BLUE, GREY, ORANGE, save
from spikehebb.simulation import presentation_counts, simulate
from spikehebb.softhebb import Layer, Model, Network, Training, Weights, find, training
from spikehebb.softhebb.backend import working

NEURONS = 400
POINTS = (0, 500, 2000, 5000)  # new images seen
LABELLING, TESTING = 1000, 2000  # images of each domain
TURN, NOISE = 1, 0.3  # quarter turns; standard deviation of the noise
SHIFTS = ("rotated", "noisy", "fashion", "classes")
AGE, ETA = 3.0, 0.045  # learning rates: a converted neuron's is 0.1/(1 + age), a rate-based one's that of the preset
AGES, ETAS = (1.0, 3.0, 10.0), (0.045, 0.18, 0.72)  # with which the exchange of old for new is measured, too
SWEPT = ("rotated", "classes")
CHUNK = 1000
Part = tuple[Images, Images]  # for training, for testing
Respond = Callable[[Images], Any]


def domains(shift: str, seed: int) -> tuple[Part, Part]:
    """Return (training, test) images from before and from after the shift."""
    first, last = load("mnist", "train"), load("mnist", "test")

    def both(change: Callable[[Images], Images]) -> Part:
        return change(first), change(last)[:TESTING]

    rng = np.random.default_rng((seed, 7))
    unchanged = both(lambda images: images)
    if shift == "rotated":
        return unchanged, both(lambda images: _with_pixels(images, np.rot90(images.pixels, TURN, axes=(1, 2))))
    if shift == "noisy":
        return unchanged, both(lambda images: _with_pixels(images, _noisy(images.intensities(), rng)))
    if shift == "fashion":
        return unchanged, (load("fashion-mnist", "train"), load("fashion-mnist", "test")[:TESTING])
    return both(lambda images: images[np.flatnonzero(images.labels < 5)]), both(
        lambda images: images[np.flatnonzero(images.labels >= 5)]
    )


def _with_pixels(images: Images, pixels: Any) -> Images:
    return dataclasses.replace(images, pixels=np.ascontiguousarray(pixels))


def _noisy(pixels: Any, rng: np.random.Generator) -> Any:
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(pixels + np.float32(NOISE) * noise, 0, 1)


def pretrained(old: Images, seed: int) -> Model:
    """Return a dense network, trained on the images before the shift."""
    layer = dataclasses.replace(find("mnist-dense").layers[0], units=NEURONS)
    network = Network(image_shape=old.image_shape, layers=(layer,))
    plan = Training(batch=32)
    layers = training.start(network, seed)
    with working("cpu", 1) as (xp, each):
        for chunk in training.plan(network, plan, len(old)):
            layers = training.learn_chunk(network, layers, plan, chunk, old, seed, xp, each)
    return Model(network=network, layers=layers)


def spiking(model: Model, new: Images, age: float, seed: int) -> Iterator[Respond]:
    """Go on in spikes; give at every point how the network responds by then."""
    start = jobs.RateNetwork(model=model).start().with_age(age)
    settings = start.settings(new, seed=seed)
    weights, ages, run = start.weights, start.age, 0

    def shown(circuit: Circuit, images: Images) -> Any:
        nonlocal run
        run += 1
        plan = protocols.presentations(images, duration=settings.presentation_ms * ms)
        return simulate(circuit, plan, device=CPP, dt=settings.dt_ms * ms, seed=1000 * seed + run, record=("output",))

    def respond(frozen: Circuit, images: Images) -> Any:
        parts = [images[at : at + CHUNK] for at in range(0, len(images), CHUNK)]
        size, long = settings.neurons, settings.presentation_ms * ms
        counts = [
            presentation_counts(
                shown(frozen, part).spikes["output"], neurons=size, presentations=len(part), presentation=long
            )
            for part in parts
        ]
        return sparse.vstack(counts, format="csr")

    for first, stop in zip((0, *POINTS), POINTS, strict=False):
        for begin in range(first, stop, CHUNK):
            images = new[begin : min(begin + CHUNK, stop)]
            recording = shown(settings.build(weights).with_state("output", age=ages), images)
            weights, ages = recording.weights["feedforward"], recording.state["output"]["age"]
        yield functools.partial(respond, settings.build(weights).frozen())


def rates(model: Model, new: Images, eta: float, seed: int) -> Iterator[Respond]:
    """Go on as rates, with the preset's own schedule."""
    layer: Layer = dataclasses.replace(model.network.layers[0], eta=eta)
    network, layers, plan = dataclasses.replace(model.network, layers=(layer,)), model.layers, Training(batch=32)
    for first, stop in zip((0, *POINTS), POINTS, strict=False):
        if stop > first:
            with working("cpu", 1) as (xp, each):
                part = new[first:stop]
                for chunk in training.plan(network, plan, len(part)):
                    layers = training.learn_chunk(network, layers, plan, chunk, part, seed, xp, each)
        yield functools.partial(shares, layer, layers)


def shares(layer: Layer, layers: tuple[Weights, ...], images: Images) -> Any:
    """Return the softmax over units for every image."""
    u = layer.inverse_temperature * (images.intensities().reshape(len(images), -1) @ layers[0].weight.T)
    y = np.exp(u - u.max(axis=1, keepdims=True))
    return sparse.csr_array(y / y.sum(axis=1, keepdims=True))


def scores(respond: Respond, labelled: Part, unseen: Part, apart: bool) -> Any:
    """Return accuracies on the images from before (old) and after the shift (new), labelled on own images and a mix."""
    labels = [np.asarray(images.labels) for images in labelled]
    true_labels = [np.asarray(images.labels) for images in unseen]
    if apart:
        labels[1], true_labels[1] = labels[1] + 10, true_labels[1] + 10
    classes = 2 * 10
    learned, seen = [respond(images) for images in labelled], [respond(images) for images in unseen]
    mix = metrics.class_profile(sparse.vstack(learned, format="csr"), np.concatenate(labels), classes)
    accuracies: dict[str, float] = {}
    for number, domain in enumerate(("old", "new")):
        own = metrics.class_profile(learned[number], labels[number], classes)
        for name, profile in (("own", own), ("mix", mix)):
            accuracies[f"{domain}_{name}"] = metrics.accuracy(
                metrics.soft_vote(seen[number], profile), true_labels[number]
            )
    return accuracies


def run(shift: str, seed: int, method: str, rate: float, model: Model | None) -> tuple[dict[str, Any], Model]:
    """Return the accuracies of one network at every point."""
    began = time.perf_counter()
    (old, old_test), (new, new_test) = domains(shift, seed)
    model = model or pretrained(old, seed)
    order = np.random.default_rng((seed, 8)).permutation(len(new))[: POINTS[-1]]
    mixed = np.random.default_rng((seed, 9)).permutation(len(old))[:LABELLING]
    new = new[order]
    going = spiking(model, new, rate, seed) if method == "spiking" else rates(model, new, rate, seed)
    labelled, unseen = (old[mixed], new[:LABELLING]), (old_test, new_test)
    points = [
        {"images": seen, **scores(respond, labelled, unseen, shift == "fashion")}
        for seen, respond in zip(POINTS, going, strict=True)
    ]
    norms = np.linalg.norm(model.layers[0].weight, axis=1)
    about = {"shift": shift, "seed": seed, "method": method, "rate": rate, "norms_at_the_start": float(norms.mean())}
    return {**about, "seconds": time.perf_counter() - began, "points": points}, model


def cases() -> Iterator[tuple[str, int, str, float]]:
    """Give what is to be run: the figure's learning rates with three seeds, and others with one."""
    usual = (("rates", ETA), ("spiking", AGE))
    yield from ((shift, seed, method, rate) for seed in range(3) for shift in SHIFTS for method, rate in usual)
    for method, values in (("rates", ETAS), ("spiking", AGES)):
        yield from ((shift, 0, method, rate) for rate in values if rate not in (ETA, AGE) for shift in SWEPT)


def chosen(runs: list[dict[str, Any]], shift: str, method: str, rate: float) -> list[dict[str, Any]]:
    """Return the runs of one curve, a run per seed."""
    return [one for one in runs if (one["shift"], one["method"], one["rate"]) == (shift, method, rate)]


def curves(runs: list[dict[str, Any]], score: str) -> Any:
    """Return accuracies in percent, shape (seeds, points)."""
    return np.array([[100 * point[score] for point in one["points"]] for one in runs])


def table(runs: list[dict[str, Any]]) -> str:
    """Return mean and standard deviation over seeds, before and after the new images, as Markdown."""
    lines = ["| new images | network | learning rate | new, own | old, own | new, mix | old, mix |", "|---" * 7 + "|"]

    def row(shift: str, name: str, rate: str, selected: list[dict[str, Any]], point: int) -> str:
        cells = []
        for score in ("new_own", "old_own", "new_mix", "old_mix"):
            values = curves(selected, score)[:, point]
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        return f"| {shift} | {name} | {rate} | {' | '.join(cells)} |"

    for shift in SHIFTS:
        for method, rate_label, values in (("spiking", "age {:g}", AGES), ("rates", "eta {:g}", ETAS)):
            if usual := chosen(runs, shift, method, AGE if method == "spiking" else ETA):
                lines.append(row(shift, f"{method}, frozen", "-", usual, 0))
            for rate in values:
                if selected := chosen(runs, shift, method, rate):
                    lines.append(row(shift, method, rate_label.format(rate), selected, -1))
    return "\n".join(lines)


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Draw accuracy on new and old images against the number of new images seen; bands are a standard deviation."""
    titles = ("digits turned by 90°", f"digits, noise {NOISE:g}", "Fashion-MNIST", "classes 5-9 after 0-4")
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    axes = figure.subplots(2, len(SHIFTS), sharex=True, sharey="row")
    styles = {"spiking": ("goes on in spikes", BLUE, "o"), "rates": ("goes on as rates", ORANGE, "s")}
    for column, (shift, title) in enumerate(zip(SHIFTS, titles, strict=True)):
        for row, domain in enumerate(("new", "old")):
            axis = axes[row, column]
            for method, (name, colour, marker) in styles.items():
                selected = chosen(runs, shift, method, AGE if method == "spiking" else ETA)
                values = curves(selected, f"{domain}_mix")
                mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(selected) - 1))
                axis.fill_between(POINTS, mean - spread, mean + spread, color=colour, alpha=0.2, lw=0)
                axis.plot(POINTS, mean, marker=marker, ms=4, color=colour, label=name)
                if method == "spiking":
                    axis.axhline(mean[0], color=GREY, ls="--", lw=1, label="frozen (in spikes)")
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(axis="y", color=GREY, alpha=0.25)
        axes[0, column].set_title(title, fontsize=11)
        axes[1, column].set_xlabel("new images seen")
    axes[0, 0].set_ylabel("accuracy on new images (%)")
    axes[1, 0].set_ylabel("accuracy on old images (%)")
    axes[0, 0].legend(frameon=False, fontsize=9, loc="lower right")
    save(figure, path)


def main() -> None:
    """Run what is missing, write the JSON after each run, then draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/continued-learning.json"))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {"runs": []}
    done = {(r["shift"], r["seed"], r["method"], r["rate"]) for r in result["runs"]}
    result |= {
        "command": "python benchmarks/continued_learning.py",
        "machine": {"cores": os.cpu_count()},
        "versions": jobs.versions(),
        "settings": {"neurons": NEURONS, "labelling": LABELLING, "testing": TESTING, "turn": 90 * TURN, "noise": NOISE},
    }
    models: dict[Any, Model] = {}
    for shift, seed, method, rate in cases():
        if (shift, seed, method, rate) in done:
            continue
        before = (shift == "classes", seed)
        one, models[before] = run(shift, seed, method, rate, models.get(before))
        result["runs"].append(one)
        checkpoint.write_json(given.out, result)
        last = " ".join(f"{name} {100 * value:.1f}" for name, value in one["points"][-1].items() if name != "images")
        print(f"{shift:8} seed {seed} {method:8} {rate:g}: {last}  ({one['seconds']:.0f} s)", flush=True)
    print(table(result["runs"]))
    if given.plot:
        draw(result["runs"], given.plot)


if __name__ == "__main__":
    main()
