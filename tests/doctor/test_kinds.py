"""The doctor knows kinds of faults, not cases: each of these fails in a way of its own, and sound relatives do not."""

from collections.abc import Callable
from functools import partial

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.common.gate_functions import OVER_BRANCHES
from senet_lib.doctor import examine
from senet_lib.networks.attention import ATTENTIONS
from senet_lib.networks.models import create_model
from senet_lib.networks.residual_blocks import Bottleneck
from senet_lib.networks.squeeze_excitation import NoSqueeze, SqueezeExcitation

C = 16


class Network(nn.Module):
    """A branch whose maps are gated in some way, a shortcut around it, and a last layer."""

    def __init__(self, gate: Callable[["Network", Tensor], Tensor]):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.c = nn.Conv2d(3, C, 3, padding=1), nn.Conv2d(C, C, 3, padding=1, bias=False)
        self.a, self.b = nn.Linear(C, 4), nn.Linear(4, C)
        self.sp = nn.Conv2d(C, 1, 1)
        self.points = nn.Sequential(nn.Conv2d(C, 4, 1), nn.ReLU(), nn.Conv2d(4, C, 1), nn.Sigmoid())
        self.out = nn.Linear(C, 5)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.gate(self, self.c(x))
        return self.out(x.mean((2, 3)))

    def logits(self, z: Tensor) -> Tensor:
        return self.b(F.relu(self.a(z)))


def place(s: Tensor) -> Tensor:
    return s[:, :, None, None]


def ends_in(function: Callable[[Tensor], Tensor]) -> Callable[[Network, Tensor], Tensor]:
    return lambda net, x: x * place(function(net.logits(x.mean((2, 3)))))


def codes(gate: Callable[[Network, Tensor], Tensor]) -> set[tuple[str, str]]:
    """Of faults and notes, but for the layers that the gate under test has no use for."""
    report = examine(Network(gate))
    assert report.not_examined == ()
    return {(one.code, one.kind) for one in report.findings if one.code != "never-ran"}


def batch_mean_beside(net: Network, x: Tensor) -> Tensor:
    return (
        x
        * place(torch.sigmoid(net.logits(x.mean((2, 3)))))
        * torch.sigmoid(net.logits(x.mean((0, 2, 3))[None])).view(1, -1, 1, 1)
    )


def two_maps(net: Network, x: Tensor) -> Tensor:
    """The first squeeze reads x, the second one another map, over the batch too."""
    return x * place(torch.sigmoid(net.logits(x.mean((2, 3))) + net.logits((x * x).relu().mean((0, 2, 3))[None])))


def turned_in_the_batch(net: Network, x: Tensor) -> Tensor:
    """A view that takes the gates of one picture for another's."""
    return x * place(torch.sigmoid(net.logits(x.mean((2, 3)))).view(C, -1).t())


def squeezed_away(net: Network, x: Tensor) -> Tensor:
    """With one picture, squeeze() takes the batch's axis as well."""
    return x * place(torch.sigmoid(net.logits(F.adaptive_avg_pool2d(x, 1).squeeze())))


def sized_by_two(net: Network, x: Tensor) -> Tensor:
    return x * torch.sigmoid(net.logits(x.mean((2, 3)))).view(2, C, 1, 1)


FAULTS = {
    "gates-without-squeeze": [
        lambda net, x: x * net.points(x),
        lambda net, x: x * torch.sigmoid(net.logits(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2),
        lambda net, x: x * F.hardsigmoid(net.points[2](F.silu(net.points[0](x)))),
    ],
    "excitation-linear": [
        lambda net, x: x * place(torch.sigmoid(net.b(net.a(x.mean((2, 3)))))),
        lambda net, x: x * place(torch.sigmoid(net.b(2 * net.a(x.mean((2, 3))) + 1))),
    ],
    "gates-narrow": [
        ends_in(lambda t: F.relu(t).sigmoid()),
        ends_in(lambda t: t.sigmoid().sigmoid()),
        ends_in(lambda t: t.tanh().sigmoid()),
    ],
    "gates-unlimited": [
        ends_in(F.leaky_relu),
        ends_in(F.softplus),
        ends_in(F.gelu),
        ends_in(F.silu),
        ends_in(torch.exp),
    ],
    "gate-relu": [ends_in(F.relu)],
    "gate-none": [ends_in(lambda t: t)],
    "squeeze-sum": [
        lambda net, x: x * place(torch.sigmoid(net.logits(x.sum((2, 3))))),
        lambda net, x: x * place(torch.sigmoid(net.logits(x.sum((2, 3)) / 20))),
    ],
    "excitation-detached": [
        ends_in(lambda t: t.sigmoid().detach()),
        ends_in(lambda t: t.data.sigmoid()),
        lambda net, x: x * place(torch.sigmoid(torch.no_grad()(net.logits)(x.mean((2, 3))))),
    ],
    "dropout-always": [ends_in(lambda t: F.dropout(t, 0.5, training=True).sigmoid())],
    "pictures-mixed": [batch_mean_beside, two_maps, turned_in_the_batch],
    "fails-for-batch": [squeezed_away, sized_by_two],
}


@pytest.mark.parametrize(
    ("code", "number"), [(code, number) for code, gates in FAULTS.items() for number in range(len(gates))]
)
def test_each_kind_is_found_in_each_of_its_forms(code, number):
    assert codes(FAULTS[code][number]) == {(code, "fault")}


def bam(net: Network, x: Tensor) -> Tensor:
    """Bottleneck attention (BAM): a product of two maps of logits, then a sigmoid."""
    return x * (1 + torch.sigmoid(place(net.logits(x.mean((2, 3)))).expand_as(x) * net.sp(x).expand_as(x)))


def bam_sum(net: Network, x: Tensor) -> Tensor:
    return x * (1 + torch.sigmoid(place(net.logits(x.mean((2, 3)))) + net.sp(x)))


def cbam(net: Network, x: Tensor) -> Tensor:
    x = x * place(torch.sigmoid(net.logits(x.mean((2, 3))) + net.logits(x.amax((2, 3)))))
    return x * torch.sigmoid(net.sp(x))


def scse(net: Network, x: Tensor) -> Tensor:
    return x * place(torch.sigmoid(net.logits(x.mean((2, 3))))) + x * torch.sigmoid(net.sp(x))


def parnet(net: Network, x: Tensor) -> Tensor:
    return F.silu(net.c(x) + x * place(torch.sigmoid(net.logits(x.mean((2, 3))))))


# What is no fault: number of layers that gate channels, and the codes of the notes.
SOUND = {
    "SE": (ends_in(torch.sigmoid), 1, set()),
    "BAM": (bam, 0, {"no-se", "place-gates"}),
    "BAM as a sum": (bam_sum, 0, {"no-se", "place-gates"}),
    "CBAM": (cbam, 1, {"place-gates"}),
    "scSE": (scse, 1, {"place-gates"}),
    "gates of both kinds": (
        lambda net, x: x * (place(torch.sigmoid(net.logits(x.mean((2, 3))))) * torch.sigmoid(net.sp(x))),
        0,
        {"no-se", "place-gates"},
    ),
    "of another map": (
        lambda net, x: x * place(torch.sigmoid(net.logits(net.c(x).mean((2, 3))))),
        1,
        set(),
    ),
    "spread out": (
        lambda net, x: x * F.interpolate(place(torch.sigmoid(net.logits(x.mean((2, 3))))), size=x.shape[2:]),
        1,
        set(),
    ),
    "a temperature": (ends_in(lambda t: torch.sigmoid(t / 4)), 1, set()),
    "ParNet": (parnet, 1, {"place-post", "place-identity"}),
    "spatial gates": (lambda net, x: x * torch.sigmoid(net.sp(x)), 0, {"no-se", "place-gates"}),
    "pixel attention": (lambda net, x: x * torch.sigmoid(net.c(x)), 0, {"no-se", "place-gates"}),
    "SiLU": (lambda net, x: F.silu(x), 0, {"no-se"}),
    "x * sigmoid(x)": (lambda net, x: x * torch.sigmoid(x), 0, {"no-se"}),
    "x + x * s": (lambda net, x: x + ends_in(torch.sigmoid)(net, x), 1, set()),
    "x * s + s": (lambda net, x: x * (s := place(net.logits(x.mean((2, 3))).sigmoid())) + s, 1, set()),
}


@pytest.mark.parametrize("name", SOUND)
def test_relatives_are_taken_for_what_they_are(name):
    gate, count, notes = SOUND[name]
    report = examine(Network(gate))
    assert {fault.code for fault in report.faults} <= {"never-ran"}  # the network has parts that this gate does not use
    assert len(report.layers) == count
    assert {note.code for note in report.notes} - {"never-ran"} <= notes
    assert {"no-se", "place-gates"} & notes <= {note.code for note in report.notes}
    assert report.not_examined == ()
    if count and name != "a temperature":
        assert report.layers[0].gate == "sigmoid"
    if name in ("scSE", "x + x * s"):
        assert report.layers[0].place == "standard"


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_attention_of_this_library_is_sound(name):
    torch.manual_seed(0)
    make = ATTENTIONS[name] if name != "gc" else partial(ATTENTIONS[name], reduction=8)
    report = examine(create_model("small_resnet", attention=make))
    assert report.faults == ()
    assert report.not_examined == ()


def of_branches(net: Network, u: Tensor) -> Tensor:
    """(B, 2, C), of maps (B, 2, C, H, W)."""
    hidden = net.a(u.sum(1).mean((2, 3))).relu()
    return torch.cat([net.b(hidden), net.b(hidden * 2)], 1).view(-1, 2, C).softmax(1)


def branches_apart(net: Network, x: Tensor) -> Tensor:
    """Selective kernels as many write them: each branch is multiplied by its part of the softmax."""
    s = of_branches(net, torch.stack([x, net.c(x)], 1))
    return x * place(s[:, 0]) + net.c(x) * place(s[:, 1])


def branches_stacked(net: Network, x: Tensor) -> Tensor:
    u = torch.stack([x, net.c(x)], 1)
    return (u * of_branches(net, u)[..., None, None]).sum(1)


@pytest.mark.parametrize("gate", [branches_apart, branches_stacked, "skresnet18", "resnest14d"])
def test_gates_that_compete_are_listed_and_said_to_be_no_se(gate):
    torch.manual_seed(0)
    report = examine(timm.create_model(gate) if isinstance(gate, str) else Network(gate), (3, 64, 64))
    assert {fault.code for fault in report.faults} <= {"never-ran"} and report.not_examined == ()
    assert len(report.layers) == {"skresnet18": 8, "resnest14d": 4}.get(gate, 1)
    assert {(one.gate, one.squeeze, one.place) for one in report.layers} == {(OVER_BRANCHES, "mean", "branches")}
    assert {"gates-compete"} <= {one.code for one in report.notes} and "no-se" not in {one.code for one in report.notes}
    assert "whose gates compete:" in str(report).splitlines()[0]


def test_gates_without_a_squeeze_are_not_told_to_put_se_in():
    report = examine(create_model("small_resnet", attention=NoSqueeze))
    assert {fault.code for fault in report.faults} == {"gates-without-squeeze"}
    assert "Put" not in str(report) and "Insert" not in str(report)
    assert "No SE layer was found." in str(report)


# --- parts that never run ---------------------------------------------------------------------------------------------


class Forgetting(nn.Module):
    """A residual block that owns SE and may not call it."""

    def __init__(self, calls: bool):
        super().__init__()
        self.c, self.se, self.calls = nn.Conv2d(C, C, 3, padding=1), SqueezeExcitation(C, reduction=4), calls

    def forward(self, x: Tensor) -> Tensor:
        u = self.c(x)
        return x + (self.se(u) if self.calls else u)


def stack(*blocks: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, C, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, 4))


def test_a_layer_that_holds_parameters_and_never_runs_is_named():
    (finding,) = examine(stack(Forgetting(True), Forgetting(False))).findings
    assert (finding.code, finding.kind, finding.where) == ("never-ran", "fault", "2.se")
    only = examine(stack(Forgetting(False)))
    assert [(fault.code, fault.where) for fault in only.faults] == [("never-ran", "1.se")]


def test_what_runs_in_training_alone_or_lends_its_weights_is_no_finding():
    class Lending(nn.Module):
        """Its layers never run, but their weights do; and one runs in training only."""

        def __init__(self):
            super().__init__()
            self.c, self.attention = nn.Conv2d(C, C, 1), nn.MultiheadAttention(C, 2, batch_first=True)
            self.helper = nn.Conv2d(C, C, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = F.conv2d(x, self.c.weight - self.c.weight.mean())
            places = x.flatten(2).mT
            x = x + self.attention(places, places, places)[0].mT.view_as(x)
            x = F.scaled_dot_product_attention(x, x, x)  # which may draw random numbers, but does not
            return self.helper(x) if self.training else x

    assert {one.code for one in examine(stack(Lending(), Forgetting(True))).findings} == set()
    spare = stack(Forgetting(True), nn.BatchNorm2d(C))  # whose statistics the look at training mode must not change
    spare.spare = nn.ModuleDict({"head": nn.Linear(3, 7)})
    spare.forward = lambda x: nn.Sequential(*list(spare)[:-1])(x)
    (note,) = examine(spare).findings
    assert (note.code, note.kind, note.where) == ("never-ran", "note", "spare.head")


# --- what fails, and where --------------------------------------------------------------------------------------------


def test_the_module_that_fails_is_named_with_both_shapes():
    torch.manual_seed(0)
    model = stack(nn.Conv2d(C, 4 * C, 1), SqueezeExcitation(C, reduction=4), nn.Conv2d(4 * C, C, 1))
    report = examine(model)
    fault = report.faults[0]
    assert (fault.code, fault.where) == ("does-not-run", "2")
    assert "(2, 64, 30, 30)" in fault.what and "16" in fault.what and "SqueezeExcitation" in fault.what
    assert "pictures" not in fault.fix
    wrong = timm.layers.SEModule(C, rd_channels=4)
    wrong.fc2 = nn.Conv2d(5, C, 1)
    fault = examine(stack(wrong)).faults[0]
    assert (fault.code, fault.where) == ("does-not-run", "1.fc2")
    assert "(2, 4, 1, 1)" in fault.what and "(16, 5, 1, 1)" in fault.what
    assert str(report).endswith("\nMend this first, then examine again.")


def test_a_wrong_size_of_the_pictures_is_still_one(refused):
    flat = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
    with refused("does not run on input_size (3, 32, 32)", "2, a Linear", "(3, 784)", "(2, 3600)", "give the size"):
        examine(flat)
    with refused("does not run on input_size (3, 8, 8)", "give the size of its pictures"):
        examine(nn.Sequential(nn.Conv2d(3, 4, 9), nn.Flatten()), (3, 8, 8))


def test_pictures_of_three_dimensions_are_said_not_to_be_supported(refused):
    volume = nn.Sequential(nn.Conv3d(1, 4, 3), nn.Flatten(2))
    with refused("input_size is (1, 32, 32, 32)", "(channels, height, width)", "three dimensions are not supported"):
        examine(volume, (1, 32, 32, 32))


def test_what_could_not_be_examined_is_said():
    class Stubborn(Network):
        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                raise RuntimeError("no gradients here")
            return super().forward(x)

    report = examine(Stubborn(ends_in(torch.sigmoid)))
    assert {fault.code for fault in report.faults} == {"never-ran"}
    assert any("gradients" in line and "no gradients here" in line for line in report.not_examined)
    assert "NOT EXAMINED" in str(report) and "No fault was found" not in str(report)


def test_the_report_does_not_depend_on_chance():
    gate = ends_in(lambda t: F.dropout(t, 0.5, training=True).sigmoid())
    reports = set()
    for seed in range(4):
        model = Network(gate)
        torch.manual_seed(seed)
        reports.add(str(examine(model)))
    assert len(reports) == 1


def test_a_bottleneck_with_se_of_the_wrong_width():
    """Made for the planes, given four times as many."""
    torch.manual_seed(0)
    model = create_model("se_resnet50", num_classes=5)
    for block in model.modules():
        if isinstance(block, Bottleneck):
            block.attention = SqueezeExcitation(block.conv2.out_channels)
    fault = examine(model).faults[0]
    assert (fault.code, fault.where) == ("does-not-run", "layer1.0.attention")
    assert "(2, 256," in fault.what and "64" in fault.what
