"""Answers to the exercises of chapter 11: right ones, and wrong ones with what they must hear."""

import math

import torch


def kernel(channels):
    k = int((math.log2(channels) + 1) / 2)
    return k + 1 - k % 2


def strength(x):
    return x.square().sum((2, 3)).sqrt()


RIGHT = {
    "hard_sigmoid": [
        lambda a: ((a + 3) / 6).clamp(0, 1),
        torch.nn.functional.hardsigmoid,
        lambda a: torch.minimum(torch.maximum(a / 6 + 0.5, torch.tensor(0.0)), torch.tensor(1.0)),
    ],
    "eca_kernel": [kernel, lambda channels: kernel(channels) * 1.0],
    "relative_strength": [
        lambda x: strength(x) / strength(x).mean(1, keepdim=True),
        lambda x: torch.linalg.vector_norm(x, dim=(2, 3)) / (strength(x).mean(1, keepdim=True) + 1e-6),
    ],
}

WRONG = {
    "hard_sigmoid": [
        (lambda a: a / 6 + 0.5, "cut it off there"),
        (torch.sigmoid, "the soft sigmoid"),
        (lambda a: ((a + 1) / 2).clamp(0, 1), "its slope is 1/6"),
        (lambda a: (a / 6).clamp(0, 1), "Move it up by 1/2"),
        (lambda a: (a + 3).clamp(0, 6), "before the division by 6"),
        (lambda a: torch.zeros(7), "you give 0.0000; it is 1.0000"),
        (lambda a: a.sum(), "it must be (N,) = (7,)"),
        (lambda a: ((a + 3) / 6).clamp(0, 1).squeeze(), "squeeze() takes away every length of 1"),
    ],
    "eca_kernel": [
        (lambda channels: (math.log2(channels) + 1) / 2, "round down first"),
        (lambda channels: int((math.log2(channels) + 1) / 2) // 2 * 2, "k must be odd"),
        (lambda channels: int(math.log2(channels)) | 1, "You forget to halve"),
        (lambda channels: 99, "you give 99, not 3"),
        (lambda channels: None, "returns nothing yet"),
    ],
    "relative_strength": [
        (strength, "the strength g itself"),
        (lambda x: strength(x) / strength(x).sum(1, keepdim=True), "You divide by the sum"),
        (lambda x: x.mean((2, 3)) / x.mean((2, 3)).mean(1, keepdim=True), "positive and negative values cancel"),
        (lambda x: strength(x) ** 2 / (strength(x) ** 2).mean(1, keepdim=True), "You leave out the root"),
        (lambda x: strength(x) / strength(x).mean(0, keepdim=True), "the mean over the pictures"),
        (lambda x: strength(x) / strength(x).mean(), "over all pictures and channels"),
        (lambda x: torch.ones(2, 4), "over the mean of these norms"),
        (lambda x: (strength(x) / strength(x).mean(1, keepdim=True)).squeeze(), "(3,); it must be (B, C) = (1, 3)"),
    ],
}
