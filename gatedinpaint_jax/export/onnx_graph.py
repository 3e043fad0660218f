"""An ONNX graph that grows node by node, beside the shapes that JAX knows.

A picture's channels are last for JAX and first for ONNX's convolutions. What a
convolution returns stays as it is, `Tensor.channels_first`, and what follows
works with it so; tensors are transposed only where somebody needs the order of
JAX. In the same way a broadcast is written only where ONNX has none of its own.
"""

import functools
import re
from typing import NamedTuple

import numpy as np
import onnx

# The version of the operators, of October 2022: runtimes have it.
OPSET = 18
_IR_VERSION = 8

# Axes of ONNX at each axis of JAX, and back.
TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)


class Tensor(NamedTuple):
  """A tensor of the graph.

  Attributes:
    name: in the graph.
    shape: for JAX; sizes are int or symbolic.
    dtype: numpy's.
    channels_first: whether the graph has the last of four axes second.
    is_thin: whether axes may have size 1 in the graph and another one in
      `shape`.
    columns: of three axes, the name of the same with the last two swapped, if
      the graph has it without a transposition.
  """

  name: str
  shape: tuple
  dtype: np.dtype
  channels_first: bool = False
  is_thin: bool = False
  columns: str | None = None

  def axis(self, axis: int) -> int:
    """Returns where the graph has an axis of JAX."""
    return TO_CHANNELS_FIRST.index(axis) if self.channels_first else axis


def make_tensor(name, like, *, channels_first=False, is_thin=False) -> Tensor:
  """Returns the tensor of that name with the shape and dtype of `like`."""
  dtype = np.dtype(like.dtype)
  return Tensor(name, like.shape, dtype, channels_first, is_thin)


def onnx_dtype(dtype) -> int:
  """Returns the number that ONNX has for a type of numpy."""
  return onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


class Graph:
  """Nodes, constants and the sizes that are known only when it runs."""

  def __init__(self):
    """Begins an empty graph."""
    self._nodes = []
    self._arrays = {}
    self._constants = {}
    self._inputs = []
    self._outputs = []
    self._symbols = {}
    self._kept = {}

  def add(self, op, *inputs, outputs=None, **attributes):
    """Adds a node and returns the name of its output, or their names.

    Args:
      op: of ONNX.
      *inputs: names; "" for one that is left out.
      outputs: how many; None for one, whose name is returned alone.
      **attributes: of the node.
    """
    names = [
      f"{op.lower()}_{len(self._nodes)}_{i}" for i in range(outputs or 1)
    ]
    self._nodes.append(onnx.helper.make_node(op, inputs, names, **attributes))
    return names[0] if outputs is None else names

  def constant(self, array) -> str:
    """Returns the name of a constant; equal ones are kept once."""
    array = np.ascontiguousarray(array).reshape(np.shape(array))
    key = (array.dtype.str, array.shape, array.tobytes())
    if key not in self._constants:
      self._constants[key] = f"constant_{len(self._constants)}"
      self._arrays[self._constants[key]] = array
    return self._constants[key]

  def array(self, name) -> np.ndarray | None:
    """Returns the constant of that name, or None if it is none."""
    return self._arrays.get(name)

  def transposed(self, name, perm) -> str:
    """Returns the name of a tensor with its axes in another order."""
    array = self.array(name)
    if array is not None:
      return self.constant(array.transpose(perm))
    return self._once(
      ("transposed", name, perm),
      lambda: self.add("Transpose", name, perm=perm),
    )

  def add_input(self, name, shape, dtype) -> Tensor:
    """Declares an input; its sizes may be symbols or their multiples."""
    value = _value_info(name, shape, dtype)
    self._inputs.append(value)
    for axis, size in enumerate(shape):
      if isinstance(size, int) or str(size).isdecimal():
        continue
      factor, _, symbol = str(size).rpartition("*")
      if symbol not in self._symbols:
        size = self.add("Shape", name, start=axis, end=axis + 1)
        if factor:
          size = self.add("Div", size, self.constant(np.array([int(factor)])))
        self._symbols[symbol] = size
    return Tensor(name, shape, np.dtype(dtype))

  def add_output(self, name, tensor) -> None:
    """Declares a tensor as an output, in JAX's order of axes."""
    source = self.plain(tensor)
    self._nodes.append(onnx.helper.make_node("Identity", [source], [name]))
    self._outputs.append(_value_info(name, tensor.shape, tensor.dtype))

  def plain(self, tensor) -> str:
    """Returns the name of a tensor that is as JAX has it."""
    name = tensor.name
    if tensor.channels_first:
      name = self.transposed(name, TO_CHANNELS_LAST)
    if tensor.is_thin:
      name = self.add("Expand", name, self.sizes(tensor.shape))
    return name

  def channels_first(self, tensor) -> str:
    """Returns the name of a tensor of four axes, the last one second."""
    if tensor.channels_first:
      return tensor.name
    return self.transposed(tensor.name, TO_CHANNELS_FIRST)

  def full(self, tensor) -> Tensor:
    """Returns a tensor with its broadcasts written out."""
    if not tensor.is_thin:
      return tensor
    return Tensor(self.plain(tensor), tensor.shape, tensor.dtype)

  def aligned(self, tensors) -> tuple[list[str], bool]:
    """Returns names in one order of axes, and whether channels are first."""
    if not any(x.channels_first for x in tensors):
      return [x.name for x in tensors], False
    names = [self.channels_first(x) if x.shape else x.name for x in tensors]
    return names, True

  def sizes(self, shape) -> str:
    """Returns the name of an int64 vector of sizes."""
    if all(isinstance(size, int) for size in shape):
      return self.constant(np.array(shape, np.int64))
    return self._once(("sizes", str(shape)), lambda: self._make_sizes(shape))

  def to_model(self, description) -> onnx.ModelProto:
    """Returns the whole as a model that was checked."""
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
    """Returns the nodes that outputs depend on."""
    wanted = {output.name for output in self._outputs}
    needed = []
    for node in reversed(self._nodes):
      if wanted.intersection(node.output):
        needed.append(node)
        wanted.update(node.input)
    return needed[::-1]

  def _once(self, key, make):
    if key not in self._kept:
      self._kept[key] = make()
    return self._kept[key]

  def _make_sizes(self, shape):
    sizes = [self._size(str(size)) for size in shape]
    return self.add("Concat", *sizes, axis=0) if len(sizes) > 1 else sizes[0]

  def _size(self, text):
    """Returns a vector of one size, a polynomial such as "2*h*w - 1"."""
    return self._once(("size", text), lambda: self._make_size(text))

  def _make_size(self, text):
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
  """Describes an input or an output; free sizes go by their symbols."""
  return onnx.helper.make_tensor_value_info(
    name,
    onnx_dtype(dtype),
    [size if isinstance(size, int) else str(size) for size in shape],
  )
