"""The equations of ``soft_wta`` as plain loops in PyTorch and JAX: what somebody would write without a simulator.

It runs in an environment of its own, needs NumPy and PyTorch or JAX, and is told by ``peers.py`` what to show. For
each line that it is sent, a seed, it shows the images once, from the same weights, and prints what it measured.

    python peer_loops.py torch learn problem.npz 100
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import numpy as np


def torch_loop(problem: dict[str, Any], learning: bool) -> Any:
    """Return a function that shows rows to a network in PyTorch, single precision, one thread."""
    import torch

    torch.set_num_threads(1)
    decay_x, decay_u, per_step, temperature, chance, eta, lifetime, steps = problem["numbers"]

    torch.set_grad_enabled(False)

    def show(rows: Any, seed: int) -> tuple[float, float, Any]:
        draw = torch.Generator().manual_seed(seed)
        w, rows = torch.tensor(problem["w"], dtype=torch.float32), torch.tensor(rows, dtype=torch.float32)
        x, u, age = torch.zeros(len(w)), torch.zeros(w.shape[1]), torch.zeros(w.shape[1])
        arrived = fired = 0
        for row in rows:
            period = 1 / (row * per_step)
            due = torch.rand(len(w), generator=draw) * period
            x.zero_(), u.zero_()
            for step in range(int(steps)):
                x *= decay_x
                u *= decay_u
                spikes = (due <= step).nonzero()[:, 0]
                winners = (torch.rand(len(u), generator=draw) < chance * torch.softmax(u / temperature, 0)).nonzero()
                for k in winners[:, 0].tolist() if learning else ():
                    w[:, k] += eta / (1 + age[k]) * (x - u[k] * w[:, k])
                u += w[spikes].sum(0)
                x[spikes] += 1
                due[spikes] += period[spikes]
                age[winners[:, 0]] += 1 / lifetime
                arrived, fired = arrived + len(spikes), fired + len(winners)
        return arrived / len(rows), fired / len(rows), w.numpy()

    return show


def jax_loop(problem: dict[str, Any], learning: bool) -> Any:
    """Return a function that shows rows to a network in JAX: one compiled scan over images and over steps."""
    import jax
    import jax.numpy as jnp

    decay_x, decay_u, per_step, temperature, chance, eta, lifetime, steps = problem["numbers"]

    def step(state: Any, now: Any) -> Any:
        w, age, x, u, due, period, key = state
        x, u, (key, draw) = x * decay_x, u * decay_u, jax.random.split(key)
        spikes = due <= now
        fired = jax.random.uniform(draw, u.shape) < chance * jax.nn.softmax(u / temperature)
        if learning:
            change = jnp.where(fired, eta / (1 + age), 0)
            w = jax.lax.cond(fired.any(), lambda w: w + change * (x[:, None] - u * w), lambda w: w, w)
        u = u + spikes.astype(w.dtype) @ w
        state = (w, age + fired / lifetime, x + spikes, u, jnp.where(spikes, due + period, due), period, key)
        return state, (spikes.sum(), fired.sum())

    def image(state: Any, row: Any) -> Any:
        w, age, (key, draw) = state[0], state[1], jax.random.split(state[2])
        period = 1 / (row * per_step)
        due = jax.random.uniform(draw, row.shape) * period
        begun = (w, age, jnp.zeros(len(w)), jnp.zeros(len(age)), due, period, key)
        ended, counts = jax.lax.scan(step, begun, jnp.arange(int(steps)))
        return (ended[0], ended[1], ended[-1]), counts

    scan = jax.jit(lambda w, key, rows: jax.lax.scan(image, (w, jnp.zeros(w.shape[1]), key), rows))

    def show(rows: Any, seed: int) -> tuple[float, float, Any]:
        w = jnp.asarray(problem["w"], jnp.float32)
        (w, *_), counts = scan(w, jax.random.key(seed), jnp.asarray(rows, jnp.float32))
        arrived, fired = (float(count.sum()) / len(rows) for count in counts)
        return arrived, fired, np.asarray(w)

    return show


def seconds() -> float:
    """Return the CPU seconds of this process, with all of its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Show images once for each line."""
    name, what, file, images = sys.argv[1:]
    problem = dict(np.load(file))
    show = {"torch": torch_loop, "jax": jax_loop}[name](problem, what == "learn")
    rows = problem["rows"][: int(images)]
    for line in sys.stdin:
        before = seconds()
        arrived, fired, w = show(rows, int(line))
        found = {
            "seconds": [seconds() - before],
            "memory_mib": [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024],
            "input_spikes": arrived,
            "output_spikes": fired,
            "length": float(np.linalg.norm(w, axis=0).mean()),
            "version": sys.modules[name].__version__,
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
