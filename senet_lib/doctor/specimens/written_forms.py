"""SE code in the forms in which people write it, for ``listings.py``: sound, and with what one must change for a fault.

Each computes what the network of the same specimen in ``specimen_networks.py`` computes, whatever it calls its parts; a
test compares both. Its layers stand in the same order, so the weights of one fit the other.
"""

from dataclasses import dataclass

GATE, BLOCK, NETWORK = "gate", "block", "network"


@dataclass(frozen=True)
class WrittenForm:
    """A class as somebody has written it.

    Attributes:
        part: which part of a network it is: ``GATE``, ``BLOCK`` or ``NETWORK``. What it may use without showing
            it: ``conv3x3(in_channels, channels, stride=1)`` and ``SELayer(channels)`` in a block, which gets its
            ``downsample`` from outside, and ``SEBasicBlock(in_channels, channels, stride)`` in a network.
        sound: its text, without the fault.
        changes: pairs of a piece of that text, which stands there once, and the same piece with the fault.
    """

    part: str
    sound: str
    changes: tuple[tuple[str, str], ...]

    @property
    def faulty(self) -> str:
        """Its text with the fault."""
        text = self.sound
        for old, new in self.changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {text}"
            text = text.replace(old, new)
        return text


# --- SE blocks --------------------------------------------------------------------------------------------------------

_POOL_AND_VIEW = """\
class SELayer(nn.Module):
    def __init__(self, channel, reduction=4):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)
"""

_ONE_SEQUENTIAL = """\
class SEBlock(nn.Module):
    def __init__(self, filters, ratio=4):
        super().__init__()
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(filters, filters // ratio, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(filters // ratio, filters, kernel_size=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.se(x)
"""

_SCALE_IN_A_METHOD = """\
class SqueezeExcitation(nn.Module):
    def __init__(self, input_channels, squeeze_factor=4):
        super().__init__()
        squeeze_channels = input_channels // squeeze_factor
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)

    def _scale(self, input):
        scale = F.adaptive_avg_pool2d(input, 1)
        scale = F.relu(self.fc1(scale))
        return torch.sigmoid(self.fc2(scale))

    def forward(self, input):
        scale = self._scale(input)
        return input * scale
"""

_KEEP_DIMENSIONS = """\
class SEModule(nn.Module):
    def __init__(self, channels, rd_ratio=4):
        super().__init__()
        rd_channels = channels // rd_ratio
        self.conv_reduce = nn.Conv2d(channels, rd_channels, kernel_size=1)
        self.act1 = nn.ReLU(inplace=True)
        self.conv_expand = nn.Conv2d(rd_channels, channels, kernel_size=1)
        self.gate = nn.Sigmoid()

    def forward(self, x):
        x_se = x.mean((2, 3), keepdim=True)
        x_se = self.conv_reduce(x_se)
        x_se = self.act1(x_se)
        x_se = self.conv_expand(x_se)
        return x * self.gate(x_se)
"""

_TWO_LINEAR_LAYERS = """\
class ChannelSE(nn.Module):
    def __init__(self, num_channels, reduction_ratio=4):
        super().__init__()
        reduced = num_channels // reduction_ratio
        self.fc1 = nn.Linear(num_channels, reduced)
        self.fc2 = nn.Linear(reduced, num_channels)

    def forward(self, input_tensor):
        squeezed = torch.mean(input_tensor, dim=(2, 3))
        hidden = F.relu(self.fc1(squeezed))
        gates = torch.sigmoid(self.fc2(hidden))
        return torch.mul(input_tensor, gates.unsqueeze(-1).unsqueeze(-1))
"""

_EINSUM = """\
class Excite(nn.Module):
    def __init__(self, dim, r=4):
        super().__init__()
        self.down = nn.Linear(dim, dim // r)
        self.up = nn.Linear(dim // r, dim)

    def forward(self, x):
        places = x.shape[2] * x.shape[3]
        z = torch.einsum("bchw->bc", x) / places
        s = self.up(self.down(z).relu()).sigmoid()
        return torch.einsum("bchw,bc->bchw", x, s)
"""

_STEP_BY_STEP = """\
class SE_Block(nn.Module):
    def __init__(self, in_chnls, ratio=16):
        super().__init__()
        width = in_chnls // ratio
        self.squeeze = nn.AdaptiveAvgPool2d((1, 1))
        self.compress = nn.Conv2d(in_chnls, width, 1, 1, 0)
        self.excitation = nn.Conv2d(width, in_chnls, 1, 1, 0)

    def forward(self, x):
        out = self.squeeze(x)
        out = self.compress(out)
        out = F.relu(out)
        out = self.excitation(out)
        return x * torch.sigmoid(out)
"""

# --- residual blocks --------------------------------------------------------------------------------------------------

_ALL_IN_ONE = """\
class SEBasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.fc1 = nn.Linear(planes, planes // 4)
        self.fc2 = nn.Linear(planes // 4, planes)
        self.downsample = downsample or nn.Identity()

    def se(self, u):
        z = u.mean((2, 3))
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(z))))
        return u * s[:, :, None, None]

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = self.se(out)
        out += self.downsample(x)
        return F.relu(out)
"""

_DOWNSAMPLE = """\
class SEResidualBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.se = SELayer(planes)
        self.downsample = downsample

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        out = self.conv1(x)
        out = self.relu(self.bn1(out))
        out = self.se(self.bn2(self.conv2(out)))
        return self.relu(out + residual)
"""

_RESIDUAL_SEQUENTIAL = """\
class BasicResidualSEBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.excite = SELayer(out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x):
        shortcut = self.shortcut(x)
        residual = self.excite(self.residual(x))
        return F.relu(residual + shortcut)
"""

# --- networks ---------------------------------------------------------------------------------------------------------

_SMALL_NETWORK = """\
class SENet(nn.Module):
    def __init__(self, num_classes=4, in_channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = SEBasicBlock(16, 16, stride=2)
        self.layer2 = SEBasicBlock(16, 32, stride=1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        return self.fc(x)
"""

_NETWORK_FOR_LARGE_PICTURES = """\
class SEResNet(nn.Module):
    def __init__(self, num_classes=4, in_channels=3):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 16, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
            SEBasicBlock(16, 16, stride=1),
            SEBasicBlock(16, 32, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(32, num_classes)

    def forward(self, x):
        return self.classifier(self.features(x))
"""


def _form(part: str, sound: str, *changes: tuple[str, str]) -> WrittenForm:
    return WrittenForm(part, sound, changes)


# By the names of ``faults.SPECIMENS``.
WRITTEN_FORMS: dict[str, WrittenForm] = {
    "input-squared": _form(BLOCK, _ALL_IN_ONE, ("out = self.se(out)", "out = self.se(out) * out")),
    "gates-squared": _form(GATE, _SCALE_IN_A_METHOD, ("return input * scale", "return input * scale * scale")),
    "softmax-output": _form(NETWORK, _SMALL_NETWORK, ("return self.fc(x)", "return F.softmax(self.fc(x), dim=1)")),
    "width-is-ratio": _form(
        GATE,
        _POOL_AND_VIEW,
        ("nn.Linear(channel, channel // reduction)", "nn.Linear(channel, reduction)"),
        ("nn.Linear(channel // reduction, channel)", "nn.Linear(reduction, channel)"),
    ),
    "no-hidden-unit": _form(GATE, _TWO_LINEAR_LAYERS, ("reduction_ratio=4", "reduction_ratio=64")),
    "rounded-width": _form(GATE, _STEP_BY_STEP, ("width = in_chnls // ratio", "width = round(in_chnls / ratio)")),
    "one-bias": _form(
        GATE,
        _ONE_SEQUENTIAL,
        (
            "nn.Conv2d(filters, filters // ratio, kernel_size=1)",
            "nn.Conv2d(filters, filters // ratio, kernel_size=1, bias=False)",
        ),
    ),
    "relu-gate": _form(
        GATE, _EINSUM, ("s = self.up(self.down(z).relu()).sigmoid()", "s = self.up(self.down(z).relu()).relu()")
    ),
    "no-gate-function": _form(GATE, _TWO_LINEAR_LAYERS, ("torch.sigmoid(self.fc2(hidden))", "self.fc2(hidden)")),
    "softmax-gate": _form(GATE, _ONE_SEQUENTIAL, ("nn.Sigmoid()", "nn.Softmax(dim=1)")),
    "fixed-pool": _form(
        GATE, _STEP_BY_STEP.replace("ratio=16", "ratio=4"), ("nn.AdaptiveAvgPool2d((1, 1))", "nn.AvgPool2d(16)")
    ),
    "wrong-axes": _form(
        GATE, _TWO_LINEAR_LAYERS, ("torch.mean(input_tensor, dim=(2, 3))", "torch.mean(input_tensor, dim=(1, 2))")
    ),
    "batch-mean": _form(GATE, _KEEP_DIMENSIONS, ("x.mean((2, 3), keepdim=True)", "x.mean((0, 2, 3), keepdim=True)")),
    "added-gates": _form(GATE, _POOL_AND_VIEW, ("return x * y.expand_as(x)", "return x + y.expand_as(x)")),
    "no-return": _form(GATE, _KEEP_DIMENSIONS, ("return x * self.gate(x_se)", "x * self.gate(x_se)")),
    "norm-after-gate": _form(
        BLOCK, _DOWNSAMPLE, ("out = self.se(self.bn2(self.conv2(out)))", "out = self.bn2(self.se(self.conv2(out)))")
    ),
    "convolution-bias": _form(
        BLOCK,
        _RESIDUAL_SEQUENTIAL,
        ("3, stride, 1, bias=False)", "3, stride, 1)"),
        ("3, 1, 1, bias=False)", "3, 1, 1)"),
    ),
    "gated-shortcut": _form(
        BLOCK,
        _DOWNSAMPLE,
        ("out = self.se(self.bn2(self.conv2(out)))", "out = self.bn2(self.conv2(out))"),
        ("return self.relu(out + residual)", "return self.relu(out + self.se(residual))"),
    ),
    "gated-sum": _form(
        BLOCK,
        _ALL_IN_ONE,
        ("        out = self.se(out)\n", ""),
        ("return F.relu(out)", "return self.se(F.relu(out))"),
    ),
    "relu-before-gate": _form(
        BLOCK,
        _DOWNSAMPLE,
        ("out = self.se(self.bn2(self.conv2(out)))", "out = self.se(self.relu(self.bn2(self.conv2(out))))"),
    ),
    "projected-shortcut": _form(
        BLOCK,
        _RESIDUAL_SEQUENTIAL,
        ("if stride != 1 or in_channels != out_channels:", "if stride == 2 or in_channels == out_channels:"),
    ),
    "wide-stem": _form(
        NETWORK,
        _NETWORK_FOR_LARGE_PICTURES,
        (
            "nn.Conv2d(in_channels, 16, 7, stride=2, padding=3, bias=False)",
            "nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)",
        ),
        ("            nn.MaxPool2d(3, stride=2, padding=1),\n", ""),
    ),
}
