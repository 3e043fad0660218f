"""Operations of JAX in ONNX, one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

pytest.importorskip("onnx", reason="needs the extra export")
onnxruntime = pytest.importorskip("onnxruntime")

from gatedinpaint_jax.export import network, onnx_file  # noqa: E402
from gatedinpaint_jax.layers import conv, resize  # noqa: E402
from gatedinpaint_jax.networks import inpaint_generator  # noqa: E402
from tests import small_checkpoint  # noqa: E402


def run(function, *arrays, shapes=None):
  """Converts a function for shapes with symbols; runs it on arrays."""
  inputs = {
    f"x{i}": jax.ShapeDtypeStruct(shape, array.dtype)
    for i, (array, shape) in enumerate(
      zip(arrays, shapes or [a.shape for a in arrays], strict=True)
    )
  }
  model = onnx_file.convert(function, inputs, ["y"])
  session = onnxruntime.InferenceSession(model.SerializeToString())
  (result,) = session.run(None, dict(zip(inputs, arrays, strict=True)))
  return model, result


def count(model, op):
  return sum(node.op_type == op for node in model.graph.node)


def draw(*shape):
  return np.random.default_rng(0).normal(size=shape).astype(np.float32)


FUNCTIONS = {
  "arithmetic": lambda x: (x - 2) / 3 * jnp.maximum(x, 0.5) + jnp.square(x),
  "functions": lambda x: jnp.exp(jnp.tanh(x)) + jax.nn.sigmoid(x),
  "bounds": lambda x: jnp.clip(x, -0.5, 0.25),
  "root": lambda x: jnp.sqrt(jnp.maximum(x, 0)),
  "elu": jax.nn.elu,
  "relu": jax.nn.relu,
  "choice": lambda x: jnp.where((x > 0) & (x != 1), x, 2.0) * (x < 1),
  "integers": lambda x: jnp.floor_divide((9 * x).astype(jnp.int32), 4) % 3,
  "sums": lambda x: jnp.sum(x, axis=1) + jnp.max(x, axis=-2),
  "softmax": lambda x: jax.nn.softmax(x, axis=-1),
  "slices": lambda x: x[:, 1:-1, 2:] + x[:, 2:, :-2],
  "strides": lambda x: x[:, ::2, 1::3],
  "padding": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 3)), constant_values=2),
  "pieces": lambda x: jnp.concatenate(jnp.split(x, 2, axis=1)[::-1], axis=1),
  "layers": lambda x: jnp.stack([x, 2 * x], axis=-1),
  "order": lambda x: x.reshape(2, 2, 2, 6).transpose(0, 2, 3, 1),
  "products": lambda x: jnp.einsum("bqk,bpk->bqp", x, jnp.cos(1.0) * x),
  "turned products": lambda x: jnp.einsum("bqk,bkp->bqp", x, x[:, [0] * 6]),
  "numbers": lambda x: x + jnp.arange(6) + jnp.arange(4)[:, None],
  "known": lambda x: x * jnp.asarray([[3.0] * 6]) + jnp.ones((2, 4, 1)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operations_equal_jax(name):
  x = draw(2, 4, 6)
  with jax.numpy_rank_promotion("allow"):
    expected = FUNCTIONS[name](x)
    _, result = run(FUNCTIONS[name], x)
  assert result.dtype == expected.dtype
  np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize("sides", [(8, 8), (16, 40)])
def test_sizes_may_be_symbols(sides):
  """Sizes of the picture reach every operation that names one."""
  b, h, w = export.symbolic_shape("b, 8*h, 8*w")

  def function(x):
    small = resize.reduce_nearest(x, 4)
    _, height, width, channels = small.shape
    flat = small.reshape(-1, height * width, channels)
    flat = jnp.pad(flat, ((0, 0), (1, 1), (0, 0))) / height
    flat = jax.lax.slice_in_dim(flat, 1, height * width + 1, axis=1)
    back = flat.reshape(-1, height, width, channels).transpose(0, 2, 1, 3)
    return back + jnp.arange(width).reshape(1, -1, 1, 1)

  x = draw(2, *sides, 3)
  _, result = run(function, x, shapes=[(b, h, w, 3)])
  np.testing.assert_allclose(result, function(x), rtol=1e-6)


@pytest.mark.parametrize("kind", conv.KINDS)
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_equal_jax(kind, stride):
  layer = conv.KINDS[kind][0](4, stride=stride, dilation=3 - stride)
  x, valid = draw(2, 8, 16, 3), (draw(2, 8, 16, 1) > 0).astype(np.float32)
  variables = layer.init(jax.random.key(0), x, valid)
  function = jax.jit(lambda x, valid: layer.apply(variables, x, valid)[0])
  _, result = run(function, x, valid)
  np.testing.assert_allclose(result, function(x, valid), atol=1e-5)


def test_upsampling_is_one_operator():
  x = draw(1, 3, 5, 2)
  model, result = run(resize.upsample_x2, x)
  assert count(model, "Resize") == 1 and count(model, "Expand") == 0
  np.testing.assert_array_equal(result, resize.upsample_x2(x))


@pytest.fixture(scope="module")
def generator():
  model = network.Network(
    inpaint_generator.InpaintGenerator(width=4),
    small_checkpoint.calm_params(),
    "",
  )
  return network.complete(model), network.inputs(model)


def test_form_of_the_generator_is_the_quick_one(generator):
  model = onnx_file.convert(*generator, ["completed"])
  # Channels stay first, but around inputs, output, and attention.
  assert count(model, "Conv") == 42
  assert count(model, "Transpose") < 16
  # OpenVINO took three times as long for the attention by the patches.
  makers = {node.output[0]: node.op_type for node in model.graph.node}
  products = [node for node in model.graph.node if node.op_type == "MatMul"]
  assert [makers[node.input[1]] for node in products] == ["Transpose"] * 2


def test_gates_apart_make_the_same_values(monkeypatch, generator):
  function, inputs = generator
  arrays = draw(1, 16, 16, 3), (draw(1, 16, 16, 1) > 0).astype(np.float32)
  monkeypatch.setattr(network, "_CHANNELS_AT_ONCE", 1)
  apart = network.with_separate_gates(function)
  shapes = [x.shape for x in inputs.values()]
  model, result = run(apart, *arrays, shapes=shapes)
  # The attention splits the patches that it copies.
  assert count(model, "Split") == 1 and count(model, "Conv") == 82
  expected = jax.jit(function)(*arrays)
  np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize(
  ("function", "message"),
  [
    (jnp.sin, "the operation sin"),
    (lambda x: jax.lax.fori_loop(0, 3, lambda _, x: x + 1, x), "operation"),
    (lambda x: jnp.einsum("bij,bik->bjk", x, x), "a product of axes"),
    (lambda x: x[jnp.array([0, 1]), jnp.array([1, 0])], "a gather"),
  ],
)
def test_other_operations_are_named(function, message):
  with pytest.raises(NotImplementedError, match=message):
    run(function, draw(2, 2, 2))


@pytest.mark.slow
def test_generator_of_partial_convolutions_is_converted():
  generator = inpaint_generator.InpaintGenerator(width=4, conv="partial")
  image, mask = draw(1, 16, 24, 3).clip(-1, 1), np.zeros((1, 16, 24, 1), "f")
  mask[:, 4:12, 6:20] = 1
  params = jax.jit(generator.init)(jax.random.key(0), image, mask)["params"]
  whole = network.Network(generator, params, "")
  function = network.complete(whole)
  shapes = [x.shape for x in network.inputs(whole).values()]
  _, result = run(function, image, mask, shapes=shapes)
  np.testing.assert_allclose(
    result, jax.jit(function)(image, mask), atol=1e-5, rtol=0
  )
