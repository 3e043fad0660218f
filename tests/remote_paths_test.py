import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build, listing, remote
from tests import cloud_storage, pictures, tfds_source_test

pytestmark = pytest.mark.skipif(
  shutil.which("openssl") is None, reason="makes the certificate with openssl"
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
  with cloud_storage.serve(tmp_path_factory.mktemp("tls")) as storage:
    yield storage


@pytest.fixture
def upload(storage, tmp_path, request):
  """Copies the test's folder to a bucket that no other test asked about."""
  bucket = re.sub("[^a-z0-9]+", "-", request.node.name.lower())
  return lambda: storage.upload(bucket, tmp_path)


def assert_same_batches(config, there):
  """Compares what a config reads here with what the changed one reads."""
  here = pictures.take(config, 3)
  config.update_from_flattened_dict(there)
  for a, b in zip(here, pictures.take(config, 3), strict=True):
    pictures.assert_same(a, b)


def test_folder_is_listed_without_a_question_for_each_file(
  tmp_path, storage, upload
):
  names = [
    f"{folder}{i}.jpg" for folder in ("", "a/", "a/b/") for i in range(9)
  ]
  names += ["a/x.jpg/y.PNG", "a/x.txt"]
  for name in names:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
  url = upload()
  here = listing.find_in_folder(str(tmp_path)).photos
  storage.asked.clear()
  there = listing.find_in_folder(f"{url}/").photos
  assert there == tuple(url + path.removeprefix(str(tmp_path)) for path in here)
  # Four folders of up to three pages, and whether each is there.
  assert len(storage.asked) <= 16


def test_list_may_lie_there_and_name_what_lies_anywhere(tmp_path, upload):
  pictures.write_numbered(tmp_path, 4)
  (tmp_path / "lists").mkdir()
  url = upload()
  lines = f"{tmp_path}/000.png\n../001.png\n./../002.png\n"
  for name, folder in (("here", tmp_path), ("there", url)):
    path = tmp_path / f"lists/{name}.txt"
    path.write_text(f"{lines}{folder}/003.png")
  upload()
  config = pictures.config(tmp_path / "lists/here.txt", source="file_list")
  assert_same_batches(config, {"data.path": f"{url}/lists/there.txt"})
  photos = listing.read_file_list(f"{url}/lists/there.txt").photos
  assert photos == (
    str(tmp_path / "000.png"),
    *(f"{url}/00{i}.png" for i in (1, 2, 3)),
  )


def test_arrays_give_the_batches_of_a_file_on_this_machine(tmp_path, upload):
  images = np.stack([pictures.noise(32, 40, seed=i) for i in range(6)])
  np.savez(tmp_path / "a.npz", images=images)
  config = pictures.config(tmp_path / "a.npz", source="arrays")
  assert_same_batches(config, {"data.path": f"{upload()}/a.npz"})


@pytest.mark.parametrize("source", ["folder", "arrays"])
def test_masks_may_lie_there(tmp_path, upload, source):
  pictures.write_numbered(tmp_path, 4)
  np.savez(tmp_path / "a.npz", images=np.zeros((4, 16, 24, 3), np.uint8))
  (tmp_path / "masks").mkdir()
  mask = Image.fromarray(pictures.noise(16, 24)[..., 0])
  mask.save(tmp_path / "masks/m.png")
  path = tmp_path / "a.npz" if source == "arrays" else tmp_path
  config = pictures.config(path, source=source)
  config.mask.kind = "files"
  config.mask.path = str(tmp_path / "masks")
  assert_same_batches(config, {"mask.path": f"{upload()}/masks"})


def test_sketches_lie_next_to_their_photos(tmp_path, upload):
  for i in range(4):
    photo = pictures.noise(16, 24, seed=i)
    (tmp_path / f"{i}.png").write_bytes(pictures.encoded(photo, "PNG"))
    lines = pictures.encoded(photo, "PNG", mode="L")
    (tmp_path / f"{i}_edge.png").write_bytes(lines)
  (tmp_path / "list.txt").write_text("0.png\n1.png\n2.png\n3.png\n")
  config = pictures.config(tmp_path, sketch="files")
  config.model.guided = True
  url = upload()
  assert_same_batches(config, {"data.path": url})
  listed = listing.read_file_list(f"{url}/list.txt", paired=True)
  assert listed[:2] == listing.find_in_folder(url, paired=True)[:2]


@pytest.mark.parametrize(
  ("source", "place", "message"),
  [
    ("folder", "none", "no folder at {url}/none; it should hold jpg"),
    ("folder", "a.txt", "cannot read {url}/a.txt (Could not find directory"),
    ("file_list", "none", "no file at {url}/none; it should list"),
    (
      "file_list",
      "a.txt",
      "{url}/a.txt lists {url}/b.jpg, which is not a file",
    ),
    ("arrays", "none", "no file at {url}/none; it should be an .npz file"),
    ("folder", "gs://no-bucket/a", "no folder at gs://no-bucket/a"),
    ("folder", "s3://a/b", "cannot read s3://a/b ("),
    ("file_list", "hdfs://a/b", "cannot read hdfs://a/b ("),
  ],
)
def test_mistakes_are_explained_as_on_this_machine(
  tmp_path, upload, source, place, message
):
  (tmp_path / "a.txt").write_text("b.jpg\n")
  url = upload()
  path = place if "://" in place else f"{url}/{place}"
  with pytest.raises(errors.UserError) as raised:
    build.find_pictures(pictures.config(path, source=source))
  expected = f"config.data.path: {message.format(url=url)}"
  assert str(raised.value).startswith(expected)
  is_of_a_kind_that_is_read = path.startswith("gs://")
  hint = "gs:// is read; mount other storage as a folder"
  assert is_of_a_kind_that_is_read != str(raised.value).endswith(hint)


def test_tensorflow_datasets_may_lie_there(tmp_path, upload):
  tfds_source_test.NumberedPictures(data_dir=tmp_path).download_and_prepare()
  config = pictures.config(
    "numbered_pictures", source="tfds", tfds_dir=str(tmp_path)
  )
  assert_same_batches(config, {"data.tfds_dir": upload()})


def test_folder_of_tensorflow_datasets_that_cannot_be_read_is_named(
  storage, upload, monkeypatch
):
  config = pictures.config("numbered_pictures:1.0.0", source="tfds")
  monkeypatch.setattr(storage, "status", 403)
  for url in (upload(), "s3://bucket"):
    config.data.tfds_dir = url
    with pytest.raises(
      errors.UserError,
      match=rf"^config\.data\.tfds_dir: cannot read {url}/numbered_pictures \(",
    ):
      build.find_pictures(config)


@pytest.mark.parametrize("source", ["folder", "arrays"])
def test_refusal_is_explained_with_what_it_needs(
  storage, upload, monkeypatch, source
):
  path = f"{upload()}/a"
  monkeypatch.setattr(storage, "status", 403)
  with pytest.raises(
    errors.UserError,
    match=rf"^config\.data\.path: cannot read {path} \(.*403.*credentials",
  ):
    build.find_pictures(pictures.config(path, source=source))


def test_silence_is_not_waited_for(storage, upload, monkeypatch):
  path = f"{upload()}/a"
  monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 0.2)
  storage.speaking.clear()
  started = time.monotonic()
  try:
    with pytest.raises(
      errors.UserError, match=rf"cannot read {path} \(no answer within"
    ):
      build.find_pictures(pictures.config(path))
    assert time.monotonic() < started + 10
  finally:
    storage.speaking.set()
