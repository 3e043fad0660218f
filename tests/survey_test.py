"""What is told of the files of a config before the first step."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from configs import quickstart
from gatedinpaint_jax import check_data, errors
from gatedinpaint_jax.data import survey
from gatedinpaint_jax.training import train
from tests import pictures, processes

WHITE = np.zeros((24, 32), np.uint8)
WHITE[8:16, 8:24] = 255


@pytest.fixture
def photos(tmp_path):
  for i in range(8):
    pictures.write(tmp_path / "photos" / f"{i}.png", seed=i)
  return tmp_path / "photos"


def look(photos, **change):
  config = pictures.config(photos)
  config.evaluation.pictures = 2
  config.update_from_flattened_dict(change)
  return survey.look(config)


def save(path, pixels):
  path.parent.mkdir(exist_ok=True)
  Image.fromarray(pixels).save(path)
  return str(path.parent)


def test_pictures_are_counted_by_what_they_are(photos):
  exif = Image.Exif()
  exif[0x0112] = 6
  Image.fromarray(pictures.noise(40, 48)).save(photos / "8.jpg", exif=exif)
  pictures.write(photos / "9.webp")
  (photos / "10.png").write_text("no picture")
  found = look(photos, **{"data.image_size": (24, 40)})
  training, validation = found.facts["training"], found.facts["validation"]
  assert training["pictures"] + validation["pictures"] == 11
  assert training["jpeg"] == training["webp"] == 1
  assert (training["from"], training["to"]) == ("32 x 24", "40 x 48")
  assert training["turned by Exif data"] == 1
  assert training["smaller than config.data.image_size"] >= 6
  assert training.get("unreadable", 0) + validation.get("unreadable", 0) == 1
  assert any("10.png: not a picture" in note for note in found.notes)
  assert not found.problems


def test_nothing_odd_is_nothing_to_tell(photos):
  found = look(photos)
  assert found.notes == found.problems == []
  assert found.lines() == [
    "training: pictures 6, png 6, from 32 x 24, to 32 x 24",
    "validation: pictures 2, png 2, from 32 x 24, to 32 x 24",
  ]


@pytest.mark.parametrize(
  ("masks", "problem", "note"),
  [
    ([WHITE], None, None),
    ([WHITE, 255 - WHITE], None, r"1\.png: more hole than picture"),
    ([WHITE, 0 * WHITE], None, r"1\.png: no hole"),
    ([0 * WHITE, 0 * WHITE], "no mask has a hole", None),
    ([WHITE, WHITE // 255], r"1\.png: its brightest value is 1", None),
  ],
)
def test_masks_are_looked_at(photos, tmp_path, masks, problem, note):
  for i, mask in enumerate(masks):
    folder = save(tmp_path / "masks" / f"{i}.png", mask)
  found = look(photos, **{"mask.kind": "files", "mask.path": folder})
  for lines, wanted in ((found.problems, problem), (found.notes, note)):
    assert len(lines) == (wanted is not None)
    if wanted:
      with pytest.raises(errors.UserError, match=wanted):
        raise errors.UserError(lines[0])


@pytest.mark.parametrize("wrong", [1, 8])
def test_sketches_of_the_wrong_polarity_are_named(photos, wrong):
  for i in range(8):
    sketch = 255 - WHITE if i < wrong else WHITE
    save(photos / f"{i}_edge.png", sketch)
  found = look(
    photos,
    **{
      "data.sketch": "files",
      "model.guided": True,
      "evaluation.pictures": 0,
    },
  )
  (line,) = found.notes
  assert "0_edge.png" in line and "more line than background" in line
  assert found.facts["sketches for training"]["mostly line"] == wrong


def test_thin_holes_are_holes(photos, tmp_path):
  mask = np.zeros((1024, 1024), np.uint8)
  mask[500:503] = 255
  folder = save(tmp_path / "masks" / "a.png", mask)
  change = {"mask.kind": "files", "mask.path": folder}
  change["data.image_size"] = (512, 512)
  assert look(photos, **change).problems == []


def test_more_damage_than_training_bears_is_a_problem(photos):
  for i in range(12):
    (photos / f"cut{i}.jpg").write_bytes(
      pictures.encoded(pictures.noise(64, 64))[:-200]
    )
  (problem,) = look(photos).problems
  assert "training: " in problem and "cut" in problem


def test_names_do_not_forge_lines(photos, tmp_path):
  folder = save(tmp_path / "masks" / "a\nproblem: forged.png", 255 - WHITE)
  found = look(photos, **{"mask.kind": "files", "mask.path": folder})
  assert not any(line.startswith("problem") for line in found.lines())
  assert "\n" not in "".join(found.lines())


@pytest.mark.parametrize("source", ["arrays", "tfds"])
def test_other_sources_are_named(source, tmp_path):
  np.savez(tmp_path / "a.npz", images=np.zeros((8, 16, 24, 3), np.uint8))
  config = pictures.config(tmp_path / "a.npz", source=source)
  config.evaluation.pictures = 2
  facts = survey.look(config).facts["training"]
  assert (
    facts
    == {
      "arrays": {"arrays": 6},
      "tfds": {"TFDS data set": "not looked at"},
    }[source]
  )


def test_pictures_that_are_held_out_and_trained_on_are_named(photos, tmp_path):
  shutil.copytree(photos, tmp_path / "others")
  pictures.write(tmp_path / "others" / "new.png", seed=100)
  found = look(
    photos,
    **{
      "data.validation_path": str(tmp_path / "others"),
      "evaluation.pictures": 9,
    },
  )
  (note,) = found.notes
  assert note.startswith("8 files for training are also held out: ")


def test_program_prints_a_screen_or_json(photos, tmp_path, capsys):
  folder = save(tmp_path / "masks" / "a.png", 0 * WHITE)
  (photos / "notes.txt").write_text("x")
  arguments = [
    "check_data",
    "--config=configs/folder.py",
    f"--config.data.path={photos}",
  ]
  result = processes.run("-m", "gatedinpaint_jax.check_data", *arguments[1:])
  assert result.returncode == 0
  assert result.stdout.startswith("training: pictures 6, png 6, from")
  assert result.stdout.count("passed over 1 .txt") == 1
  arguments += ["--config.mask.kind=files", f"--config.mask.path={folder}"]
  assert check_data.main([*arguments, "--json"]) == 2
  printed = json.loads(capsys.readouterr().out)
  assert printed["facts"]["masks"]["without a hole"] == 1
  assert "no mask has a hole" in printed["problems"][0]


def test_training_stops_before_its_first_step(tmp_path):
  config = quickstart.get_config()
  config.mask.kind = "files"
  config.mask.path = save(tmp_path / "masks" / "a.png", 0 * WHITE)
  with pytest.raises(errors.UserError, match="no mask has a hole"):
    train.train_and_evaluate(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
