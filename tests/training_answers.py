"""Answers to the exercises of chapters 8 and 9: right ones, and wrong ones with what they must hear."""

import math
from statistics import mean, pstdev, stdev, variance

import numpy as np
import torch


def differences(plain, with_se):
    return [b - a for a, b in zip(plain, with_se, strict=True)]


def paired_difference(plain, with_se):
    d = differences(plain, with_se)
    return mean(d), stdev(d) / math.sqrt(len(d))


def paired_difference_with_torch(plain, with_se):
    d = torch.tensor(with_se, dtype=torch.float64) - torch.tensor(plain, dtype=torch.float64)
    return d.mean(), d.std() / len(d) ** 0.5


def with_error(error):
    return lambda plain, with_se: (mean(differences(plain, with_se)), error(plain, with_se))


def total_loss(batches):
    return sum(loss * n for loss, n in batches)


def weights(stages, r, matrices=2):
    return sum(N * matrices * C * (C // r) for N, C in stages)


def smallest_reduction(stages, parameters, share):
    r = 1
    while weights(stages, r) > share * parameters:
        r *= 2
    return r


def smallest_reduction_of_one_matrix(stages, parameters, share):
    return next(r for r in (1, 2, 4, 8, 16, 32) if weights(stages, r, 1) <= share * parameters)


def smallest_whole_reduction(stages, parameters, share):
    return next(r for r in range(1, 100) if weights(stages, r) <= share * parameters)


RIGHT = {
    "paired_difference": [
        *(paired_difference, paired_difference_with_torch),
        lambda plain, with_se: np.array(paired_difference(plain, with_se)),
        lambda plain, with_se: torch.stack(paired_difference_with_torch(plain, with_se)),
    ],
    "seeds_needed": [64, 64.0, torch.tensor(64)],
    "mean_loss": [
        lambda batches: sum(loss * n for loss, n in batches) / sum(n for _, n in batches),
        lambda batches: np.average(*np.transpose(batches)[:1], weights=np.transpose(batches)[1]),
        lambda batches: torch.tensor(batches).prod(1).sum() / torch.tensor(batches)[:, 1].sum(),
    ],
    "hidden_units": [(1, 2, 4), [1, 2, 4], np.array([1, 2, 4]), torch.tensor([1, 2, 4])],
    "smallest_reduction": [smallest_reduction],
    "rank_of_logits": [4, torch.tensor(4)],
}

WRONG = {
    "paired_difference": [
        (lambda plain, with_se: mean(with_se) - mean(plain), "Give two numbers"),
        (lambda plain, with_se: paired_difference(with_se, plain), "The sign is wrong"),
        (lambda plain, with_se: (mean(with_se), 0.1), "Your mean difference is 0.93750"),
        (with_error(lambda a, b: stdev(differences(a, b))), "smaller by the root of n"),
        (with_error(lambda a, b: stdev(differences(a, b)) / len(a)), "Divide by the root of n."),
        (with_error(lambda a, b: pstdev(differences(a, b)) / len(a) ** 0.5), "divide by n - 1"),
        (with_error(lambda a, b: math.sqrt((variance(a) + variance(b)) / len(a))), "You forget the pairs"),
        (with_error(lambda a, b: 7.0), "Your standard error is 7.00000"),
        (with_error(lambda a, b: stdev(differences(a, b)) / 2), "the root of n for four seeds only"),
        (lambda plain, with_se: np.zeros(3), "Give two numbers"),
    ],
    "seeds_needed": [
        (8, "the root of it"),
        (16, "You leave out the factor 2: the interval"),
        (4, "the factor 2, and the square"),
        (32, "The factor 2 is squared"),
        (256, "the whole width"),
        (100, "With 100 seeds the interval reaches 0.0016 to each side: enough, but not the fewest"),
        (50, "With 50 seeds the interval reaches 0.0023 to each side: it must not be more than 0.002"),
        (0, "With 0 seeds"),
        ("many", "not 'many'"),
    ],
    "mean_loss": [
        (lambda batches: sum(loss for loss, _ in batches) / sum(n for _, n in batches), "You still add up one mean"),
        (lambda batches: mean(loss for loss, _ in batches), "the mean of the batches' means"),
        (
            lambda batches: batches[0][1] * sum(loss for loss, _ in batches) / sum(n for _, n in batches),
            "every batch for as large as the first",
        ),
        (lambda batches: total_loss(batches) / (len(batches) * batches[0][1]), "times the size of the first"),
        (total_loss, "That is the sum over the pictures"),
        (
            lambda batches: total_loss(batches) / len(batches),
            "by the number of batches. Divide by that of the pictures",
        ),
        (lambda batches: 0.5, "you give 0.5000; it is 0.7556"),
        (lambda batches: total_loss(batches) / 144, "it is 0.5000"),
    ],
    "hidden_units": [
        ((4, 2, 1), "The order is wrong"),
        ((16, 16, 16), "r is not the hidden width"),
        ((1, 1, 1), "The channels double"),
        ((256, 512, 1024), "You multiply by r"),
        ((8, 8, 8), "timm's rule"),
        ((16, 32, 64), "These are the channels"),
        ((1, 2, 3), "Stage 3 has 64 channels"),
        (4, "Give three whole numbers"),
        (np.array([1, 2]), "Give three whole numbers"),
    ],
    "smallest_reduction": [
        (smallest_whole_reduction, "Try powers of two only"),
        (lambda *arguments: 2 * smallest_reduction(*arguments), "A smaller r is within the share, too"),
        (smallest_reduction_of_one_matrix, "A block has two matrices"),
        (lambda *arguments: 1000, "you give 1000, not 16."),
        (lambda stages: 4, "TypeError"),
    ],
    "rank_of_logits": [
        (64, "the number of gates"),
        (16, "That is r."),
        (100, "the number of pictures"),
        (5, "with the bias"),
        (1, "a single hidden unit"),
        (7, "You give 7."),
    ],
}
