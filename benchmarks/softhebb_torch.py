"""Time SoftHebb's training on CIFAR-sized images in plain PyTorch, and save what it learns.

It needs torch and NumPy only, so that it runs in an environment of its own, and prints one JSON object:

    python softhebb_torch.py --images FILE.npy --batches 33 --threads 1 --layers 3

FILE.npy holds uint8 images (n, channels, height, width). With --weights IN.npz and --save OUT.npz (arrays
layer0.weight, layer1.weight, ...) the training starts from given weights and can be compared with another one.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH = 10  # images
WARM_UP = 3  # batches of each layer that are learned, but not timed
INITIAL_NORM = 25.0
POWER_LR = 0.5  # q


@dataclass(frozen=True)
class Layer:
    """One block: batch normalization, SoftHebb convolution, Triangle^power, pooling."""

    units: int
    kernel: int
    inverse_temperature: float
    learning_rate: float
    power: float
    pool: Callable[[Tensor], Tensor]


# Preset 4SoftHebbCnnCIFAR of Journé, Garcia Rodriguez, Guo and Moraitis, ICLR 2023 (arXiv 2209.11883).
LAYERS = (
    Layer(96, 5, 1.0, 0.08, 0.7, lambda x: functional.max_pool2d(x, 4, 2, 1)),
    Layer(384, 3, 0.65, 0.005, 1.4, lambda x: functional.max_pool2d(x, 4, 2, 1)),
    Layer(1536, 3, 0.25, 0.01, 1.0, lambda x: functional.avg_pool2d(x, 2, 2, 0)),
)


@dataclass(frozen=True)
class Block:
    """A layer's constants with its state; the weight (units, channels, kernel, kernel) changes in place."""

    layer: Layer
    norm: nn.BatchNorm2d
    weight: Tensor


def build(channels: int, layers: tuple[Layer, ...], seed: int) -> list[Block]:
    """Blocks with normal random weights of a norm of about 25 per unit."""
    torch.manual_seed(seed)
    blocks = []
    for layer in layers:
        scale = INITIAL_NORM / (channels * layer.kernel**2) ** 0.5
        weight = scale * torch.randn(layer.units, channels, layer.kernel, layer.kernel)
        blocks.append(Block(layer, nn.BatchNorm2d(channels, affine=False).eval(), weight))
        channels = layer.units
    return blocks


def padded(block: Block, x: Tensor) -> Tensor:
    """Normalized and reflected at the borders: what the convolution and the plasticity see."""
    return functional.pad(block.norm(x), (block.layer.kernel // 2,) * 4, mode="reflect")


def forward(block: Block, x: Tensor) -> Tensor:
    """The block's output."""
    u = functional.conv2d(padded(block, x), block.weight)
    u = torch.relu(u - u.mean(1, keepdim=True)).pow(block.layer.power)
    return block.layer.pool(u)


def as_convolution(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """The sum of y x over images and positions, as a convolution of x with y."""
    return functional.conv2d(x.transpose(0, 1), y.transpose(0, 1)).transpose(0, 1)


def as_gradient(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """The same, as PyTorch's gradient of a convolution."""
    return torch.nn.grad.conv2d_weight(x, weight.shape, y)


PRODUCTS = {"convolution": as_convolution, "gradient": as_gradient}


def update(x: Tensor, u: Tensor, weight: Tensor, layer: Layer, product: str = "convolution") -> Tensor:
    """The change of the weight by one batch, from the padded input and the response to it."""
    y = torch.softmax(layer.inverse_temperature * u, dim=1)
    y = y * torch.full_like(u, -1).scatter_(1, u.argmax(1, keepdim=True), 1)  # only the winner keeps its sign
    delta = PRODUCTS[product](x, y, weight)
    delta = delta - (y * u).sum((0, 2, 3))[:, None, None, None] * weight
    delta = delta / (delta.abs().max() + 1e-30)
    norm = weight.flatten(1).norm(dim=1)
    rate = layer.learning_rate * ((norm - 1).abs() + 1e-10) ** POWER_LR
    return rate[:, None, None, None] * delta


def learn(block: Block, x: Tensor, product: str) -> None:
    """One plastic step. Triangle and pooling follow the plasticity and are not needed for it."""
    block.norm.train()
    x = padded(block, x)
    u = functional.conv2d(x, block.weight)
    block.weight.add_(update(x, u, block.weight, block.layer, product))
    block.norm.eval()


def batch_of(images: np.ndarray, index: int) -> Tensor:
    """Batch number `index`, (10, channels, height, width), as floats from 0 to 1."""
    return torch.from_numpy(images[BATCH * index : BATCH * (index + 1)]).float() / 255


def train(blocks: list[Block], images: np.ndarray, batches: int, product: str = "convolution") -> list[list[float]]:
    """Layer after layer learns the same batches, behind frozen earlier layers: milliseconds [layer][batch].

    A batch's time covers its conversion, the earlier layers and the plastic step, as in a training loop.
    """
    times: list[list[float]] = []
    with torch.no_grad():
        for number, block in enumerate(blocks):
            times.append([])
            for i in range(batches):
                start = time.perf_counter()
                x = batch_of(images, i)
                for earlier in blocks[:number]:
                    x = forward(earlier, x)
                learn(block, x, product)
                times[-1].append(1e3 * (time.perf_counter() - start))
    return times


def evaluate(blocks: list[Block], images: np.ndarray, batches: int) -> list[float]:
    """The whole net forward in evaluation mode: milliseconds [batch]."""
    times = []
    with torch.no_grad():
        for i in range(batches):
            start = time.perf_counter()
            x = batch_of(images, i)
            for block in blocks:
                x = forward(block, x)
            times.append(1e3 * (time.perf_counter() - start))
    return times


def state(blocks: list[Block]) -> dict[str, np.ndarray]:
    """Copies of the weights and of the running statistics, by name."""
    return {
        f"layer{i}.{name}": value.numpy().copy()
        for i, block in enumerate(blocks)
        for name, value in (
            ("weight", block.weight),
            ("running_mean", block.norm.running_mean),
            ("running_var", block.norm.running_var),
        )
    }


def set_weights(blocks: list[Block], weights: dict[str, np.ndarray]) -> None:
    """Replace the weights by layer0.weight, layer1.weight, ...; other arrays are left alone."""
    for i, block in enumerate(blocks):
        name = f"layer{i}.weight"
        if name not in weights:
            raise ValueError(f"The weights have no array {name}; they hold {', '.join(weights) or 'nothing'}.")
        if weights[name].shape != tuple(block.weight.shape):
            raise ValueError(f"{name} has shape {weights[name].shape}; {tuple(block.weight.shape)} is needed.")
        block.weight.copy_(torch.from_numpy(weights[name]))


def train_from(
    weights: dict[str, np.ndarray], images: np.ndarray, batches: int, layers: tuple[Layer, ...] = LAYERS
) -> dict[str, np.ndarray]:
    """The weights and running statistics after `batches` batches for each layer, from given weights."""
    blocks = build(images.shape[1], layers, seed=0)
    set_weights(blocks, weights)
    train(blocks, images, batches)
    return state(blocks)


def check_one_step() -> None:
    """One step that was worked out by hand: x = (1, 0, -1), two units, t = 1, eta = 0.08, q = 1/2."""
    x = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64).view(1, 3, 1, 1)
    weight = torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]], dtype=torch.float64).view(2, 3, 1, 1)
    layer = Layer(2, 1, 1.0, 0.08, 1.0, lambda x: x)
    expected = torch.tensor([[1.92, 0.0, -0.0266666667], [-0.00510381315, 3.0, 0.00510381315]], dtype=torch.float64)
    for product in PRODUCTS:
        after = (weight + update(x, functional.conv2d(x, weight), weight, layer, product)).view(2, 3)
        if not torch.allclose(after, expected, rtol=0.0, atol=1e-9):
            raise RuntimeError(f"The plastic step gives {after.tolist()} instead of {expected.tolist()}.")


def summary(times: list[float]) -> dict[str, float | None]:
    """Median and mean without the warm-up; none where nothing is left."""
    timed = times[WARM_UP:]
    return {
        "median_ms": float(np.median(timed)) if timed else None,
        "mean_ms": float(np.mean(timed)) if timed else None,
    }


def benchmark(options: argparse.Namespace) -> dict[str, object]:
    """Train and time the first layers of the preset; save them if asked."""
    torch.set_num_threads(options.threads)
    check_one_step()
    images = np.load(options.images, allow_pickle=False)
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(f"{options.images} holds {images.dtype} {images.shape}; uint8 images of 4 axes are needed.")
    if len(images) < BATCH * options.batches:
        raise ValueError(
            f"{options.images} holds {len(images)} images; {options.batches} batches take {BATCH * options.batches}."
        )

    blocks = build(images.shape[1], LAYERS[: options.layers], options.seed)
    if options.weights:
        with np.load(options.weights, allow_pickle=False) as file:
            set_weights(blocks, dict(file))
    train_times = train(blocks, images, options.batches, options.product)
    test_times = evaluate(blocks, images, options.batches)
    if options.save:
        np.savez(options.save, allow_pickle=False, **state(blocks))

    return {
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "threads": torch.get_num_threads(),
        "batch_size": BATCH,
        "batches": options.batches,
        "product": options.product,
        "warm_up_batches": WARM_UP,
        "learn": [summary(times) for times in train_times],
        "forward": summary(test_times),
    }


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="uint8 (n, channels, height, width), .npy")
    parser.add_argument("--batches", type=int, default=33, help=f"of {BATCH} images, for each layer; {WARM_UP} untimed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layers", type=int, default=len(LAYERS), choices=range(1, len(LAYERS) + 1))
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights")
    parser.add_argument("--product", choices=list(PRODUCTS), default="convolution", help="how y x is summed")
    parser.add_argument("--weights", type=Path, help="initial weights instead of random ones, .npz")
    parser.add_argument("--save", type=Path, help="file for weights and running statistics after training, .npz")
    options = parser.parse_args()
    if options.batches < 1 or options.threads < 1:
        parser.error("--batches and --threads must be at least 1")
    return options


if __name__ == "__main__":
    print(json.dumps(benchmark(parse_options()), indent=2))
