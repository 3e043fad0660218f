import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax.fast import (
  attention,
  chunked_attention,
  pixel_attention,
)
from gatedinpaint_jax.layers import contextual_attention as attention_lib
from tests import released

CASES = ("c1", "c1_nofuse", "c2", "c4_nomask", "c5_smooth")
# Three ways to the same values.
ATTEND = {
  "plain": attention_lib.attend,
  "pixels": pixel_attention.attend,
  "pieces": functools.partial(chunked_attention.attend, tile_bytes=2**16),
}


def golden_case(case, form):
  """Returns (its numbers, a function of its features to what we make)."""
  golden = released.load(f"attention_{case}")
  f = golden["f"]
  mask = golden.get("mask", np.zeros((1, *f.shape[1:3], 1), np.float32))
  mask = np.broadcast_to(mask, (*f.shape[:3], 1))

  def forward(f, b):
    return attention_lib.contextual_attention(
      f, b, mask, fuse=bool(golden["fuse"]), attend=ATTEND[form]
    )

  return golden, forward


@pytest.mark.optimized
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ATTEND)
def test_values_and_gradients_equal_the_released_program(case, form):
  golden, forward = golden_case(case, form)

  def weighted_sum(f, b):
    y, offsets, _ = forward(f, b)
    weights = jnp.sin(0.1 * jnp.arange(y.size, dtype=jnp.float32))
    return jnp.sum(y * weights.reshape(y.shape)), (y, offsets)

  gradients = jax.grad(weighted_sum, argnums=(0, 1), has_aux=True)
  (grad_f, grad_b), (y, offsets) = jax.jit(gradients)(golden["f"], golden["b"])
  np.testing.assert_allclose(
    y, golden["y"], atol=2e-4, rtol=0, err_msg="features"
  )
  np.testing.assert_array_equal(
    offsets, golden["offset_rel"], err_msg="offsets"
  )
  for name, gradient in (("grad_f", grad_f), ("grad_b", grad_b)):
    atol = 1e-3 * np.abs(golden[name]).max()
    np.testing.assert_allclose(
      gradient, golden[name], atol=atol, rtol=0, err_msg=name
    )


@pytest.mark.parametrize("form", ["plain", "pixels"])
def test_attention_equals_the_released_program(form):
  golden, forward = golden_case("c1", form)
  _, _, attention = jax.jit(forward)(golden["f"], golden["b"])
  np.testing.assert_allclose(
    attention.reshape(golden["attention"].shape),
    golden["attention"],
    atol=1e-4,
    rtol=0,
  )


def features(key, batch=2, height=16, width=24):
  return jax.random.normal(jax.random.key(key), (batch, height, width, 4))


def half_hole(side):
  """A mask whose left or right half is hole, `[1, 16, 24, 1]`."""
  mask = np.zeros((1, 16, 24, 1), np.float32)
  mask[:, :, slice(0, 12) if side == "left" else slice(12, 24)] = 1
  return mask


@pytest.mark.parametrize("form", ATTEND)
def test_vmap_and_its_gradient_are_those_of_a_batch_at_once(form):
  queries = features(5, batch=3, height=10, width=14)
  background = features(6, batch=3, height=10, width=14)
  mask = np.zeros((3, 10, 14, 1), np.float32)
  mask[0, 2:6, 4:8] = mask[1, :, 7:] = 1
  weights = jnp.sin(jnp.arange(queries[0].size, dtype=jnp.float32))

  def weighted_sum(queries, background, mask, form):
    y, offsets, _ = attention_lib.contextual_attention(
      queries, background, mask, attend=ATTEND[form]
    )
    total = y * weights.reshape(queries[:1].shape)
    return total.sum(), (y, offsets)

  gradients = lambda form: jax.grad(
    functools.partial(weighted_sum, form=form), argnums=(0, 1), has_aux=True
  )
  each = [x[:, None] for x in (queries, background, mask)]
  actual = jax.jit(jax.vmap(gradients(form)))(*each)
  expected = jax.jit(gradients("plain"))(queries, background, mask)
  np.testing.assert_array_equal(actual[1][1][:, 0], expected[1][1])
  for ours, theirs in zip(
    *map(jax.tree.leaves, (actual, expected)), strict=True
  ):
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-5 * scale, rtol=0)


def test_nothing_is_copied_from_the_hole():
  x, mask = features(1, batch=1), half_hole("left")

  # Without the fuse: it compares with the neighbours of a source, too.
  def total(background):
    y, *_ = attention_lib.contextual_attention(x, background, mask, fuse=False)
    return y.sum()

  # The 4 x 4 patch of a source reaches one column to the left of its place,
  # and no source is closer to the hole than two columns.
  grad = np.asarray(jax.jit(jax.grad(total))(x))
  assert np.abs(grad[:, :, :12]).max() == 0
  assert np.abs(grad[:, :, 14:]).max() > 0


@pytest.mark.parametrize("case", ["all hole", "zeros"])
def test_degenerate_pictures_have_finite_gradients(case):
  x, mask = features(2, batch=1), np.ones((1, 16, 24, 1), np.float32)
  if case == "zeros":
    x, mask = 0 * x, half_hole("left")

  def total(x):
    y, *_ = attention_lib.contextual_attention(x, x, mask)
    return y.sum()

  value, grad = jax.jit(jax.value_and_grad(total))(x)
  assert value == 0
  assert np.isfinite(grad).all()


@pytest.mark.parametrize(
  ("attend", "width", "form"),
  [
    (attention.attend, 128, attention_lib),
    (attention.attend_on_cpu, 128, pixel_attention),
    (attention.attend, 130, chunked_attention),
    (attention.attend_on_cpu, 130, chunked_attention),
  ],
)
def test_form_follows_the_size(monkeypatch, attend, width, form):
  monkeypatch.setattr(form, "attend", lambda *_: form)
  queries = jax.ShapeDtypeStruct((1, 64, width // 2, 4), jnp.float32)
  assert attend(queries) is form


def test_mask_of_another_size_is_refused():
  with pytest.raises(ValueError, match="does not fit"):
    attention_lib.contextual_attention(
      features(4), features(4), np.zeros((2, 8, 8, 1), np.float32)
    )
