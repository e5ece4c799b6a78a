"""Answers to the exercises of chapter 12: right ones, and wrong ones with what they must hear."""

import torch


def multiplies_once(rescale):
    x, s = torch.randn(2, 3, 4, 4), torch.rand(2, 3, 1, 1)
    return torch.allclose(rescale(x, s), x * s)


def with_gates_of(value):
    def test(rescale):
        x, s = torch.randn(2, 3, 4, 4), torch.full((2, 3, 1, 1), value)
        return torch.allclose(rescale(x, s), x * s)

    return test


def with_maps_of_one(rescale):
    x, s = torch.ones(2, 3, 4, 4), torch.rand(2, 3, 1, 1)
    return torch.allclose(rescale(x, s), x * s)


def company_matters(gates):
    x = torch.randn(4, 3, 5, 5)
    alone = torch.cat([gates(x[i : i + 1]) for i in range(len(x))])
    return not torch.allclose(gates(x), alone, atol=1e-6)


def with_other_neighbours(gates):
    x, others = torch.randn(2, 3, 4, 4), torch.randn(3, 3, 4, 4)
    return bool((gates(torch.cat([x, others]))[:2] - gates(torch.cat([x, others + 1]))[:2]).abs().max() > 1e-5) or bool(
        (gates(torch.cat([others, x]))[-2:] - gates(torch.cat([others + 1, x]))[-2:]).abs().max() > 1e-5
    )


def of_the_first_picture(gates):
    x = torch.randn(4, 3, 5, 5)
    return not torch.allclose(gates(x)[:1], gates(x[:1]), atol=1e-6)


def in_another_order(gates):
    x = torch.randn(4, 3, 5, 5)
    return not torch.allclose(gates(x), gates(x.flip(0)).flip(0), atol=1e-6)


def without_turning_back(gates):
    x = torch.randn(4, 3, 5, 5)
    return not torch.allclose(gates(x), gates(x.flip(0)), atol=1e-6)


def bit_by_bit(gates):
    x = torch.randn(4, 3, 5, 5)
    return not torch.equal(gates(x), torch.cat([gates(x[i : i + 1]) for i in range(len(x))]))


RIGHT = {
    "multiplies_once": [multiplies_once, with_gates_of(0.5)],
    "needs_projection": [
        lambda stride, before, after: stride != 1 or before != after,
        lambda stride, before, after: (stride, before) != (1, after),
    ],
    "company_matters": [company_matters, with_other_neighbours],
    "channel_std": [
        lambda x: x.std((0, 2, 3)),
        lambda x: x.transpose(0, 1).flatten(1).std(1),
        lambda x: (x.square().mean((0, 2, 3)) - x.mean((0, 2, 3)).square()).sqrt(),
    ],
}

WRONG = {
    "multiplies_once": [
        (with_gates_of(0.0), "Their squares are what they are"),
        (with_gates_of(1.0), "Their squares are what they are"),
        (with_maps_of_one, "Do you try maps of 1 only"),
        (lambda rescale: True, "passes all blocks"),
        (lambda rescale: rescale(torch.tensor(2.0), torch.tensor(0.3)).item() == 2 * 0.3, "not bit by bit"),
        (lambda rescale: 1, "let it return True or False"),
    ],
    "needs_projection": [
        (lambda stride, before, after: stride == 2 or before == after, "the condition of the copied code"),
        (lambda stride, before, after: stride != 1, "the stride alone"),
        (lambda stride, before, after: before != after, "the channels alone"),
        (lambda stride, before, after: stride != 1 and before != after, "write or, not and"),
        (lambda stride, before, after: stride == 1 and before == after, "the other way round"),
        (lambda stride, before, after: stride == 2 or before != after, "A stride of 3 makes the map smaller, too"),
        (lambda stride, before, after: stride != 1 or before < after, "You look for more channels only"),
        (lambda stride, before, after: True, "16 channels in and 16 out you say True"),
    ],
    "company_matters": [
        (lambda gates: False, "says False of all"),
        (lambda gates: True, "says True of all"),
        (of_the_first_picture, "Do you look at the first picture only"),
        (in_another_order, "in another order have the same mean"),
        (bit_by_bit, "not bit by bit"),
        (without_turning_back, "with that picture's own?"),
        (lambda gates: gates(torch.ones(2, 3, 4, 4)).std() > 0, "let it return True or False"),
    ],
    "channel_std": [
        (lambda x: x.std((2, 3)).mean(0), "average the deviations of single pictures"),
        (lambda x: x.std().expand(3), "all colours together"),
        (lambda x: x.mean((2, 3)).std(0), "the pictures' means"),
        (lambda x: x.var((0, 2, 3)), "take its root"),
        (lambda x: x.mean((0, 2, 3)), "That is the mean"),
        (lambda x: x.std((1, 2, 3)), "it must be (3,) = (3,)"),
        (lambda x: torch.ones(3), "over all places of all pictures together"),
        (lambda x: x.view(5, 3, 16).std((0, 2)), "RuntimeError"),
    ],
}
