"""No damage to a picture file makes a program hang or crash."""

import contextlib
import faulthandler
import itertools
import shutil

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from gatedinpaint_jax import errors, inpaint
from gatedinpaint_jax.data import build, survey, unreadable
from gatedinpaint_jax.evaluation import cases
from tests import inpaint_files, pictures

KINDS = [
  *itertools.product(("JPEG", "PNG", "WEBP"), ("RGB", "L")),
  *itertools.product(("AVIF", "BMP", "GIF", "TIFF"), ("RGB",)),
]
INTACT = [
  pictures.encoded(pictures.noise(24, 32, seed=i), kind, mode=mode)
  for i, (kind, mode) in enumerate(KINDS)
]
PER_EXAMPLE, EXAMPLES = 50, 10


@st.composite
def damaged_files(draw):
  """Draws 50 of 500 files: (suffix, bytes) with bits flipped or cut short."""
  files = []
  for _ in range(PER_EXAMPLE):
    kind = draw(st.integers(0, len(INTACT) - 1))
    content = bytearray(INTACT[kind])
    place = st.integers(0, 8 * len(content) - 1)
    for bit in draw(st.lists(place, min_size=1, max_size=8)):
      content[bit // 8] ^= 1 << bit % 8
    if draw(st.booleans()):
      content = content[: draw(place) // 8]
    files.append((f".{KINDS[kind][0].lower()}", bytes(content)))
  return files


@hypothesis.settings(
  deadline=None,
  max_examples=EXAMPLES,
  derandomize=True,
  suppress_health_check=list(hypothesis.HealthCheck),
  phases=[hypothesis.Phase.generate],
)
@hypothesis.given(damaged_files())
def check(tmp_path_factory, seen, files):
  folder = tmp_path_factory.mktemp("damaged")
  # One intact picture, to stand in for the others.
  (folder / "intact.png").write_bytes(INTACT[2])
  for i, (suffix, content) in enumerate(files):
    (folder / f"{i:02d}{suffix}").write_bytes(content)
  batches = build.find_pictures(
    pictures.config(folder, shuffle=False)
  ).batches()
  for batch in itertools.islice(batches, 13):
    assert batch.image.shape == (4, 16, 24, 3)
    assert batch.mask.shape == (4, 16, 24, 1)
    assert np.isfinite(batch.image).all()
    seen += [len(batch.image)]
  check_others(folder)


def check_others(folder):
  """Reads the files as photographs and as masks in the other programs."""
  assert survey.look(pictures.config(folder)).lines()
  mask, photos = folder.parent / "mask.png", folder.parent / "photos"
  inpaint_files.write_mask(mask)
  photos.mkdir(exist_ok=True)
  for path in folder.iterdir():
    pictures.write(photos / f"{path.stem}.png")
  for image, holes in ((folder, mask), (photos, folder)):
    output = folder.parent / "filled"
    flags = {"image": image, "mask": holes, "output": output}
    flags |= {"method": "mean_fill"}
    argv = [f"--{name}={value}" for name, value in flags.items()]
    assert inpaint.main(["inpaint", *argv]) in (0, 1)
    shutil.rmtree(output)
    for case in cases.find(
      cases.Place("--images", str(image)), cases.Place("--masks", str(holes))
    ):
      with contextlib.suppress(errors.UserError):
        cases.Loader(None).load(case)


@pytest.fixture
def patient(monkeypatch):
  """Lets any number of pictures be unreadable."""
  names = set()
  monkeypatch.setattr(unreadable.Tally, "add", lambda _, name: names.add(name))
  return names


@pytest.mark.slow
def test_flipped_bits_and_truncations_never_hang_or_crash(
  tmp_path_factory, patient
):
  faulthandler.dump_traceback_later(300, exit=True)
  seen = []
  check(tmp_path_factory, seen)
  faulthandler.cancel_dump_traceback_later()
  assert sum(seen) >= PER_EXAMPLE * EXAMPLES
  # The damage was real, and some of it was survived.
  assert 0.2 * sum(seen) < len(patient) < 0.9 * sum(seen)
