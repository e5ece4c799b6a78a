"""The gradients that ONNX has no operator for, each in terms of operators that it has.

``TRANSLATIONS`` goes from an operator of PyTorch to a function that writes it into a graph; torch's exporter knows all
others. Each function is checked against PyTorch in ``tests/export/test_training_step.py``, for every kind of network of
the book. Forms were chosen by time in ONNX Runtime Web on one thread: see ``benchmarks/train_in_page.py``.

Needs onnxscript.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import onnx
import torch
from onnxscript import opset18 as op

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

    The input's is a transposed convolution. The weight's is one matrix product a picture: the output's gradient times
    the input, shifted once for each place of the kernel.
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
    axes = _constant(range(2, 2 + len(kernel)))
    padded = op.Pad(x, _constant([0, 0, *padding, 0, 0, *padding])) if any(padding) else x
    shifted = []
    for offset in product(*map(range, kernel)):
        start = [place * gap for place, gap in zip(offset, dilation, strict=True)]
        end = [first + (places - 1) * step + 1 for first, places, step in zip(start, out, stride, strict=True)]
        view = op.Slice(padded, _constant(start), _constant(end), axes, _constant(stride))
        shifted.append(op.Reshape(view, _constant([batch, groups, inner, prod(out)])))
    columns = op.Concat(*shifted, axis=2) if len(shifted) > 1 else shifted[0]  # (B, groups, places * inner, H'W')
    rows = op.Reshape(grad, _constant([batch, groups, channels // groups, prod(out)]))
    products = op.ReduceSum(op.MatMul(rows, op.Transpose(columns, perm=[0, 1, 3, 2])), _constant([0]), keepdims=0)
    split = op.Reshape(products, _constant([channels, len(shifted), inner]))
    return op.Reshape(op.Transpose(split, perm=[0, 2, 1]), _constant(shape))


# --- batch normalisation ----------------------------------------------------------------------------------------------


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
    axes = _all_but_channels(x)
    channels = _sizes(x)[1]
    count = prod(_sizes(x)) // channels
    own_mean = op.ReduceMean(x, axes, keepdims=0)
    centred = _scale_and_shift(x, channels, _constant([1] * channels, np.float32), op.Neg(own_mean))
    own_variance = op.Div(op.ReduceSumSquare(centred, axes, keepdims=0), _number(count))
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
    axes = _all_but_channels(x)
    channels = _sizes(x)[1]
    count = _number(prod(_sizes(x)) / channels)
    d_bias = op.ReduceSum(grad, axes, keepdims=0)
    product_with_x = op.ReduceSum(op.Mul(grad, x), axes, keepdims=0)
    d_weight = op.Mul(inverse, op.Sub(product_with_x, op.Mul(own_mean, d_bias)))
    of_grad = op.Mul(weight, inverse)
    of_x = op.Neg(op.Mul(of_grad, op.Mul(inverse, op.Div(d_weight, count))))
    rest = op.Neg(op.Add(op.Mul(of_grad, op.Div(d_bias, count)), op.Mul(of_x, own_mean)))
    zeros = _constant([0] * channels, np.float32)
    d_x = op.Add(_scale_and_shift(grad, channels, of_grad, rest), _scale_and_shift(x, channels, of_x, zeros))
    return d_x, d_weight, d_bias


# --- the rest ---------------------------------------------------------------------------------------------------------


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
    aten.threshold_backward.default: relu_backward,
    aten.max_pool2d_with_indices_backward.default: max_pool_backward,
}
