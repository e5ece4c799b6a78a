"""Answers to the exercises of chapters 5 to 7: right ones, and wrong ones with what they must hear."""

import math

import torch

relu = torch.relu
NUMBER = "not 'many'"


def added_weights(stages, reduction):
    total = 0
    for blocks, channels in stages:
        hidden = channels // reduction
        total += blocks * (hidden * channels + channels * hidden)
    return total


RIGHT = {
    "se_residual": [
        lambda x, branch, se, shortcut: relu(se(branch(x)) + shortcut(x)),
        lambda x, branch, se, shortcut: (shortcut(x) + se(branch(x))).clamp(min=0),
    ],
    "largest_reduction": [(16, 64), [16, 64], torch.tensor([16, 64])],
    "added_weights": [added_weights, lambda stages, r: 2 * sum(N * C * (C // r) for N, C in stages)],
    "last_stage_share": [192 / 579, 0.3316, torch.tensor(0.3316)],
    "to_matrix": [lambda w: w[:, :, 0, 0], lambda w: w.flatten(1), lambda w: w.squeeze(3).squeeze(2)],
    "logit_of_gate": [math.log(3), 1.0986, torch.tensor(1.0986)],
}

WRONG = {
    "se_residual": [
        (lambda x, branch, se, shortcut: se(relu(branch(x) + shortcut(x))), "it shuts the shortcut too"),
        (lambda x, branch, se, shortcut: relu(se(branch(x) + shortcut(x))), "Gate the branch alone, then add."),
        (lambda x, branch, se, shortcut: relu(se(relu(branch(x))) + shortcut(x)), "a ReLU in front of SE"),
        (lambda x, branch, se, shortcut: se(branch(x)) + shortcut(x), "The last ReLU is missing"),
        (lambda x, branch, se, shortcut: relu(se(branch(x))), "The shortcut is missing"),
        (lambda x, branch, se, shortcut: relu(se(branch(x)) + x), "call shortcut(x)"),
        (lambda x, branch, se, shortcut: relu(branch(x) + shortcut(x)), "SE is missing"),
        (lambda x, branch, se, shortcut: relu(branch(x) + se(shortcut(x))), "stands on the shortcut"),
        (lambda x, branch, se, shortcut: relu(branch(se(x)) + shortcut(x)), "in front of the branch"),
        (lambda x, branch, se, shortcut: relu(se(branch(x))) + shortcut(x), "it belongs to the sum"),
        (lambda x, branch, se, shortcut: 3 * x, "the values are not relu(se(branch(x)) + shortcut(x))"),
        (lambda x, branch, se, shortcut: x.mean((2, 3)), "shape (2, 3); it must be"),
        (
            lambda x, branch, se, shortcut: relu(se(branch(x)) + shortcut(x)).squeeze(),
            "(2, 6, 6); it must be (B, C, H, W) = (1, 2, 6, 6)",
        ),
    ],
    "largest_reduction": [
        ((17, 64), "16 // 17 = 0"),
        ((16, 128), "64 // 128 = 0"),
        ((8, 64), "With SE in all stages you give r = 8, but a larger r works"),
        ((16, 16), "With SE in the last stage only you give r = 16, but a larger r works"),
        (16, "Give a pair"),
        ((16, "64"), "Give whole numbers"),
    ],
    "added_weights": [
        (lambda stages, r: sum(N * C * (C // r) for N, C in stages), "you count one"),
        (lambda stages, r: sum(2 * C * (C // r) for N, C in stages), "there are N"),
        (lambda stages, r: sum(2 * (N * C) ** 2 // r for N, C in stages), "Only C is squared"),
        (lambda stages, r: sum(2 * N * C // r for N, C in stages), "C is squared: each matrix"),
        (lambda stages, r: sum(2 * N * C**2 // r for N, C in stages), "You round too late"),
        (lambda stages, r: sum(N * (2 * C * (C // r) + C + C // r) for N, C in stages), "You count biases"),
        (lambda stages, r: sum(2 * N * C**2 for N, C in stages), "You forget to divide by r"),
        (lambda stages, r: 7, "you give 7; it is 2514944."),
        (lambda stages: 7, "TypeError"),
    ],
    "last_stage_share": [
        (0.625, "That is ResNet-50"),
        (3 / 33, "the share of the blocks"),
        (24 / 127, "You weigh the blocks by C."),
        (64 / 85, "You leave out N"),
        (33.16, "not percent"),
        (0.5, "You give 0.5000"),
        (1 / 3, "You give 0.3333. It is about a third, but not that"),
        ("many", NUMBER),
    ],
    "to_matrix": [
        (lambda w: w.squeeze(), "squeeze() takes away every length of 1"),
        (lambda w: w[:, :, 0, 0].T, "You transpose"),
        (lambda w: w, "becomes (4, 6, 1, 1); it must become (out, in)"),
        (lambda w: 2 * w[:, :, 0, 0], "the numbers have changed"),
        (lambda w: w.numpy(), "returns a ndarray"),
    ],
    "logit_of_gate": [
        (1.5, "That is the gate itself"),
        (0.75, "That is sigmoid(a)"),
        (2 / (1 + math.exp(-1.5)), "That is the gate at a = 1.5"),
        (1 / (1 + math.exp(-1.5)), "That is sigmoid(1.5)"),
        (-math.log(3), "The sign is wrong"),
        (4, "At a = 4 the gate is 1.9640"),
        ("many", NUMBER),
    ],
}
