"""What tests of blocks and networks share: seeded noise, networks that look trained, counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.weights.weight_files import Pretrained


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal numbers; the seed alone decides."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def settled(module: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics and weights of batch normalisation that are not 0 and 1."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    return module.eval()


def shaken(module: nn.Module) -> nn.Module:
    """Weights and statistics of batch normalisation near 1 and 0 but not there: no layer is idle, no logit explodes."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.8, 1.2)
            nn.init.uniform_(layer.weight, 0.5, 1)
            nn.init.normal_(layer.bias, std=0.1)
    return module


def empty(make: Callable[..., nn.Module], *arguments: Any, **options: Any) -> nn.Module:
    """A network without numbers in it, on the meta device: quick to make, whatever its size."""
    with torch.device("meta"):
        return make(*arguments, **options)


def assert_same_logits(ours: nn.Module, theirs: nn.Module, tolerance: float = 1e-9) -> None:
    """In evaluation and in training mode, on pictures of even and of odd size.

    In 64 bits, which both networks keep: behind 152 layers of batch normalisation, rounding in 32 bits can reach 1e-4.
    """
    ours.double(), theirs.double()
    for height, width in ((64, 64), (41, 75)):
        x = noise(2, 3, height, width).double()
        for is_training in (False, True):
            with torch.no_grad():
                logits, expected = ours.train(is_training)(x), theirs.train(is_training)(x)
            assert expected.std() > 0.01  # not all zeros
            torch.testing.assert_close(logits, expected, atol=tolerance, rtol=tolerance)


@torch.no_grad()
def seen_in_block(trained: Pretrained, pictures: np.ndarray, block: str, gates: Any = None) -> dict[str, np.ndarray]:
    """What hooks see of a block's SE, with these gates (C,) or its own: u, z, hidden, s, x_tilde; and the logits."""
    attention = trained.model.get_submodule(block).attention
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: seen.update({name: output})

    def give(module: nn.Module, inputs: Any, s: torch.Tensor) -> torch.Tensor:
        return s if gates is None else torch.tensor(gates, dtype=s.dtype).expand_as(s)

    hooks = [
        attention.register_forward_pre_hook(lambda module, inputs: seen.update(u=inputs[0])),
        attention.fc1.register_forward_pre_hook(lambda module, inputs: seen.update(z=inputs[0])),
        attention.activation.register_forward_hook(keep("hidden")),
        attention.gate.register_forward_hook(give),
        attention.gate.register_forward_hook(keep("s")),
        attention.register_forward_hook(keep("x_tilde")),
    ]
    mean, std = (torch.tensor(three)[:, None, None] for three in (trained.mean, trained.std))
    seen["logits"] = trained.model((torch.tensor(pictures) / 255 - mean) / std)
    for hook in hooks:
        hook.remove()
    return {name: values.numpy() for name, values in seen.items()}


def squeeze_excitations(model: nn.Module) -> list[SqueezeExcitation]:
    return [module for module in model.modules() if isinstance(module, SqueezeExcitation)]


def hooks_of(model: nn.Module) -> int:
    """How many forward hooks there are in the whole network."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
