"""The graphs of `onnx_file` as TensorFlow SavedModels. Loads TensorFlow.

  model = tf.saved_model.load("P")
  completed = model.complete(image=image, mask=mask)["completed"]

The signature `serving_default` is the same. These are TensorFlow's own
operators. `jax2tf` would wrap XLA's instead, and what jax 0.11 writes so,
TensorFlow 2.21 does not read.
"""

import pathlib

import numpy as np
import onnx
import tensorflow as tf

from gatedinpaint_jax.export import onnx_graph


def write(folder: pathlib.Path, model: onnx.ModelProto) -> None:
  """Saves a model that `onnx_file` converted.

  Args:
    folder: where; must not exist.
    model: as `onnx_file.convert` makes them.
  """
  graph = model.graph
  module = tf.Module()
  module.complete = tf.function(
    lambda **inputs: _run(graph, inputs), autograph=False
  ).get_concrete_function(**{x.name: _describe(x) for x in graph.input})
  signatures = {"serving_default": module.complete}
  tf.saved_model.save(module, str(folder), signatures=signatures)


def _describe(value):
  kind = value.type.tensor_type
  shape = [size.dim_value or None for size in kind.shape.dim]
  return tf.TensorSpec(shape, _dtype(kind.elem_type), name=value.name)


def _dtype(number):
  return tf.as_dtype(onnx.helper.tensor_dtype_to_np_dtype(number))


def _run(graph, inputs):
  """Returns the graph's outputs by their names."""
  arrays = {x.name: onnx.numpy_helper.to_array(x) for x in graph.initializer}
  values = arrays | inputs
  for node in graph.node:
    attributes = {
      x.name: onnx.helper.get_attribute_value(x) for x in node.attribute
    }
    operands = [values[name] if name else None for name in node.input]
    results = _OPERATORS[node.op_type](*operands, **attributes)
    if len(node.output) == 1:
      results = [results]
    values.update(zip(node.output, results, strict=True))
  return {x.name: values[x.name] for x in graph.output}


def _convolve(x, kernel, *, strides, dilations, pads, group):
  """Convolves with channels last, which is all that TensorFlow's CPUs can."""
  del group  # 1
  x = tf.transpose(x, onnx_graph.TO_CHANNELS_LAST)
  top, left, bottom, right = pads
  y = tf.nn.conv2d(
    x,
    kernel.transpose(2, 3, 1, 0),
    strides=strides,
    dilations=dilations,
    padding=[(0, 0), (top, bottom), (left, right), (0, 0)],
  )
  return tf.transpose(y, onnx_graph.TO_CHANNELS_FIRST)


def _resize(x, region, scales, **attributes):
  """Repeats pixels of `[B, C, H, W]`; that is all it is used for."""
  del region, attributes
  for axis in (2, 3):
    x = tf.repeat(x, int(scales[axis]), axis=axis)
  return x


def _slice(x, starts, ends, axes, strides):
  """Slices some axes; none of the bounds is negative."""
  parts = [slice(None)] * len(x.shape)
  for i, axis in enumerate(axes):
    parts[axis] = slice(starts[i], ends[i], strides[i])
  return x[tuple(parts)]


def _reshape(x, shape):
  return tf.reshape(x, shape)


def _shape(x, *, start, end):
  return tf.shape(x, out_type=tf.int64)[start:end]


def _reduce(reduce):
  return lambda x, axes, *, keepdims=1: reduce(x, axes, keepdims=bool(keepdims))


def _divide(x, y):
  x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
  return tf.truediv(x, y) if x.dtype.is_floating else tf.truncatediv(x, y)


def _unsqueeze(x, axes):
  for axis in sorted(axes):
    x = tf.expand_dims(x, axis)
  return x


def _pad(x, pads, value):
  widths = np.reshape(pads, (2, -1)).T
  return tf.pad(x, widths, constant_values=value)


_OPERATORS = {
  "Add": tf.add,
  "And": tf.logical_and,
  "Cast": lambda x, *, to: tf.cast(x, _dtype(to)),
  "Concat": lambda *xs, axis: tf.concat(xs, axis),
  "Conv": _convolve,
  "Div": _divide,
  "Elu": tf.nn.elu,
  "Equal": tf.equal,
  "Exp": tf.exp,
  "Expand": lambda x, shape: tf.broadcast_to(x, shape),
  "Gather": lambda x, indices, *, axis: tf.gather(x, indices, axis=axis),
  "Greater": tf.greater,
  "Identity": tf.identity,
  "Less": tf.less,
  "MatMul": tf.matmul,
  "Max": tf.maximum,
  "Mod": lambda x, y, *, fmod: tf.truncatemod(x, y),
  "Mul": tf.multiply,
  "Not": tf.logical_not,
  "Pad": _pad,
  "Range": tf.range,
  "ReduceMax": _reduce(tf.reduce_max),
  "ReduceMin": _reduce(tf.reduce_min),
  "ReduceSum": _reduce(tf.reduce_sum),
  "Reshape": _reshape,
  "Resize": _resize,
  "Shape": _shape,
  "Sigmoid": tf.sigmoid,
  "Sign": tf.sign,
  "Slice": _slice,
  "Split": lambda x, sizes, *, axis: tf.split(x, sizes, axis),
  "Sqrt": tf.sqrt,
  "Squeeze": lambda x, axes: tf.squeeze(x, list(axes)),
  "Sub": tf.subtract,
  "Tanh": tf.tanh,
  "Transpose": lambda x, *, perm: tf.transpose(x, perm),
  "Unsqueeze": _unsqueeze,
  "Where": tf.where,
}
