"""The gradients that ONNX has no operator for, each in terms of operators that it has.

``TRANSLATIONS`` goes from an operator of PyTorch to a function that writes it into a graph; torch's exporter knows all
others. Each function is checked against PyTorch in ``tests/export/test_training_step.py``, for every kind of network of
the book. Forms were chosen by time in ONNX Runtime Web on one thread: see ``benchmarks/train_in_page.py``.

Needs onnxscript.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import torch
from onnxscript import opset18 as op

from senet_lib.export.onnx_writer import MOST_JOINED

aten = torch.ops.aten


def _constant(values: Any, kind: type = np.int64) -> Any:
    return op.Constant(value=onnx.numpy_helper.from_array(np.asarray(values, kind)))


def _number(value: float) -> Any:
    return _constant(value, np.float32)


def _sizes(value: Any) -> list[int]:
    return [int(size) for size in value.shape]


def _all_but_channels(value: Any) -> Any:
    """The axes of a map over which batch normalisation averages: all but 1."""
    return _constant([0, *range(2, len(value.shape))])


# --- convolution ------------------------------------------------------------------------------------------------------


def convolution_backward(
    grad: Any,
    x: Any,
    weight: Any,
    bias_sizes: Sequence[int] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    output_mask: Sequence[bool],
) -> tuple[Any, Any, Any]:
    """The gradients of a convolution's input, weight and bias. Those that nobody wants cost nothing in the file.

    The input's is a transposed convolution. The weight's is a matrix product for each place of the kernel and each
    picture: the input, as that place sees it, times the output's gradient.
    """
    if transposed:
        raise ValueError("a transposed convolution cannot be trained in a graph; use nn.Upsample and a convolution")
    kernel, out = _sizes(weight)[2:], _sizes(grad)[2:]
    d_weight = _weight_gradient(grad, x, _sizes(weight), stride, padding, dilation, groups)
    d_bias = op.ReduceSum(grad, _all_but_channels(grad), keepdims=0) if output_mask[2] else op.Identity(d_weight)
    if not output_mask[0]:
        return op.Identity(d_weight), d_weight, d_bias
    # What the forward pass left out at the far edge, because the stride did not reach it.
    left_over = [
        size + 2 * pad - ((places - 1) * step + gap * (width - 1) + 1)
        for size, pad, places, step, gap, width in zip(
            _sizes(x)[2:], padding, out, stride, dilation, kernel, strict=True
        )
    ]
    d_x = op.ConvTranspose(
        grad,
        weight,
        kernel_shape=kernel,
        strides=list(stride),
        pads=[*padding, *padding],
        dilations=list(dilation),
        output_padding=left_over,
        group=groups,
    )
    return d_x, d_weight, d_bias


def _weight_gradient(
    grad: Any,
    x: Any,
    shape: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    batch, channels, *out = _sizes(grad)
    inner, *kernel = shape[1:]  # input channels of a group
    outer = channels // groups
    pixels = op.Transpose(op.Reshape(grad, _constant([batch, groups, outer, prod(out)])), perm=[0, 1, 3, 2])
    sums = []
    for view in _views(x, kernel, out, stride, padding, dilation):
        products = op.MatMul(op.Reshape(view, _constant([batch, groups, inner, prod(out)])), pixels)
        sums.append(op.ReduceSum(products, _constant([0]), keepdims=0))
    split = op.Reshape(_joined(sums, axis=1), _constant([groups, len(sums), inner, outer]))
    return op.Reshape(op.Transpose(split, perm=[0, 3, 2, 1]), _constant(shape))


def _views(
    x: Any,
    kernel: Sequence[int],
    out: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[Any]:
    """The padded input as each place of the kernel sees it. The last axis is cut first: then whole rows are copied."""
    views = [op.Pad(x, _constant([0, 0, *padding, 0, 0, *padding])) if any(padding) else x]
    for axis in reversed(range(len(kernel))):
        if kernel[axis] == stride[axis] == 1 and padding[axis] == 0:
            continue  # it sees all
        starts = [place * dilation[axis] for place in range(kernel[axis])]
        reach = (out[axis] - 1) * stride[axis] + 1
        cuts = [(_constant([start]), _constant([start + reach])) for start in starts]
        views = [
            op.Slice(view, start, end, _constant([2 + axis]), _constant([stride[axis]]))
            for start, end in cuts
            for view in views
        ]
    return views


def _joined(values: Sequence[Any], axis: int) -> Any:
    """Concat, a few at a time."""
    while len(values) > 1:
        groups = [values[first : first + MOST_JOINED] for first in range(0, len(values), MOST_JOINED)]
        values = [op.Concat(*group, axis=axis) if len(group) > 1 else group[0] for group in groups]
    return values[0]


# --- batch normalisation ----------------------------------------------------------------------------------------------


def _mean(x: Any, rank: int) -> Any:
    """The mean of each channel (C,). Pooling adds up a map faster, and with less rounding, than a reduction does."""
    pooled = op.GlobalAveragePool(x) if rank > 2 else x  # vectors have no map to pool
    return op.ReduceMean(pooled, _constant([0, *range(2, rank)]), keepdims=0)


def _scale_and_shift(x: Any, channels: int, scale: Any, shift: Any) -> Any:
    """x * scale + shift for each channel, in one pass: batch normalisation by a mean of 0 and a variance of 1."""
    zeros, ones = _constant([0] * channels, np.float32), _constant([1] * channels, np.float32)
    return op.BatchNormalization(x, scale, shift, zeros, ones, epsilon=0.0)


def batch_norm(
    x: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, epsilon: float
) -> tuple[Any, ...]:
    """Batch normalisation that learns: output, the batch's mean and 1 / deviation, and the new running statistics."""
    if not training:
        raise ValueError("batch normalisation in evaluation mode cannot be trained in a graph; call train()")
    channels, rank = _sizes(x)[1], len(x.shape)
    count = prod(_sizes(x)) // channels
    own_mean = _mean(x, rank)
    centred = _scale_and_shift(x, channels, _constant([1] * channels, np.float32), op.Neg(own_mean))
    own_variance = _mean(op.Mul(centred, centred), rank)
    inverse = op.Reciprocal(op.Sqrt(op.Add(own_variance, _number(epsilon))))
    output = _scale_and_shift(centred, channels, op.Mul(inverse, weight), bias)
    kept, taken = _number(1 - momentum), _number(momentum)
    unbiased = _number(momentum * count / max(1, count - 1))
    new_mean = op.Add(op.Mul(mean, kept), op.Mul(own_mean, taken))
    new_variance = op.Add(op.Mul(variance, kept), op.Mul(own_variance, unbiased))
    return output, own_mean, inverse, new_mean, new_variance


def batch_norm_backward(
    grad: Any,
    x: Any,
    weight: Any,
    mean: Any,
    variance: Any,
    own_mean: Any,
    inverse: Any,
    training: bool,
    epsilon: float,
    output_mask: Sequence[bool],
) -> tuple[Any, Any, Any]:
    """The gradients of batch normalisation's input, weight and bias.

    Per channel, with x' = (x - mean) / deviation and n places: weight / deviation * (grad - mean(grad) - x' mean(grad
    x')). That is one number times grad, one times x, and one more.
    """
    channels, rank = _sizes(x)[1], len(x.shape)
    count = _number(prod(_sizes(x)) / channels)
    mean_grad, mean_product = _mean(grad, rank), _mean(op.Mul(grad, x), rank)
    slope = op.Mul(inverse, op.Sub(mean_product, op.Mul(own_mean, mean_grad)))  # mean of grad x'
    of_grad = op.Mul(weight, inverse)
    of_x = op.Neg(op.Mul(of_grad, op.Mul(inverse, slope)))
    rest = op.Neg(op.Add(op.Mul(of_grad, mean_grad), op.Mul(of_x, own_mean)))
    zeros = _constant([0] * channels, np.float32)
    d_x = op.Add(_scale_and_shift(grad, channels, of_grad, rest), _scale_and_shift(x, channels, of_x, zeros))
    return d_x, op.Mul(slope, count), op.Mul(mean_grad, count)


# --- the rest ---------------------------------------------------------------------------------------------------------


def relu(x: Any) -> Any:
    """ReLU as a maximum: ONNX Runtime Web's own branches at each number, and takes ten times as long."""
    return op.Max(x, _number(0))


def relu_backward(grad: Any, output: Any, threshold: float) -> Any:
    """The gradient where the output of ReLU is above 0, which is where its sign is 1 and not 0."""
    return op.Mul(grad, op.Sign(output))


def max_pool_backward(
    grad: Any,
    x: Any,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
    indices: Any,
) -> Any:
    """Each place's gradient goes to the pixel that was the largest; a pixel may be that for several windows."""
    batch, channels, *size = _sizes(x)
    flat = _constant([batch, channels, -1])
    nothing = op.Expand(_number(0), _constant([batch, channels, prod(size)]))
    gathered = op.ScatterElements(nothing, op.Reshape(indices, flat), op.Reshape(grad, flat), axis=2, reduction="add")
    return op.Reshape(gathered, _constant([batch, channels, *size]))


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    aten.convolution_backward.default: convolution_backward,
    aten._native_batch_norm_legit_functional.default: batch_norm,
    aten.native_batch_norm_backward.default: batch_norm_backward,
    aten.relu.default: relu,
    aten.threshold_backward.default: relu_backward,
    aten.max_pool2d_with_indices_backward.default: max_pool_backward,
}
