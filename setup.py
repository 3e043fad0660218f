"""Describes the package to pip: `pip install -e ".[test]"`."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent

# The minimum versions were tested together on Python 3.11. There is no maximum
# where nothing is known to break. Also tested: on Python 3.11 jax 0.10.2 (later
# ones need 3.12), flax 0.12.8 and NumPy 2.4.6; on 3.13, and for inference on
# 3.12, jax 0.12.0, flax 0.12.12 and NumPy 2.5.5; always with optax 0.2.8,
# orbax-checkpoint 0.12.8, TensorFlow 2.21 and Pillow 13.

# To fill holes.
INSTALL_REQUIRES = [
  "absl-py>=2.3",
  "filelock>=3.13",
  # Undeclared dependency of JAX's StableHLO export.
  "flatbuffers>=24.3",
  # Before 0.12.7, flax called what jax 0.10 deprecates.
  "flax>=0.12.7",
  "jax>=0.10.2",
  "ml-collections>=1.0",
  "numpy>=2.0.2",
  "optax>=0.2.6",
  "orbax-checkpoint>=0.11.36",
  "pillow>=11.1",
  "psutil>=5.9",
  # Reads and writes 16-bit colours and keeps all metadata; Pillow does not.
  "pyvips>=3.0",
  # libvips itself; before 8.18 it loses Exif data.
  "pyvips-binary>=8.18",
  "safetensors>=0.5",
  "scipy>=1.14.1",
  # Used directly for its clear read errors; orbax needs it anyway.
  "tensorstore>=0.1.86",
  # Reads and writes what GeoTIFF says of places; libvips does not.
  "tifffile>=2024.8",
  "tqdm>=4.66",
]

# To train, and to read checkpoints of TensorFlow; 2 GB more.
TRAIN_REQUIRES = [
  # Its log writers need TensorFlow and TensorBoard and declare neither.
  "clu>=0.0.12",
  # Reads gs:// paths; before 1.9.1, tensorflow-datasets refuses it.
  "etils[epath]>=1.9.1",
  # tensorflow-datasets 4.9 needs it to prepare a set and does not say so.
  "importlib_resources>=6",
  "tensorboard>=2.20",
  "tensorflow>=2.20",
  "tensorflow-datasets>=4.9.9",
]

# Describes graphs, for gatedinpaint_jax.export_model. Not jax2onnx: 0.17 wants
# orbax-checkpoint below 0.11.37 and does not leave the sizes of pictures open.
EXPORT_REQUIRES = ["onnx>=1.20"]

# Computes with --backend=openvino.
OPENVINO_REQUIRES = [*EXPORT_REQUIRES, "openvino>=2026.0"]

# Computes SSIM, for gatedinpaint_jax.evaluate.
EVALUATE_REQUIRES = ["dm-pix>=0.4.4"]

# Fill holes without training: --method of inpaint and evaluate.
CLASSICAL_REQUIRES = [
  "opencv-python-headless>=4.11",
  "PyPatchMatch>=2.1",
  "scikit-image>=0.25",
]

# Computes LPIPS, for gatedinpaint_jax.evaluate --lpips.
LPIPS_REQUIRES = [*EVALUATE_REQUIRES, "jaxlpips>=1.2"]

TEST_REQUIRES = [
  *TRAIN_REQUIRES,
  *OPENVINO_REQUIRES,
  *CLASSICAL_REQUIRES,
  *LPIPS_REQUIRES,
  "hypothesis>=6.100",
  # Run the notebook.
  "ipykernel>=6.29",
  "nbclient>=0.10",
  # Runs the .onnx files.
  "onnxruntime>=1.24.1",
  "pytest>=8.4",
  "pytest-xdist>=3.8",
  # The format that ruff writes changes from one minor version to the next.
  "ruff>=0.17.6,<0.18",
]

# Reads the weights of the PyTorch port, for gatedinpaint_jax.import_weights,
# and those of the FID, for gatedinpaint_jax.evaluate.
TORCH_REQUIRES = ["torch>=2.6"]


def _version() -> str:
  """Reads the version without importing the package, which would need jax."""
  source = (ROOT / "gatedinpaint_jax" / "__init__.py").read_text("utf-8")
  return re.search(r'^__version__ = "([^"]+)"$', source, re.M).group(1)


setuptools.setup(
  name="gatedinpaint-jax",
  version=_version(),
  description="Free-form image inpainting with gated convolution, in JAX/Flax",
  long_description=(ROOT / "README.md").read_text("utf-8"),
  long_description_content_type="text/markdown",
  author="The gatedinpaint-jax authors",
  license="Apache-2.0",
  python_requires=">=3.11",
  packages=setuptools.find_packages(
    include=["gatedinpaint_jax", "gatedinpaint_jax.*"]
  ),
  package_data={
    "gatedinpaint_jax": [
      "draw_mask.html",
      "study/page.html",
      "study/page.js",
      "example_photos/ATTRIBUTION.csv",
      "example_photos/*/*.jpg",
    ]
  },
  install_requires=INSTALL_REQUIRES,
  extras_require={
    "classical": CLASSICAL_REQUIRES,
    "evaluate": EVALUATE_REQUIRES,
    "export": EXPORT_REQUIRES,
    "lpips": LPIPS_REQUIRES,
    "openvino": OPENVINO_REQUIRES,
    "test": TEST_REQUIRES,
    "torch": TORCH_REQUIRES,
    "train": TRAIN_REQUIRES,
  },
)
