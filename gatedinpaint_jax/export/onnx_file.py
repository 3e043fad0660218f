"""Converts functions of JAX to ONNX models for any picture and batch size.

Supports only the operations of the generator, see `onnx_arithmetic` and
`onnx_shapes`; any other raises NotImplementedError.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
import onnx
from jax.extend import core

from gatedinpaint_jax.export import onnx_arithmetic, onnx_graph, onnx_shapes

_OPERATIONS = onnx_arithmetic.OPERATIONS | onnx_shapes.OPERATIONS
_FUNCTIONS = onnx_arithmetic.FUNCTIONS | onnx_shapes.FUNCTIONS

# {operation that calls a jaxpr: parameter with the jaxpr}.
_CALLS = {"jit": "jaxpr", "custom_jvp_call": "call_jaxpr"}


def convert(
  function: Callable,
  inputs: Mapping[str, jax.ShapeDtypeStruct],
  outputs: Sequence[str],
  *,
  description: str = "",
  properties: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
  """Converts a function to a model.

  `inputs` are its arguments, with sizes that may be symbolic; `outputs` names
  its results. `properties` are the `metadata_props` of the model.

  Raises:
    NotImplementedError: if the function has an unsupported operation.
  """
  closed = jax.make_jaxpr(function)(*inputs.values())
  graph = onnx_graph.Graph()
  tensors = [graph.add_input(n, x.shape, x.dtype) for n, x in inputs.items()]
  results = _run(graph, closed, tensors)
  for name, result in zip(outputs, results, strict=True):
    graph.add_output(name, _as_tensor(graph, result))
  model = graph.to_model(description)
  onnx.helper.set_model_props(model, dict(properties or {}))
  return model


def _run(graph, closed, arguments):
  """Adds the nodes of a jaxpr and returns its results, tensors or arrays."""
  jaxpr = closed.jaxpr
  given = [*closed.consts, *arguments]
  values = dict(zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True))
  read = lambda v: (
    np.asarray(v.val, v.aval.dtype)
    if isinstance(v, core.Literal)
    else values[v]
  )
  for equation in jaxpr.eqns:
    results = _apply(graph, equation, [read(v) for v in equation.invars])
    values.update(zip(equation.outvars, results, strict=True))
  return [read(v) for v in jaxpr.outvars]


def _apply(graph, equation, inputs):
  name, parameters = equation.primitive.name, equation.params
  outputs = [v.aval for v in equation.outvars]
  operation = _OPERATIONS.get(name)
  if name in _CALLS:
    operation = _FUNCTIONS.get(parameters.get("name"))
    if operation is None:
      return _run(graph, parameters[_CALLS[name]], inputs)
  if _is_constant(inputs, outputs):
    results = equation.primitive.bind(*inputs, **parameters)
    return results if equation.primitive.multiple_results else [results]
  if operation is None:
    raise NotImplementedError(f"the operation {name} of JAX")
  tensors = [_as_tensor(graph, x) for x in inputs]
  if name == "split":  # the only one with several outputs
    return operation(graph, tensors, parameters, outputs)
  return [operation(graph, tensors, parameters, outputs[0])]


def _is_constant(inputs, outputs):
  return (
    bool(inputs)
    and not any(isinstance(x, onnx_graph.Tensor) for x in inputs)
    and all(isinstance(size, int) for x in outputs for size in x.shape)
  )


def _as_tensor(graph, value):
  if isinstance(value, onnx_graph.Tensor):
    return value
  array = np.asarray(value)
  return onnx_graph.Tensor(graph.constant(array), array.shape, array.dtype)
