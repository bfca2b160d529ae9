"""What a GPU gains: windows, learning, replicas and classification on CPU and GPU, in one run of at most ten minutes.

python benchmarks/gpu.py --out gpu.json [--plot gpu.png] [--minutes 10] [--device cuda] [--keep] [--quick]

Without a GPU it measures the CPU alone, and says so. ``--keep`` keeps the fitted costs for ``--device auto`` and
``spikehebb doctor --advise`` on this machine. Images are made up (784 pixels, 19 % of them bright, as in MNIST): only
the time counts here. For a bare machine: ``make wheels`` and the two commands that it prints.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import multiprocessing
import os
import platform
import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, ms

from spikehebb import conversion, devices, jobs
from spikehebb.conversion.present import build_programs
from spikehebb.core import Circuit, Float, Images, Protocol, Replicas, replicas
from spikehebb.devices import Device, nvcc
from spikehebb.jobs import Settings, stdp_window
from spikehebb.rules import RULES
from spikehebb.simulation import costs, programs
from spikehebb.simulation.plan import Plan
from spikehebb.simulation.replicated_plan import plan_of, values_of
from spikehebb.simulation.simulate import program, simulate
from spikehebb.softhebb import Model, Network, find, training

PIXELS, BRIGHT = 784, 0.19
FEW = 64  # replicas, at most, on a CPU: they gain nothing there
SPIKING = [name for name, rule in RULES.items() if rule.on_pre or rule.on_post]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network that is presented with images: learning or frozen, and how many replicas of it."""

    name: str
    neurons: int
    replicas: int = 0  # 0 is the plain circuit
    learns: bool = True
    images: int = 20  # for each replica


def cases(quick: bool) -> list[Case]:
    """Return what is measured, the most important first."""
    if quick:
        sizes = [Case(name=f"learn {n}", neurons=n, images=40) for n in (20, 200)]
        replicated = [Case(name=f"learn 20, {n} replicas", neurons=20, replicas=n, images=20) for n in (2, 8)]
        return [
            *sizes,
            *replicated,
            Case(name="classify 20, 2 replicas", neurons=20, replicas=2, learns=False, images=40),
        ]
    learning = [Case(name=f"learn {n}", neurons=n, images=i) for n, i in ((400, 200), (1600, 80), (6400, 40))]
    replicated = [
        Case(name=f"learn 400, {n} replicas", neurons=400, replicas=n, images=i)
        for n, i in ((64, 10), (1, 200), (16, 20), (4, 50), (256, 5))
    ]
    frozen = [Case(name="classify 400", neurons=400, learns=False, images=200)] + [
        Case(name=f"classify 400, {n} replicas", neurons=400, replicas=n, learns=False, images=i)
        for n, i in ((64, 20), (256, 10))
    ]
    return [*learning, *replicated, *frozen]


def made_up(count: int, rng: np.random.Generator) -> Float:
    """Return rows of pixels of length 1."""
    rows = rng.random((count, PIXELS)) * (rng.random((count, PIXELS)) < BRIGHT)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def network(case: Case) -> Circuit | Replicas:
    rng, settings = np.random.default_rng(0), Settings(neurons=case.neurons)
    weights = np.abs(rng.standard_normal((PIXELS, case.neurons)))
    circuit = settings.build(settings.start_norm * weights / np.linalg.norm(weights, axis=0))
    circuit = circuit if case.learns else circuit.frozen()
    return replicas(circuit, case.replicas) if case.replicas else circuit


def protocol_for(case: Case, images: int) -> Protocol | list[Protocol]:
    """Return what is presented: other images to each replica."""
    rng = np.random.default_rng(1)

    def one() -> Protocol:
        return Protocol(stimuli={"input": made_up(images, rng)}, duration=images * 50 * ms, presentation=50 * ms)

    return [one() for _ in range(case.replicas)] if case.replicas else one()


def plan(case: Case) -> Plan:
    return plan_of(network(case), protocol_for(case, 2 * case.images), dt=1 * ms)


def build(case: Case, device: Device, profile: bool) -> float:
    """Compile the program of a case and return how long that took."""
    start = time.perf_counter()
    program(plan(case), device, profile=profile)
    return time.perf_counter() - start


def window(rule: str, device: Device) -> dict[str, Any]:
    """Measure a window, compiled before and then timed."""
    run = functools.partial(
        stdp_window, RULES[rule], np.linspace(-50, 50, 41) * ms, repeats=3, frequency=5 * Hz, device=device, dt=0.1 * ms
    )
    start = time.perf_counter()
    run()
    first, start = time.perf_counter() - start, time.perf_counter()
    response = run()
    return {"first_s": first, "seconds": time.perf_counter() - start, "dw": np.asarray(response.dw).tolist()}


@contextmanager
def watched(device: Device) -> Iterator[dict[str, int]]:
    """Keep the most memory that is in use on the GPU meanwhile, in MiB, beyond what was in use before."""
    most = {"memory_MiB": 0}
    if not devices.on_gpu(device):
        yield most
        return
    before, ended = nvcc.gpu(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            most["memory_MiB"] = max(most["memory_MiB"], before.free - nvcc.gpu().free)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def measure(case: Case, device: Device, repeats: int = 3) -> dict[str, Any]:
    """Time a step: the difference between a run and one of half the length, which both start and end alike."""
    circuit, seconds = network(case), {}
    with watched(device) as most:
        for images in (case.images, 2 * case.images):
            protocol = protocol_for(case, images)
            seconds[images] = [simulate(circuit, protocol, device=device, dt=1 * ms) for _ in range(repeats)]
    short, long = (min(run.seconds for run in runs) for runs in seconds.values())
    recording = seconds[2 * case.images][0]
    steps = 50 * case.images
    networks = max(1, case.replicas)
    step = max(long - short, 1e-9) / steps
    return {
        "seconds_per_step": step,
        "images_per_second": networks / (50 * step),
        "start_and_end_s": max(0.0, 2 * short - long),
        "spikes_per_step": {name: float(counts.sum()) / (2 * steps) for name, counts in recording.counts.items()},
        **most,
    }


def kernels(case: Case, device: Device) -> dict[str, float]:
    """Return the share of each kernel in a step, measured one by one."""
    circuit, protocol = network(case), protocol_for(case, 2 * case.images)
    of = plan(case)
    built = program(of, device, profile=True)
    values = values_of(circuit, protocol, of, seed=0)
    duration = 2 * case.images * 0.05
    with programs.run(built, duration=duration, seed=0, values=values) as results:
        lines = (results.folder / "profiling_info.txt").read_text().splitlines()
    times = {name: float(value) for name, value in (line.split("\t") for line in lines)}
    steps = 50 * 2 * case.images
    return {name: value / steps for name, value in sorted(times.items(), key=lambda item: -item[1])}


def convolutional(quick: bool) -> tuple[conversion.SpikingNetwork, Images]:
    """Return a converted network with one convolution (random weights: only the time counts), and images."""
    pixels = np.random.default_rng(2).random((16 if quick else 64, 28, 28))
    images = Images(name="made up", pixels=pixels, labels=np.zeros(len(pixels), int))
    layer = dataclasses.replace(find("cifar-1").layers[0], units=8 if quick else 96)
    model = Model(network=(net := Network(image_shape=(1, 28, 28), layers=(layer,))), layers=training.start(net, 0))
    return conversion.to_spiking(model, images), images


def convolved(device: Device, replicas: int | None, quick: bool) -> dict[str, Any]:
    """Time the converted convolutional network: images per second, compiled before."""
    net, images = convolutional(quick)
    start = time.perf_counter()
    build_programs(net, device, replicas)
    first, start = time.perf_counter() - start, time.perf_counter()
    shown = conversion.present(net, images, device=device, replicas=replicas)
    seconds = time.perf_counter() - start
    return {"compile_s": first, "images_per_second": len(images) / seconds, "spikes": float(np.sum(shown.spikes))}


def everything(arguments: argparse.Namespace, gpu: Device | None) -> dict[str, Any]:
    """Measure until it is done or the time is up; what was left out is named."""
    end = time.monotonic() + 60 * arguments.minutes
    quick, chosen = arguments.quick, [devices.CPP] + ([gpu] if gpu else [])
    results: dict[str, Any] = {"compile_s": {}, "cases": {}, "windows": {}, "convolution": {}, "left_out": []}
    names = SPIKING[:2] if quick else SPIKING
    with ProcessPoolExecutor(arguments.processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        compiled: dict[tuple[str, str], Future[float]] = {}
        measured = [(case, d) for case in cases(quick) for d in chosen if devices.on_gpu(d) or case.replicas <= FEW]
        for case, device in measured:
            compiled[case.name, device.name] = pool.submit(build, case, device, False)
        profiled = profiles(quick) if gpu else []
        for case in profiled:
            compiled[case.name, "kernels"] = pool.submit(build, case, gpu or devices.CUDA, True)
        wait(compiled.values(), timeout=60 * arguments.minutes / 2)  # so that nothing disturbs what is measured

        def left(what: str, reserve: float = 0) -> bool:
            if time.monotonic() < end - reserve:
                return False
            results["left_out"].append(what)
            return True

        for case, device in measured:
            if not left(f"{case.name} on {device.name}", reserve=60 * arguments.minutes / 3):
                results["compile_s"][f"{case.name}, {device.name}"] = compiled[case.name, device.name].result()
                measurement = measure(case, device)
                results["cases"].setdefault(case.name, {})[device.name] = measurement
                say(f"{case.name:24} {device.name:5} {measurement['images_per_second']:12.1f} images/s")
        for case in profiled:
            if not left(f"kernels of {case.name}", reserve=60 * arguments.minutes / 4):
                compiled[case.name, "kernels"].result()
                results.setdefault("kernels", {})[case.name] = kernels(case, gpu or devices.CUDA)
        for device in chosen:
            for replicas in (None, 2 if quick else 64):
                what = f"{device.name}, {replicas or 'no'} replicas"
                if not left(f"convolution on {what}", reserve=60 * arguments.minutes / 6):
                    results["convolution"][what] = convolved(device, replicas, quick)
        windows = {(n, d.name): pool.submit(window, n, d) for n in names for d in chosen}
        for (name, device_name), waiting in windows.items():
            try:
                measurement = waiting.result(max(0.1, end - time.monotonic()))
            except TimeoutError:
                results["left_out"].append(f"window of {name} on {device_name}")
                waiting.cancel()
                continue
            results["windows"].setdefault(name, {})[device_name] = measurement
        pool.shutdown(cancel_futures=True)
    return results


def profiles(quick: bool) -> list[Case]:
    """Return whose kernels are measured one by one."""
    named = ("learn 20", "learn 20, 2 replicas") if quick else ("learn 400", "learn 400, 64 replicas", "learn 6400")
    return [case for case in cases(quick) if case.name in named]


def fitted(results: dict[str, Any], quick: bool, names: list[str], where: str) -> dict[str, costs.Cost]:
    """Fit what a step costs, on the CPU and on the GPU."""
    fits = {}
    for name in names:
        loads, seconds = [], []
        for case in cases(quick):
            measured = results["cases"].get(case.name, {}).get(name)
            if measured and measured["seconds_per_step"] > 1e-8:
                loads.append(costs.load_of(plan(case), measured["spikes_per_step"]))
                seconds.append(measured["seconds_per_step"])
        on = where if name != "cpp" else f"one core, {platform.processor() or platform.machine()}"
        try:
            fits["cpu" if name == "cpp" else "gpu"] = costs.fit(
                loads, seconds, measured=f"{on}, {date.today().isoformat()}"
            )
        except ValueError as error:
            say(f"no costs of {name}: {error}")
    return fits


def compared(results: dict[str, Any], gpu: str) -> dict[str, Any]:
    """Return what the issue asks: how many times faster, and how far windows differ."""
    cases, ratios = results["cases"], dict[str, Any]()
    alone = cases.get("learn 400", {}).get("cpp", {}).get("images_per_second")
    for name, both in cases.items():
        if gpu in both and "cpp" in both:
            ratios[f"{name}: GPU / one core"] = both[gpu]["images_per_second"] / both["cpp"]["images_per_second"]
        if gpu in both and alone and name.startswith("learn 400,"):
            ratios[f"{name}: GPU / one network on one core"] = both[gpu]["images_per_second"] / alone
    differences = [
        float(np.max(np.abs(np.subtract(both[gpu]["dw"], both["cpp"]["dw"]))))
        for name, both in results["windows"].items()
        if gpu in both and "cpp" in both and "rand" not in "".join(RULES[name].texts().values())
    ]
    if differences:
        ratios["windows compared"] = len(differences)
        ratios["largest difference of a weight change"] = max(differences)
    return ratios


def draw(results: dict[str, Any], path: Path, title: str) -> None:
    """Plot images per second over replicas, and the kernels of a step."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    for what, style in (("learn", "o-"), ("classify", "s--")):
        points: dict[str, list[tuple[int, float]]] = {}
        for name, both in results["cases"].items():
            if name.startswith(what) and "replicas" in name:
                count = int(name.split(", ")[1].split()[0])
                for device, measurement in both.items():
                    points.setdefault(device, []).append((count, measurement["images_per_second"]))
        for device, pairs in points.items():
            color = "C0" if device == "cpp" else "C1"
            left.loglog(*zip(*sorted(pairs), strict=True), style, color=color, label=f"{what}, {device}")
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.xaxis.set_minor_formatter(NullFormatter())
    left.set_xticks(sorted({int(x) for line in left.lines for x in np.asarray(line.get_xdata())}))
    left.set_xlabel("replicas in one simulation")
    left.set_ylabel("images per second")
    if left.get_legend_handles_labels()[0]:
        left.legend(fontsize=8)
    measured = results.get("kernels", {})
    if measured:
        case = next((name for name in measured if "replicas" in name), next(iter(measured)))
        bars = {re.sub(r"_codeobject(_\d+)?$", "", name): 1e6 * value for name, value in measured[case].items()}
        shown = dict(list(bars.items())[:12])
        right.barh(list(shown), list(shown.values()))
        right.invert_yaxis()
        right.set_xlabel("microseconds per step (each kernel waited for)")
        right.set_title(case, fontsize=10)
    else:
        right.axis("off")
        right.text(0.5, 0.5, "kernels: not yet measured on a GPU", ha="center", transform=right.transAxes)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--device", choices=("cuda", "cuda-single"), default="cuda")
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="that compile")
    parser.add_argument("--keep", action="store_true", help="the fitted costs, for advice on this machine")
    parser.add_argument("--quick", action="store_true", help="tiny networks: only to see that all works")
    arguments = parser.parse_args()
    gpus = nvcc.gpus()
    gpu = devices.find(arguments.device) if gpus else None
    where = gpus[0].name if gpus else "no GPU"
    say(f"GPU: {where}" if gpus else "no GPU here: the CPU alone is measured")
    start = time.monotonic()
    results = everything(arguments, gpu)
    names = ["cpp"] + ([gpu.name] if gpu else [])
    cost = fitted(results, arguments.quick, names, where)
    if arguments.keep:
        costs.keep(**cost)
    content = {
        "command": " ".join(["python", *sys.argv]),
        "versions": jobs.versions(),
        "processor": platform.processor() or platform.machine(),
        "gpu": asdict(gpus[0]) if gpus else None,
        "compiler": devices.compiler(),
        "nvcc": nvcc.toolkit().version if gpus else None,
        "minutes": (time.monotonic() - start) / 60,
        "compared": compared(results, gpu.name) if gpu else {},
        "costs": {name: asdict(fit) for name, fit in cost.items()},
        **results,
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    for name, value in content["compared"].items():
        say(f"{name}: {value:.4g}")
    if results["left_out"]:
        say(f"left out, the time was up: {', '.join(results['left_out'])}")
    if arguments.plot:
        draw(results, arguments.plot, f"{where}, brian2cuda" if gpus else "one core; not yet measured on a GPU")


if __name__ == "__main__":
    main()
