import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import names, source

MODEL = {"conv": "gated", "width": 4, "guided": False, "dtype": "float32"}
FIRST = "inpaint_net/conv1/kernel"


def make_entries(layout=names.RELEASED, *, with_discriminator=True):
  rng = np.random.default_rng(0)
  return {
    layout.rename(name): rng.normal(size=layout.shape(shape)).astype(np.float32)
    for name, shape in names.shapes(MODEL).items()
    if layout.rename(name) is not None
    and (with_discriminator or name.startswith("generator/"))
  }


def assemble_entries(entries, layout=names.RELEASED):
  return source.assemble(entries, layout=layout, model=MODEL, file="a/snap")


def test_half_precision_is_widened():
  entries = {n: a.astype(np.float16) for n, a in make_entries().items()}
  trees = assemble_entries(entries)
  for name, array in names.flatten(trees).items():
    assert array.dtype == np.float32 and array.flags.c_contiguous, name
  array = trees["generator"]["coarse"]["conv3"]["bias"]
  np.testing.assert_array_equal(array, entries["inpaint_net/conv3/bias"])


@pytest.mark.parametrize("left", ["u", "conv4/bias"])
def test_part_of_a_discriminator_is_missing_the_rest(left):
  entries = make_entries(with_discriminator=False)
  entries |= {n: a for n, a in make_entries().items() if n.endswith(left)}
  with pytest.raises(errors.UserError, match=r"1\d missing \(discriminator"):
    assemble_entries(entries)


def test_all_faults_are_named_together_with_their_counts():
  entries = make_entries()
  del entries["inpaint_net/conv3/bias"], entries["inpaint_net/conv5/bias"]
  entries["inpaint_net/conv99/bias"] = np.zeros(3, np.float32)
  entries[FIRST] = entries[FIRST][:3]
  entries["inpaint_net/xconv1/bias"] = np.zeros(4, np.int32)
  with pytest.raises(errors.UserError) as raised:
    assemble_entries(entries)
  assert str(raised.value) == (
    "a/snap does not hold the plain gated networks of width 4: "
    "2 missing (inpaint_net/conv3/bias, inpaint_net/conv5/bias); "
    "1 extra (inpaint_net/conv99/bias); "
    "2 misshaped (inpaint_net/conv1/kernel is (3, 5, 5, 4), should be "
    "(5, 5, 5, 4), inpaint_net/xconv1/bias is int32, should be float32)"
  )


def test_shapes_are_named_as_they_are_in_the_file():
  entries = make_entries(names.PORT)
  entries["conv1.conv.weight"] = np.zeros((4, 5, 3, 3), np.float32)
  with pytest.raises(
    errors.UserError, match=r"is \(4, 5, 3, 3\), should be \(4, 5, 5, 5\)"
  ):
    assemble_entries(entries, names.PORT)


def test_long_list_of_names_is_cut_short():
  with pytest.raises(errors.UserError) as raised:
    assemble_entries({})
  (listed,) = str(raised.value).split("84 missing ")[1:]
  assert listed.endswith(" and 76 more)")
  assert listed.count(",") == 7


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e300])
def test_array_that_is_not_finite_is_named(number):
  entries = {n: a.astype(np.float64) for n, a in make_entries().items()}
  entries["inpaint_net/conv9_atrous/bias"][1] = number
  with pytest.raises(
    errors.UserError, match=r"a/snap: inpaint_net/conv9_atrous/bias .*finite"
  ):
    assemble_entries(entries)
