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


def mean_loss(losses, pictures):
    return sum(loss * count for loss, count in zip(losses, pictures, strict=True)) / sum(pictures)


RIGHT = {
    "multiplies_once": [multiplies_once, with_gates_of(0.5)],
    "needs_projection": [
        lambda stride, before, after: stride != 1 or before != after,
        lambda stride, before, after: (stride, before) != (1, after),
    ],
    "mean_loss": [mean_loss, lambda losses, pictures: torch.tensor(mean_loss(losses, pictures))],
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
        (lambda stride, before, after: True, "16 channels in and 16 out you say True"),
    ],
    "mean_loss": [
        (lambda losses, pictures: sum(losses) / len(losses), "the mean of the batches' means"),
        (lambda losses, pictures: sum(losses) / sum(pictures), "each is a mean already"),
        (lambda losses, pictures: sum(losses[:-1]) / len(losses[:-1]), "You leave the last batch out"),
        (lambda losses, pictures: sum(losses) / (len(losses) - 1), "one batch too few"),
        (lambda losses, pictures: mean_loss(losses, pictures) * sum(pictures), "the sum over all pictures"),
        (lambda losses, pictures: losses[-1] + 1, "you give 4.0000, not 1.5882"),
    ],
    "channel_std": [
        (lambda x: x.std((2, 3)).mean(0), "average the deviations of single pictures"),
        (lambda x: x.std().expand(3), "all colours together"),
        (lambda x: x.mean((2, 3)).std(0), "the pictures' means"),
        (lambda x: x.var((0, 2, 3)), "take its root"),
        (lambda x: x.mean((0, 2, 3)), "That is the mean"),
        (lambda x: x.std((1, 2, 3)), "it must be (3,) = (3,)"),
        (lambda x: torch.ones(3), "over all places of all pictures together"),
    ],
}
