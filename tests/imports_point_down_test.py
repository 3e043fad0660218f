"""Imports point down, and TensorFlow stays in its corner.

Both are read from the source of every module, imports inside functions
included; one subprocess shows the second by running.
"""

import ast
import json
import pathlib

import pytest

import gatedinpaint_jax
from tests import processes

PACKAGE = "gatedinpaint_jax"
ROOT = pathlib.Path(gatedinpaint_jax.__file__).parent

CONVENTIONS = ("batch", "errors", "files")
PROGRAMS = (
  "main",
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
  "compiler_options": (),
  "terminal": (),
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
  "build": (*CONVENTIONS, "layers", "fast", "networks", "baselines"),
  "metrics": CONVENTIONS,
  "data": CONVENTIONS,
  "visualize": CONVENTIONS,
  "training": (
    *CONVENTIONS,
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
    "fast",
    "networks",
    "training",
    "export",
  ),
  "evaluation": (
    *CONVENTIONS,
    "terminal",
    "metrics",
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
  "data.hole_shapes",
  "data.listing",
  "data.pillow_masks",
  "data.recipe",
  "data.sketches",
  "data.unreadable",
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


def _is_in(module, names):
  return any(module == n or module.startswith(n + ".") for n in names)


def _in_tensorflow_corner(module):
  # `data` itself is an empty `__init__.py` that its TF-free modules import.
  return (
    _is_in(module, TENSORFLOW_CORNER)
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


@pytest.mark.parametrize("module", [m for m in MODULES if _part(m) in PARTS])
def test_imports_point_down(module):
  assert _upward_imports(module, MODULES[module].read_text("utf-8")) == []


@pytest.mark.parametrize(
  "statement",
  [
    "from gatedinpaint_jax import compare",
    "import gatedinpaint_jax.compare",
    "from gatedinpaint_jax.export import network",
    "from gatedinpaint_jax.inference.inpainter import Inpainter",
    "from gatedinpaint_jax import Inpainter",
    "def later():\n  from gatedinpaint_jax.export import network",
  ],
)
def test_an_upward_import_is_found_however_it_is_written(statement):
  assert _upward_imports("training.step", statement)


def test_an_import_of_the_own_part_and_of_a_lower_one_is_allowed():
  source = (
    "import jax\n"
    "from gatedinpaint_jax import batch as batch_lib\n"
    "from gatedinpaint_jax import build\n"
    "from gatedinpaint_jax.training import state\n"
  )
  assert _upward_imports("training.step", source) == []


@pytest.mark.parametrize(
  "module",
  [m for m in MODULES if not _in_tensorflow_corner(m)],
)
def test_only_the_corner_imports_tensorflow_directly(module):
  imports = _imported(MODULES[module].read_text("utf-8"))
  assert [name for _, name in imports if _part(name) in LOAD_TENSORFLOW] == []


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
