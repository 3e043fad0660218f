"""What a person draws comes back as a mask; here Colab is a stand-in."""

import base64
import io
import re
import sys
import types

import numpy as np
import pytest
from IPython import display
from PIL import Image

from gatedinpaint_jax import draw_mask


def picture(*, height=20, width=30):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def colab(monkeypatch):
  """A Colab whose page draws `mask`; notes what it was asked and shown."""
  record = types.SimpleNamespace(mask=None, script=None, pages=[])

  def eval_js(script):
    record.script = script
    png = io.BytesIO()
    # A canvas has colours and transparency.
    Image.fromarray(record.mask).convert("RGBA").save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()

  package = types.ModuleType("google.colab")
  package.output = types.SimpleNamespace(eval_js=eval_js)
  monkeypatch.setitem(sys.modules, "google.colab", package)
  monkeypatch.setattr(display, "display", record.pages.append)
  return record


def test_drawing_comes_back_as_it_was_drawn(colab):
  colab.mask = np.zeros((20, 30), np.uint8)
  colab.mask[3:7, 11:29] = 255
  mask = draw_mask.ask_for_mask(picture())
  assert mask.dtype == np.uint8
  np.testing.assert_array_equal(mask, colab.mask)
  mask[0, 0] = 255  # the caller may go on drawing


def test_page_waits_for_what_the_notebook_asks(colab):
  colab.mask = np.zeros((20, 30), np.uint8)
  draw_mask.ask_for_mask(picture())
  (page,) = colab.pages
  assert f"{colab.script} = new Promise" in page.data
  assert "__" not in page.data
  assert not re.search(r"https?:|src=|@import", page.data)


@pytest.mark.parametrize("size", [(20, 30), (10, 4000)])
def test_page_shows_the_picture_and_knows_its_size(colab, size):
  height, width = size
  colab.mask = np.zeros(size, np.uint8)
  draw_mask.ask_for_mask(picture(height=height, width=width))
  page = colab.pages[0].data
  assert f'"width": {width}, "height": {height}}}' in page
  encoded = re.search(r"data:image/jpeg;base64,([^\"]+)", page).group(1)
  with Image.open(io.BytesIO(base64.b64decode(encoded))) as shown:
    assert shown.width == min(width, 1600)


def test_elsewhere_a_random_stroke_is_the_hole_and_one_line_says_so(capsys):
  mask = draw_mask.ask_for_mask(picture())
  assert len(capsys.readouterr().out.splitlines()) == 1
  assert mask.shape == (20, 30)
  assert mask.dtype == np.uint8
  assert set(np.unique(mask)) == {0, 255}
  np.testing.assert_array_equal(mask, draw_mask.ask_for_mask(picture()))
  assert np.any(mask != draw_mask.ask_for_mask(picture(), seed=1))


@pytest.mark.parametrize(
  "image",
  [
    np.zeros((8, 8), np.uint8),
    np.zeros((8, 8, 4), np.uint8),
    np.zeros((8, 8, 3)),
  ],
)
def test_no_picture_is_refused(image):
  with pytest.raises(ValueError, match=re.escape(f"{image.shape}")):
    draw_mask.ask_for_mask(image)
