"""Where the time goes that SE adds to a step of training: each pass over the maps, and the least it can take.

    python -m benchmarks.se_step_profile            (--quick for a look)

SE-ResNet-50 beside ResNet-50 with channels last, on the CPU, and alone what SE adds: the passes over the maps of its
16 blocks as torch runs them one after the other, its two small layers, and the optimizer's work for their weights.
Beside each pass stands the least: the same bytes read and written by the plainest call there is (``sum``, ``copy_``,
``dot``), into memory that is already there. Two ways to need fewer passes are added up from these:

- *separate*: squeeze and rescale are two functions of autograd, but the backward pass of rescale makes both gradients
  in one go;
- *one function*: the whole block is one function with a backward pass by hand, that reads twice and writes once.

A clock of the processor's time is used, which stands still while other programs run; one thread. All works run in
turn, see benchmarks/timing.py. Result: a table, and benchmarks/results/se_step_profile.json.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import networks
from benchmarks.timing import begin_record, finish, in_words, median_ms, paired_ratio, parse_options, time_in_turn
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

PLAIN, WITH_SE = "resnet50", "se_resnet50"
BATCH, SIZE = 4, 224
CPU = torch.device("cpu")


class Map(NamedTuple):
    """What one block works on: its input, the gradient of its output, memory to write to, and values per channel."""

    u: Tensor
    g: Tensor
    y: Tensor
    s: Tensor  # (B, C, 1, 1)
    z: Tensor  # (B, C)


# As torch runs them. The gradient of the gates is the sum of a product that is written out.
PASSES: dict[str, Callable[[Map], object]] = {
    "squeeze: sum of u": lambda m: m.u.sum((2, 3)),
    "rescale: u * s": lambda m: m.u * m.s,
    "gradient of u: g * s": lambda m: m.g * m.s,
    "gradient of s: g * u": lambda m: m.g * m.u,
    "gradient of s: sum of g * u": lambda m: m.y.sum((2, 3)),
    "gradient of u: add the squeeze's": lambda m: m.y.add_(m.s),
}
# The plainest calls that read and write as many bytes.
LEAST: dict[str, Callable[[Map], object]] = {
    "read one": lambda m: flat(m.u).sum(),
    "read one, write one": lambda m: m.y.copy_(m.u),
    "read two": lambda m: torch.dot(flat(m.u), flat(m.g)),
    "read two, write one": lambda m: torch.mul(m.u, m.g, out=m.y),
    "read and write in place": lambda m: m.y.add_(1.0),
}
FORMS = {
    "separate, the least": ("read one", "read one, write one", "read two, write one", "read and write in place"),
    "one function, the least": ("read one", "read one, write one", "read two", "read one, write one"),
}
LAYERS, OPTIMIZER, BLOCKS = "two small layers", "optimizer", "all blocks, alone"


def main() -> int:
    torch.set_num_threads(1)  # of several, the times are added
    options = parse_options(__doc__, repeats=15, what="work", quick="3 rounds")
    setting = {"repeats": options.repeats, "batch": BATCH, "size": SIZE}
    profile = summarise(measure((PLAIN, WITH_SE), BATCH, SIZE, options.repeats))
    print(format_profile(profile))
    record = begin_record("se_step_profile", CPU, **setting, **profile)
    return finish("se_step_profile", record, write=not options.quick, kept="It has no budget.")


def measure(names: tuple[str, str], batch: int, size: int, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of the processor's time of each work in each round; the steps are called PLAIN and WITH_SE."""
    torch.manual_seed(0)
    x = torch.randn(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    models = [create_model(name).to(memory_format=torch.channels_last) for name in names]
    labels = torch.zeros(batch, dtype=torch.long)
    sites = blocks_and_maps(models[1], x)
    weights = [p for block, _ in sites for p in deepcopy(block).parameters()]
    for p in weights:
        p.grad = torch.zeros_like(p)
    works: dict[str, Callable[[], object]] = {
        name: networks.work(model, x, labels, "training") for name, model in zip((PLAIN, WITH_SE), models, strict=True)
    }
    works[BLOCKS] = lambda: [backward(block, m.u, block.parameters(), m.g) for block, m in sites]
    works[LAYERS] = lambda: [backward(block.excite, m.z, block.parameters(), m.z) for block, m in sites]
    works[OPTIMIZER] = torch.optim.SGD(weights, lr=1e-4, momentum=0.9).step
    works |= {name: partial(over_all, one, sites) for name, one in (PASSES | LEAST).items()}
    return time_in_turn(works, repeats, CPU, warmups=1, clock=time.process_time)


def blocks_and_maps(model: nn.Module, x: Tensor) -> list[tuple[SqueezeExcitation, Map]]:
    """The SE blocks of a network, and for each the memory that a step works on, in the network's own shapes."""
    shapes: dict[SqueezeExcitation, torch.Size] = {}
    hooks = [
        block.register_forward_pre_hook(lambda block, inputs: shapes.update({block: inputs[0].shape}))
        for block in model.modules()
        if isinstance(block, SqueezeExcitation)
    ]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return [(block, make_map(shape)) for block, shape in shapes.items()]


def make_map(shape: torch.Size) -> Map:
    u, g, y = (torch.randn(shape).contiguous(memory_format=torch.channels_last) for _ in range(3))
    return Map(u, g, y, torch.rand(*shape[:2], 1, 1), torch.rand(shape[:2]))


def over_all(one: Callable[[Map], object], sites: Sequence[tuple[nn.Module, Map]]) -> None:
    """One pass over the maps of all blocks. Together they do not fit a cache, as in a step."""
    for _, some in sites:
        one(some)


def backward(function: Callable[[Tensor], Tensor], x: Tensor, weights: Iterable[Tensor], upstream: Tensor) -> None:
    """A function's forward and backward pass."""
    x = x.detach().requires_grad_()
    torch.autograd.grad(function(x), [x, *weights], upstream)


def flat(x: Tensor) -> Tensor:
    """The map as it lies in memory: a view of one dimension."""
    return x.permute(0, 2, 3, 1).reshape(-1)


def summarise(times: dict[str, list[float]]) -> dict[str, Any]:
    """The medians, the measured ratio of the two steps, and the ratios that other forms would have at the least.

    ``accounted`` is what the passes, layers and optimizer, each measured alone, add to the plain step.
    """
    medians = median_ms(times)
    plain, beside = medians[PLAIN], medians[LAYERS] + medians[OPTIMIZER]
    return {
        "median_ms": medians,
        "measured": paired_ratio(times[WITH_SE], times[PLAIN]),
        "ratios": {
            name: round(1 + (beside + sum(medians[one] for one in passes)) / plain, 3)
            for name, passes in (("accounted", tuple(PASSES)), *FORMS.items())
        },
    }


def format_profile(record: dict[str, Any]) -> str:
    medians = record["median_ms"]
    lines = [f"{name:36} {ms:9.2f} ms  {ms / medians[PLAIN]:7.2%} of the plain step" for name, ms in medians.items()]
    lines.append(f"\nSE / plain, measured {in_words(record['measured'])}")
    return "\n".join(lines + [f"SE / plain, {name:24} {ratio}" for name, ratio in record["ratios"].items()])


if __name__ == "__main__":
    sys.exit(main())
