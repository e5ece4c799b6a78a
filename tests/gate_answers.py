"""Answers to the exercises of chapter 10: right ones, and wrong ones with what they must hear."""

import torch


def variances(s, labels, weigh=True, middle=None):
    """Sums of squares between the classes and in all, by channel."""
    middle = s.mean(0) if middle is None else middle
    between = torch.zeros(s.shape[1])
    for k in labels.unique():
        count = int((labels == k).sum()) if weigh else 1
        between += count * (s[labels == k].mean(0) - middle) ** 2
    return between, ((s - s.mean(0)) ** 2).sum(0)


def explained_share(s, labels):
    between, total = variances(s, labels)
    return between.sum() / total.sum()


def share_with_the_mean_of_means(s, labels):
    middle = torch.stack([s[labels == k].mean(0) for k in labels.unique()]).mean(0)
    return variances(s, labels, middle=middle)[0].sum() / variances(s, labels)[1].sum()


def wide(s):
    return s[:, :, None, None]


RIGHT = {
    "explained_share": [explained_share, lambda s, labels: float(explained_share(s, labels))],
    "gates_of_others": [
        lambda u, s, order: u * wide(s[order]),
        lambda u, s, order: torch.stack([u[b] * s[i][:, None, None] for b, i in enumerate(order.tolist())]),
    ],
    "fold_gates": [lambda w, b, s: (w * s, b * s), lambda w, b, s: [s * w, s * b]],
    "gate_spread": [0.05, 0.0497, torch.tensor(0.05)],
}

WRONG = {
    "explained_share": [
        (lambda s, labels: 1 - explained_share(s, labels), "leave unexplained"),
        (lambda s, labels: (lambda b, t: (b / t).mean())(*variances(s, labels)), "You average the shares"),
        (
            lambda s, labels: (lambda b, t: b.sum() / t.sum())(*variances(s, labels, weigh=False)),
            "Each class counts the same",
        ),
        (share_with_the_mean_of_means, "the mean of the class means"),
        (lambda s, labels: explained_share(s, labels) ** 0.5, "Variances add up"),
        (lambda s, labels: 0.5, "you give 0.5000; it is"),
        (lambda s, labels: explained_share(s, torch.tensor([0, 0, 0, 0, 0, 1, 1, 2])), "IndexError"),
        (lambda s, labels: explained_share(s.mul_(1), labels) * 0, "you give 0.0000"),
        (lambda s, labels: explained_share(s.add_(1), labels), "changes x itself"),
    ],
    "gates_of_others": [
        (lambda u, s, order: u * wide(s), "Each picture still gets its own gates"),
        (lambda u, s, order: (u * wide(s))[order], "You exchange the pictures"),
        (lambda u, s, order: u[order] * wide(s), "You exchange u and leave the gates"),
        (lambda u, s, order: u * wide(s[torch.argsort(order)]), "the wrong way round"),
        (lambda u, s, order: u * wide(s.mean(0, keepdim=True)), "All pictures get the mean gates"),
        (lambda u, s, order: u * s[order], "s[:, :, None, None]"),
        (lambda u, s, order: u, "must be u[b], each channel times its gate"),
        (lambda u, s, order: s[order], "must be (B, C, H, W)"),
        (lambda u, s, order: u * wide(s.roll(-1, 0)), "gates of the next one, whatever order says"),
        (lambda u, s, order: (u * wide(s[order])).squeeze(), "squeeze() takes away every length of 1"),
    ],
    "fold_gates": [
        (lambda w, b, s: w * s, "Return two tensors"),
        (lambda w, b, s: (w * s, (b * s)[:2]), "both must be (6,)"),
        (lambda w, b, s: (w / s, b / s), "You divide."),
        (lambda w, b, s: (w, b * s), "The weight stays as it was"),
        (lambda w, b, s: (w * s, b), "The bias stays as it was"),
        (lambda w, b, s: (w * s, b + s), "You add the gate to the bias"),
        (lambda w, b, s: (w * s.mean(), b * s.mean()), "one number for all channels"),
        (lambda w, b, s: (w * s, b * s * s), "For some input"),
        (lambda w, b, s: ((w * s).squeeze(), (b * s).squeeze()), "both must be (1,)"),
    ],
    "gate_spread": [
        (0.2, "the spread of the logits"),
        (0.5, "the mean gate"),
        (0.1, "is not 1/2"),
        (0.04, "the variance of the logits"),
        (0.01, "a variance times the slope"),
        (0.8, "You divide by the slope"),
        (0.25, "That is the slope"),
        (0.3, "You give 0.3."),
    ],
}
