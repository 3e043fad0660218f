"""Converts JAX's arithmetic operations to ONNX.

`OPERATIONS` maps the name of a JAX primitive to a function
`(graph, inputs, parameters, output) -> Tensor`: `inputs` are `Tensor`s,
`output` has the shape and dtype in JAX. `FUNCTIONS` does the same for jitted
functions that are a single operator in ONNX.
"""

import functools
import math

import numpy as np

from gatedinpaint_jax.export import onnx_graph

_CHANNELS_LAST = (0, 3, 1, 2)
_KERNEL = (3, 2, 0, 1)


def _elementwise(op, graph, inputs, parameters, output, **attributes):
  """Keeps the axis order of its inputs, and lets ONNX broadcast."""
  del parameters
  names, first = graph.aligned(inputs)
  is_thin = any(x.is_thin for x in inputs) and all(
    x.is_thin or not x.shape for x in inputs
  )
  name = graph.add(op, *names, **attributes)
  return onnx_graph.make_tensor(
    name, output, channels_first=first, is_thin=is_thin
  )


def _not_equal(graph, inputs, parameters, output):
  equal = _elementwise("Equal", graph, inputs, parameters, output)
  return equal._replace(name=graph.add("Not", equal.name))


def _square(graph, inputs, parameters, output):
  return _elementwise("Mul", graph, inputs * 2, parameters, output)


def _select(graph, inputs, parameters, output):
  """The first case is for False."""
  which, if_false, if_true = inputs
  cases = [which, if_true, if_false]
  return _elementwise("Where", graph, cases, parameters, output)


def _convert(graph, inputs, parameters, output):
  (x,), dtype = inputs, np.dtype(output.dtype)
  if dtype == x.dtype:
    return x
  return x._replace(name=graph.cast(x.name, dtype), dtype=dtype)


def _convolve(graph, inputs, parameters, output):
  x, kernel = inputs
  numbers = parameters["dimension_numbers"]
  if (
    (numbers.lhs_spec, numbers.rhs_spec) != (_CHANNELS_LAST, _KERNEL)
    or numbers.out_spec != _CHANNELS_LAST
    or math.prod(parameters["lhs_dilation"]) != 1
    or parameters["batch_group_count"] != 1
  ):
    raise NotImplementedError(f"a convolution with {parameters}")
  name = graph.add(
    "Conv",
    graph.channels_first(graph.full(x)),
    graph.transposed(graph.plain(kernel), _KERNEL),
    strides=parameters["window_strides"],
    dilations=parameters["rhs_dilation"],
    pads=[int(side) for side in np.transpose(parameters["padding"]).ravel()],
    group=parameters["feature_group_count"],
  )
  return onnx_graph.make_tensor(name, output, channels_first=True)


def _multiply_matrices(graph, inputs, parameters, output):
  """Products of `[B, M, K]` with `[B, N, K]` or `[B, K, N]`.

  Runtimes are faster if the second factor is stored as `[B, N, K]`, OpenVINO up
  to three times; they fuse a transposition before the product.
  """
  contracted, batched = parameters["dimension_numbers"]
  left, right = inputs
  is_batched = [tuple(axes) for axes in batched] == [(0,), (0,)]
  is_known = is_batched and len(left.shape) == len(right.shape) == 3
  if not is_known or tuple(contracted[0]) != (2,):
    raise NotImplementedError(f"a product of axes {contracted}, {batched}")
  if tuple(contracted[1]) == (2,):
    factor = graph.transposed(graph.plain(right), (0, 2, 1))
  elif right.columns:
    factor = graph.transposed(right.columns, (0, 2, 1))
  else:
    factor = graph.plain(right)
  name = graph.add("MatMul", graph.plain(left), factor)
  return onnx_graph.make_tensor(name, output)


def _reduce(op, graph, inputs, parameters, output):
  axes = graph.constant(np.array(parameters["axes"], np.int64))
  name = graph.add(op, graph.plain(inputs[0]), axes, keepdims=0)
  return onnx_graph.make_tensor(name, output)


def _argmax(graph, inputs, parameters, output):
  (axis,), x = parameters["axes"], graph.plain(inputs[0])
  # The first of equal values, as in JAX.
  name = graph.add("ArgMax", x, axis=axis, keepdims=0, select_last_index=0)
  return onnx_graph.make_tensor(graph.cast(name, output.dtype), output)


OPERATIONS = {
  name: functools.partial(_elementwise, op)
  for name, op in {
    "add": "Add",
    "and": "And",
    "div": "Div",
    "eq": "Equal",
    "exp": "Exp",
    "gt": "Greater",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "sign": "Sign",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
  }.items()
} | {
  "argmax": _argmax,
  "conv_general_dilated": _convolve,
  "convert_element_type": _convert,
  "dot_general": _multiply_matrices,
  "ne": _not_equal,
  "reduce_max": functools.partial(_reduce, "ReduceMax"),
  "reduce_sum": functools.partial(_reduce, "ReduceSum"),
  "rem": functools.partial(_elementwise, "Mod", fmod=1),
  "select_n": _select,
  "square": _square,
  "stop_gradient": lambda graph, inputs, *_: inputs[0],
}

FUNCTIONS = {"elu": functools.partial(_elementwise, "Elu")}
