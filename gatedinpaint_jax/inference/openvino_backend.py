"""Runs the generator through OpenVINO, on processors.

The network is the one that `export_model` writes as ONNX, its padding and its
other predictions included. It is compiled once for each size.
"""

import functools
import importlib.util
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from absl import logging

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.export import network as network_lib
from gatedinpaint_jax.inference import (
  compilation_cache,
  fit_size,
  graph_cache,
)
from gatedinpaint_jax.networks import inpaint_generator

_PACKAGES = ("openvino", "onnx")
# The backends of `Inpainter` and what OpenVINO is asked for.
PRECISIONS = {"openvino": "f32", "openvino_bf16": "bf16"}

# Each keeps the memory of a batch, for as long as it is kept.
_MOST_PROGRAMS = 4
# Measured: 0.35 GB at 512 x 512, 1.45 GB at 768 x 768, 4.4 GB at 1024 x 1024,
# for four float32 scores of every pair of places and what the layers hold.
_SCORES_PER_PAIR = 4
_BYTES_PER_PIXEL = 800


class OpenvinoBackend:
  """Predicts batches of pictures, as `jax_backend.JaxBackend` does."""

  # OpenVINO gives all cores to one picture.
  devices = 1

  def __init__(self, generator, params, *, precision: str = "f32"):
    """Prepares the generator; the first batch converts and compiles it.

    Args:
      generator: an `InpaintGenerator`.
      params: its parameters.
      precision: "f32", or "bf16", in which the scores of the attention stay
        float32.

    Raises:
      UserError: if OpenVINO or ONNX is not installed.
    """
    for package in _PACKAGES:
      errors.check_installed(package, extra="openvino")
    self._generator = network_lib.in_float32(generator)
    self._params = params
    self._precision = precision
    self._compiled = {}
    self._lock = threading.Lock()

  def predict(
    self, image, hole, line, size: tuple[int, int]
  ) -> inpaint_generator.GeneratorOutput:
    """Predicts a batch; see `JaxBackend.predict`."""
    _check_fits(len(image), *size)
    rows, columns = (
      np.arange(side) < known
      for side, known in zip(size, image.shape[1:3], strict=True)
    )
    planes = [hole] if line is None else [hole, line]
    planes = [fit_size.pad(plane, *size) for plane in planes]
    planes.append(~(rows[:, None] & columns)[None])
    pixels = fit_size.pad(image, *size).astype(np.float32)
    arrays = [batch_lib.from_uint8(pixels)]
    arrays += [plane[..., None].astype(np.float32) for plane in planes]
    try:
      # One request at a time: each program has a single one.
      with self._lock:
        compiled = self._compile((len(image), *size))
        found = compiled(arrays).values()
    except RuntimeError as error:
      raise errors.UserError(
        f"OpenVINO failed ({errors.first_words(error)}); the backend jax may "
        "do better"
      ) from error
    return inpaint_generator.GeneratorOutput(*found)

  def is_native(self) -> bool:
    """Whether the processor has instructions for the precision."""
    core, _ = self._core_and_model
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {"f32": "FP32", "bf16": "BF16"}[self._precision] in able

  @functools.cached_property
  def _core_and_model(self):
    """OpenVINO's core and the model of free sizes.

    Raises:
      UserError: if the network has an operation that cannot be converted.
    """
    openvino = _import_openvino()
    core = openvino.Core()
    folder = compilation_cache.folder("openvino")
    if folder is not None:
      core.set_property({"CACHE_DIR": str(folder)})
    graph = graph_cache.read_or_make(
      folder, self._generator, self._params, self._convert
    )
    model = core.read_model(graph)
    if self._precision == "bf16":
      _keep_scores(openvino, model)
    return core, model

  def _convert(self) -> bytes:
    """Returns the graph of ONNX, its padding and all predictions included."""
    # Here, because it loads the optional onnx.
    from gatedinpaint_jax.export import onnx_file

    def predict(image, mask, *planes):
      *sketch, padding = planes
      return self._generator.apply(
        {"params": self._params},
        batch_lib.erase(image, mask),
        mask,
        sketch[0] * mask if sketch else None,
        padding=padding,
      )

    network = network_lib.Network(self._generator, self._params, "")
    inputs = network_lib.inputs(network)
    padding = (1, *inputs["mask"].shape[1:])
    inputs["padding"] = jax.ShapeDtypeStruct(padding, jnp.float32)
    try:
      converted = onnx_file.convert(
        network_lib.with_separate_gates(predict),
        inputs,
        inpaint_generator.GeneratorOutput._fields,
      )
    except NotImplementedError as error:
      raise errors.UserError(
        f"OpenVINO cannot compute this network ({errors.first_words(error)}); "
        "JAX can"
      ) from error
    return converted.SerializeToString()

  def _compile(self, shape):
    """Returns the program for a batch `(B, H, W)`."""
    if shape in self._compiled:
      return self._compiled[shape]
    if len(self._compiled) == _MOST_PROGRAMS:
      del self._compiled[next(iter(self._compiled))]  # the oldest
    core, model = self._core_and_model
    model = model.clone()
    sizes = {}
    for x in model.inputs:
      batch = 1 if "padding" in x.names else shape[0]
      channels = x.partial_shape[3].get_length()
      sizes[x] = [batch, *shape[1:], channels]
    # Known sizes are 1.3 times as fast as free ones.
    model.reshape(sizes)
    self._compiled[shape] = core.compile_model(
      model, "CPU", {"INFERENCE_PRECISION_HINT": self._precision}
    )
    return self._compiled[shape]


def load_if_installed(generator, params) -> OpenvinoBackend | None:
  """Returns the backend in float32 if it is there for this generator."""
  is_known = isinstance(generator, inpaint_generator.InpaintGenerator)
  return (
    OpenvinoBackend(generator, params) if is_known and is_installed() else None
  )


def is_installed() -> bool:
  """Returns whether OpenVINO, and what converts graphs for it, is there."""
  return all(importlib.util.find_spec(package) for package in _PACKAGES)


def _check_fits(pictures: int, height: int, width: int) -> None:
  """Raises UserError if a batch needs more memory than is free."""
  places = (height // 8) * (width // 8)
  scores = 4 * _SCORES_PER_PAIR * places**2
  needed = pictures * (scores + _BYTES_PER_PIXEL * height * width)
  free = psutil.virtual_memory().available
  if needed > free:
    raise errors.UserError(
      f"{height} x {width} pixels need about {needed / 1e9:.1f} GB with "
      f"OpenVINO and {free / 1e9:.1f} GB are free; the backend jax needs less"
    )


def load(generator, params, precision: str) -> OpenvinoBackend:
  """Converts a generator, and logs the error if it is not float32.

  Raises:
    UserError: if OpenVINO is not installed or cannot compute the network.
  """
  backend = OpenvinoBackend(generator, params, precision=precision)
  _ = backend._core_and_model  # so that mistakes show up before any picture
  if precision != "f32":
    exact = OpenvinoBackend(generator, params)
    mean, most = rounding_error(backend, exact, guided=generator.guided)
    logging.warning(
      "%s is %.2f levels of 255 from f32 on average, at most %.1f, in the hole "
      "of a test picture%s",
      precision,
      mean,
      most,
      "" if backend.is_native() else "; slower on this processor too",
    )
  return backend


def rounding_error(
  rounded: OpenvinoBackend, exact: OpenvinoBackend, *, guided: bool
) -> tuple[float, float]:
  """Compares two backends in the hole of a picture made for this.

  Returns:
    The mean and the greatest distance, in levels of 255.
  """
  shape = (1, 128, 128)
  draw = np.random.default_rng(0)
  coarse = draw.integers(0, 256, (1, 16, 16, 3))
  pixels = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.uint8)
  hole = np.zeros(shape, bool)
  hole[:, 32:96, 32:96] = True
  line = np.zeros(shape, bool) if guided else None
  first, second = (
    backend.predict(pixels, hole, line, shape[1:]).refined[hole]
    for backend in (rounded, exact)
  )
  distance = 127.5 * np.abs(first - second)
  return float(distance.mean()), float(distance.max())


def _import_openvino():
  """Imports OpenVINO without what reports the import to its makers.

  That would fork this process, and a fork of JAX's threads may hang.
  """
  reporter = "openvino_telemetry"
  is_hidden = sys.modules.setdefault(reporter) is None
  try:
    import openvino
  finally:
    if is_hidden:
      del sys.modules[reporter]
  return openvino


def _keep_scores(openvino, model):
  """Changes a model so that bf16 leaves the attention's scores in float32.

  In bf16, OpenVINO leaves in float32 what lies between the last product and an
  output, here all from the scores to the offsets. The product that makes them
  multiplies numbers that are bfloat16 already and adds in float32. What it
  returns is float32 too if another operation is appended to it.
  """
  match, _ = (
    x for x in model.get_ordered_ops() if x.get_type_name() == "MatMul"
  )
  consumers = match.output(0).get_target_inputs()
  limit = float(np.finfo(np.float32).max)
  appended = openvino.opset8.clamp(match, -limit, limit)
  for consumer in consumers:
    consumer.replace_source_output(appended.output(0))
