"""Runs the generator through OpenVINO, on processors.

The network is the one that `export_model` writes as ONNX, its padding and its
other predictions included. It is compiled once for each size.
"""

import contextlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from absl import logging

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import errors
from gatedinpaint_jax.export import network as network_lib
from gatedinpaint_jax.layers import plain_attention
from gatedinpaint_jax.networks import inpaint_generator

# The backends of `Inpainter` and what OpenVINO is asked for.
PRECISIONS = {"openvino": "f32", "openvino_bf16": "bf16"}

# Measured: 0.35 GB at 512 x 512, 1.45 GB at 768 x 768, 4.4 GB at 1024 x 1024,
# for four float32 scores of every pair of places and what the layers hold.
_SCORES_PER_PAIR = 4
_BYTES_PER_PIXEL = 800


class Predictor:
  """Predicts pictures of one padded size, as the jitted generator does."""

  def __init__(self, generator, params, *, precision: str = "f32"):
    """Converts the generator; the first picture of a size compiles it.

    Args:
      generator: of `networks.build`.
      params: its parameters.
      precision: "f32", or "bf16", in which the scores of the attention stay
        float32.

    Raises:
      UserError: if OpenVINO or ONNX is not installed.
    """
    for package in ("openvino", "onnx"):
      errors.check_installed(package, extra="openvino")
    self._openvino = _import_openvino()
    self._core = self._openvino.Core()
    self._precision = precision
    self._model = self._make_model(network_lib.in_float32(generator), params)
    self._compiled = {}

  def __call__(
    self, params, pixels, hole, line, known_size
  ) -> inpaint_generator.GeneratorOutput:
    """Predicts a batch; see `Inpainter`.

    Args:
      params: not used.
      pixels: `[B, H, W, 3] uint8`.
      hole: `[B, H, W] bool`.
      line: `[B, H, W] bool`, or None without a sketch.
      known_size: rows and columns that are no padding.
    """
    del params
    rows, columns = (np.arange(side) for side in pixels.shape[1:3])
    known = (rows < known_size[0])[:, None] & (columns < known_size[1])
    planes = [hole, *([] if line is None else [line]), ~known[None]]
    image = batch_lib.from_uint8(pixels.astype(np.float32))
    arrays = [image, *(plane[..., None].astype(np.float32) for plane in planes)]
    compiled = self._compile(pixels.shape[:3])
    return inpaint_generator.GeneratorOutput(*compiled(arrays).values())

  def is_native(self) -> bool:
    """Whether the processor has instructions for the precision."""
    able = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {"f32": "FP32", "bf16": "BF16"}[self._precision] in able

  def clear_cache(self) -> None:
    """Forgets the compiled programs."""
    self._compiled.clear()

  def _compile(self, shape):
    if shape not in self._compiled:
      model = self._model.clone()
      sizes = {}
      for x in model.inputs:
        batch = 1 if "padding" in x.names else shape[0]
        channels = x.partial_shape[3].get_length()
        sizes[x] = self._openvino.PartialShape([batch, *shape[1:], channels])
      # Known sizes are 1.3 times as fast as free ones.
      model.reshape(sizes)
      if self._precision == "bf16":
        _make_products_even(self._openvino, model)
      self._compiled[shape] = self._core.compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": self._precision}
      )
    return self._compiled[shape]

  def _make_model(self, generator, params):
    # Here, because it loads the optional onnx.
    from gatedinpaint_jax.export import onnx_file

    def predict(image, mask, *planes):
      *sketch, padding = planes
      return generator.apply(
        {"params": params},
        batch_lib.erase(image, mask),
        mask,
        sketch[0] * mask if sketch else None,
        padding=padding,
      )

    inputs = network_lib.inputs(network_lib.Network(generator, params, ""))
    padding = (1, *inputs["mask"].shape[1:])
    inputs["padding"] = jax.ShapeDtypeStruct(padding, jnp.float32)
    products = contextlib.nullcontext()
    if self._precision == "bf16":
      # At 512 x 512 on two cores with AMX, 23 ms instead of 92; in float32 as
      # long as sums.
      products = plain_attention.comparing_patches()
    try:
      with products:
        converted = onnx_file.convert(
          network_lib.with_separate_gates(predict),
          inputs,
          inpaint_generator.GeneratorOutput._fields,
        )
    except NotImplementedError as error:
      raise errors.UserError(
        "--backend: OpenVINO cannot compute this network "
        f"({errors.first_words(error)}); leave it out"
      ) from error
    model = self._core.read_model(converted.SerializeToString())
    if self._precision == "bf16":
      _keep_scores(self._openvino, model)
    return model


def check_fits(pictures: int, height: int, width: int) -> None:
  """Raises UserError if a batch needs more memory than is free."""
  places = (height // 8) * (width // 8)
  scores = 4 * _SCORES_PER_PAIR * places**2
  needed = pictures * (scores + _BYTES_PER_PIXEL * height * width)
  free = psutil.virtual_memory().available
  if needed > free:
    raise errors.UserError(
      f"{height} x {width} pixels need about {needed / 1e9:.1f} GB with "
      f"--backend=openvino and {free / 1e9:.1f} GB are free; "
      "leave --backend out or fill only the neighbourhood of the hole "
      "(--crop_to_hole)"
    )


def make_predictor(generator, params, precision: str) -> Predictor:
  """Makes a predictor, and logs the error of one that is not float32."""
  predictor = Predictor(generator, params, precision=precision)
  if precision != "f32":
    exact = Predictor(generator, params)
    mean, most = rounding_error(predictor, exact, guided=generator.guided)
    logging.warning(
      "%s is %.2f levels of 255 from f32 on average, at most %.1f, in the hole "
      "of a test picture%s",
      precision,
      mean,
      most,
      "" if predictor.is_native() else "; slower on this processor too",
    )
  return predictor


def rounding_error(
  rounded: Predictor, exact: Predictor, *, guided: bool
) -> tuple[float, float]:
  """Compares two predictors in the hole of a picture made for this.

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
    predictor(None, pixels, hole, line, shape[1:]).refined[hole]
    for predictor in (rounded, exact)
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


def _make_products_even(openvino, model):
  """Changes a model of known sizes so that no product adds an odd number.

  Units for matrices (AMX) take two numbers of bfloat16 at once, and OpenVINO
  leaves odd products to the vectors: at 512 x 512 on two cores, where attention
  copies from 65 x 65 squares, in 67 ms instead of 10. So a zero is added.
  """
  pad = openvino.opset8.pad
  for product in model.get_ordered_ops():
    if product.get_type_name() != "MatMul":
      continue
    turned = product.get_attributes()
    contracted = (
      1 if turned["transpose_a"] else 2,
      2 if turned["transpose_b"] else 1,
    )
    if product.get_input_shape(0)[contracted[0]] % 2 == 0:
      continue
    for i, axis in enumerate(contracted):
      behind = np.eye(3, dtype=np.int64)[axis]
      factor = product.input(i)
      padded = pad(factor.get_source_output(), 0 * behind, behind, "constant")
      factor.replace_source_output(padded.output(0))
  model.validate_nodes_and_infer_types()
