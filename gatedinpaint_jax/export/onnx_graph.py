"""Builds an ONNX graph node by node, tracking the shapes of JAX.

Channels are last in JAX and first in ONNX's convolutions. The result of a
convolution stays `Tensor.channels_first` through the following operations, and
is transposed only where the axis order of JAX is needed. Likewise, a broadcast
is written only where ONNX does not broadcast implicitly.
"""

import functools
import re
from typing import NamedTuple

import numpy as np
import onnx

# Version of the operators, from October 2022 and widely supported.
OPSET = 18
_IR_VERSION = 8

# Permutations of axes from JAX to ONNX and back.
TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)


class Tensor(NamedTuple):
  """A tensor of the graph."""

  name: str  # in the graph
  shape: tuple  # in JAX; sizes are int or symbolic
  dtype: np.dtype  # of NumPy
  # Whether the last of four axes is second in the graph.
  channels_first: bool = False
  # Whether axes may still have size 1 in the graph, to be broadcast to `shape`.
  is_thin: bool = False
  # Name of a tensor with the last two of three axes swapped, if the graph has
  # one without a transposition.
  columns: str | None = None

  def axis(self, axis: int) -> int:
    """Returns the position in the graph of an axis of JAX."""
    return TO_CHANNELS_FIRST.index(axis) if self.channels_first else axis


def make_tensor(name, like, *, channels_first=False, is_thin=False) -> Tensor:
  """Returns a tensor with the shape and dtype of `like`."""
  dtype = np.dtype(like.dtype)
  return Tensor(name, like.shape, dtype, channels_first, is_thin)


class Graph:
  """Nodes, constants and symbolic sizes."""

  def __init__(self):
    self._nodes = []
    self._added = {}  # {what a node computes: its outputs}
    self._arrays = {}
    self._constants = {}
    self._inputs = []
    self._outputs = []
    self._symbols = {}

  def add(self, op, *inputs, outputs=None, **attributes):
    """Adds a node, if there is no equal one; returns the name of its output.

    With a number of `outputs`, returns a list of names.
    """
    key = (op, inputs, outputs, repr(attributes))
    if key not in self._added:
      names = self._added[key] = [
        f"{op.lower()}_{len(self._nodes)}_{i}" for i in range(outputs or 1)
      ]
      self._nodes.append(onnx.helper.make_node(op, inputs, names, **attributes))
    return self._added[key] if outputs else self._added[key][0]

  def constant(self, array) -> str:
    """Returns the name of a constant; equal ones are stored once."""
    array = np.ascontiguousarray(array).reshape(np.shape(array))
    key = (array.dtype.str, array.shape, array.tobytes())
    if key not in self._constants:
      self._constants[key] = f"constant_{len(self._constants)}"
      self._arrays[self._constants[key]] = array
    return self._constants[key]

  def cast(self, name, dtype) -> str:
    """Returns the name of a tensor converted to another dtype."""
    to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return self.add("Cast", name, to=to)

  def transposed(self, name, perm) -> str:
    """Returns the name of the transposed tensor."""
    if name in self._arrays:
      return self.constant(self._arrays[name].transpose(perm))
    return self.add("Transpose", name, perm=perm)

  def add_input(self, name, shape, dtype) -> Tensor:
    """Declares an input; sizes may be symbols or multiples of one."""
    value = _value_info(name, shape, dtype)
    self._inputs.append(value)
    for axis, size in enumerate(shape):
      if isinstance(size, int):
        continue
      factor, _, symbol = str(size).rpartition("*")
      if symbol not in self._symbols:
        size = self.add("Shape", name, start=axis, end=axis + 1)
        if factor:
          size = self.add("Div", size, self.constant(np.array([int(factor)])))
        self._symbols[symbol] = size
    return Tensor(name, shape, np.dtype(dtype))

  def add_output(self, name, tensor) -> None:
    """Declares a tensor as an output, in JAX's axis order."""
    source = self.plain(tensor)
    self._nodes.append(onnx.helper.make_node("Identity", [source], [name]))
    self._outputs.append(_value_info(name, tensor.shape, tensor.dtype))

  def plain(self, tensor) -> str:
    """Returns the name of a tensor with JAX's axis order and shape."""
    name = tensor.name
    if tensor.channels_first:
      name = self.transposed(name, TO_CHANNELS_LAST)
    if tensor.is_thin:
      name = self.add("Expand", name, self.sizes(tensor.shape))
    return name

  def channels_first(self, tensor) -> str:
    """Returns the name of a four-axis tensor with channels first."""
    if tensor.channels_first:
      return tensor.name
    return self.transposed(tensor.name, TO_CHANNELS_FIRST)

  def full(self, tensor) -> Tensor:
    """Returns a tensor with its broadcasts applied."""
    if not tensor.is_thin:
      return tensor
    return Tensor(self.plain(tensor), tensor.shape, tensor.dtype)

  def aligned(self, tensors) -> tuple[list[str], bool]:
    """Returns names in one axis order, and whether it is channels first."""
    if not any(x.channels_first for x in tensors):
      return [x.name for x in tensors], False
    names = [self.channels_first(x) if x.shape else x.name for x in tensors]
    return names, True

  def sizes(self, shape) -> str:
    """Returns the name of an int64 vector of sizes."""
    if all(isinstance(size, int) for size in shape):
      return self.constant(np.array(shape, np.int64))
    sizes = [self._size(str(size)) for size in shape]
    return self.add("Concat", *sizes, axis=0) if len(sizes) > 1 else sizes[0]

  def scalar_size(self, size) -> str:
    """Returns the name of an int64 scalar."""
    axis = self.constant(np.zeros(1, np.int64))
    return self.add("Squeeze", self.sizes((size,)), axis)

  def to_model(self, description) -> onnx.ModelProto:
    """Returns the checked model."""
    nodes = self._needed_nodes()
    used = {name for node in nodes for name in node.input}
    graph = onnx.helper.make_graph(
      nodes,
      "generator",
      self._inputs,
      self._outputs,
      [
        onnx.numpy_helper.from_array(array, name)
        for name, array in self._arrays.items()
        if name in used
      ],
      doc_string=description,
    )
    model = onnx.helper.make_model(
      graph,
      opset_imports=[onnx.helper.make_opsetid("", OPSET)],
      ir_version=_IR_VERSION,
      producer_name="gatedinpaint-jax",
    )
    onnx.checker.check_model(model)
    return model

  def _needed_nodes(self):
    wanted = {output.name for output in self._outputs}
    needed = []
    for node in reversed(self._nodes):
      if wanted.intersection(node.output):
        needed.append(node)
        wanted.update(node.input)
    return needed[::-1]

  def _size(self, text):
    """Returns a vector with one size, a polynomial such as "2*h*w - 1"."""
    total = None
    for sign, term in re.findall(r"(^|[+-]) ?([^ ]+)", text):
      factors = [self._factor(factor) for factor in term.split("*")]
      product = functools.reduce(functools.partial(self.add, "Mul"), factors)
      op = "Sub" if sign == "-" else "Add"
      total = product if total is None else self.add(op, total, product)
    return total

  def _factor(self, text):
    if text.lstrip("-").isdecimal():
      return self.constant(np.array([int(text)], np.int64))
    if text not in self._symbols:
      raise NotImplementedError(f"the size {text!r} of a tensor")
    return self._symbols[text]


def _value_info(name, shape, dtype):
  """Describes an input or output; symbolic sizes become strings."""
  return onnx.helper.make_tensor_value_info(
    name,
    onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)),
    [size if isinstance(size, int) else str(size) for size in shape],
  )
