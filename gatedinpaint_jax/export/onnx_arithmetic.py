"""What ONNX has for JAX's operations on numbers.

`OPERATIONS` holds, by the name of JAX's primitive, functions
`(graph, inputs, parameters, outputs) -> tensors`: `inputs` are `Tensor`s,
`outputs` the shapes and types that JAX knows. `FUNCTIONS` holds the same by the
name of a jitted function that ONNX has one operator for.
"""

import functools
import math

import numpy as np

from gatedinpaint_jax.export import onnx_graph

_CHANNELS_LAST = (0, 3, 1, 2)
_KERNEL = (3, 2, 0, 1)


def _elementwise(op, graph, inputs, parameters, outputs):
  """Leaves it to ONNX to broadcast, and channels where they are."""
  del parameters
  (output,) = outputs
  names, first = graph.aligned(inputs)
  return [
    onnx_graph.make_tensor(
      graph.add(op, *names),
      output,
      channels_first=first,
      is_thin=_are_thin(inputs),
    )
  ]


def _are_thin(inputs):
  """Whether what ONNX makes of tensors is thin."""
  return any(x.is_thin for x in inputs) and all(
    x.is_thin or not x.shape for x in inputs
  )


def _not_equal(graph, inputs, parameters, outputs):
  (equal,) = _elementwise("Equal", graph, inputs, parameters, outputs)
  return [equal._replace(name=graph.add("Not", equal.name))]


def _expm1(graph, inputs, parameters, outputs):
  (power,) = _elementwise("Exp", graph, inputs, parameters, outputs)
  one = graph.constant(np.ones((), power.dtype))
  return [power._replace(name=graph.add("Sub", power.name, one))]


def _square(graph, inputs, parameters, outputs):
  return _elementwise("Mul", graph, inputs * 2, parameters, outputs)


def _select(graph, inputs, parameters, outputs):
  """The first case is the one for false."""
  which, if_false, if_true = inputs
  return _elementwise(
    "Where", graph, [which, if_true, if_false], parameters, outputs
  )


def _convert(graph, inputs, parameters, outputs):
  (x,), (output,) = inputs, outputs
  if np.dtype(output.dtype) == x.dtype:
    return [x]
  to = onnx_graph.onnx_dtype(output.dtype)
  name = graph.add("Cast", x.name, to=to)
  return [x._replace(name=name, dtype=np.dtype(output.dtype))]


def _remainder(graph, inputs, parameters, outputs):
  names, first = graph.aligned(inputs)
  name = graph.add("Mod", *names, fmod=1)
  return [
    onnx_graph.make_tensor(
      name, outputs[0], channels_first=first, is_thin=_are_thin(inputs)
    )
  ]


def _same(graph, inputs, parameters, outputs):
  del graph, parameters, outputs
  return list(inputs)


def _convolve(graph, inputs, parameters, outputs):
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
  return [onnx_graph.make_tensor(name, outputs[0], channels_first=True)]


def _multiply_matrices(graph, inputs, parameters, outputs):
  """Products of `[B, M, K]` with `[B, N, K]` or `[B, K, N]`.

  Runtimes are quicker where the second factor lies in memory as `[B, N, K]`,
  OpenVINO up to three times; a transposition in front of it costs them nothing.
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
  return [
    onnx_graph.make_tensor(
      graph.add("MatMul", graph.plain(left), factor), outputs[0]
    )
  ]


def _reduce(op, graph, inputs, parameters, outputs):
  axes = graph.constant(np.array(parameters["axes"], np.int64))
  name = graph.add(op, graph.plain(inputs[0]), axes, keepdims=0)
  return [onnx_graph.make_tensor(name, outputs[0])]


def _argmax(graph, inputs, parameters, outputs):
  (axis,), (output,) = parameters["axes"], outputs
  # The first one among equals, as in JAX.
  name = graph.add(
    "ArgMax",
    graph.plain(inputs[0]),
    axis=axis,
    keepdims=0,
    select_last_index=0,
  )
  to = onnx_graph.onnx_dtype(output.dtype)
  return [onnx_graph.make_tensor(graph.add("Cast", name, to=to), output)]


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
  "expm1": _expm1,
  "ne": _not_equal,
  "reduce_max": functools.partial(_reduce, "ReduceMax"),
  "reduce_min": functools.partial(_reduce, "ReduceMin"),
  "reduce_sum": functools.partial(_reduce, "ReduceSum"),
  "rem": _remainder,
  "select_n": _select,
  "square": _square,
  "optimization_barrier": _same,
  "stop_gradient": _same,
}

FUNCTIONS = {"elu": functools.partial(_elementwise, "Elu")}
