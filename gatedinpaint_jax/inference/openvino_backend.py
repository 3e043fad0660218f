"""Runs the generator with OpenVINO, on CPUs.

The network is converted to ONNX as in `export_model`, with the padding as
another input and all predictions as outputs, and compiled once per size.
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
from gatedinpaint_jax.inference import compilation_cache, fit_size
from gatedinpaint_jax.networks import inpaint_generator

_PACKAGES = ("openvino", "onnx")
# {backend of `Inpainter`: inference precision of OpenVINO}.
PRECISIONS = {"openvino": "f32", "openvino_bf16": "bf16"}

# Each compiled program holds the memory of a batch.
_MAX_PROGRAMS = 4
# Measured: 0.35 GB at 512 x 512, 1.45 GB at 768 x 768, 4.4 GB at 1024 x 1024,
# for four float32 scores per pair of places and the activations.
_SCORES_PER_PAIR = 4
_BYTES_PER_PIXEL = 800


class OpenvinoBackend:
  """Predicts batches of pictures, like `jax_backend.JaxBackend`."""

  # OpenVINO uses all cores for one picture.
  devices = 1

  def __init__(self, generator, params, *, precision: str = "f32"):
    """Prepares the generator; the first batch converts and compiles it.

    `precision` is "f32" or "bf16", which keeps the attention's scores in
    float32.
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
    given = [image, hole] if line is None else [image, hole, line]
    pixels, *planes = (fit_size.pad(x, *size) for x in given)
    padding = np.ones((1, *size), bool)
    padding[:, : image.shape[1], : image.shape[2]] = False
    if pixels.dtype == np.uint8:
      pixels = batch_lib.from_uint8(pixels.astype(np.float32))
    arrays = [pixels]
    arrays += [x[..., None].astype(np.float32) for x in (*planes, padding)]
    try:
      # A compiled program serves one request at a time.
      with self._lock:
        compiled = self._compile((len(image), *size))
        found = compiled(arrays).values()
    except RuntimeError as error:
      raise errors.UserError(
        f"OpenVINO failed ({errors.first_words(error)}); try the backend jax"
      ) from error
    return inpaint_generator.GeneratorOutput(*found)

  @functools.cached_property
  def _core_and_model(self):
    """OpenVINO's core and the model for any size."""
    openvino = _import_openvino()
    core = openvino.Core()
    folder = compilation_cache.folder("openvino")
    if folder is not None:
      core.set_property({"CACHE_DIR": str(folder)})
    graph = compilation_cache.read_or_make_graph(
      folder, self._generator, self._params, self._convert
    )
    model = core.read_model(graph)
    if self._precision == "bf16":
      _keep_scores(openvino, model)
    return core, model

  def _convert(self) -> bytes:
    # onnx is optional.
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
    outputs = inpaint_generator.GeneratorOutput._fields
    # Only some generators have attention to return.
    if not getattr(self._generator, "returns_attention", False):
      outputs = outputs[:-1]
    try:
      converted = onnx_file.convert(
        network_lib.with_separate_gates(predict), inputs, outputs
      )
    except NotImplementedError as error:
      raise errors.UserError(
        f"OpenVINO cannot compute this network ({errors.first_words(error)}); "
        "JAX can"
      ) from error
    return converted.SerializeToString()

  def _compile(self, shape):
    if shape in self._compiled:
      return self._compiled[shape]
    if len(self._compiled) == _MAX_PROGRAMS:
      del self._compiled[next(iter(self._compiled))]  # the oldest
    core, model = self._core_and_model
    model = model.clone()
    sizes = {}
    for x in model.inputs:
      batch = 1 if "padding" in x.names else shape[0]
      channels = x.partial_shape[3].get_length()
      sizes[x] = [batch, *shape[1:], channels]
    # A fixed size is 1.3 times as fast.
    model.reshape(sizes)
    self._compiled[shape] = core.compile_model(
      model, "CPU", {"INFERENCE_PRECISION_HINT": self._precision}
    )
    return self._compiled[shape]


def is_installed() -> bool:
  """Returns whether OpenVINO and the converter's packages are installed."""
  return all(importlib.util.find_spec(package) for package in _PACKAGES)


def _check_fits(pictures: int, height: int, width: int) -> None:
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
  """Converts a generator, and logs the rounding error of bf16."""
  backend = OpenvinoBackend(generator, params, precision=precision)
  core, _ = backend._core_and_model  # fails now if it cannot be converted
  if precision == "bf16":
    exact = OpenvinoBackend(generator, params)
    error = _difference(backend, exact, generator)
    supported = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    logging.warning(
      "%s is %.2f levels of 255 from f32 on average, at most %.1f, in the hole "
      "of a test picture%s",
      precision,
      error.mean(),
      error.max(),
      "" if "BF16" in supported else "; it is also slower on this CPU",
    )
  return backend


def _difference(first, second, generator) -> np.ndarray:
  """Returns the differences in a test hole, in levels of 255."""
  shape = (1, 128, 128)
  size = (1, 16, 16, generator.channels)
  coarse = np.random.default_rng(0).integers(0, 256, size)
  pixels = coarse.astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)
  hole = np.zeros(shape, bool)
  hole[:, 32:96, 32:96] = True
  line = np.zeros(shape, bool) if generator.guided else None
  first, second = (
    backend.predict(pixels, hole, line, shape[1:]).refined[hole]
    for backend in (first, second)
  )
  return 127.5 * np.abs(first - second)


def _import_openvino():
  """Imports OpenVINO without its telemetry.

  The telemetry forks this process, and a fork of JAX's threads may hang.
  """
  telemetry = "openvino_telemetry"
  is_hidden = sys.modules.setdefault(telemetry) is None
  try:
    import openvino
  finally:
    if is_hidden:
      del sys.modules[telemetry]
  return openvino


def _keep_scores(openvino, model):
  """Makes a bf16 model keep the attention's scores in float32.

  OpenVINO keeps everything between the last matrix product and an output in
  float32, here from the scores to the offsets. The product that computes the
  scores accumulates in float32, but returns float32 only if another operation
  follows it, so a clamp without effect is appended.
  """
  match, _ = (
    x for x in model.get_ordered_ops() if x.get_type_name() == "MatMul"
  )
  consumers = match.output(0).get_target_inputs()
  limit = float(np.finfo(np.float32).max)
  appended = openvino.opset8.clamp(match, -limit, limit)
  for consumer in consumers:
    consumer.replace_source_output(appended.output(0))
