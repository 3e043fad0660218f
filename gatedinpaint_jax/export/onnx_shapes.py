"""Converts JAX's operations on shapes and indices to ONNX.

The tables are explained in `onnx_arithmetic`.
"""

import numpy as np

from gatedinpaint_jax.export import onnx_graph


def _size_as_value(graph, inputs, parameters, output):
  size = graph.scalar_size(parameters["dim"])
  return onnx_graph.make_tensor(graph.cast(size, output.dtype), output)


def _iota(graph, inputs, parameters, output):
  """Counts along one axis."""
  axis, rank = parameters["dimension"], len(output.shape)
  zero, one = (graph.constant(np.array(i, np.int64)) for i in (0, 1))
  length = graph.scalar_size(output.shape[axis])
  numbers = graph.cast(graph.add("Range", zero, length, one), output.dtype)
  shape = graph.constant(
    np.array([-1 if i == axis else 1 for i in range(rank)])
  )
  name = graph.add("Reshape", numbers, shape)
  return onnx_graph.make_tensor(name, output, is_thin=rank > 1)


def _broadcast(graph, inputs, parameters, output):
  """Adds axes of size 1, which ONNX broadcasts implicitly."""
  (x,) = inputs
  kept = parameters["broadcast_dimensions"]
  if kept == tuple(range(len(output.shape))):
    is_thin = x.is_thin or x.shape != output.shape
    return x._replace(shape=output.shape, is_thin=is_thin)
  name = x.name
  if x.channels_first:
    name = graph.transposed(name, onnx_graph.TO_CHANNELS_LAST)
  new = [i for i in range(len(output.shape)) if i not in kept]
  name = graph.add("Unsqueeze", name, graph.constant(np.array(new)))
  return onnx_graph.make_tensor(name, output, is_thin=True)


def _reshape(graph, inputs, parameters, output):
  (x,) = inputs
  name = graph.add("Reshape", graph.plain(x), graph.sizes(output.shape))
  columns = None
  # Rows and columns are merged.
  if x.channels_first and output.shape[::2] == x.shape[::3]:
    batch, places, channels = output.shape
    columns = graph.sizes((batch, channels, places))
    columns = graph.add("Reshape", graph.channels_first(graph.full(x)), columns)
  return onnx_graph.make_tensor(name, output)._replace(columns=columns)


def _transpose(graph, inputs, parameters, output):
  name = graph.transposed(graph.plain(inputs[0]), parameters["permutation"])
  return onnx_graph.make_tensor(name, output)


def _concatenate(graph, inputs, parameters, output):
  names, first = graph.aligned([graph.full(x) for x in inputs])
  result = onnx_graph.make_tensor("", output, channels_first=first)
  axis = result.axis(parameters["dimension"])
  return result._replace(name=graph.add("Concat", *names, axis=axis))


def _stack(graph, inputs, parameters, output):
  axis = parameters["axis"]
  axes = graph.constant(np.array([axis]))
  names = [graph.add("Unsqueeze", graph.plain(x), axes) for x in inputs]
  name = graph.add("Concat", *names, axis=axis)
  return onnx_graph.make_tensor(name, output)


def _split(graph, inputs, parameters, outputs):
  x = graph.full(inputs[0])
  names = graph.add(
    "Split",
    x.name,
    graph.constant(np.array(parameters["sizes"], np.int64)),
    axis=x.axis(parameters["axis"]),
    outputs=len(outputs),
  )
  return [
    onnx_graph.make_tensor(name, output, channels_first=x.channels_first)
    for name, output in zip(names, outputs, strict=True)
  ]


def _pad(graph, inputs, parameters, output):
  x, value = graph.full(inputs[0]), inputs[1]
  low, high = np.zeros((2, len(x.shape)), np.int64)
  for axis, (before, after, between) in enumerate(parameters["padding_config"]):
    if between:
      raise NotImplementedError("padding between elements")
    low[x.axis(axis)], high[x.axis(axis)] = before, after
  pads = graph.constant(np.concatenate([low, high]))
  name = graph.add("Pad", x.name, pads, value.name)
  return onnx_graph.make_tensor(name, output, channels_first=x.channels_first)


def _slice(graph, inputs, parameters, output):
  x = graph.full(inputs[0])
  axes = np.array([x.axis(axis) for axis in range(len(x.shape))])
  name = graph.add(
    "Slice",
    x.name,
    graph.sizes(parameters["start_indices"]),
    graph.sizes(parameters["limit_indices"]),
    graph.constant(axes),
    graph.constant(np.array(parameters["strides"] or np.ones_like(axes))),
  )
  return onnx_graph.make_tensor(name, output, channels_first=x.channels_first)


def _gather(graph, inputs, parameters, output):
  """The entries at given indices of one axis, assumed to be in bounds."""
  x, indices = graph.full(inputs[0]), inputs[1]
  numbers = parameters["dimension_numbers"]
  axes = numbers.start_index_map
  others = tuple(i for i in range(len(x.shape)) if i not in axes)
  if (
    len(axes) != 1
    or numbers.collapsed_slice_dims != axes
    or numbers.offset_dims != others
  ):
    raise NotImplementedError(f"a gather with {numbers}")
  vector = graph.constant(np.array([-1]))
  flat = graph.add("Reshape", graph.plain(indices), vector)
  name = graph.add("Gather", x.name, flat, axis=x.axis(axes[0]))
  return onnx_graph.make_tensor(name, output, channels_first=x.channels_first)


def _upsample(graph, inputs, parameters, output):
  """Repeats every pixel as a block of 2 x 2."""
  name = graph.add(
    "Resize",
    graph.channels_first(graph.full(inputs[0])),
    "",
    graph.constant(np.array([1, 1, 2, 2], np.float32)),
    mode="nearest",
    coordinate_transformation_mode="asymmetric",
    nearest_mode="floor",
  )
  return onnx_graph.make_tensor(name, output, channels_first=True)


OPERATIONS = {
  "broadcast_in_dim": _broadcast,
  "concatenate": _concatenate,
  "dim_as_value": _size_as_value,
  "gather": _gather,
  "iota": _iota,
  "pad": _pad,
  "reshape": _reshape,
  "slice": _slice,
  "split": _split,
  "stack": _stack,
  "transpose": _transpose,
}

FUNCTIONS = {"upsample_x2": _upsample}
