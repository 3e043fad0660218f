"""Imports point down, and TensorFlow stays in its corner.

Both are read from the source of every module, imports inside functions
included; one subprocess shows the second by running.
"""

import ast
import json
import pathlib

import gatedinpaint_jax
from tests import processes

PACKAGE = "gatedinpaint_jax"
ROOT = pathlib.Path(gatedinpaint_jax.__file__).parent

CONVENTIONS = ("batch", "errors", "files", "values")
PROGRAMS = (
  "main",
  "check_data",
  "command_line",
  "draw_mask",
  "evaluate",
  "evaluate_flags",
  "inpaint",
  "import_weights",
  "export_weights",
  "export_model",
  "compare",
  "compare_config",
  "compare_runs",
  "summarize_study",
)

# Who may import whom, from low to high: a part (a module, or a folder with all
# that is in it) may import itself and what its line names. A line may name
# only parts above it; a module without a line fails.
PARTS = {
  "batch": (),
  "errors": (),
  "files": ("errors",),
  "values": ("batch", "errors"),
  "config_ranges": ("errors",),
  "compiler_options": (),
  "terminal": ("errors",),
  "layers": CONVENTIONS,
  "fast": (*CONVENTIONS, "layers"),
  "networks": (*CONVENTIONS, "layers"),
  "accumulation": (),
  "losses": CONVENTIONS,
  "objectives": (*CONVENTIONS, "losses", "networks"),
  "baselines": (
    *CONVENTIONS,
    "accumulation",
    "losses",
    "objectives",
    "layers",
    "networks",
  ),
  "build": (
    *CONVENTIONS,
    "config_ranges",
    "layers",
    "fast",
    "networks",
    "baselines",
  ),
  "metrics": CONVENTIONS,
  "data": (*CONVENTIONS, "config_ranges"),
  "visualize": CONVENTIONS,
  "training": (
    *CONVENTIONS,
    "config_ranges",
    "terminal",
    "networks",
    "accumulation",
    "losses",
    "objectives",
    "baselines",
    "build",
    "metrics",
    "data",
    "visualize",
    "compiler_options",
  ),
  "weights": (*CONVENTIONS, "terminal", "networks", "build", "training"),
  "export": (
    *CONVENTIONS,
    "layers",
    "fast",
    "networks",
    "build",
    "training",
    "weights",
  ),
  "inference": (
    *CONVENTIONS,
    "compiler_options",
    "data",
    "fast",
    "networks",
    "training",
    "export",
  ),
  "evaluation": (
    *CONVENTIONS,
    "terminal",
    "metrics",
    "data",
    "visualize",
    "training",
    "inference",
  ),
  "study": (*CONVENTIONS, "metrics", "evaluation"),
}
# The package's own `__init__.py` is its public face.
PARTS[""] = (*CONVENTIONS, "inference")
PARTS |= {program: (*PARTS, *PROGRAMS) for program in PROGRAMS}

# These import TensorFlow when they are imported; so do the programs that use
# them. In `data`, the modules that serve pre-decoded arrays do not.
TENSORFLOW_CORNER = (
  "data",
  "training.logging",
  "training.loop",
  "training.train",
  "weights.tensorflow_checkpoint",
)
OUTSIDE_THE_CORNER = (
  "data.arrays",
  "data.build",
  "data.checks",
  "data.duplicates",
  "data.hole_files",
  "data.hole_shapes",
  "data.listing",
  "data.npy_file",
  "data.outline",
  "data.photo_files",
  "data.photo_header",
  "data.picture_format",
  "data.pillow_masks",
  "data.recipe",
  "data.sketches",
  "data.survey",
  "data.tiff_tags",
  "data.unreadable",
  "data.value_survey",
)
# Most of clu imports TensorFlow.
LOAD_TENSORFLOW = ("clu", "tensorboard", "tensorflow", "tensorflow_datasets")


def _modules():
  """Returns {dotted name inside the package: file}; its root is ""."""
  modules = {}
  for file in sorted(ROOT.rglob("*.py")):
    parts = file.relative_to(ROOT).with_suffix("").parts
    modules[".".join(p for p in parts if p != "__init__")] = file
  return modules


MODULES = _modules()


def _part(module):
  return module.partition(".")[0]


def _in_tensorflow_corner(module):
  # `data` itself is an empty `__init__.py` that its TF-free modules import.
  return (
    any(f"{module}.".startswith(f"{name}.") for name in TENSORFLOW_CORNER)
    and module != "data"
    and module not in OUTSIDE_THE_CORNER
  )


def _imported(source):
  """Yields (line, full name) of all imports, those in functions included."""
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield node.lineno, alias.name
    elif isinstance(node, ast.ImportFrom):
      assert not node.level, f"line {node.lineno}: relative import"
      for alias in node.names:
        yield node.lineno, f"{node.module}.{alias.name}"


def _upward_imports(module, source):
  """Returns a line for each import that `PARTS` does not allow."""
  part = _part(module)
  wrong = []
  for line, name in _imported(source):
    if _part(name) != PACKAGE:
      continue
    # `from gatedinpaint_jax.batch import erase` imports from batch.
    target = _part(name.partition(".")[2])
    if target not in PARTS:
      target = ""  # a name of the package's own __init__.py
    if target != part and target not in PARTS[part]:
      wrong.append(f"{module}.py:{line} imports {name}")
  return wrong


def test_each_line_of_the_table_names_only_parts_above_it():
  above = set()
  for part, allowed in PARTS.items():
    if part in PROGRAMS:
      above |= set(PROGRAMS)  # programs may call one another
    assert set(allowed) <= above | {part}, part
    above.add(part)


def test_every_module_has_a_level_and_every_level_a_module():
  assert {_part(module) for module in MODULES} == set(PARTS)


def test_imports_point_down():
  for module, file in MODULES.items():
    assert not _upward_imports(module, file.read_text("utf-8"))


def test_only_the_corner_imports_tensorflow_directly():
  for module, file in MODULES.items():
    if not _in_tensorflow_corner(module):
      imported = {_part(name) for _, name in _imported(file.read_text("utf-8"))}
      assert not imported & set(LOAD_TENSORFLOW), module


def test_importing_what_is_outside_the_corner_loads_no_tensorflow():
  names = [
    f"{PACKAGE}.{module}".rstrip(".")
    for module in MODULES
    if not _in_tensorflow_corner(module) and _part(module) not in PROGRAMS
  ]
  program = (
    "import importlib, json, sys\n"
    "for name in json.loads(sys.argv[1]):\n"
    "  importlib.import_module(name)\n"
    "  if 'tensorflow' in sys.modules:\n"
    "    sys.exit(name + ' loads TensorFlow')\n"
  )
  result = processes.run("-c", program, json.dumps(names))
  assert result.returncode == 0, result.stderr
