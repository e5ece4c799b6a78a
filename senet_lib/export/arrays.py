"""Networks as plain arrays, for the figures that run them in the page (``figures/parts/network_arithmetic.js``)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.networks.models import ResNet
from senet_lib.networks.residual_blocks import BasicBlock, PaddedShortcut
from senet_lib.networks.squeeze_excitation import SqueezeExcitation


def network_arrays(
    model: ResNet, mean: Sequence[float], std: Sequence[float], stages: int | None = None
) -> dict[str, np.ndarray]:
    """A network's weights with batch normalisation folded into the convolutions, as float32 arrays.

    Args:
        model: of basic blocks, with or without SE; it is used as in evaluation mode.
        mean: of each colour channel, as in training; black is 0 and white is 1.
        std: the same for the standard deviation.
        stages: how many stages to take, from the first on; None for all, with the last layer.

    Returns:
        From name to array. Names are those of the state dict; for each block there is also its stride.

    Raises:
        ValueError: if stages is out of range, or the stem or a block is of a kind that the page cannot run.
    """
    names = model.stage_names
    if not isinstance(model.maxpool, nn.Identity):
        raise ValueError('the network pools in its stem; the page can run stem="3x3" only')
    if stages is not None and not 1 <= stages <= len(names):
        raise ValueError(f"stages is {stages}; the network has {len(names)}: give 1 to {len(names)}, or None for all")
    arrays = {"mean": _array(torch.tensor(mean)), "std": _array(torch.tensor(std))}
    arrays |= _folded("conv1", model.conv1, model.bn1)
    for stage in names[:stages]:
        for number, block in model.get_submodule(stage).named_children():
            arrays |= _block_arrays(f"{stage}.{number}", block)
    if stages is None:
        arrays |= _linear("fc", model.fc)
    return arrays


def _block_arrays(name: str, block: nn.Module) -> dict[str, np.ndarray]:
    if not isinstance(block, BasicBlock):
        raise ValueError(f"{name} is a {type(block).__name__}; the page can run a BasicBlock only")
    if block.placement != "standard" or isinstance(block.downsample, PaddedShortcut):
        raise ValueError(
            f"{name} has another placement or shortcut; the page can run 'standard' with 'projection' only"
        )
    arrays = {f"{name}.stride": np.array([block.conv1.stride[0]])}
    arrays |= _folded(f"{name}.conv1", block.conv1, block.bn1) | _folded(f"{name}.conv2", block.conv2, block.bn2)
    if isinstance(block.downsample, nn.Sequential):
        projection: list[Any] = list(block.downsample)
        arrays |= _folded(f"{name}.downsample", *projection)
    attention = block.attention
    if isinstance(attention, SqueezeExcitation):
        arrays |= _linear(f"{name}.attention.fc1", attention.fc1) | _linear(f"{name}.attention.fc2", attention.fc2)
    elif not isinstance(attention, nn.Identity):
        raise ValueError(f"{name} has a {type(attention).__name__}; the page can run SqueezeExcitation only")
    return arrays


def _folded(name: str, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> dict[str, np.ndarray]:
    """One convolution with a bias that does what a convolution and a batch normalisation do in evaluation mode."""
    state = norm.state_dict()
    scale = state["weight"] / torch.sqrt(state["running_var"] + norm.eps)  # (C,)
    weight = convolution.weight * scale[:, None, None, None]
    return {f"{name}.weight": _array(weight), f"{name}.bias": _array(state["bias"] - state["running_mean"] * scale)}


def _linear(name: str, layer: nn.Linear) -> dict[str, np.ndarray]:
    bias = layer.bias if layer.bias is not None else torch.zeros(layer.out_features)
    return {f"{name}.weight": _array(layer.weight), f"{name}.bias": _array(bias)}


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float32)
