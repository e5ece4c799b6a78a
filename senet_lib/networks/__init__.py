"""Networks with squeeze-and-excitation: the block, what came after it, residual networks, and SE in any other network.

    from senet_lib.networks import SqueezeExcitation, create_model

``squeeze_excitation.py`` has the SE block; ``attention.py`` and ``map_attention.py`` what came after it, for the same
slot. ``residual_blocks.py`` has the blocks with that slot, ``models.py`` the networks, ``architectures.py`` their
settings by name. ``insert.py`` puts SE into any other network; ``residual_branches.py`` and ``module_choice.py`` find
the places for it.
"""

from senet_lib.networks.attention import ATTENTION_COSTS, ATTENTIONS
from senet_lib.networks.insert import insert_squeeze_excitation
from senet_lib.networks.models import ResNet, create_model, list_models
from senet_lib.networks.residual_blocks import BasicBlock, Bottleneck
from senet_lib.networks.residual_branches import residual_branches
from senet_lib.networks.squeeze_excitation import SQUEEZE_OPERATORS, NoSqueeze, SqueezeExcitation, hidden_width

__all__ = [
    "ATTENTIONS",
    "ATTENTION_COSTS",
    "SQUEEZE_OPERATORS",
    "BasicBlock",
    "Bottleneck",
    "NoSqueeze",
    "ResNet",
    "SqueezeExcitation",
    "create_model",
    "hidden_width",
    "insert_squeeze_excitation",
    "list_models",
    "residual_branches",
]
