import functools

import numpy as np

from gatedinpaint_jax.fast import pixel_attention
from tests import chunked_attention_test as shared


def test_values_and_gradients_are_those_of_the_plain_form():
  attend = functools.partial(
    pixel_attention.attend, fuse=True, softmax_scale=1.0
  )
  actual, expected = (
    shared.gradients(form)(*shared.inputs(5, 7))
    for form in (attend, shared.at_once())
  )
  shared.assert_close(actual, expected, 3e-6, 1e-5)


def test_strongest_source_is_the_first_of_equals_and_0_of_no_numbers():
  weights = np.array([[[1, 3, 3], [2, 2, 2], [0, 0, 5], [np.nan, 1, 2]]], "f")
  actual = pixel_attention._strongest(weights)
  assert actual.dtype == np.int32
  np.testing.assert_array_equal(actual, [[1, 0, 2, 0]])
