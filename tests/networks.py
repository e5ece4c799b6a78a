"""What tests of blocks and networks share: seeded noise, networks that look trained, counts."""

import torch
from torch import nn


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


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
