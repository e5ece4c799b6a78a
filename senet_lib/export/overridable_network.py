"""A network that shows its gates and lets them be overridden: beside a kernel in torch, in the page as an ONNX file.

One class for both, so that overrides and outputs mean the same in a notebook and in a file. Pictures go into ``run`` as
bytes, 0 to 255, and into ``forward`` and a file as numbers from 0 to 1.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.weights.weight_files import Pretrained


class OverridableNetwork(nn.Module):
    """A classifier with its normalisation, whose gates are outputs and can be overridden.

    Args:
        model: any classifier of pictures, with SE blocks or without. It is put into evaluation mode, and stays on its
            device.
        mean: of each colour channel in training; black is 0 and white is 1.
        std: the same for the standard deviation.

    Attributes:
        blocks: the SE blocks by name, without ``.attention`` at the end, such as "layer2.0".
    """

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
        self.model = model
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean, device=device)[:, None, None])  # (C, 1, 1)
        self.register_buffer("std", torch.tensor(std, device=device)[:, None, None])
        self.blocks = {
            name.removesuffix(".attention"): module
            for name, module in model.named_modules()
            if isinstance(module, SqueezeExcitation)
        }
        self.eval()

    @classmethod
    def of(cls, pretrained: Pretrained) -> "OverridableNetwork":
        return cls(pretrained.model, pretrained.mean, pretrained.std)

    @property
    def channels(self) -> dict[str, int]:
        """Of each block."""
        return {name: block.channels for name, block in self.blocks.items()}

    def forward(self, picture: Tensor, overrides: Sequence[Tensor] = ()) -> tuple[Tensor, ...]:
        """Picture (B, C, H, W) -> logits (B, K), and for each block the gates (B, C) that it computes.

        Args:
            picture: 0 to 1.
            overrides: for each block (1, C) or (B, C), NaN for the network's own gate; or nothing at all.

        Raises:
            ValueError: if a block does not run exactly once.
        """
        gates: dict[str, list[Tensor]] = {name: [] for name in self.blocks}
        given = dict(zip(self.blocks, overrides, strict=True)) if overrides else {}
        hooks = [
            block.gate.register_forward_hook(partial(_note_and_override, gates[name], given.get(name)))
            for name, block in self.blocks.items()
        ]
        try:
            logits = self.model((picture - self.mean) / self.std)
        finally:
            for hook in hooks:
                hook.remove()
        for name, seen in gates.items():
            if len(seen) != 1:
                raise ValueError(f"{name} runs {len(seen)} times in one pass, but has one output; use a block for each")
        return logits, *(seen[0] for seen in gates.values())

    @torch.no_grad()
    def run(
        self, pictures: np.ndarray, overrides: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pictures -> logits and the gates that each block computes.

        Args:
            pictures: uint8 (B, C, H, W), 0 to 255.
            overrides: from the name of a block to the gates that it shall use, (C,); None or NaN keeps its own.

        Returns:
            logits (B, K), and for each block (B, C): its own gates, also where an override takes their place.

        Raises:
            ValueError: if the pictures are not bytes; or an override is of no block, or has not one gate for each
                channel.
        """
        given = overrides or {}
        if unknown := [name for name in given if name not in self.blocks]:
            known = ", ".join(self.blocks) or "none at all"
            raise ValueError(f"there is no block {unknown[0]!r} to override; the network has {known}")
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8:
            raise ValueError(f"the pictures have type {pictures.dtype}; give bytes, 0 to 255: np.uint8")
        rows = [self._row(given.get(name), block.channels) for name, block in self.blocks.items()]
        x = torch.tensor(pictures, device=self.mean.device).float() / 255
        logits, *gates = self(x, rows)
        return logits.cpu().numpy(), {name: s.cpu().numpy() for name, s in zip(self.blocks, gates, strict=True)}

    def _row(self, override: Any, channels: int) -> Tensor:
        """An override as (1, C)."""
        row = [None] * channels if override is None else list(override)
        if len(row) != channels:
            raise ValueError(f"an override has {len(row)} gates for {channels} channels; give one for each")
        return torch.tensor([[math.nan if gate is None else float(gate) for gate in row]], device=self.mean.device)


def _note_and_override(
    seen: list[Tensor], override: Tensor | None, module: nn.Module, inputs: Any, s: Tensor
) -> Tensor:
    seen.append(s)
    return s if override is None else torch.where(torch.isnan(override), s, override)
