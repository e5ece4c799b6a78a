"""What came after SE, for networks of few channels: where there is a bottleneck, with r = 4."""

from functools import partial

from senet_lib.networks.attention import ATTENTIONS, ConvolutionalBlockAttention, GlobalContext
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

SMALL_ATTENTIONS = ATTENTIONS | {
    "se": partial(SqueezeExcitation, reduction=4),
    "cbam": partial(ConvolutionalBlockAttention, reduction=4),
    "gc": partial(GlobalContext, reduction=4),
}
