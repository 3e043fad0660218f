import pytest

from gatedinpaint_jax.inference import tuning


@pytest.mark.parametrize(
  ("sizes", "expected"),
  [
    ([], False),
    ([(512, 512)], False),
    (121 * [(256, 256)], False),
    (123 * [(256, 256)], True),
    (31 * [(512, 512)], True),
    # Each other size is compiled too.
    (31 * [(512, 512)] + [(512, 504)], False),
    (31 * [(512, 512)] + 32 * [(512, 504)], True),
    # There the attention takes the time.
    (99 * [(520, 512)], False),
    (63 * [(512, 512)] + [(2048, 2048)], True),
  ],
)
def test_tuning_pays_for_many_pixels_of_a_size(sizes, expected):
  assert tuning.pays(iter(sizes)) == expected
